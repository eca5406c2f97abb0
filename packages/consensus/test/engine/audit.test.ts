/** Before its first signature a validator asks the others; what they answer decides whether, and from which view, it signs. */
import type { Leaf, View } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Certificate,
  createEngine,
  engineStatus,
  faultsTolerated,
  headerDigest,
  type JournalEntry,
  type Output,
  quorum,
  type Vote
} from '../../src/index.ts'
import type { Status, StatusAsk } from '../../src/status.ts'
import {
  certificateOf,
  fakeConfig,
  fakeSet,
  GENESIS_TIME_MS,
  genesisParent,
  hashOf,
  headerOf,
  proposalOf,
  statusOf,
  voteOf
} from '../chain-fixture.ts'
import {
  crashNode,
  createWorld,
  loseJournal,
  run,
  startNode,
  submit,
  type WorldNode,
  statusOf as worldStatus
} from '../world.ts'
import { checked, feed, hear, hearProposal, type Lone, ring, screenHere, votesSent } from './lone-engine.ts'

const test = suite('consensus/engine/audit')
const set = fakeSet(4)
const SELF = 3
const block = headerOf(set, 1, genesisParent, [hashOf<Leaf>('a')], genesisParent.time + 900)
const digest = headerDigest(block)
const notarization = certificateOf(set, 'notarize', 1, digest, [0, 1, 2])

type Started = { readonly lone: Lone; readonly outputs: readonly Output[]; readonly ask: StatusAsk }

/** A machine that has just started, and what it asks. */
function started(
  facts: { readonly journal?: readonly JournalEntry[]; readonly isJournalLost?: boolean; readonly n?: number } = {}
): Started {
  const { journal = [], isJournalLost = false, n = 4 } = facts
  const many = fakeSet(n)
  const index = Math.min(SELF, n - 1)
  const engine = createEngine(fakeConfig(many, index), { final: null, journal, isJournalLost })
  const lone: Lone = {
    set: many,
    index,
    engine,
    nowMs: GENESIS_TIME_MS + 1000,
    journal: [],
    final: null,
    alarmMs: null,
    checks: new Map()
  }
  const outputs = feed(lone, { kind: 'start' })
  const sent = asksIn(outputs)
  return { lone, outputs, ask: sent[0] as StatusAsk }
}

const asksIn = (outputs: readonly Output[]) =>
  outputs.flatMap((one) => (one.kind === 'send' && one.message.kind === 'status-ask' ? [one.message.ask] : []))
const entriesIn = (outputs: readonly Output[]) =>
  outputs.flatMap((one) => (one.kind === 'journal' ? [one.entry.kind] : []))
const voting = (lone: Lone) => engineStatus(lone.engine).voting
type Facts = { readonly view?: View; readonly certificate?: Certificate; readonly heard?: Vote | null }
const answer = ({ lone, ask }: Started, from: number, facts: Facts = {}) =>
  hear(lone, { kind: 'status', status: statusOf(lone.set, from, ask, facts) })

test('nothing is signed before n-q+f others have answered; what was due is signed then', () => {
  const it = started()
  hearProposal(it.lone, proposalOf(set, block, [hashOf<Leaf>('a')], null))
  assert.equal(votesSent(checked(it.lone, digest)), [])
  assert.equal(voting(it.lone), { kind: 'asking', isLost: false, answers: 0, needed: 2 })
  assert.equal(votesSent(answer(it, 0)), [])
  assert.equal(votesSent(answer(it, 1)), ['notarize 1'])
  assert.is(voting(it.lone).kind, 'voting')
})

test('a leader, a view that ran out, and a notarized block wait in the same way', () => {
  const leader = started({ n: 2 })
  const build = (outputs: readonly Output[]) => outputs.some(({ kind }) => kind === 'build')
  assert.not.ok(build(feed(leader.lone, { kind: 'work', hasWork: true })))
  assert.ok(build(answer(leader, 0)))
  const late = started()
  feed(late.lone, { kind: 'work', hasWork: true })
  for (let i = 0; i < 3; i++) assert.equal(votesSent(ring(late.lone)), [])
  answer(late, 0)
  assert.equal(votesSent(answer(late, 1)), ['nullify 1'])
  const notarized = started()
  const facts = { view: 2 as View, certificate: notarization }
  assert.equal(votesSent(answer(notarized, 0, facts)), [])
  assert.equal(votesSent(answer(notarized, 1)), ['finalize 1'])
})

