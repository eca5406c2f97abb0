/**
 * An attack on one daemon by changed copies of what it really hears: every field of every consensus message, of requests
 * and answers by stream, of gossiped transactions and of the vote journal. Some copies are signed anew by a member, so that
 * they get past the signatures. What must not happen: an error thrown, a malformed input that nobody is blamed for, memory
 * that grows, or a chain that does not go on afterwards.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import { unreachable, type View, WardlineError } from '@wardline/codec'
import { encodeMessage, headerDigest, parseMessage, scanJournal, voteBytes } from '@wardline/consensus'
import { decodeBlockBody } from '@wardline/ledger'
import { createPrng } from '@wardline/network-memory'
import type { PeerName } from '@wardline/ports'
import { type Attacked, attackedWorld } from './attacked.ts'
import { messageFields, recordFields } from './layout.ts'
import { type Mutation, mutateBatch, mutateCbor, mutateField } from './mutate.ts'
import { PARSERS, type Parser } from './parsers.ts'

export type FuzzOptions = {
  readonly seed: number
  readonly inputs: number
  /** All, if not given. Answers come at the pace at which the daemon asks. */
  readonly parsers?: readonly Parser[]
}

export type FuzzReport = {
  readonly inputs: number
  /** By parser: how many inputs ended how. */
  readonly outcomes: ReadonlyMap<Parser, ReadonlyMap<string, number>>
  /** By parser and field: how many inputs changed it. */
  readonly fields: ReadonlyMap<string, number>
  /** Inputs that a member signed anew. */
  readonly resigned: number
  /** Height of the chain at the end of the attack. */
  readonly blocks: number
  readonly simulatedMs: number
  /** The most that the heap grew above its size at the first look, bytes. */
  readonly heapGrowthBytes: number
  readonly violations: readonly string[]
}

/** `way` is the protocol of a request. */
type Sample = { readonly way: string; readonly bytes: Uint8Array }

const TELL = '/wardline/consensus/1'
const SYNC = '/wardline/sync/1'

/** Genuine inputs that are kept for each parser, and how many of the newest are used most. */
const SAMPLES_MAX = 256
const SAMPLES_FRESH = 16
/** Names that the attacker delivers under: as many as may be connected at once, short of the members. */
const DELIVERERS = 1000
const TICK_MS = 50
const INPUTS_PER_TICK = 100
/** Changed copies that arrive before a genuine message does. */
const COPIES_AHEAD = 3
const SIGNED_ANEW = 0.3
const SEND_EVERY_MS = 500
/** Every so often the attacked daemon hears no gossip for a while, or is off: it has to ask for what it missed. */
const ABSENT_EVERY_MS = 4_000
const ABSENT_MS = 1_500
/** Half of the answers are changed: the first frame of half of those, and some of each one's later frames. */
const FIRST_FRAME_CHANGED = 0.5
const LATER_FRAME_CHANGED = 0.2

