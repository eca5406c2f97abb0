/** Histories that stopped or forked other systems, each as its own test. */
import type { Leaf } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { headerDigest, type Output } from '../../src/index.ts'
import {
  certificateOf,
  fakeSet,
  genesisParent,
  hashOf,
  headerOf,
  parentOf,
  proposalOf,
  voteOf
} from '../chain-fixture.ts'
import { crashNode, createWorld, run, startNode, statusOf, submit, type World, type WorldNode } from '../world.ts'
import {
  answerBuild,
  certificatesSent,
  checked,
  createLone,
  feed,
  hear,
  hearCertificate,
  hearProposal,
  hearVote,
  restart,
  ring,
  viewOf,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/scenarios')
const leaf = (label: string) => hashOf<Leaf>(`leaf ${label}`)
const set = fakeSet(4)
const nodeOf = (world: World, index: number) => world.nodes[index] as WorldNode
const sentProposals = (outputs: readonly Output[]) =>
  outputs.flatMap((one) => (one.kind === 'send' && one.message.kind === 'proposal' ? [one.message.proposal] : []))

/** View 1 of four members is led by index 1, view 2 by index 2, and so on. */
const first = headerOf(set, 1, genesisParent, [leaf('first')], genesisParent.time + 900)
const firstDigest = headerDigest(first)
const firstProposal = proposalOf(set, first, [leaf('first')], null)

test('all crash after nullify: own votes re-enter the own tally', () => {
  const world = createWorld(4, 1)
  world.filter = (_from, _to, message) => message.kind !== 'proposal' && message.kind !== 'vote'
  submit(world, nodeOf(world, 0), leaf('a'))
  run(world, world.nowMs + 1650)
  for (const node of world.nodes) crashNode(node)
  world.filter = () => true
  for (const node of world.nodes) startNode(world, node)
  assert.ok(run(world, world.nowMs + 10_000, () => world.nodes.every((node) => node.disk.committed.has(leaf('a')))))
})

test('two of two crash after nullify: each holds only its own vote', () => {
  const pair = fakeSet(2)
  const lone = createLone(pair, 0)
  feed(lone, { kind: 'work', hasWork: true })
  ring(lone)
  restart(lone)
  assert.is(viewOf(lone), 1)
  hearVote(lone, voteOf(pair, 1, 'nullify', 1))
  assert.is(viewOf(lone), 2, 'the vote from before the crash counted')
})

test('nodes holding different certificates of one view meet again', () => {
  // Some members know the notarization of view 1, others its nullification; the leader of view 2 may hold either.
  const notarization = certificateOf(set, 'notarize', 1, firstDigest, [0, 1, 2])
  const nullification = certificateOf(set, 'nullify', 1)
  const onFirst = headerOf(set, 2, parentOf(first))
  const onGenesis = headerOf(set, 2, genesisParent, [], genesisParent.time + 1000)
  for (const [held, proposal] of [
    [nullification, proposalOf(set, onFirst, [], notarization)],
    [notarization, proposalOf(set, onGenesis, [], null, [nullification])]
  ] as const) {
    const lone = createLone(set, 3)
    hearCertificate(lone, held)
    hearProposal(lone, proposal)
    assert.equal(votesSent(checked(lone, headerDigest(proposal.header))), ['notarize 2'])
  }
})

test('restart after seeing a proposal: a leader sends the same block again and builds no other', () => {
  const lone = createLone(set, 1)
  const { digest, outputs } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('a')])
  const [sent] = sentProposals(outputs)
  const again = restart(lone)
  assert.equal(sentProposals(again), [sent])
  const rest = [...feed(lone, { kind: 'work', hasWork: true }), ...ring(lone)]
  assert.is(rest.filter((output) => output.kind === 'build').length, 0)
  assert.is(sent && headerDigest(sent.header), digest)
})

test('restart after seeing a proposal: a voter repeats its vote and signs no other', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  assert.equal(votesSent(checked(lone, firstDigest)), ['notarize 1'])
  assert.equal(votesSent(restart(lone)), ['notarize 1'])
  const other = headerOf(set, 1, genesisParent, [leaf('other')], genesisParent.time + 900)
  hearVote(lone, voteOf(set, 1, 'notarize', 1, headerDigest(other)))
  assert.equal(votesSent(checked(lone, headerDigest(other))), [])
})

test('a vote that was not durable before the crash was not sent, and another may be signed', () => {
  const lone = createLone(set, 3)
  const before = lone.journal.length
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  assert.equal(votesSent(restart(lone, before)), [])
  feed(lone, { kind: 'work', hasWork: true })
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
})