test('told to pause, it follows and signs nothing; told to go on, it signs what is owed by then', () => {
  const { lone } = ended(started())
  const pause = (isPaused: boolean) => feed(lone, { kind: 'pause', isPaused })
  assert.equal(votesSent(pause(true)), [])
  assert.is(voting(lone).kind, 'paused')
  hearProposal(lone, proposalOf(set, block, [hashOf<Leaf>('a')], null))
  assert.equal(votesSent(checked(lone, digest)), [])
  assert.equal(votesSent(hear(lone, { kind: 'certificate', certificate: notarization, attempt: 0 })), [])
  assert.is(engineStatus(lone.engine).view, 2)
  for (let i = 0; i < 3; i++) assert.equal(votesSent(ring(lone)), [])
  assert.equal(votesSent(pause(false)), ['finalize 1', 'nullify 2'])
  assert.is(voting(lone).kind, 'voting')
  assert.equal(votesSent(pause(false)), [], 'said twice it changes nothing')
})

test('a pause goes on into the audit and the next epoch', () => {
  const it = started()
  feed(it.lone, { kind: 'pause', isPaused: true })
  for (const from of [0, 1]) assert.equal(votesSent(answer(it, from)), [])
  assert.is(voting(it.lone).kind, 'paused')
  const engine = createEngine(fakeConfig(set, SELF), { final: null, journal: [], isAudited: true, isPaused: true })
  assert.is(engineStatus(engine).voting.kind, 'paused')
})

test('how many must answer: at least one where there is another, and never more than a quorum has', () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 10, 31, 100]) {
    const status = voting(started({ n }).lone)
    const needed = status.kind === 'asking' ? status.needed : 0
    assert.is(needed, Math.max(n - quorum(n) + faultsTolerated(n), n === 1 ? 0 : 1), `${n}`)
    assert.ok(needed <= quorum(n) - 1, 'those without whom nothing goes on anyway')
    const lost = voting(started({ n, isJournalLost: true }).lone)
    assert.is(lost.kind === 'asking' ? lost.needed : 0, n < 4 ? n - 1 : needed, `${n}, lost`)
  }
})

test('solo: it signs at once with its journal, and never without', () => {
  const solo = started({ n: 1 })
  assert.is(voting(solo.lone).kind, 'voting')
  const lost = started({ n: 1, isJournalLost: true })
  assert.equal(voting(lost.lone), { kind: 'waiting', fromView: 3 })
  assert.equal(entriesIn(lost.outputs).slice(0, 2), ['pruned', 'entered'])
})

test('a newer vote of its own than its journal has: the disk was set back', () => {
  const journal: JournalEntry[] = [
    { kind: 'entered', epoch: set.epoch, view: 1 as View, certificate: null },
    { kind: 'voted', vote: voteOf(set, SELF, 'nullify', 1), header: null }
  ]
  const known = started({ journal })
  answer(known, 0, { heard: voteOf(set, SELF, 'nullify', 1) })
  answer(known, 1)
  assert.is(voting(known.lone).kind, 'voting', 'what the journal has is no news')

  const it = started({ journal })
  const nullified = certificateOf(set, 'nullify', 4)
  const outputs = answer(it, 0, {
    view: 5 as View,
    certificate: nullified,
    heard: voteOf(set, SELF, 'notarize', 5, digest)
  })
  assert.ok(outputs.some(({ kind }) => kind === 'journal-lost'))
  assert.equal(entriesIn(outputs), [], 'nothing is journaled before the entry that says what is gone')
  const ended = answer(it, 1)
  assert.equal(entriesIn(ended), ['pruned', 'entered'])
  assert.equal(voting(it.lone), { kind: 'waiting', fromView: 7 })
})

test('a vote that its journal lacks in the very view of its newest: the end of the journal is gone', () => {
  const proposed = { kind: 'voted', vote: voteOf(set, SELF, 'notarize', 1, digest), header: block } as const
  const entered = { kind: 'entered', epoch: set.epoch, view: 1 as View, certificate: null } as const
  const rows: readonly (readonly [heard: Vote, standing: string])[] = [
    [voteOf(set, SELF, 'notarize', 1, digest), 'voting'],
    [voteOf(set, SELF, 'nullify', 1), 'waiting'],
    [voteOf(set, SELF, 'finalize', 1, digest), 'waiting'],
    [voteOf(set, SELF, 'notarize', 1, hashOf('another block')), 'waiting']
  ]
  for (const [heard, standing] of rows) {
    const it = started({ journal: [entered, proposed] })
    answer(it, 0, { heard })
    answer(it, 1)
    assert.is(voting(it.lone).kind, standing, `${heard.kind} ${heard.digest}`)
  }
})

