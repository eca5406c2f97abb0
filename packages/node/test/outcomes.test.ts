import { limits, type TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createOutcomes } from '../src/outcomes.ts'

const test = suite('node/outcomes')

const id = 'ab'.repeat(32) as TransactionId

test('only so many wait, and room is made by those who hear', async () => {
  const outcomes = createOutcomes({ nowMs: () => 0, elapsedMs: () => 0, after: () => ({ cancel() {} }) })
  const waiting = Array.from({ length: limits.outcomeWaitersMax }, () => outcomes.wait(id, 1000))
  assert.is(await outcomes.wait(id, 1000), undefined)
  outcomes.settle(id, { kind: 'expired' })
  assert.ok((await Promise.all(waiting)).every((outcome) => outcome?.kind === 'expired'))
  const late = outcomes.wait(id, 1000)
  outcomes.settle(id, { kind: 'refused', code: 'member-exists' })
  assert.equal(await late, { kind: 'refused', code: 'member-exists' })
})

test.run()
