/**
 * N engines in one thread with a seed: virtual time, a network that drops, delays, duplicates, reorders and partitions, and
 * a disk that loses what was not synced. It checks while it runs: agreement, no conflicting votes ever, durable before send.
 */
import { assert, type Digest, type Epoch, type Leaf, type MemberId, type SignKey } from '@wardline/codec'
import {
  type BuildRequest,
  type Certificate,
  type Certified,
  createEngine,
  createJournalBook,
  type Engine,
  type EngineConfig,
  type EngineStatus,
  encodeJournalRecord,
  encodeMessage,
  engineStatus,
  genesisDigest,
  type Header,
  headerDigest,
  type Input,
  indexOfMember,
  type JournalBook,
  type JournalEntry,
  type JournalScan,
  type Message,
  noteAppend,
  type Output,
  type Proposal,
  parseMessage,
  planPrune,
  type Recovered,
  scanJournal,
  screen,
  setHash,
  step,
  type Validator,
  type ValidatorSet,
  type Vote,
  validatorSet
} from '../src/index.ts'
import {
  appHashOf,
  chain,
  fakeConfig,
  fakeSet,
  fakeSigner,
  fakeVerify,
  GENESIS_TIME_MS,
  genesisParent,
  headerOf
} from './chain-fixture.ts'

export type Faults = {
  /** Probabilities, 0 to 1. */
  drop: number
  duplicate: number
  delayMinMs: number
  delayMaxMs: number
}

export const CALM: Faults = { drop: 0, duplicate: 0, delayMinMs: 1, delayMaxMs: 5 }

type Body = { readonly header: Header; readonly leaves: readonly Leaf[] }

/** What survives a crash. */
type Disk = {
  segments: { number: number; bytes: Uint8Array }[]
  /** It is lost, and no record that says so is in it. */
  isJournalGone: boolean
  final: Certified | null
  /** The closing block of each epoch that has ended. */
  closings: Certified[]
  readonly chain: Digest[]
  readonly bodies: Map<Digest, Body>
  readonly submitted: Set<Leaf>
  readonly committed: Set<Leaf>
}

/** A change of the validators, which only a block of its epoch can hold, as its last transaction. */
export type Change = {
  readonly epoch: number
  readonly apply: (validators: readonly Validator[]) => readonly Validator[]
}

export type WorldNode = {
  readonly index: number
  readonly member: MemberId
  /** Vote keys that it has. */
  readonly keys: Set<SignKey>
  readonly disk: Disk
  engine: Engine | null
  run: number
  book: JournalBook
  mempool: Set<Leaf>
  seen: Set<string>
  alarmMs: number | null
  /** What its clock is ahead of the world's, milliseconds. */
  clockAheadMs: number
  durable: Set<string>
  builds: number
  sent: number
  /** When it last asked somebody of a later epoch. */
  askedMs: number
  commits: Extract<Output, { kind: 'commit' }>[]
}

export type World = {
  /** The validators of every epoch that a node has reached. */
  readonly sets: ValidatorSet[]
  readonly changes: Map<Leaf, Change>
  readonly nodes: readonly WorldNode[]
  nowMs: number
  faults: Faults
  /** Whether a message from one node reaches another now. */
  reaches: (from: number, to: number) => boolean
  /** Sees every message before it is sent; false drops it. */
  filter: (from: number, to: number, message: Message) => boolean
  /** Sees every batch of outputs before anything is done with it; true crashes the node at the point asked for. */
  crashPoint: (
    node: WorldNode,
    outputs: readonly Output[]
  ) => 'before-append' | 'torn-append' | 'after-append' | undefined
  readonly random: () => number
  readonly votes: Map<string, Map<string, string>>
  readonly canonical: Digest[]
  readonly events: { atMs: number; order: number; run: () => void }[]
  order: number
  messages: number
}

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** @param followers more nodes, which have no vote at first */
export function createWorld(n: number, seed: number, followers = 0): World {
  const everybody = fakeSet(n + followers)
  const world: World = {
    sets: [validatorSet(everybody.epoch, everybody.validators.slice(0, n))],
    changes: new Map(),
    nodes: everybody.validators.map(({ member, key }, index) => ({
      index,
      member,
      keys: new Set([key]),
      disk: {
        segments: [],
        isJournalGone: false,
        final: null,
        closings: [],
        chain: [genesisDigest(chain)],
        bodies: new Map(),
        submitted: new Set(),
        committed: new Set()
      },
      engine: null,
      run: 0,
      book: { nextSeq: 1, segments: [] },
      mempool: new Set(),
      seen: new Set(),
      alarmMs: null,
      clockAheadMs: 0,
      durable: new Set(),
      builds: 0,
      sent: 0,
      askedMs: 0,
      commits: []
    })),
    nowMs: GENESIS_TIME_MS + 1000,
    faults: CALM,
    reaches: () => true,
    filter: () => true,
    crashPoint: () => undefined,
    random: seededRandom(seed),
    votes: new Map(),
    canonical: [genesisDigest(chain)],
    events: [],
    order: 0,
    messages: 0
  }
  for (const node of world.nodes) startNode(world, node)
  return world
}

