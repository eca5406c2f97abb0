import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { enrolmentRefusal, judge, readEnrolment } from '../../src/index.ts'
import { alpha, beta, HOUR } from '../world.ts'
import { after, aliasOf, anna, bruno, enrol, NOW, withdraw } from './world.ts'

const test = suite('ledger/dss/enrolment')

const alias = aliasOf(anna)

test('an enrolment is remembered with who sponsored it and when', () => {
  const tx = enrol(anna, { sponsor: beta, until: NOW + HOUR, basis: 'care' })
  const state = after([tx])
  const { id, created } = tx
  const expected = { id, sponsor: beta.member, basis: 'care', until: NOW + HOUR, withdrawn: null, created }
  assert.equal(readEnrolment(state, alias), { ...expected, height: 1, time: NOW })
  assert.is(readEnrolment(state, aliasOf(bruno)), undefined)
})

test('it holds until its end, by block time', () => {
  const state = after([enrol(anna, { until: NOW + HOUR })])
  assert.is(enrolmentRefusal(state, alias, NOW + HOUR - 1), undefined)
  assert.is(enrolmentRefusal(state, alias, NOW + HOUR), 'enrolment-ended')
  assert.is(enrolmentRefusal(state, aliasOf(bruno), NOW), 'not-enrolled')
})

test('the newest enrolment counts, whether it is longer or shorter', () => {
  const long = () => enrol(anna, { until: NOW + 3 * HOUR })
  const short = () => enrol(anna, { until: NOW + HOUR, sponsor: beta })
  assert.is(enrolmentRefusal(after([short(), long()]), alias, NOW + 2 * HOUR), undefined)
  assert.is(enrolmentRefusal(after([long(), short()]), alias, NOW + 2 * HOUR), 'enrolment-ended')
})

test('any hospital of the alliance sponsors a withdrawal, and a return', () => {
  const first = enrol(anna, { sponsor: alpha })
  const end = withdraw(anna, beta)
  const ended = after([first, end])
  assert.is(readEnrolment(ended, alias)?.withdrawn, end.id)
  assert.is(enrolmentRefusal(ended, alias, NOW), 'enrolment-ended')
  const again = enrol(anna, { sponsor: beta })
  const returned = after([first, end, again])
  assert.is(readEnrolment(returned, alias)?.id, again.id)
  assert.is(enrolmentRefusal(returned, alias, NOW), undefined)
})

test('what a hospital held back does not undo what the patient said later', () => {
  const heldBack = enrol(anna, { sponsor: beta })
  const state = after([enrol(anna), withdraw(anna)])
  const verdict = judge(state, heldBack, NOW + HOUR)
  assert.equal(verdict, { kind: 'refuse', code: 'out-of-order', permanent: true })
  const back = after([enrol(anna), withdraw(anna), enrol(anna)])
  assert.is(readEnrolment(back, alias)?.withdrawn, null)
})

test.run()
