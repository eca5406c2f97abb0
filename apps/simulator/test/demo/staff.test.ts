import type { JourneyPlan, Practitioner, Visit } from '@wardline/records'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { registerStaff } from '../../src/demo/staff.ts'
import type { Site } from '../../src/local-network/network.ts'

const test = suite('simulator/demo/staff')

type Call = { readonly hospital: string; readonly method: string; readonly params: Readonly<Record<string, string>> }

/** A hospital whose daemon answers every call with a member of its own. */
function hospital(name: string, calls: Call[]): Site {
  const admin = {
    call: async (method: string, params: Call['params']) => {
      calls.push({ hospital: name, method, params })
      return { member: `${name}:${params['reference']}` }
    }
  }
  return { name, home: '', members: new Map(), daemon: { admin } } as unknown as Site
}

function visit(hospital: string, practitioner: string | null): Visit {
  return { kind: 'visit', hospital, practitioner, startMs: 0, record: {} as Visit['record'] }
}

const practitioners = new Map<string, Practitioner>([
  ['ada', { id: 'ada', name: 'Dr. Ada Hill', active: true }],
  ['bob', { id: 'bob', name: 'Dr. Bob Vale', active: false }]
])

test('one doctor for each practitioner and hospital; who is not active or not named has a stand-in', async () => {
  const visits = [visit('A', 'ada'), visit('A', 'ada'), visit('B', 'ada'), visit('A', 'bob'), visit('A', null)]
  const calls: Call[] = []
  const hospitals = new Map(['A', 'B', 'C'].map((name) => [name, hospital(name, calls)]))
  const plan = { patients: [{ patient: 'p', steps: visits }] } as unknown as JourneyPlan
  const progress: number[] = []
  const staff = await registerStaff(plan, practitioners, hospitals, (doctors) => progress.push(doctors))
  assert.is(staff.doctors, 3)
  assert.equal(progress, [1, 2, 3])
  assert.ok(calls.every(({ method, params }) => method === 'person.create' && params['role'] === 'doctor'))
  assert.equal(calls.map(({ hospital, params }) => `${hospital} ${params['name']}`).sort(), [
    'A Doctor on duty',
    'A Dr. Ada Hill',
    'B Dr. Ada Hill'
  ])
  assert.equal(visits.map((one) => staff.doctorOf(one)) as readonly string[], [
    'A:ada',
    'A:ada',
    'B:ada',
    'A:Doctor on duty',
    'A:Doctor on duty'
  ])
})

test('a visit of another plan has no doctor', async () => {
  const plan = { patients: [] } as unknown as JourneyPlan
  const staff = await registerStaff(plan, practitioners, new Map(), () => undefined)
  assert.throws(() => staff.doctorOf(visit('A', 'ada')), /has its doctor/)
})

test.run()
