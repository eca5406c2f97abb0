/** Changes of the validators: in one engine whose peers the test plays, and in worlds of engines under faults. */
import { type Epoch, type Leaf, type SignKey, unreachable, type View } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  createEngine,
  headerDigest,
  type Output,
  setHash,
  step,
  type Validator,
  validatorSet
} from '../../src/index.ts'
import {
  certificateOf,
  fakeConfig,
  fakeSet,
  GENESIS_TIME_MS,
  genesisParent,
  hashOf,
  headerOf,
  parentOf,
  proposalOf,
  voteOf
} from '../chain-fixture.ts'
import {
  CALM,
  type Change,
  crashNode,
  createWorld,
  gossipPending,
  run,
  setOf,
  startNode,
  statusOf,
  submit,
  type World,
  type WorldNode
} from '../world.ts'
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
  type Lone,
  restart,
  ring,
  screenHere,
  viewOf,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/epochs')
const leaf = (label: string) => hashOf<Leaf>(`leaf ${label}`)

// One engine. Its epoch 0 has members 0 to 3; the closing block of view 1 leaves 0 to 2 in epoch 1.
const set = fakeSet(4)
const nextSet = validatorSet(1 as Epoch, set.validators.slice(0, 3))
const closing = {
  ...headerOf(set, 1, genesisParent, [leaf('change')], GENESIS_TIME_MS + 900),
  nextSetHash: setHash(nextSet.validators)
}
const closingDigest = headerDigest(closing)
const proposed = proposalOf(set, closing, [leaf('change')], null)
const notarized = certificateOf(set, 'notarize', 1, closingDigest)
const skipped = (view: number) => certificateOf(set, 'nullify', view)
/** The closing block proposed again by the leader of `view`, on the notarization of view 1. */
const again = (view: number) =>
  proposalOf(
    set,
    closing,
    [leaf('change')],
    notarized,
    Array.from({ length: view - 2 }, (_, at) => skipped(at + 2)),
    view as View
  )
const finalized = certificateOf(set, 'finalize', 1, closingDigest)

const kinds = (outputs: readonly Output[]) => outputs.map(({ kind }) => kind)

function notarizedLone(index: number): Lone {
  const lone = createLone(set, index)
  feed(lone, { kind: 'work', hasWork: true })
  hearProposal(lone, proposed)
  checked(lone, closingDigest)
  return lone
}

test('on a notarized closing block only that block again is justified', () => {
  const child = headerOf(set, 2, parentOf(closing), [], closing.time + 1)
  const rows = [
    ['the same block again, by the leader of the view', again(3), 'verify'],
    ['with a skip missing', { ...again(3), skips: [] }, 'reject unjustified'],
    ['on nothing', { ...again(3), parentCertificate: null, skips: [skipped(1), skipped(2)] }, 'reject unjustified'],
    ['on the nullification of its view', { ...again(3), parentCertificate: skipped(1) }, 'reject unjustified'],
    [
      'a block that does not close the epoch',
      proposalOf(
        set,
        headerOf(set, 1, genesisParent),
        [],
        certificateOf(set, 'notarize', 1, headerDigest(headerOf(set, 1, genesisParent))),
        [skipped(2)],
        3 as View
      ),
      'reject unjustified'
    ],
    ['a block on top of it', proposalOf(set, child, [], notarized), 'ignored']
  ] as const
  for (const [name, proposal, expected] of rows) {
    const lone = notarizedLone(0)
    hearCertificate(lone, notarized)
    if (expected === 'ignored') {
      const outputs = hearProposal(lone, proposal)
      assert.not.ok(kinds(outputs).includes('check'), name)
      assert.equal(votesSent(outputs), ['nullify 2'], 'the leader signed it, so its view is given up')
      continue
    }
    if (proposal.view === 3) hearCertificate(lone, skipped(2))
    const screening = screenHere(lone, { kind: 'proposal', proposal })
    assert.is(screening.kind === 'reject' ? `reject ${screening.code}` : screening.kind, expected, name)
  }
})