test('finalize after timeout: a notarization that arrives after nullify moves the view but gets no finalize vote', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
  const outputs = hearCertificate(lone, certificateOf(set, 'notarize', 1, firstDigest, [0, 1, 2]))
  assert.is(viewOf(lone), 2)
  assert.equal(votesSent(outputs), [])
  assert.equal(votesSent(restart(lone)), [], 'nor after a restart')
})

test('finalize after timeout through a rebroadcast path: votes that come by retries alone leave nobody behind', () => {
  const world = createWorld(4, 12)
  run(world, world.nowMs + 50)
  world.filter = (_from, _to, message) => message.kind !== 'vote' || message.vote.view !== 1 || message.vote.attempt > 0
  submit(world, nodeOf(world, 0), leaf('a'))
  // Notarized and nullified by all before any vote arrives: nobody may finalize view 1, and the block is final with the next.
  assert.ok(run(world, world.nowMs + 10_000, () => world.nodes.every((node) => node.disk.committed.has(leaf('a')))))
})

test('a node that left a view by nullification of others still finalizes a block that it learns was notarized', () => {
  const lone = createLone(set, 3)
  hearCertificate(lone, certificateOf(set, 'nullify', 1, undefined, [0, 1, 2]))
  const outputs = hearCertificate(lone, certificateOf(set, 'notarize', 1, firstDigest, [0, 1, 2]))
  assert.equal(votesSent(outputs), ['finalize 1'])
  const journaled = outputs.flatMap((output) => (output.kind === 'journal' ? [output.entry.kind] : []))
  assert.equal(journaled, ['kept', 'voted'], 'the notarization is durable with the vote')
})

test('skip/notarize split: members with only one of the two votes all leave the view', () => {
  const world = createWorld(4, 3)
  submit(world, nodeOf(world, 0), leaf('a'))
  // Members 2 and 3 never see the proposal of view 1 nor votes for it: they nullify, 0 and 1 have notarized.
  world.filter = (_from, to, message) =>
    to < 2 ||
    !(message.kind === 'proposal'
      ? message.proposal.header.view === 1
      : message.kind === 'vote' && message.vote.view === 1 && message.vote.kind === 'notarize')
  assert.ok(run(world, world.nowMs + 10_000, () => world.nodes.every((node) => node.disk.committed.has(leaf('a')))))
  const kinds = world.nodes.map((node) => world.votes.get(`${node.index} 0/1`))
  assert.ok(
    kinds.some((votes) => votes?.has('notarize') && votes.has('nullify')),
    'the split happened'
  )
})

test('the certificate lost in a crash before finalize: the journal gives it back', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  // Member 0's vote makes the quorum here and nowhere else; it is never heard of again.
  hearVote(lone, voteOf(set, 0, 'notarize', 1, firstDigest))
  assert.is(viewOf(lone), 2)
  const outputs = restart(lone)
  assert.is(viewOf(lone), 2)
  assert.equal(votesSent(outputs), ['finalize 1'])
  assert.equal(certificatesSent(outputs), ['notarize 1'], 'the others can leave view 1 too')
  feed(lone, { kind: 'work', hasWork: true })
  const late = voteOf(set, 2, 'nullify', 1)
  assert.equal(certificatesSent(hearVote(lone, late), late.signer), ['notarize 1'], 'and are told so')
})

test('the certificate lost before finalize was durable: both are gone together', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  const before = lone.journal.length
  hearVote(lone, voteOf(set, 0, 'notarize', 1, firstDigest))
  assert.equal(votesSent(restart(lone, before)), ['notarize 1'])
  assert.is(viewOf(lone), 1)
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
})

test('solo restart with no peers goes on at once', () => {
  const solo = fakeSet(1)
  const lone = createLone(solo, 0)
  let parent = genesisParent
  let outputs = feed(lone, { kind: 'work', hasWork: true })
  for (let height = 1; height <= 3; height++) {
    const answer = answerBuild(lone, outputs, parent, [leaf(`${height}`)])
    assert.equal(votesSent(answer.outputs), [`finalize ${height}`])
    const commit = answer.outputs.find((output) => output.kind === 'commit')
    assert.equal(commit?.blocks, [answer.header])
    parent = parentOf(answer.header)
    restart(lone)
    outputs = feed(lone, { kind: 'work', hasWork: true })
  }
})