test('of one view an answer tells what gave it up or made it final, in whatever order that came', () => {
  for (const later of ['nullify', 'finalize'] as const) {
    const votes = [
      voteOf(set, 0, 'notarize', 1, digest),
      voteOf(set, 0, later, 1, later === 'nullify' ? undefined : digest)
    ]
    for (const order of [votes, votes.toReversed()]) {
      const { lone } = ended(started())
      for (const vote of order) hear(lone, { kind: 'vote', vote })
      const ask = askOf(0, lone.nowMs)
      const [told] = hear(lone, { kind: 'status-ask', ask }).flatMap((one) =>
        one.kind === 'send' && one.message.kind === 'status' ? [one.message.status] : []
      )
      assert.is(told?.heard?.kind, later)
    }
  }
})

test('a lost journal: two views above the highest that is proved, and a restart keeps to it', () => {
  const it = started({ isJournalLost: true })
  assert.equal(entriesIn(it.outputs), [])
  assert.equal(
    it.outputs.filter((one) => one.kind === 'send' && one.message.kind === 'vote'),
    []
  )
  answer(it, 0, { view: 9 as View, certificate: certificateOf(set, 'nullify', 8) })
  answer(it, 1, { view: 4 as View, certificate: certificateOf(set, 'nullify', 3) })
  assert.equal(voting(it.lone), { kind: 'waiting', fromView: 11 })
  const again = started({ journal: it.lone.journal })
  for (const from of [0, 1]) answer(again, from, { view: 9 as View, certificate: certificateOf(set, 'nullify', 8) })
  assert.equal(voting(again.lone), { kind: 'waiting', fromView: 11 })
  feed(again.lone, { kind: 'work', hasWork: true })
  assert.equal(votesSent(ring(again.lone)), [])
  const on = (view: number) =>
    hear(again.lone, { kind: 'certificate', certificate: certificateOf(set, 'nullify', view), attempt: 0 })
  // It leads view 11, and lacks what a proposal would stand on.
  assert.equal(votesSent(on(10)), ['nullify 11'])
  assert.is(voting(again.lone).kind, 'voting')
})

test('what an answer must be', () => {
  const it = started()
  const other = { ...it.ask, nonce: it.ask.nonce - 1 }
  const certificate = certificateOf(set, 'nullify', 1)
  const short = certificateOf(set, 'nullify', 1, undefined, [0, 1])
  const screened = (status: Status): string => {
    const screening = screenHere(it.lone, { kind: 'status', status })
    return screening.kind === 'verify' ? `verify ${screening.checks.length}` : `${screening.kind} ${screening.code}`
  }
  const rows: readonly (readonly [string, Status])[] = [
    ['verify 1', statusOf(set, 0, it.ask)],
    ['verify 5', statusOf(set, 0, it.ask, { view: 2 as View, certificate, heard: voteOf(set, SELF, 'nullify', 1) })],
    ['ignore not-asked', statusOf(set, 0, other)],
    [
      'ignore not-asked',
      statusOf(set, 0, { ...it.ask, asker: (set.validators[1] as (typeof set.validators)[0]).member })
    ],
    ['reject unknown-signer', { ...statusOf(set, 0, it.ask), signer: hashOf('a stranger') }],
    ['reject no-quorum', statusOf(set, 0, it.ask, { view: 2 as View, certificate: short })],
    ['reject bad-status', statusOf(set, 0, it.ask, { heard: voteOf(set, 1, 'nullify', 1) })],
    ['ignore later-epoch', { ...statusOf(set, 0, it.ask), epoch: 1 as Status['epoch'] }]
  ]
  for (const [expected, status] of rows) assert.is(screened(status), expected)
  answer(it, 0)
  assert.is(screened(statusOf(set, 0, it.ask)), 'ignore not-asked', 'one answer each')
  const stripped = statusOf(set, 1, it.ask, { heard: voteOf(set, SELF, 'nullify', 1) })
  const forged = screenHere(it.lone, { kind: 'status', status: { ...stripped, heard: null } })
  assert.ok(forged.kind === 'verify')
  const [check] = forged.checks
  assert.is(
    check && Buffer.compare(check.signature, statusOf(set, 1, it.ask).signature),
    1,
    'the vote cannot be left out'
  )
})

