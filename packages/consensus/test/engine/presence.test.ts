/** Leaders that have been silent for long are not waited for. Four members; view v is led by the one with index v mod 4. */
import type { Leaf } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { headerDigest, type Output } from '../../src/index.ts'
import { certificateOf, fakeSet, genesisParent, hashOf, headerOf, proposalOf, voteOf } from '../chain-fixture.ts'
import { crashNode, createWorld, run, startNode, submit, type WorldNode } from '../world.ts'
import {
  createLone,
  feed,
  hear,
  hearCertificate,
  hearProposal,
  hearVote,
  type Lone,
  screenHere,
  viewOf,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/presence')
const set = fakeSet(4)
const QUIET = 1
const skipsTo = (view: number) =>
  Array.from({ length: view }, (_, i) => certificateOf(set, 'nullify', i + 1, undefined, [0, 2, 3]))

/** Goes to `view` by nullifications that members 0, 2 and 3 signed, with work to do. @returns what entering it gave */
function passTo(lone: Lone, view: number): readonly Output[] {
  feed(lone, { kind: 'work', hasWork: true })
  let outputs: readonly Output[] = []
  while (viewOf(lone) < view) {
    lone.nowMs += 200
    outputs = hearCertificate(lone, certificateOf(set, 'nullify', viewOf(lone), undefined, [0, 2, 3]))
  }
  return outputs
}

test('after 2n views without a word of its leader a view is given up at once, by who is awake', () => {
  const lone = createLone(set, 3)
  assert.equal(votesSent(passTo(lone, 5)), [], 'five views are no reason')
  assert.equal(votesSent(passTo(lone, 6)), [], 'member 2 is there')
  assert.equal(votesSent(passTo(lone, 13)), ['nullify 13'])
  const asleep = createLone(set, 3)
  passTo(asleep, 12)
  feed(asleep, { kind: 'work', hasWork: false })
  assert.equal(votesSent(hearCertificate(asleep, certificateOf(set, 'nullify', 12, undefined, [0, 2, 3]))), [])
  assert.equal(votesSent(feed(asleep, { kind: 'work', hasWork: true })), ['nullify 13'])
})

test('any vote of it is enough to be waited for again', () => {
  const lone = createLone(set, 3)
  passTo(lone, 12)
  hearVote(lone, voteOf(set, QUIET, 'nullify', 12))
  assert.equal(votesSent(passTo(lone, 13)), [])
  assert.equal(votesSent(passTo(lone, 17)), [])
})

test('who came to a view by leaping does not know who spoke before', () => {
  const lone = createLone(set, 3)
  feed(lone, { kind: 'work', hasWork: true })
  assert.equal(votesSent(hearCertificate(lone, certificateOf(set, 'nullify', 40, undefined, [0, 2, 3]))), [])
  assert.equal(votesSent(passTo(lone, 45)), [])
  assert.equal(votesSent(passTo(lone, 49)), [])
  assert.equal(votesSent(passTo(lone, 53)), ['nullify 53'])
})

test('votes that always come when their block is final are verified now and then, and count as a word', () => {
  const lone = createLone(set, 3)
  const block = headerOf(set, 10, genesisParent)
  const late = (view: number) =>
    ({ kind: 'vote', vote: voteOf(set, QUIET, 'notarize', view, headerDigest(block)) }) as const
  passTo(lone, 10)
  hearProposal(lone, proposalOf(set, block, [], null, skipsTo(9)))
  hearCertificate(lone, certificateOf(set, 'finalize', 10, headerDigest(block), [0, 2, 3]))
  assert.equal(screenHere(lone, late(6)), { kind: 'ignore', code: 'old-view' }, 'no sign of life for long')
  hear(lone, late(10))
  assert.equal(screenHere(lone, late(10)), { kind: 'ignore', code: 'old-view' }, 'once is enough')
  assert.equal(votesSent(passTo(lone, 13)), [])
})

test('one of four dead: no block waits for the view timer once it is noticed, and the dead one leads again when it is back', () => {
  const world = createWorld(4, 7)
  const nodeOf = (index: number) => world.nodes[index] as WorldNode
  let submitted = 0
  const commitNext = (): number => {
    const leaf = hashOf<Leaf>(`leaf ${submitted++}`)
    const fromMs = world.nowMs
    submit(world, nodeOf(0), leaf)
    assert.ok(run(world, world.nowMs + 20_000, () => nodeOf(0).disk.committed.has(leaf)))
    return world.nowMs - fromMs
  }
  crashNode(nodeOf(3))
  const waits = Array.from({ length: 30 }, commitNext)
  assert.ok(
    waits.some((wait) => wait > 1_500),
    'at first its turns are waited for'
  )
  assert.ok(
    waits.slice(12).every((wait) => wait < 300),
    waits.join()
  )
  startNode(world, nodeOf(3))
  run(world, world.nowMs + 5_000)
  const builds = nodeOf(3).builds
  for (let i = 0; i < 12; i++) commitNext()
  assert.ok(nodeOf(3).builds >= builds + 2, `${nodeOf(3).builds - builds} blocks`)
})

test.run()