export function startNode(world: World, node: WorldNode): void {
  assert(node.engine === null, 'a node that runs is not started')
  const found = scanJournal(node.disk.segments)
  if (found.kind === 'lost') loseJournal(node)
  const isJournalLost = node.disk.isJournalGone
  const scan = found.kind === 'lost' ? EMPTY_SCAN : found
  if (scan.torn !== undefined) {
    const segment = node.disk.segments.find(({ number }) => number === scan.torn?.segment)
    if (segment !== undefined) segment.bytes = segment.bytes.slice(0, scan.torn.size)
  }
  node.book = createJournalBook(scan)
  node.run += 1
  node.seen = new Set()
  node.commits = []
  node.mempool = new Set([...node.disk.submitted].filter((leaf) => !node.disk.committed.has(leaf)))
  node.durable = new Set(scan.entries.flatMap(durableKeys))
  beginEpoch(world, node, { journal: scan.entries, isJournalLost })
  reportWork(world, node)
  gossipPending(world, node)
}

/** Says again what is pending. */
export function gossipPending(world: World, node: WorldNode): void {
  for (const leaf of node.mempool) gossipTransaction(world, node, leaf)
}

/** What the node signed is not known on its disk any more. */
export function loseJournal(node: WorldNode): void {
  node.disk.segments = []
  node.disk.isJournalGone = true
  node.book = createJournalBook(EMPTY_SCAN)
}

const EMPTY_SCAN: Extract<JournalScan, { kind: 'ok' }> = { kind: 'ok', entries: [], nextSeq: 1, segments: [] }

/** The engine of the epoch that the disk has reached. */
function beginEpoch(world: World, node: WorldNode, recovered: Omit<Recovered, 'final'>): void {
  const { final } = node.disk
  const config = configOf(world, node)
  node.engine = createEngine(config, {
    ...recovered,
    final: final?.certificate.epoch === config.set.epoch ? final : null
  })
  feed(world, node, { kind: 'start', nowMs: clockMs(world, node) })
}

function configOf(world: World, node: WorldNode): EngineConfig {
  const { closings } = node.disk
  const set = setOf(world, node)
  const own = set.validators.find(({ member }) => member === node.member)
  const self = own !== undefined && node.keys.has(own.key) ? { member: own.member, signer: fakeSigner(own) } : null
  return fakeConfig(set, null, { self, start: closings.at(-1) ?? null, earlier: (epoch) => world.sets[epoch] })
}

export function setOf(world: World, node: WorldNode): ValidatorSet {
  const set = world.sets[node.disk.closings.length]
  assert(set !== undefined, 'an epoch begins with the block that closes the one before')
  return set
}

/** Replaces the engine, as the driver does, when the disk has a closing block. What the old one waits for is forgotten. */
function changeEpoch(world: World, node: WorldNode): void {
  const voting = node.engine === null ? undefined : engineStatus(node.engine).voting.kind
  crashNode(node)
  node.commits = []
  beginEpoch(world, node, {
    ...{ journal: [], isJournalLost: node.disk.isJournalGone },
    isAudited: voting === 'voting' || voting === 'waiting'
  })
  reportWork(world, node)
}

export function crashNode(node: WorldNode): void {
  node.engine = null
  node.run += 1
  node.alarmMs = null
}