test('a closing block that was not finalized in its own view is proposed again, voted for and finalized in a later one', () => {
  // Member 2 leads view 2: it hears of the notarization only after it gave view 1 up.
  const lone = createLone(set, 2)
  feed(lone, { kind: 'work', hasWork: true })
  hearProposal(lone, proposed)
  checked(lone, closingDigest)
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
  hearCertificate(lone, notarized)
  assert.is(viewOf(lone), 2)
  const asked = ring(lone).find((output) => output.kind === 'build')
  assert.ok(asked?.again, 'after a moment, and as it is')
  assert.is(asked.parent.digest, closingDigest)
  const outputs = feed(lone, {
    kind: 'built',
    view: 2 as View,
    parent: closingDigest,
    header: closing,
    leaves: [leaf('change')]
  })
  const [sent] = outputs.flatMap((output) => (output.kind === 'send' ? [output.message] : []))
  assert.equal(sent, {
    kind: 'proposal',
    proposal: { ...again(2), signature: voteOf(set, 2, 'notarize', 2, closingDigest).signature }
  })
  assert.equal(
    restart(lone).flatMap((output) =>
      output.kind === 'send' && output.message.kind === 'proposal' ? [output.message] : []
    ),
    [sent],
    'a restarted leader sends the same'
  )
  // Member 3 votes for it, and it becomes final by votes of view 2.
  const voter = notarizedLone(3)
  ring(voter)
  hearCertificate(voter, notarized)
  hear(voter, sent as Parameters<typeof hear>[1])
  assert.equal(votesSent(checked(voter, closingDigest)), ['notarize 2'])
  hearCertificate(voter, certificateOf(set, 'notarize', 2, closingDigest))
  const final = hearCertificate(voter, certificateOf(set, 'finalize', 2, closingDigest))
  assert.ok(
    final.some((output) => output.kind === 'commit' && headerDigest(output.blocks.at(-1) as never) === closingDigest)
  )
  assert.equal(
    kinds(hearCertificate(voter, certificateOf(set, 'finalize', 3, closingDigest))).includes('commit'),
    false
  )
})

test('once the closing block is final the engine signs nothing, arms no timer, and tells who is behind', () => {
  const lone = notarizedLone(3)
  hearCertificate(lone, notarized)
  assert.ok(kinds(hearCertificate(lone, finalized)).includes('commit'))
  assert.is(lone.alarmMs, null)
  assert.equal(kinds(feed(lone, { kind: 'work', hasWork: true })), [])
  const late = { ...voteOf(set, 0, 'nullify', 7), attempt: 1 }
  assert.equal(certificatesSent(hearVote(lone, late), late.signer), ['finalize 1'])
  assert.equal(screenHere(lone, { kind: 'vote', vote: late }), { kind: 'ignore', code: 'epoch-ended' }, 'once a second')
  assert.equal(screenHere(lone, { kind: 'proposal', proposal: again(3) }), { kind: 'ignore', code: 'epoch-ended' })
  // The same block, finalized in another view too, is no conflict; another block is.
  assert.equal(kinds(hearCertificate(lone, certificateOf(set, 'finalize', 5, closingDigest))).includes('commit'), false)
  const other = headerOf(set, 6, genesisParent, [leaf('other')])
  hearCertificate(lone, certificateOf(set, 'finalize', 6, headerDigest(other)))
  assert.throws(() => feed(lone, { kind: 'fetched', header: other }), /does not extend the final chain/)
})

/** An engine of epoch 1, which starts on the closing block. */
function promoted(index: number, overrides: Parameters<typeof fakeConfig>[2] = {}): Lone {
  const start = { header: closing, certificate: finalized }
  return createLone(nextSet, index, { start, earlier: (epoch) => (epoch === 0 ? set : undefined), ...overrides })
}

test('the next epoch begins at view 1 on the closing block, and says to a member of the last one that it has ended', () => {
  const lone = promoted(2)
  assert.is(viewOf(lone), 1)
  const entered = lone.journal.find((entry) => entry.kind === 'entered')
  assert.equal(entered, { kind: 'entered', epoch: 1, view: 1, certificate: finalized })
  // The leader of view 1 of epoch 1 is set[(1 + 1) mod 3].
  const { header, outputs } = answerBuild(lone, feed(lone, { kind: 'work', hasWork: true }), parentOf(closing), [
    leaf('b')
  ])
  assert.equal([header.epoch, header.view, header.height], [1, 1, 2])
  const [proposal] = outputs.flatMap((output) =>
    output.kind === 'send' && output.message.kind === 'proposal' ? [output.message.proposal] : []
  )
  assert.is(proposal?.parentCertificate, null, 'everybody in the epoch has its start')
  assert.ok(kinds(hearProposal(promoted(1), proposal as never)).includes('check'))

  const removed = set.validators[3] as Validator
  const late = { ...voteOf(set, 3, 'notarize', 2, hashOf('x')), attempt: 9 }
  assert.equal(certificatesSent(hearVote(lone, late), removed.member), ['finalize 1'])
  assert.equal(screenHere(lone, { kind: 'vote', vote: { ...late, attempt: 10 } }).kind, 'ignore', 'once a second')
  const stranger = { ...late, signer: hashOf<never>('stranger') }
  assert.equal(screenHere(lone, { kind: 'vote', vote: stranger }), { kind: 'ignore', code: 'earlier-epoch' })
})