test('an answer tells the view with its proof and the newest vote of the asker, once a second for each run of it', () => {
  const { lone } = ended(started())
  hear(lone, { kind: 'vote', vote: voteOf(set, 0, 'notarize', 1, digest) })
  hear(lone, { kind: 'certificate', certificate: notarization, attempt: 0 })
  const { ask } = started({ n: 4 })
  const of = (nonce: number) => askOf(0, nonce)
  const answers = hear(lone, { kind: 'status-ask', ask: of(ask.nonce) }).flatMap((one) =>
    one.kind === 'send' && one.message.kind === 'status' ? [one.message.status] : []
  )
  assert.equal(
    answers.map((one) => [one.view, one.certificate?.digest, one.heard?.digest]),
    [[2, digest, digest]]
  )
  assert.equal(screenHere(lone, { kind: 'status-ask', ask: of(ask.nonce) }), { kind: 'ignore', code: 'seen' })
  assert.equal(screenHere(lone, { kind: 'status-ask', ask: of(ask.nonce + 1) }), { kind: 'ignore', code: 'seen' })
  lone.nowMs += 20
  assert.is(screenHere(lone, { kind: 'status-ask', ask: of(ask.nonce + 1) }).kind, 'verify', 'a new run')
  assert.equal(screenHere(lone, { kind: 'status-ask', ask: of(ask.nonce) }), { kind: 'ignore', code: 'seen' })
  lone.nowMs += 1000
  assert.is(screenHere(lone, { kind: 'status-ask', ask: of(ask.nonce) }).kind, 'verify')
  const lost = started({ isJournalLost: true })
  assert.equal(screenHere(lost.lone, { kind: 'status-ask', ask: of(1) }), { kind: 'ignore', code: 'nothing-to-say' })
})

/** What the validator with this index asks in its run of `nonce`. */
function askOf(index: number, nonce: number): StatusAsk {
  const engine = createEngine(fakeConfig(set, index), { final: null, journal: [] })
  const asker: Lone = { set, index, engine, nowMs: nonce, journal: [], final: null, alarmMs: null, checks: new Map() }
  return asksIn(feed(asker, { kind: 'start' }))[0] as StatusAsk
}

function ended(it: Started): Started {
  for (const from of [0, 1]) answer(it, from)
  return it
}

test('the others are asked again with growing pauses, and who comes back at once', () => {
  const { lone, outputs } = started()
  assert.is(asksIn(outputs).length, 3)
  const pauses: number[] = []
  for (let i = 0; i < 3; i++) {
    pauses.push((lone.alarmMs ?? 0) - lone.nowMs)
    assert.is(asksIn(ring(lone)).length, 3)
  }
  assert.equal(pauses, [1000, 1500, 2250])
  const { member } = set.validators[1] as (typeof set.validators)[0]
  assert.is(asksIn(feed(lone, { kind: 'connected', member })).length, 1)
})

const leaf = (label: string) => hashOf<Leaf>(label)

test('a wiped member must not stall the rest, and all may start at once', () => {
  for (const n of [4, 5, 7]) {
    const world = createWorld(n, n)
    const nodes = world.nodes as WorldNode[]
    const [first] = nodes as [WorldNode]
    const commits = (label: string, among: readonly WorldNode[]) => {
      submit(world, first, leaf(label))
      assert.ok(
        run(world, world.nowMs + 30_000, () => among.every((node) => node.disk.committed.has(leaf(label)))),
        `${n}: ${label}`
      )
    }
    for (const label of ['a', 'b', 'c']) commits(label, nodes)
    for (const node of nodes) crashNode(node)
    const wiped = nodes.slice(-Math.max(1, faultsTolerated(n)))
    for (const node of wiped) loseJournal(node)
    for (const node of nodes) startNode(world, node)
    // Those without a journal vote too, in the end: the world asserts that no vote of theirs excludes an earlier one.
    for (const label of ['d', 'e', 'f', 'g']) commits(label, nodes)
    for (const node of nodes) assert.is(worldStatus(node).voting.kind, 'voting')
  }
})

test('a member that is set back to an old copy of its journal finds out and signs nothing twice', () => {
  const world = createWorld(4, 21)
  const nodes = world.nodes as WorldNode[]
  const [first, , , last] = nodes as [WorldNode, WorldNode, WorldNode, WorldNode]
  const commits = (label: string) => {
    submit(world, first, leaf(label))
    assert.ok(
      run(world, world.nowMs + 30_000, () => nodes.every((node) => node.disk.committed.has(leaf(label)))),
      label
    )
  }
  commits('a')
  const old = last.disk.segments.map(({ number, bytes }) => ({ number, bytes: bytes.slice() }))
  for (const label of ['b', 'c', 'd']) commits(label)
  crashNode(last)
  last.disk.segments = old
  startNode(world, last)
  assert.ok(run(world, world.nowMs + 1000, () => worldStatus(last).voting.kind === 'waiting'))
  for (const label of ['e', 'f', 'g', 'h']) commits(label)
  assert.is(worldStatus(last).voting.kind, 'voting')
})

test.run()
