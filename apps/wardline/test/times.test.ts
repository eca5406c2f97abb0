/** Times as people write them: none is read as another than it says. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CommandFailure } from '../src/exit.ts'
import { timeOf } from '../src/times.ts'

const test = suite('wardline/times')

for (const [text, timeMs] of [
  ['2028-02-29', Date.UTC(2028, 1, 29)],
  ['2027-12-31T23:30:00-01:00', Date.UTC(2028, 0, 1, 0, 30)],
  ['2027-01-01T00:30+01:00', Date.UTC(2026, 11, 31, 23, 30)],
  ['2027-12-31T23:59:59.5Z', Date.UTC(2027, 11, 31, 23, 59, 59, 500)]
] as const) {
  test(`${text} is what it says`, () => assert.is(timeOf('--until', text), timeMs))
}

for (const text of [
  '2027-02-29',
  '2027-02-30',
  '2027-06-31',
  '2027-06-31T12:00:00Z',
  '2100-02-29',
  '2027-00-10',
  '2027-13-01',
  '2027-01-00',
  '2027-01-32',
  '2027-01-01T25:00:00Z',
  '2027-01-01T00:00:00',
  '2027'
]) {
  test(`${text} is no time`, () => {
    assert.throws(
      () => timeOf('--until', text),
      (error: unknown) => error instanceof CommandFailure && error.code === 'usage' && error.message.includes('--until')
    )
  })
}

test.run()