/** The node's own time. */
const clockMs = (world: World, node: WorldNode): number => world.nowMs + node.clockAheadMs

/** Sets a clock, ahead of the world's by `aheadMs`. Like a driver's timer, an alarm that is set keeps its delay. */
export function setClock(node: WorldNode, aheadMs: number): void {
  node.clockAheadMs = aheadMs
}

export function statusOf(node: WorldNode): EngineStatus {
  assert(node.engine !== null, 'the node runs')
  return engineStatus(node.engine)
}

export function submit(world: World, node: WorldNode, leaf: Leaf): void {
  node.disk.submitted.add(leaf)
  node.mempool.add(leaf)
  gossipTransaction(world, node, leaf)
  reportWork(world, node)
}

/** Runs events until `untilMs` or until `done` holds after one. @returns whether it held */
export function run(world: World, untilMs: number, done: () => boolean = () => false): boolean {
  for (;;) {
    if (done()) return true
    const event = world.events[0]
    if (event === undefined || event.atMs > untilMs) break
    popEvent(world)
    world.nowMs = Math.max(world.nowMs, event.atMs)
    event.run()
  }
  world.nowMs = untilMs
  return done()
}

/** Runs `what` after `delayMs` if the node did not crash meanwhile. */
function later(world: World, node: WorldNode, delayMs: number, what: () => void): void {
  const { run } = node
  schedule(world, world.nowMs + delayMs, () => {
    if (node.run === run && node.engine !== null) what()
  })
}

export function feed(world: World, node: WorldNode, input: Input): void {
  if (node.engine === null) return
  obey(world, node, step(node.engine, input))
}

function obey(world: World, node: WorldNode, outputs: readonly Output[]): void {
  const lostAt = outputs.findIndex(({ kind }) => kind === 'journal-lost')
  if (lostAt !== -1) {
    obey(world, node, outputs.slice(0, lostAt))
    loseJournal(node)
    obey(world, node, outputs.slice(lostAt + 1))
    return
  }
  const entries = outputs.flatMap((output) => (output.kind === 'journal' ? [output.entry] : []))
  const point = world.crashPoint(node, outputs)
  if (entries.length > 0 && point !== 'before-append') appendJournal(world, node, entries, point === 'torn-append')
  if (point !== undefined) {
    crashNode(node)
    return
  }
  for (const entry of entries) for (const key of durableKeys(entry)) node.durable.add(key)
  for (const output of outputs) perform(world, node, output)
}

const SEGMENT_BYTES = 4 * 1024

function appendJournal(world: World, node: WorldNode, entries: readonly JournalEntry[], torn: boolean): void {
  const record = encodeJournalRecord(node.book.nextSeq, entries)
  const { segments } = node.disk
  let last = segments.at(-1)
  if (last === undefined || last.bytes.length + record.length > SEGMENT_BYTES) {
    last = { number: (last?.number ?? 0) + 1, bytes: new Uint8Array(0) }
    segments.push(last)
  }
  const kept = torn ? record.slice(0, Math.floor(world.random() * record.length)) : record
  last.bytes = Buffer.concat([last.bytes, kept])
  if (torn) return
  noteAppend(node.book, last.number, entries)
  node.disk.isJournalGone = false
}

function perform(world: World, node: WorldNode, output: Output): void {
  switch (output.kind) {
    case 'journal':
    case 'journal-lost':
    case 'refused':
    case 'retry':
      if (output.kind === 'retry') gossipPending(world, node)
      break
    case 'send':
      checkSend(world, node, output.message)
      node.sent += 1
      for (const to of world.nodes) {
        if (to !== node && (output.to === 'all' || output.to === to.member)) {
          transmit(world, node, to, output.message, output.to === 'all')
        }
      }
      break
    case 'build':
      later(world, node, 1 + world.random() * 3, () => build(world, node, output))
      break
    case 'check':
      later(world, node, 1 + world.random() * 3, () => check(world, node, output.proposal, output.digest))
      break
    case 'evidence':
      throw new Error('no member of this world signs two votes that exclude each other')
    case 'commit':
      node.commits.push(output)
      later(world, node, 0, () => tryCommit(world, node))
      break
    case 'alarm':
      setAlarm(world, node, output.atMs)
      break
    case 'fetch-block':
      later(world, node, 5, () => fetchBlock(world, node, output.digest))
      break
    case 'behind':
      later(world, node, 5, () => catchUp(world, node, output.from))
      break
  }
}