const HEAP_LOOK_INPUTS = 25_000
/** Far below what a buffer without a bound would take of so many inputs, far above what the blocks made meanwhile need. */
const HEAP_GROWTH_MAX_BYTES = 96 * 1024 * 1024

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seed, parsers = PARSERS } = options
  const prng = createPrng(seed, 'fuzz')
  const samples = new Map<Parser, Sample[]>(PARSERS.map((parser) => [parser, []]))
  const outcomes = new Map<Parser, Map<string, number>>(PARSERS.map((parser) => [parser, new Map()]))
  const fields = new Map<string, number>()
  const violations: string[] = []
  let inputs = 0
  let resigned = 0
  let isAttacking = false
  let absences = 0
  const attacked = attackedWorld(seed, listen, changeAnswer)
  const { world, insider, reports } = attacked

  function keep(parser: Parser, bytes: Uint8Array, way = ''): void {
    const list = samples.get(parser) as Sample[]
    if (list.length >= SAMPLES_MAX) list.splice(prng.below(SAMPLES_MAX - SAMPLES_FRESH), 1)
    list.push({ way, bytes: bytes.slice() })
  }

  function pickSample(parser: Parser): Sample | undefined {
    const list = samples.get(parser) as Sample[]
    if (list.length === 0) return undefined
    return prng.pick(prng.chance(0.7) ? list.slice(-SAMPLES_FRESH) : list)
  }

  /** Keeps what arrives, and gets ahead of a message with changed copies of it. */
  function listen(way: string, bytes: Uint8Array): void {
    if (way === 'journal') keep('journal', bytes)
    else if (way === 'tx') keep('transactions', bytes)
    else if (way.startsWith('/') && way !== TELL) keep('request', bytes, way)
    else {
      const message = parseMessage(bytes)
      if (message === undefined) return
      keep('told', bytes)
      keep(message.kind, bytes)
      if (message.kind === 'proposal') {
        const { parentCertificate, skips } = message.proposal
        for (const certificate of parentCertificate === null ? skips : [parentCertificate, ...skips]) {
          keep('certificate', encodeMessage({ kind: 'certificate', certificate, attempt: 0 }))
        }
      }
      if (!isAttacking || !parsers.includes(message.kind)) return
      for (let copy = 0; copy < COPIES_AHEAD; copy++) void attack(message.kind, { way, bytes })
    }
  }

  /** Frames of an honest answer, some of them changed. Who stops reading them must blame the peer that they came from. */
  async function* changeAnswer(frames: AsyncIterable<Uint8Array>, peer: PeerName, protocol: string) {
    if (!isAttacking || protocol !== SYNC || !parsers.includes('answer') || prng.chance(0.5)) {
      yield* frames
      return
    }
    const before = reports.get(peer) ?? 0
    const changes: Mutation[] = []
    let rate = FIRST_FRAME_CHANGED
    let isRead = false
    try {
      for await (const frame of frames) {
        keep('answer', frame)
        const mutation = prng.chance(rate) ? draw('answer', { way: protocol, bytes: frame }) : undefined
        if (mutation !== undefined) changes.push(mutation)
        rate = LATER_FRAME_CHANGED
        yield mutation?.bytes ?? frame
      }
      isRead = true
    } finally {
      for (const mutation of changes) count('answer', mutation, isRead ? 'taken' : 'reject')
      const last = changes.at(-1)
      if (!isRead && last !== undefined) {
        world.clock.after(1, () => {
          if ((reports.get(peer) ?? 0) === before) violated('answer', last, 'nobody was blamed')
        })
      }
    }
  }

  function draw(parser: Parser, { way, bytes }: Sample): Mutation {
    const donor = pickSample(parser)?.bytes ?? bytes
    switch (parser) {
      case 'vote':
      case 'certificate':
      case 'proposal':
      case 'status-ask':
      case 'status':
      case 'told': {
        const mutation = mutateField(prng, bytes, messageFields, donor)
        return prng.chance(SIGNED_ANEW) ? signAnew(mutation) : mutation
      }
      case 'journal': {
        const mutation = mutateField(prng, bytes, recordFields, donor)
        return prng.chance(0.7) ? { ...mutation, bytes: withChecksum(mutation.bytes) } : mutation
      }
      case 'transactions':
        return mutateBatch(prng, bytes, donor)
      case 'request':
      case 'answer': {
        const mutation = mutateCbor(prng, bytes, donor)
        return { ...mutation, field: `${way} ${mutation.field}` }
      }
      default:
        return unreachable(parser)
    }
  }

  /** As the insider would say it, in a view in which it would be heard; what is no message at all stays as it is. */
  function signAnew(mutation: Mutation): Mutation {
    const message = parseMessage(mutation.bytes)
    if (message?.kind !== 'vote' && message?.kind !== 'proposal') return mutation
    resigned += 1
    const { chain, hospitals } = attacked.cast
    const ahead = (attacked.chain(0)?.status().view ?? 1) + prng.below(3)
    if (message.kind === 'vote') {
      const { kind, epoch, digest } = message.vote
      const view = prng.chance(0.5) ? (ahead as View) : message.vote.view
      const signature = insider.voteSigner.sign(voteBytes(kind, chain, epoch, view, digest))
      const vote = { ...message.vote, view, signer: insider.member, signature }
      return { ...mutation, bytes: encodeMessage({ kind: 'vote', vote }) }
    }
    const { proposal } = message
    const isAgain = proposal.view !== proposal.header.view
    const isOwn = proposal.view % hospitals.length === hospitals.length - 1
    const turn = ahead - (ahead % hospitals.length) + hospitals.length - 1
    const view = isAgain || isOwn ? proposal.view : (turn as View)
    const header = isAgain ? proposal.header : { ...proposal.header, view, proposer: insider.member }
    const signature = insider.voteSigner.sign(voteBytes('notarize', chain, header.epoch, view, headerDigest(header)))
    const signed = { ...proposal, header, view, signature }
    return { ...mutation, bytes: encodeMessage({ kind: 'proposal', proposal: signed }) }
  }

  async function attack(parser: Exclude<Parser, 'answer'>, sample = pickSample(parser)): Promise<void> {
    if (sample === undefined || inputs >= options.inputs || attacked.topics.size === 0) return
    const mutation = draw(parser, sample)
    const from = `deliverer ${prng.below(DELIVERERS)}`
    try {
      count(parser, mutation, await deliver(attacked, parser, { ...sample, bytes: mutation.bytes }, from))
    } catch (error) {
      violated(parser, mutation, textOf(error))
    }
  }

  function count(parser: Parser, { field }: Mutation, outcome: string): void {
    inputs += 1
    const counts = outcomes.get(parser) as Map<string, number>
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    const name = `${parser} ${field}`
    fields.set(name, (fields.get(name) ?? 0) + 1)
  }

  function violated(parser: Parser, { field, bytes }: Mutation, what: string): void {
    violations.push(`${parser} ${field}: ${what}: ${Buffer.from(bytes).toString('hex').slice(0, 2000)}`)
  }

  const tick = (): void => {
    if (!isAttacking) return
    const wanted = parsers.filter((parser) => parser !== 'answer')
    for (let sent = 0; sent < INPUTS_PER_TICK && wanted.length > 0; sent++) void attack(prng.pick(wanted))
    world.clock.after(TICK_MS, tick)
  }
  const work = (): void => {
    attacked.send().catch((error: unknown) => violations.push(`a submission failed: ${textOf(error)}`))
    world.clock.after(SEND_EVERY_MS, work)
  }
  const absence = (): void => {
    if (!isAttacking) return
    absences += 1
    if (absences % 2 === 0) attacked.restart(ABSENT_MS)
    else {
      attacked.deaf = true
      world.clock.after(ABSENT_MS, () => {
        attacked.deaf = false
      })
    }
    world.clock.after(ABSENT_EVERY_MS, absence)
  }
  world.clock.after(1000, work)
  await world.run({ forMs: 6000 })

  isAttacking = true
  tick()
  absence()
  const startMs = world.nowMs()
  let firstHeapBytes: number | undefined
  let heapGrowthBytes = 0
  let lookedAt = 0
  while (inputs < options.inputs && violations.length === 0 && attacked.failures.length === 0) {
    await world.run({ forMs: 1000 })
    if (firstHeapBytes !== undefined && inputs - lookedAt < HEAP_LOOK_INPUTS) continue
    lookedAt = inputs
    const bytes = heapBytes()
    firstHeapBytes ??= bytes
    heapGrowthBytes = Math.max(heapGrowthBytes, bytes - firstHeapBytes)
  }
  isAttacking = false
  attacked.deaf = false
  const simulatedMs = world.nowMs() - startMs
  const blocks = attacked.chain(1)?.head().height ?? 0
  const isLevel = () => (attacked.chain(0)?.head().height ?? 0) > blocks
  await world.run({ forMs: 60_000, until: isLevel })
  violations.push(...attacked.failures)
  if (!isLevel())
    violations.push(`the attacked daemon stays at ${attacked.chain(0)?.head().height}, others were at ${blocks}`)
  if (heapGrowthBytes > HEAP_GROWTH_MAX_BYTES) violations.push(`the heap grew by ${heapGrowthBytes} bytes`)
  return { inputs, outcomes, fields, resigned, blocks, simulatedMs, heapGrowthBytes, violations }
}

