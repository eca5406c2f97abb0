import type { PeerName } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAhead } from '../src/ahead.ts'
import { manualClock } from './manual-clock.ts'

const test = suite('node/ahead')
const [liar, honest] = ['liar', 'honest'] as PeerName[] as [PeerName, PeerName]

test('who claims a later epoch and has no blocks is asked with growing pauses, and nobody else waits for that', async () => {
  const clock = manualClock()
  const ahead = createAhead(clock)
  const askedAt: number[] = []
  for (let second = 0; second < 200; second++) {
    if (ahead.takes(liar)) askedAt.push(second)
    await clock.pass(1_000)
  }
  assert.equal(askedAt, [0, 1, 3, 7, 15, 31, 63, 123, 183])
  assert.ok(ahead.takes(honest))
  assert.not.ok(ahead.takes(honest))
})

test('who had blocks is believed at once the next time, and so is everybody when an epoch begins', () => {
  const ahead = createAhead(manualClock())
  assert.ok(ahead.takes(honest))
  ahead.bore(honest)
  assert.ok(ahead.takes(honest))
  ahead.begun()
  assert.ok(ahead.takes(honest))
})

test.run()