function setAlarm(world: World, node: WorldNode, atMs: number | null): void {
  node.alarmMs = atMs
  if (atMs === null) return
  later(world, node, Math.max(0, atMs - clockMs(world, node)), () => {
    if (node.alarmMs !== atMs) return
    node.alarmMs = null
    feed(world, node, { kind: 'alarm', nowMs: clockMs(world, node) })
  })
}

function transmit(world: World, from: WorldNode, to: WorldNode, message: Message, isGossip: boolean): void {
  const { faults, random } = world
  const bytes = encodeMessage(message)
  const copies = random() < faults.drop ? 0 : random() < faults.duplicate ? 2 : 1
  for (let i = 0; i < copies; i++) {
    const delay = faults.delayMinMs + random() * (faults.delayMaxMs - faults.delayMinMs)
    schedule(world, world.nowMs + delay, () => {
      if (!world.reaches(from.index, to.index) || !world.filter(from.index, to.index, message)) return
      deliver(world, to, `peer ${from.index}`, bytes, isGossip)
    })
  }
}

/** What arrives at a node's wire: parse, screen, verify, feed. Gossip drops bytes that it has carried before. */
export function deliver(world: World, to: WorldNode, from: string, bytes: Uint8Array, isGossip: boolean): void {
  if (to.engine === null) return
  world.messages += 1
  const id = Buffer.from(bytes).toString('latin1')
  if (isGossip && to.seen.has(id)) return
  if (isGossip) to.seen.add(id)
  const message = parseMessage(bytes)
  assert(message !== undefined, 'honest messages parse')
  const screening = screen(to.engine, message, from, clockMs(world, to))
  assert(
    screening.kind !== 'reject',
    `an honest message is never rejected: ${screening.kind === 'reject' && screening.code}`
  )
  if (screening.kind === 'ignore' && screening.code === 'later-epoch') askLater(world, to, from)
  if (screening.kind !== 'verify') return
  for (const { key, message: signed, signature } of screening.checks) {
    assert(fakeVerify(key, signed, signature), 'honest signatures verify')
  }
  const verifyMs = screening.checks.length === 0 ? 0 : world.random() * 2
  later(world, to, verifyMs, () => {
    const heard = screening.instead ?? message
    feed(world, to, { kind: 'message', from, message: heard, nowMs: clockMs(world, to) })
  })
}

/** Somebody is in a later epoch: he has the block that ends this one. */
function askLater(world: World, node: WorldNode, peer: string): void {
  if (world.nowMs - node.askedMs < 1000) return
  node.askedMs = world.nowMs
  const from = world.nodes.find(({ index }) => `peer ${index}` === peer)
  if (from !== undefined) later(world, node, 5, () => catchUp(world, node, [from.member]))
}

function build(world: World, node: WorldNode, request: BuildRequest): void {
  const { parent, view, allowTransactions, allowEmpty } = request
  const answer = { kind: 'built', view, parent: parent.digest, nowMs: clockMs(world, node) } as const
  const used = leavesAbove(node, parent.digest)
  const same = node.disk.bodies.get(parent.digest)
  if (used === undefined || (request.again && same === undefined)) {
    feed(world, node, { ...answer, header: null, leaves: [], reason: 'failed' })
    return
  }
  if (request.again && same !== undefined) {
    feed(world, node, { ...answer, ...same })
    return
  }
  const set = setOf(world, node)
  const free = [...node.mempool].filter((leaf) => !used.has(leaf) && isIncludable(world, set, leaf)).slice(0, 5)
  const change = free.findIndex((leaf) => world.changes.has(leaf))
  const leaves = allowTransactions ? free.slice(0, change === -1 ? undefined : change + 1) : []
  if (leaves.length === 0 && !allowEmpty) {
    feed(world, node, { ...answer, header: null, leaves: [], reason: 'nothing' })
    return
  }
  const time = Math.max(Math.floor(clockMs(world, node)), request.timeMinMs)
  const parentInfo = parent.header === null ? genesisParent : { ...parent.header, digest: parent.digest }
  const header = { ...headerOf(set, view, parentInfo, leaves, time), nextSetHash: setHashAfter(world, set, leaves) }
  node.disk.bodies.set(headerDigest(header), { header, leaves })
  node.builds += 1
  feed(world, node, { ...answer, header, leaves })
}

