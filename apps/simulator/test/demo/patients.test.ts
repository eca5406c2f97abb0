import type { PatientPlan } from '@wardline/records'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { forPatients } from '../../src/demo/patients.ts'

const test = suite('simulator/demo/patients')

const plans = (count: number): PatientPlan[] =>
  Array.from({ length: count }, (_, i) => ({ patient: `p${i}`, steps: [] }))
const pause = () => new Promise((resolve) => setTimeout(resolve, 1))

test('each patient once, twelve under way at most', async () => {
  const seen: string[] = []
  let underWay = 0
  let most = 0
  await forPatients(plans(40), async ({ patient }) => {
    underWay += 1
    most = Math.max(most, underWay)
    await pause()
    seen.push(patient)
    underWay -= 1
  })
  assert.is(most, 12)
  assert.equal(new Set(seen).size, 40)
  assert.is(seen.length, 40)
})

test('the first failure is thrown when all have stopped; nobody begins after it', async () => {
  const begun: string[] = []
  let underWay = 0
  const failing = forPatients(plans(40), async ({ patient }, isStopped) => {
    begun.push(patient)
    underWay += 1
    while (!isStopped() && patient !== 'p3') await pause()
    underWay -= 1
    if (patient === 'p3') throw new RangeError('p3 failed')
  })
  const message = await failing.then(
    () => 'it did not fail',
    (error: Error) => error.message
  )
  assert.is(message, 'p3 failed')
  assert.is(underWay, 0)
  assert.is(begun.length, 12)
})

test('nobody is no work', async () => {
  await forPatients([], async () => assert.unreachable())
})

test.run()