/** @returns how the daemon took it @throws whatever the daemon throws, and an Error if it should have blamed somebody */
async function deliver(
  attacked: Attacked,
  parser: Exclude<Parser, 'answer'>,
  { way, bytes }: Sample,
  from: PeerName
): Promise<string> {
  const { topics, services, reports } = attacked
  switch (parser) {
    case 'vote':
    case 'certificate':
    case 'proposal':
    case 'transactions': {
      const topic = parser === 'transactions' ? 'tx' : parser === 'certificate' ? 'vote' : parser
      const verdict = (await topics.get(topic)?.(bytes, from)) ?? 'not subscribed'
      const isWellFormed = parser === 'transactions' ? decodeBlockBody(bytes) : parseMessage(bytes)
      if (isWellFormed === undefined && verdict !== 'reject')
        throw new Error(`malformed, and the verdict is ${verdict}`)
      return verdict
    }
    case 'status-ask':
    case 'status':
    case 'told': {
      const before = reports.get(from) ?? 0
      const answer = services.get(TELL)?.(bytes, from) ?? []
      for await (const frame of answer) throw new Error(`a told message is answered by ${frame.length} bytes`)
      const isBlamed = (reports.get(from) ?? 0) > before
      if (parseMessage(bytes) === undefined && !isBlamed) throw new Error('malformed, and nobody was blamed')
      return isBlamed ? 'reject' : 'taken'
    }
    case 'request':
      return request(attacked, way, bytes)
    case 'journal': {
      const scan = scanJournal([{ number: 1, bytes }])
      if (scan.kind === 'lost') return scan.reason
      return scan.torn === undefined ? 'taken' : 'torn'
    }
    default:
      return unreachable(parser)
  }
}

const FRAMES_READ = 3

/** Asks as a member, for others are not answered. */
async function request({ services, insider }: Attacked, protocol: string, bytes: Uint8Array): Promise<string> {
  let frames = 0
  try {
    for await (const _ of services.get(protocol)?.(bytes, insider.name) ?? []) {
      frames += 1
      if (frames === FRAMES_READ) break
    }
    return 'answered'
  } catch (error) {
    // The transport counts a bad request against the peer.
    if (error instanceof WardlineError && error.code === 'bad-request') return 'reject'
    if (error instanceof WardlineError && error.code === 'busy') return 'busy'
    throw error
  }
}

/** Makes length and checksum of a record right, whatever else it holds. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 16) return bytes
  const record = Buffer.from(bytes)
  record.writeUInt32BE(record.length - 16, 0)
  record.writeUInt32BE(crc32(record.subarray(8), crc32(record.subarray(0, 4))), 4)
  return record
}

/** What is left after a collection, the bytes outside the heap included. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