function isIncludable(world: World, set: ValidatorSet, leaf: Leaf): boolean {
  const change = world.changes.get(leaf)
  return change === undefined || change.epoch === set.epoch
}

function validatorsAfter(world: World, set: ValidatorSet, leaves: readonly Leaf[]): readonly Validator[] {
  const change = world.changes.get(leaves.at(-1) as Leaf)
  return change === undefined ? set.validators : change.apply(set.validators)
}

function setHashAfter(world: World, set: ValidatorSet, leaves: readonly Leaf[]) {
  return setHash(validatorSet(set.epoch, validatorsAfter(world, set, leaves)).validators)
}

/** Leaves from the final block (excluded) to `digest`; undefined when a body in between is missing. */
function leavesAbove(node: WorldNode, digest: Digest): Set<Leaf> | undefined {
  const used = new Set<Leaf>(node.disk.committed)
  let at = digest
  while (!node.disk.chain.includes(at)) {
    const body = node.disk.bodies.get(at)
    if (body === undefined) return undefined
    for (const leaf of body.leaves) used.add(leaf)
    at = body.header.parent
  }
  return used
}

function check(world: World, node: WorldNode, proposal: Proposal, digest: Digest): void {
  const { header, leaves } = proposal
  const answer = (verdict: 'valid' | 'invalid' | 'unavailable') =>
    feed(world, node, { kind: 'checked', view: proposal.view, digest, verdict, nowMs: clockMs(world, node) })
  node.disk.bodies.set(digest, { header, leaves })
  for (let at = header.parent; !node.disk.chain.includes(at); ) {
    const body = node.disk.bodies.get(at) ?? findBody(world, node, at)
    if (body === undefined) {
      answer('unavailable')
      return
    }
    if (!node.disk.bodies.has(at)) {
      node.disk.bodies.set(at, body)
      feed(world, node, { kind: 'fetched', header: body.header, nowMs: clockMs(world, node) })
    }
    at = body.header.parent
  }
  const used = leavesAbove(node, header.parent)
  const set = setOf(world, node)
  const isFresh = used !== undefined && leaves.every((leaf) => !used.has(leaf) && isIncludable(world, set, leaf))
  const isOpen = !isClosing(set, node.disk.bodies.get(header.parent)?.header)
  const isChangeLast = leaves.slice(0, -1).every((leaf) => !world.changes.has(leaf))
  const isSet = header.nextSetHash === setHashAfter(world, set, leaves)
  const isState = header.appHash === appHashOf(header.parent, leaves)
  answer(isFresh && isOpen && isChangeLast && isSet && isState ? 'valid' : 'invalid')
}

/** Whether a header of this set's epoch ends it. */
export function isClosing(set: ValidatorSet, header: Header | undefined): boolean {
  return header?.epoch === set.epoch && header.nextSetHash !== setHash(set.validators)
}

function findBody(world: World, node: WorldNode, digest: Digest): Body | undefined {
  const own = node.disk.bodies.get(digest)
  if (own !== undefined) return own
  for (const other of world.nodes) {
    if (other.engine === null || !world.reaches(other.index, node.index) || !world.reaches(node.index, other.index))
      continue
    const body = other.disk.bodies.get(digest)
    if (body !== undefined) return body
  }
  return undefined
}

function fetchBlock(world: World, node: WorldNode, digest: Digest): void {
  const body = findBody(world, node, digest)
  if (body === undefined) return
  node.disk.bodies.set(digest, body)
  feed(world, node, { kind: 'fetched', header: body.header, nowMs: clockMs(world, node) })
}