test('solo restart before the commit was synced commits the same block again', () => {
  const lone = createLone(fakeSet(1), 0)
  const { header } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('a')])
  lone.final = null
  const commit = restart(lone).find((output) => output.kind === 'commit')
  assert.equal(commit?.blocks, [header])
})

test('single node losing a write on crash: what was not journaled was not committed', () => {
  for (let kept = 1; kept <= 5; kept++) {
    const lone = createLone(fakeSet(1), 0)
    const { header } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('a')])
    assert.is(lone.journal.length, 4, 'entered, proposed, entered, finalize')
    lone.final = null
    const commits = restart(lone, kept).filter((output) => output.kind === 'commit')
    // With the proposal on disk the block is this view's only possible one; without it nothing was said.
    assert.equal(
      commits.map((one) => one.blocks),
      kept >= 2 ? [[header]] : []
    )
  }
})

test('three of seven restart', () => {
  const world = createWorld(7, 5)
  submit(world, nodeOf(world, 0), leaf('a'))
  run(world, world.nowMs + 8)
  for (const index of [1, 2, 3]) crashNode(nodeOf(world, index))
  run(world, world.nowMs + 5000)
  assert.not.ok(nodeOf(world, 0).disk.committed.has(leaf('a')), 'four of seven are no quorum')
  for (const index of [1, 2, 3]) startNode(world, nodeOf(world, index))
  assert.ok(run(world, world.nowMs + 30_000, () => world.nodes.every((node) => node.disk.committed.has(leaf('a')))))
})

test('one of four stopped for a long time: the others go on and it catches up', () => {
  const world = createWorld(4, 6)
  crashNode(nodeOf(world, 3))
  for (let i = 0; i < 12; i++) {
    submit(world, nodeOf(world, 0), leaf(`${i}`))
    run(world, world.nowMs + 12_000, () => nodeOf(world, 0).disk.committed.has(leaf(`${i}`)))
  }
  assert.is(nodeOf(world, 0).disk.committed.size, 12)
  startNode(world, nodeOf(world, 3))
  submit(world, nodeOf(world, 1), leaf('last'))
  assert.ok(run(world, world.nowMs + 10_000, () => nodeOf(world, 3).disk.committed.size === 13))
  assert.is(statusOf(nodeOf(world, 3)).floor.digest, statusOf(nodeOf(world, 0)).floor.digest)
})

test('a second vote does not overwrite the first', () => {
  const lone = createLone(set, 3)
  hearVote(lone, voteOf(set, 0, 'notarize', 1, hashOf('other')))
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  feed(lone, {
    kind: 'message',
    from: 'peer',
    message: { kind: 'vote', vote: voteOf(set, 0, 'notarize', 1, firstDigest) }
  })
  assert.is(viewOf(lone), 1, 'a member that votes twice counts for its first vote only')
  hearVote(lone, voteOf(set, 2, 'notarize', 1, firstDigest))
  assert.is(viewOf(lone), 2)
})

test('f+1 nullify votes wake a sleeper, which nullifies too', () => {
  const lone = createLone(set, 3)
  assert.equal(votesSent(hearVote(lone, voteOf(set, 0, 'nullify', 1))), [])
  assert.equal(votesSent(hearVote(lone, voteOf(set, 2, 'nullify', 1))), ['nullify 1'])
  assert.is(viewOf(lone), 2)
})

test('content that the leader signed and that is wrong gets nullify, a body that did not arrive gets nothing', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  assert.equal(votesSent(checked(lone, firstDigest, 'unavailable')), [])
  assert.ok(
    hearProposal(lone, firstProposal).some((output) => output.kind === 'check'),
    'delivered again: checked again'
  )
  assert.equal(votesSent(checked(lone, firstDigest, 'invalid')), ['nullify 1'])
  const late = createLone(set, 3)
  late.nowMs += 120_000
  assert.equal(votesSent(hearProposal(late, firstProposal)), ['nullify 1'], 'a block from two minutes ago')
})

test('a final block that was never seen is fetched, and its unknown ancestors after it', () => {
  const lone = createLone(set, 3)
  const second = headerOf(set, 2, parentOf(first))
  const outputs = hearCertificate(lone, certificateOf(set, 'finalize', 2, headerDigest(second), [0, 1, 2]))
  assert.is(viewOf(lone), 3)
  assert.not.ok(outputs.some((output) => output.kind === 'commit'))
  const fetched = ring(lone).flatMap((output) => (output.kind === 'fetch-block' ? [output.digest] : []))
  assert.equal(fetched, [headerDigest(second)])
  feed(lone, { kind: 'fetched', header: second })
  const commit = feed(lone, { kind: 'fetched', header: first }).find((output) => output.kind === 'commit')
  assert.equal(commit?.blocks, [first, second])
})

