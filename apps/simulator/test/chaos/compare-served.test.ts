/** Which answers of a daemon on a damaged disk are wrong. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Answer, faultOf } from '../../src/chaos/compare-served.ts'

const test = suite('simulator/chaos/compare-served')

const given = (text: string): Answer => ({ kind: 'given', text })
const refused = (code: string): Answer => ({ kind: 'refused', code })

for (const [what, served, expected, mayLack, isFault] of [
  ['the same', given('a'), given('a'), false, false],
  ['another', given('b'), given('a'), false, true],
  ['another of what it need not have', given('b'), given('a'), true, true],
  ['the disk cannot give it', refused('store-corrupt'), given('a'), false, false],
  ['the daemon has ended', refused('daemon-gone'), given('a'), false, false],
  ['it is said not to be there', refused('not-found'), given('a'), false, true],
  ['it is not there, and need not be', refused('not-found'), given('a'), true, false],
  ['nobody has it', refused('not-found'), refused('not-found'), false, false],
  ['nobody else has it', given('a'), refused('not-found'), false, true]
] as const) {
  test(what, () => assert.is(faultOf(served, expected, mayLack) !== null, isFault))
}

test.run()