/** Commits in order; waits for bodies that only others hold. */
function tryCommit(world: World, node: WorldNode): void {
  for (let commit = node.commits[0]; commit !== undefined; commit = node.commits[0]) {
    for (const header of commit.blocks) {
      const digest = headerDigest(header)
      const body = findBody(world, node, digest)
      if (body === undefined) {
        later(world, node, 50, () => tryCommit(world, node))
        return
      }
      node.disk.bodies.set(digest, body)
    }
    node.commits.shift()
    const last = commit.blocks.at(-1) as Header
    // Catch-up may have been faster.
    if (last.height < node.disk.chain.length) {
      feed(world, node, { kind: 'committed', digest: headerDigest(last) })
      continue
    }
    const before = node.disk.closings.length
    for (const header of commit.blocks) extendChain(world, node, header, commit.certificate)
    node.disk.final = { header: last, certificate: commit.certificate }
    feed(world, node, { kind: 'committed', digest: headerDigest(last) })
    reportWork(world, node)
    prune(world, node)
    if (node.disk.closings.length > before && node.engine !== null) changeEpoch(world, node)
  }
}

/** @param certificate the finalization of the block if it closes its epoch */
function extendChain(world: World, node: WorldNode, header: Header, certificate: Certificate): void {
  const digest = headerDigest(header)
  const { disk } = node
  if (header.height < disk.chain.length) {
    assert(disk.chain[header.height] === digest, 'a committed block never changes')
    return
  }
  assert(disk.chain.at(-1) === header.parent && disk.chain.length === header.height, 'commits extend the chain')
  const set = setOf(world, node)
  assert(header.epoch === set.epoch, 'a block is of the epoch that its parent leaves open')
  disk.chain.push(digest)
  const agreed = world.canonical[header.height]
  assert(agreed === undefined || agreed === digest, `agreement at height ${header.height}`)
  world.canonical[header.height] = digest
  for (const leaf of disk.bodies.get(digest)?.leaves ?? []) {
    assert(!disk.committed.has(leaf), 'a transaction is committed once')
    disk.committed.add(leaf)
    node.mempool.delete(leaf)
  }
  if (!isClosing(set, header)) return
  assert(certificate.digest === digest && certificate.epoch === set.epoch, 'a closing block has its own finalization')
  const epoch = (set.epoch + 1) as Epoch
  world.sets[epoch] ??= validatorSet(epoch, validatorsAfter(world, set, disk.bodies.get(digest)?.leaves ?? []))
  disk.closings.push({ header, certificate })
}

function prune(world: World, node: WorldNode): void {
  const final = node.disk.final?.certificate
  if (node.engine === null || final === undefined) return
  const plan = planPrune(node.book, final)
  if (plan === undefined) return
  appendJournal(world, node, [plan.entry], false)
  node.disk.segments = node.disk.segments.filter(({ number }) => number >= plan.dropBelow)
}

function catchUp(world: World, node: WorldNode, from: readonly MemberId[]): void {
  for (const other of world.nodes) {
    const final = other.disk.final
    if (!from.includes(other.member) || other.engine === null || final === null) continue
    if (!world.reaches(other.index, node.index) || !world.reaches(node.index, other.index)) continue
    if (final.header.height < node.disk.chain.length) continue
    const before = node.disk.closings.length
    for (const digest of other.disk.chain.slice(node.disk.chain.length)) {
      const body = other.disk.bodies.get(digest) as Body
      node.disk.bodies.set(digest, body)
      const closing = other.disk.closings[body.header.epoch]
      extendChain(world, node, body.header, closing?.certificate ?? final.certificate)
    }
    node.disk.final = final
    if (node.disk.closings.length > before) changeEpoch(world, node)
    feed(world, node, { kind: 'sync-head', ...final, nowMs: clockMs(world, node) })
    reportWork(world, node)
    return
  }
}

function gossipTransaction(world: World, node: WorldNode, leaf: Leaf): void {
  for (const to of world.nodes) {
    if (to === node || world.random() < world.faults.drop) continue
    schedule(world, world.nowMs + world.faults.delayMinMs, () => {
      if (to.engine === null || !world.reaches(node.index, to.index)) return
      if (to.disk.committed.has(leaf) || to.mempool.has(leaf)) return
      to.mempool.add(leaf)
      reportWork(world, to)
    })
  }
}

