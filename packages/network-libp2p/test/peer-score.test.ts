import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPeerScores } from '../src/peer-score.ts'

const test = suite('network-libp2p/peer-score')

/** Counts faults `gapMs` apart until the peer is cut; the number of faults, or `max`. */
function faultsUntilCut(gapMs: number, max = 100): number {
  const scores = createPeerScores()
  for (let count = 1; count <= max; count += 1) if (scores.fault('peer', count * gapMs)) return count
  return max
}

test('ten faults at once cut a peer, rare ones never do', () => {
  for (const [gapMs, expected] of [
    [0, 10],
    [1_000, 11],
    [60_000, 100]
  ] as const) {
    assert.is(faultsUntilCut(gapMs), expected, `${gapMs} ms apart`)
  }
})

test('a cut peer is refused for a minute, then twice as long, never above a quarter of an hour', () => {
  const scores = createPeerScores()
  let nowMs = 0
  const refusals: number[] = []
  for (let round = 0; round < 8; round += 1) {
    while (!scores.fault('peer', nowMs));
    assert.ok(scores.isRefused('peer', nowMs))
    assert.not(scores.fault('peer', nowMs))
    refusals.push(scores.refusedForMs('peer', nowMs) / 60_000)
    nowMs += scores.refusedForMs('peer', nowMs)
    assert.not(scores.isRefused('peer', nowMs))
  }
  assert.equal(refusals, [1, 2, 4, 8, 15, 15, 15, 15])
})

test('peers are counted apart, and those off the list are forgotten', () => {
  const scores = createPeerScores()
  while (!scores.fault('bad', 0));
  assert.not(scores.isRefused('other', 0))
  scores.keepOnly(new Set(['bad']))
  assert.ok(scores.isRefused('bad', 0))
  scores.keepOnly(new Set())
  assert.not(scores.isRefused('bad', 0))
})

test.run()