test('a commit tells how the views since the last finalization ended', () => {
  const lone = createLone(set, 0)
  hearProposal(lone, firstProposal)
  const notarized = certificateOf(set, 'notarize', 1, firstDigest, [0, 1, 2])
  const nullified = certificateOf(set, 'nullify', 2)
  const second = headerOf(set, 3, parentOf(first), [leaf('b')])
  hearCertificate(lone, notarized)
  hearCertificate(lone, nullified)
  hearProposal(lone, proposalOf(set, second, [leaf('b')], notarized, [nullified]))
  const outputs = hearCertificate(lone, certificateOf(set, 'finalize', 3, headerDigest(second), [0, 1, 2]))
  const commit = outputs.find((output) => output.kind === 'commit')
  assert.equal(commit?.blocks, [first, second])
  assert.equal(commit?.passed, [notarized, nullified])
})

test('a conflicting finalization stops the machine', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  hearCertificate(lone, certificateOf(set, 'finalize', 1, firstDigest, [0, 1, 2]))
  const fork = headerOf(set, 2, genesisParent, [leaf('fork')])
  hearCertificate(lone, certificateOf(set, 'finalize', 2, headerDigest(fork), [0, 1, 2]))
  assert.throws(
    () => feed(lone, { kind: 'fetched', header: fork }),
    (error: Error & { code?: string }) => error.code === 'conflicting-finalization'
  )
})

test('a member that repeats old votes is told what it misses, once a second', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, firstProposal)
  checked(lone, firstDigest)
  hearCertificate(lone, certificateOf(set, 'finalize', 1, firstDigest, [0, 1, 2]))
  hearCertificate(lone, certificateOf(set, 'nullify', 2, undefined, [0, 1, 2]))
  const late = { ...voteOf(set, 0, 'notarize', 1, firstDigest), attempt: 1 }
  const answer = hear(lone, { kind: 'vote', vote: late })
  assert.equal(certificatesSent(answer, late.signer), ['finalize 1', 'nullify 2'])
  const repeated = feed(lone, {
    kind: 'message',
    from: 'peer',
    message: { kind: 'vote', vote: { ...late, attempt: 2 } }
  })
  assert.equal(certificatesSent(repeated, late.signer), [])
  lone.nowMs += 1000
  assert.is(certificatesSent(hear(lone, { kind: 'vote', vote: { ...late, attempt: 3 } }), late.signer).length, 2)
})

test('f+1 members two views ahead start catch-up after a round trip', () => {
  const lone = createLone(set, 3)
  hearVote(lone, voteOf(set, 0, 'notarize', 40, hashOf('far')))
  hearVote(lone, voteOf(set, 1, 'notarize', 30, hashOf('far')))
  const behind = ring(lone).find((output) => output.kind === 'behind')
  assert.is(behind?.view, 30, 'what f+1 have reached')
  const tip = headerOf(set, 30, { digest: hashOf('parent'), height: 28, time: lone.nowMs })
  const certificate = certificateOf(set, 'finalize', 30, headerDigest(tip), [0, 1, 2])
  feed(lone, { kind: 'sync-head', header: tip, certificate })
  assert.is(viewOf(lone), 31)
})

test('one member that lies about its view makes two of three catch up ever more rarely', () => {
  const three = fakeSet(3)
  const lone = createLone(three, 2)
  const lie = (view: number) => hearVote(lone, voteOf(three, 0, 'nullify', view))
  const asked: number[] = []
  const startMs = lone.nowMs
  lie(10 ** 15)
  while (lone.nowMs < startMs + 120_000 && lone.alarmMs !== null) {
    if (ring(lone).some((output) => output.kind === 'behind')) asked.push(lone.nowMs - startMs)
    lie(10 ** 15 + asked.length)
  }
  assert.equal(asked.slice(0, 7), [500, 1500, 3500, 7500, 15_500, 31_500, 61_500])
  assert.ok(asked.length <= 9, `${asked.length} times in two minutes`)
  // Another member that really is ahead is asked at once all the same, and so is this one once it told the truth.
  hearVote(lone, voteOf(three, 1, 'nullify', 40))
  const behind = ring(lone).find((output) => output.kind === 'behind')
  assert.equal(behind?.kind === 'behind' && [behind.view, behind.from], [40, [three.validators[1]?.member]])
  hearCertificate(lone, certificateOf(three, 'nullify', 40, undefined, [0, 1]))
  hearVote(lone, voteOf(three, 1, 'nullify', 50))
  const againMs = lone.nowMs
  const again = ring(lone)
  assert.ok(again.some((output) => output.kind === 'behind') && lone.nowMs === againMs + 500)
})