test('who asks for its own past in an epoch that has ended is told that it has, once a second', () => {
  const asker = createEngine(fakeConfig(set, 3), { final: null, journal: [] })
  const outputs = step(asker, { kind: 'start', nowMs: GENESIS_TIME_MS })
  const [ask] = outputs.flatMap((one) =>
    one.kind === 'send' && one.message.kind === 'status-ask' ? [one.message.ask] : []
  )
  if (ask === undefined) throw new Error('a validator asks as it starts')
  const lone = promoted(2)
  assert.equal(certificatesSent(hear(lone, { kind: 'status-ask', ask }), ask.asker), ['finalize 1'])
  assert.equal(screenHere(lone, { kind: 'status-ask', ask }), { kind: 'ignore', code: 'earlier-epoch' })
  lone.nowMs += 1000
  assert.equal(certificatesSent(hear(lone, { kind: 'status-ask', ask }), ask.asker), ['finalize 1'])
  lone.nowMs += 1000
  // A follower has the certificate too, and nobody else is answered.
  const follower = promoted(2, { self: null })
  assert.equal(certificatesSent(hear(follower, { kind: 'status-ask', ask }), ask.asker), ['finalize 1'])
  const stranger = { ...ask, asker: hashOf<never>('stranger') }
  assert.equal(screenHere(lone, { kind: 'status-ask', ask: stranger }), { kind: 'ignore', code: 'earlier-epoch' })
})

test('a removed member has no vote in the next epoch, and neither has a vote of an earlier one', () => {
  const lone = promoted(1)
  const vote = { ...voteOf(set, 3, 'nullify', 1), epoch: 1 as Epoch }
  assert.equal(screenHere(lone, { kind: 'vote', vote }), { kind: 'reject', code: 'unknown-signer' })
  assert.equal(screenHere(lone, { kind: 'vote', vote: voteOf(set, 2, 'notarize', 1, closingDigest) }), {
    kind: 'ignore',
    code: 'earlier-epoch'
  })
  // Signatures over epoch 0 do not pass for epoch 1, not even those of its own start.
  const moved = { ...finalized, epoch: 1 as Epoch }
  const screening = screenHere(lone, { kind: 'certificate', certificate: moved, attempt: 0 })
  assert.is(screening.kind === 'verify' && screening.checks.length, 3, 'each is verified, and none holds')
})

test('a journal that speaks of a later epoch keeps the engine of an earlier one from signing', () => {
  const journal = promoted(2).journal
  const lone = createLone(set, 2)
  lone.engine = createEngine(fakeConfig(set, 2), { final: null, journal })
  feed(lone, { kind: 'start' })
  feed(lone, { kind: 'work', hasWork: true })
  assert.equal(votesSent(hearProposal(lone, proposed)), [])
  assert.equal(votesSent(checked(lone, closingDigest)), [])
  assert.equal(votesSent(ring(lone)), [])
})

test('votes of an epoch are taken over after a restart in it, and those of an earlier one are not', () => {
  const before = createLone(set, 1)
  feed(before, { kind: 'work', hasWork: true })
  const lone = promoted(1)
  hearProposal(lone, proposalOf(nextSet, headerOf(nextSet, 1, parentOf(closing), [], closing.time + 90), [], null))
  const votes = ['notarize 1', 'finalize 1']
  assert.equal(votesSent(checked(lone, [...lone.checks.keys()][0] as never)), votes)
  const engine = createEngine(
    fakeConfig(nextSet, 1, { start: { header: closing, certificate: finalized }, earlier: () => set }),
    { final: null, journal: [...before.journal, ...lone.journal] }
  )
  lone.engine = engine
  assert.equal(votesSent(feed(lone, { kind: 'start' })), ['finalize 1'])
})

// Worlds of engines. Node i of n has a vote at first, and the followers behind them have none.

type Wanted = { readonly kind: 'add' | 'remove' | 'rotate'; readonly node: WorldNode }

function changeOf(epoch: number, { kind, node }: Wanted): Change {
  const key = hashOf<SignKey>(`key of ${node.index} for ${kind} in ${epoch}`)
  node.keys.add(key)
  const others = (validators: readonly Validator[]) => validators.filter(({ member }) => member !== node.member)
  return {
    epoch,
    apply(validators) {
      switch (kind) {
        case 'add':
        case 'rotate':
          return [...others(validators), { member: node.member, key }]
        case 'remove':
          return others(validators)
        default:
          return unreachable(kind)
      }
    }
  }
}