function reportWork(world: World, node: WorldNode): void {
  const set = setOf(world, node)
  const hasWork = [...node.mempool].some((leaf) => isIncludable(world, set, leaf))
  feed(world, node, { kind: 'work', hasWork, nowMs: clockMs(world, node) })
}

/** What the journal must hold before something is sent. */
function durableKeys(entry: JournalEntry): readonly string[] {
  switch (entry.kind) {
    case 'entered':
      return [
        `entered ${entry.epoch}/${entry.view}`,
        ...(entry.certificate === null ? [] : [certificateKey(entry.certificate)])
      ]
    case 'kept':
      return [certificateKey(entry.certificate)]
    case 'proposed':
      return [`notarize ${entry.proposal.header.epoch}/${entry.proposal.view} ${headerDigest(entry.proposal.header)}`]
    case 'voted':
      return [`${entry.vote.kind} ${entry.vote.epoch}/${entry.vote.view} ${entry.vote.digest}`]
    case 'pruned':
      return []
  }
}

function certificateKey({ kind, epoch, view, digest }: Certificate): string {
  return `certificate ${kind} ${epoch}/${view} ${digest}`
}

function checkSend(world: World, node: WorldNode, message: Message): void {
  if (message.kind !== 'vote' && message.kind !== 'proposal') return
  const vote: Pick<Vote, 'kind' | 'epoch' | 'view' | 'digest'> =
    message.kind === 'vote' ? message.vote : voteIn(message.proposal)
  const { kind, epoch, digest } = vote
  const view = `${epoch}/${vote.view}`
  assert(node.durable.has(`${kind} ${view} ${digest}`), `${kind} is durable before it is sent`)
  assert(indexOfMember(world.sets[epoch] as ValidatorSet, node.member) >= 0, 'only validators of the epoch vote')
  assert(epoch === node.disk.closings.length, 'nobody votes in an epoch that he has not reached, or that has ended')
  if (kind === 'finalize') {
    assert(
      node.durable.has(`certificate notarize ${view} ${digest}`),
      'a finalize vote rests on a durable notarization'
    )
  } else {
    assert(node.durable.has(`entered ${view}`), 'the entry into a view is durable before a vote in it')
  }
  if (kind === 'notarize') assert(node.disk.bodies.has(digest), 'a body is durable before its notarize vote')

  const slotKey = `${node.index} ${view}`
  const slot = world.votes.get(slotKey) ?? new Map<string, string>()
  world.votes.set(slotKey, slot)
  const first = slot.get(kind)
  assert(first === undefined || first === digest, `one ${kind} digest per view`)
  slot.set(kind, digest)
  assert(!(slot.has('nullify') && slot.has('finalize')), 'never both nullify and finalize')
  const [notarized, finalized] = [slot.get('notarize'), slot.get('finalize')]
  assert(notarized === undefined || finalized === undefined || notarized === finalized, 'one digest per view')
}

function voteIn({ header, view }: Proposal): Pick<Vote, 'kind' | 'epoch' | 'view' | 'digest'> {
  return { kind: 'notarize', epoch: header.epoch, view, digest: headerDigest(header) }
}

export function schedule(world: World, atMs: number, run: () => void): void {
  world.order += 1
  const { events } = world
  events.push({ atMs, order: world.order, run })
  let child = events.length - 1
  while (child > 0) {
    const parent = (child - 1) >> 1
    if (!isBefore(events, child, parent)) break
    swap(events, child, parent)
    child = parent
  }
}

function popEvent(world: World): void {
  const { events } = world
  swap(events, 0, events.length - 1)
  events.pop()
  for (let parent = 0; ; ) {
    const left = 2 * parent + 1
    let least = parent
    if (left < events.length && isBefore(events, left, least)) least = left
    if (left + 1 < events.length && isBefore(events, left + 1, least)) least = left + 1
    if (least === parent) return
    swap(events, parent, least)
    parent = least
  }
}

function isBefore(events: World['events'], a: number, b: number): boolean {
  const [first, second] = [events[a], events[b]]
  if (first === undefined || second === undefined) return false
  return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order)
}

function swap(events: World['events'], a: number, b: number): void {
  const [first, second] = [events[a], events[b]]
  if (first === undefined || second === undefined) return
  events[a] = second
  events[b] = first
}
