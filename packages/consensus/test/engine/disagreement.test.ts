/** Chains on which a quorum refuses every block: they wait rather than spin, and go on when the cause is gone. */
import type { Leaf } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certificatesIn, engineStatus, headerDigest, type Output, type Proposal } from '../../src/index.ts'
import { certificateOf, fakeSet, genesisParent, hashOf, headerOf, parentOf, proposalOf } from '../chain-fixture.ts'
import {
  crashNode,
  createWorld,
  run,
  setClock,
  startNode,
  statusOf,
  submit,
  type World,
  type WorldNode
} from '../world.ts'
import {
  answerBuild,
  checked,
  createLone,
  feed,
  hearCertificate,
  hearProposal,
  type Lone,
  restart,
  ring,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/disagreement')
const leaf = hashOf<Leaf>('pending')
const HOUR_MS = 3_600_000
const MINUTES_2_MS = 120_000
const MINUTES_10_MS = 600_000
/** A view of the longest timer each, and those before. */
const VIEWS_MAX = 32
const JOURNAL_BYTES_MAX = 24_000
/** Of a retry that others wait for, and the longest view timer. */
const HEALED_WITHIN_MS = 45_000

function nodeOf(world: World, index: number): WorldNode {
  return world.nodes[index] as WorldNode
}

function journalBytes({ disk }: WorldNode): number {
  return disk.segments.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

/** Ten minutes with a transaction that cannot become final. */
function stall(world: World): void {
  submit(world, nodeOf(world, 0), leaf)
  const startMs = world.nowMs
  const hasSpun = run(world, startMs + MINUTES_10_MS, () => world.nodes.some((node) => statusOf(node).view > VIEWS_MAX))
  assert.not(hasSpun, `view ${VIEWS_MAX} after ${(world.nowMs - startMs) / 1000} s`)
  assert.is(world.canonical.length, 1, 'nothing is final')
  for (const node of world.nodes) {
    assert.ok(journalBytes(node) <= JOURNAL_BYTES_MAX, `${journalBytes(node)} bytes of journal in ten minutes`)
  }
}

function assertHeals(world: World): void {
  const isFinal = () => world.nodes.every(({ disk }) => disk.committed.has(leaf))
  assert.ok(run(world, world.nowMs + HEALED_WITHIN_MS, isFinal), JSON.stringify(world.nodes.map(statusOf)))
}

for (const n of [2, 4, 5, 7]) {
  for (const aheadMs of [HOUR_MS, -HOUR_MS]) {
    test(`${n} nodes, half of the clocks ${aheadMs > 0 ? 'ahead' : 'behind'} by an hour: few views, and a block when they are right`, () => {
      const world = createWorld(n, n)
      // A block that is a millisecond younger than the genesis is too old by then.
      run(world, world.nowMs + MINUTES_2_MS)
      const wrong = world.nodes.slice(0, Math.floor(n / 2))
      for (const node of wrong) setClock(node, aheadMs)
      stall(world)
      for (const node of wrong) setClock(node, 0)
      assertHeals(world)
    })
  }
}

test('crashes while nothing can be agreed cost no view and no vote, and the chain goes on', () => {
  const world = createWorld(4, 11)
  const wrong = world.nodes.slice(0, 2)
  for (const node of wrong) setClock(node, HOUR_MS)
  submit(world, nodeOf(world, 0), leaf)
  for (let round = 0; round < 20; round++) {
    run(world, world.nowMs + 30_000)
    const node = nodeOf(world, round % 4)
    crashNode(node)
    startNode(world, node)
  }
  assert.ok(world.nodes.every((node) => statusOf(node).view <= VIEWS_MAX))
  for (const node of wrong) setClock(node, 0)
  assertHeals(world)
})

const set = fakeSet(4)
const lateIn = (view: number) => headerOf(set, view, genesisParent, [], genesisParent.time + HOUR_MS)
const skipsTo = (view: number) => Array.from({ length: view }, (_, at) => certificateOf(set, 'nullify', at + 1))

test('a refused proposal ends the view at once after f failed views, and later when the timer runs out', () => {
  for (const [view, isAtOnce] of [
    [1, true],
    [2, true],
    [3, false],
    [5, false]
  ] as const) {
    const lone = createLone(set, 0)
    for (const skip of skipsTo(view - 1)) hearCertificate(lone, skip)
    const votes = votesSent(hearProposal(lone, proposalOf(set, lateIn(view), [], null, skipsTo(view - 1))))
    assert.equal(votes, isAtOnce ? [`nullify ${view}`] : [], `view ${view}`)
    if (isAtOnce) continue
    assert.is(lone.alarmMs, lone.nowMs + Math.round(1600 * 1.5 ** (view - 1)))
    assert.equal(votesSent(ring(lone)), [`nullify ${view}`])
  }
})

test('so does one that the application refuses', () => {
  for (const [view, votes] of [
    [2, ['nullify 2']],
    [3, []]
  ] as const) {
    const lone = createLone(set, 0)
    for (const skip of skipsTo(view - 1)) hearCertificate(lone, skip)
    const header = headerOf(set, view, genesisParent, [leaf], genesisParent.time + 900)
    hearProposal(lone, proposalOf(set, header, [leaf], null, skipsTo(view - 1)))
    assert.equal(votesSent(checked(lone, headerDigest(header), 'invalid')), votes)
  }
})

test('a notarized block ends the patience', () => {
  const lone = createLone(set, 0)
  for (const skip of skipsTo(5)) hearCertificate(lone, skip)
  const header = headerOf(set, 6, genesisParent, [leaf], genesisParent.time + 900)
  hearProposal(lone, proposalOf(set, header, [leaf], null, skipsTo(5)))
  hearCertificate(lone, certificateOf(set, 'notarize', 6, headerDigest(header)))
  const next = headerOf(set, 7, parentOf(header), [], genesisParent.time + HOUR_MS)
  const notarization = certificateOf(set, 'notarize', 6, headerDigest(header))
  assert.ok(votesSent(hearProposal(lone, proposalOf(set, next, [], notarization))).includes('nullify 7'))
})

test('whose clock differs is told until its clock agrees, or this one is set back', () => {
  const propose = (lone: Lone, view: number, aheadMs: number) => {
    const header = headerOf(set, view, genesisParent, [], lone.nowMs + aheadMs)
    return hearProposal(lone, proposalOf(set, header, [], null, skipsTo(view - 1)))
  }
  const told = (lone: Lone) => engineStatus(lone.engine).clocksOff.map(({ aheadMs }) => aheadMs)
  for (const [aheadMs, expected] of [
    [HOUR_MS, [HOUR_MS]],
    [10_000, []],
    [10_001, [10_001]],
    [-900, []]
  ] as const) {
    const lone = createLone(set, 0)
    const outputs = propose(lone, 1, aheadMs)
    assert.equal(told(lone), expected)
    const refused = outputs.flatMap((one) => (one.kind === 'refused' ? [[one.code, one.aheadMs]] : []))
    assert.equal(refused, aheadMs > 10_000 ? [['wrong-time', aheadMs]] : [])
    for (const skip of skipsTo(4)) hearCertificate(lone, skip)
    propose(lone, 5, 0)
    assert.equal(told(lone), [], 'the same leader, its clock put right')
  }
  const lone = createLone(set, 0)
  propose(lone, 1, HOUR_MS)
  lone.nowMs += HOUR_MS + 1
  feed(lone, { kind: 'work', hasWork: false })
  assert.equal(told(lone), [], 'long ago')
  const ahead = createLone(set, 0)
  ahead.nowMs += HOUR_MS
  propose(ahead, 1, -HOUR_MS)
  assert.equal(told(ahead), [-HOUR_MS])
  ahead.nowMs -= HOUR_MS
  feed(ahead, { kind: 'work', hasWork: false })
  assert.equal(told(ahead), [])
})

test('the journal holds each nullification once, and a restarted leader sends its proposal as it was', () => {
  const lone = createLone(set, 1)
  // The nullification of view 3 ends the view before that of view 2 is heard.
  for (const view of [1, 3, 2, 4]) hearCertificate(lone, certificateOf(set, 'nullify', view))
  const { outputs } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf])
  const sent = proposalsSent(outputs)
  assert.equal(
    sent.map(({ skips }) => skips.map(({ view }) => view)),
    [[1, 2, 3, 4]]
  )
  const journaled = certificatesIn(lone.journal).map(({ view }) => view)
  assert.equal(
    [...journaled].sort((a, b) => a - b),
    [1, 2, 3, 4],
    'each once'
  )
  assert.equal(proposalsSent(restart(lone)), sent)
})

const proposalsSent = (outputs: readonly Output[]): readonly Proposal[] =>
  outputs.flatMap((one) => (one.kind === 'send' && one.message.kind === 'proposal' ? [one.message.proposal] : []))

test.run()