let changesMade = 0

/** Submits a change for the present epoch of the node it is submitted to. */
function change(world: World, at: WorldNode, wanted: Wanted): Leaf {
  changesMade += 1
  const name = leaf(`change ${changesMade}`)
  world.changes.set(name, changeOf(at.disk.closings.length, wanted))
  submit(world, at, name)
  return name
}

const nodeAt = (world: World, index: number): WorldNode => world.nodes[index] as WorldNode
const inEpoch = (world: World, epoch: number) =>
  world.nodes.every((node) => node.engine !== null && statusOf(node).epoch === epoch)
const hasAll = (world: World, ...leaves: Leaf[]) =>
  world.nodes.every((node) => leaves.every((one) => node.disk.committed.has(one)))
const votersIn = (world: World, epoch: number) =>
  new Set([...world.votes.keys()].filter((key) => key.includes(` ${epoch}/`)).map((key) => Number(key.split(' ')[0])))

for (const n of [1, 2, 3, 4, 6]) {
  test(`${n} calm validators: one is added, one rotates, one goes, each within one epoch`, () => {
    const world = createWorld(n, n, 1)
    const startMs = world.nowMs
    const first = nodeAt(world, 0)
    const added = nodeAt(world, n)
    change(world, first, { kind: 'add', node: added })
    assert.ok(run(world, world.nowMs + 5_000, () => inEpoch(world, 1)))
    submit(world, added, leaf('after add'))
    assert.ok(run(world, world.nowMs + 10_000, () => hasAll(world, leaf('after add'))))
    assert.ok(votersIn(world, 1).has(n), 'the added one votes in the epoch that it was added for')
    change(world, first, { kind: 'rotate', node: added })
    assert.ok(run(world, world.nowMs + 5_000, () => inEpoch(world, 2)))
    submit(world, first, leaf('after rotate'))
    assert.ok(run(world, world.nowMs + 10_000, () => hasAll(world, leaf('after rotate'))))
    assert.ok(votersIn(world, 2).has(n), 'with its new key')
    change(world, first, { kind: 'remove', node: added })
    assert.ok(run(world, world.nowMs + 5_000, () => inEpoch(world, 3)))
    submit(world, added, leaf('after remove'))
    assert.ok(run(world, world.nowMs + 10_000, () => hasAll(world, leaf('after remove'))))
    assert.not.ok(votersIn(world, 3).has(n), 'the removed one follows without a vote')
    run(world, world.nowMs + 30_000)
    assert.ok(world.nodes.every((node) => !statusOf(node).awake))
    assert.ok(startMs < world.nowMs)
  })
}

test('the leader is removed by the block that it proposes itself', () => {
  const world = createWorld(4, 5)
  const leader = world.nodes.find(({ member }) => member === statusOf(nodeAt(world, 0)).leader) as WorldNode
  change(world, leader, { kind: 'remove', node: leader })
  assert.ok(run(world, world.nowMs + 5_000, () => inEpoch(world, 1)))
  submit(world, leader, leaf('from outside'))
  assert.ok(run(world, world.nowMs + 10_000, () => hasAll(world, leaf('from outside'))))
  assert.not.ok(votersIn(world, 1).has(leader.index))
  assert.is(setOf(world, leader).validators.length, 3)
})

test('everybody crashes right after the closing block is notarized: it is final in the end, and nothing else', () => {
  for (const when of ['before-append', 'torn-append', 'after-append'] as const) {
    const world = createWorld(4, 11)
    change(world, nodeAt(world, 0), { kind: 'remove', node: nodeAt(world, 3) })
    const crashed = new Set<number>()
    world.crashPoint = (node, outputs) => {
      const isNotarized = outputs.some(
        (output) => output.kind === 'journal' && output.entry.kind === 'entered' && output.entry.view === 2
      )
      if (!isNotarized || crashed.has(node.index)) return undefined
      crashed.add(node.index)
      return when
    }
    run(world, world.nowMs + 2_000)
    assert.ok(crashed.size > 0, `${when}: it came to that`)
    world.crashPoint = () => undefined
    for (const node of world.nodes) if (node.engine === null) startNode(world, node)
    assert.ok(
      run(world, world.nowMs + 60_000, () => inEpoch(world, 1)),
      when
    )
    submit(world, nodeAt(world, 1), leaf('after'))
    assert.ok(
      run(world, world.nowMs + 60_000, () => hasAll(world, leaf('after'))),
      when
    )
  }
})