test('a leader sends its proposal again to those who have not voted, as long as it is in that view', () => {
  const lone = createLone(set, 1)
  const { outputs } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('a')])
  const [proposal] = sentProposals(outputs)
  assert.ok(proposal)
  const receivers = (sent: readonly Output[]) =>
    sent.flatMap((one) => (one.kind === 'send' && one.message.kind === 'proposal' ? [one.to] : []))
  assert.equal(receivers(ring(lone)), [], 'the timer')
  const others = [0, 2, 3].map((index) => set.validators[index]?.member)
  const retry = ring(lone)
  assert.equal(receivers(retry), others)
  assert.equal(sentProposals(retry), [proposal, proposal, proposal])
  hearVote(lone, voteOf(set, 0, 'notarize', 1, headerDigest(proposal.header)))
  assert.equal(receivers(ring(lone)).toSorted(), others.slice(1))
  hearCertificate(lone, certificateOf(set, 'nullify', 1, undefined, [0, 2, 3]))
  assert.equal(receivers([...ring(lone), ...ring(lone)]), [], 'the view is over')
})

test('among many members a leader sends its proposal again to eight at a time, and to all in turn', () => {
  const many = fakeSet(13)
  const lone = createLone(many, 1)
  answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('a')])
  ring(lone)
  const rounds = [ring(lone), ring(lone)].map((sent) =>
    sent.flatMap((one) => (one.kind === 'send' && one.message.kind === 'proposal' ? [one.to] : []))
  )
  assert.equal(
    rounds.map((round) => round.length),
    [8, 8]
  )
  assert.is(new Set(rounds.flat()).size, 12)
})

test('a proposal that was lost on every hop wakes the sleepers at the next retry and becomes final', () => {
  const world = createWorld(4, 11)
  const leader = nodeOf(world, 1)
  run(world, world.nowMs + 50)
  world.filter = (_from, _to, message) => message.kind !== 'proposal'
  world.reaches = () => false
  submit(world, leader, leaf('a'))
  run(world, world.nowMs + 1000)
  // Nobody else has heard of the transaction, and nobody else will: only the proposal can tell.
  leader.mempool.clear()
  world.filter = () => true
  world.reaches = () => true
  assert.ok(world.nodes.every((node) => statusOf(node).awake === (node === leader)))
  assert.ok(run(world, world.nowMs + 5000, () => world.nodes.every((node) => node.disk.committed.has(leaf('a')))))
  run(world, world.nowMs + 5000)
  assert.ok(world.nodes.every((node) => !statusOf(node).awake))
})

test('a leader adds no transactions on top of eight unfinalized blocks', () => {
  const lone = createLone(set, 1)
  let parent = genesisParent
  let certificate = null
  for (let view = 1; view <= 8; view++) {
    const header = headerOf(set, view, parent, [leaf(`${view}`)], parent.time + 10)
    parent = parentOf(header)
    if (view === 1) answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), genesisParent, [leaf('1')])
    else if (header.proposer !== set.validators[1]?.member)
      hearProposal(lone, proposalOf(set, header, [leaf(`${view}`)], certificate))
    if (view === 1)
      parent = parentOf(lone.journal.flatMap((e) => (e.kind === 'proposed' ? [e.proposal.header] : []))[0] ?? header)
    certificate = certificateOf(set, 'notarize', view, parent.digest, [0, 2, 3])
    const outputs = hearCertificate(lone, certificate)
    const request = outputs.find((output) => output.kind === 'build')
    if (view === 4) {
      const built = answerBuild(lone, outputs, parent, [leaf('5')])
      parent = parentOf(built.header)
      certificate = certificateOf(set, 'notarize', 5, parent.digest, [0, 2, 3])
      hearCertificate(lone, certificate)
      view = 5
    } else if (view === 8) {
      assert.is(request, undefined, 'a moment for finality first')
      const late = ring(lone).find((output) => output.kind === 'build')
      assert.equal([late?.view, late?.allowTransactions, late?.allowEmpty], [9, false, true])
    }
  }
})

test.run()