test('a member that was away across two epochs catches up and votes again', () => {
  const world = createWorld(4, 21, 1)
  const away = nodeAt(world, 2)
  crashNode(away)
  const others = () => world.nodes.filter((node) => node !== away)
  const reach = (epoch: number) =>
    run(world, world.nowMs + 60_000, () => others().every((node) => statusOf(node).epoch === epoch))
  change(world, nodeAt(world, 0), { kind: 'add', node: nodeAt(world, 4) })
  assert.ok(reach(1))
  change(world, nodeAt(world, 0), { kind: 'rotate', node: nodeAt(world, 1) })
  assert.ok(reach(2))
  startNode(world, away)
  submit(world, nodeAt(world, 0), leaf('wakes it'))
  assert.ok(run(world, world.nowMs + 60_000, () => inEpoch(world, 2) && hasAll(world, leaf('wakes it'))))
  crashNode(nodeAt(world, 3))
  submit(world, nodeAt(world, 0), leaf('needs it'))
  assert.ok(run(world, world.nowMs + 60_000, () => away.disk.committed.has(leaf('needs it'))))
  assert.ok(votersIn(world, 2).has(2))
})

test('a change during a partition waits for a quorum, and then both sides are in the next epoch', () => {
  const world = createWorld(4, 31, 1)
  world.reaches = (a, b) => a < 2 === b < 2
  change(world, nodeAt(world, 0), { kind: 'add', node: nodeAt(world, 4) })
  run(world, world.nowMs + 20_000)
  assert.ok(inEpoch(world, 0))
  world.reaches = () => true
  assert.ok(run(world, world.nowMs + 120_000, () => inEpoch(world, 1)))
})

/** Changes one after the other while everything goes wrong; then all are in the last epoch and everything is final. */
function storm(n: number, followers: number, seed: number): World {
  const world = createWorld(n, seed, followers)
  const { random } = world
  const calmMs = world.nowMs + 15_000
  const leaves: Leaf[] = []
  world.crashPoint = () => {
    if (world.nowMs >= calmMs || random() > 0.003) return undefined
    return random() < 0.34 ? 'before-append' : random() < 0.5 ? 'torn-append' : 'after-append'
  }
  const anyNode = () => world.nodes[Math.floor(random() * world.nodes.length)] as WorldNode
  while (world.nowMs < calmMs) {
    world.faults =
      random() < 0.3
        ? CALM
        : { drop: random() * 0.3, duplicate: random() * 0.2, delayMinMs: 1, delayMaxMs: 5 + random() * random() * 1200 }
    const sides = world.nodes.map(() => random() < 0.5)
    world.reaches = random() < 0.6 ? () => true : (a, b) => sides[a] === sides[b]
    for (const node of world.nodes) {
      if (node.engine === null && random() < 0.5) startNode(world, node)
      else if (random() < 0.05) crashNode(node)
    }
    const at = anyNode()
    if (at.engine !== null && random() < 0.4) {
      const { validators } = setOf(world, at)
      const node = anyNode()
      const isValidator = validators.some(({ member }) => member === node.member)
      if (!isValidator) change(world, at, { kind: 'add', node })
      else if (validators.length > 2 && random() < 0.6) change(world, at, { kind: 'remove', node })
      else change(world, at, { kind: 'rotate', node })
    }
    const from = anyNode()
    if (from.engine !== null) {
      leaves.push(leaf(`${seed} ${leaves.length}`))
      submit(world, from, leaves.at(-1) as Leaf)
    }
    run(world, world.nowMs + random() * 500)
  }
  world.faults = CALM
  world.reaches = () => true
  for (const node of world.nodes) {
    if (node.engine === null) startNode(world, node)
    // Who has no vote has no timer at which it would say again what is pending with it.
    else gossipPending(world, node)
  }
  run(world, world.nowMs + 60_000)
  leaves.push(leaf(`${seed} last`))
  submit(world, anyNode(), leaves.at(-1) as Leaf)
  assert.ok(
    run(world, world.nowMs + 180_000, () => hasAll(world, ...leaves)),
    `n=${n} seed=${seed}: ${JSON.stringify(world.nodes.map(statusOf))}`
  )
  return world
}

for (const [n, followers] of [
  [1, 2],
  [3, 1],
  [4, 2],
  [6, 1]
] as const) {
  test(`${n} validators and ${followers} followers change under drop, delay, partitions and crashes, agree and go on`, () => {
    let epochs = 0
    for (let seed = 1; seed <= 8; seed++) epochs += storm(n, followers, seed * 100 + n).sets.length - 1
    assert.ok(epochs > 8, `${epochs} epochs ended`)
  })
}

test.run()
