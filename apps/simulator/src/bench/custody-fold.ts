/**
 * How fast custody folds a chain of a million transmissions of a hundred thousand records into LevelDB, and how long its
 * questions take then. In this process; the transactions are made as the ledger has parsed them, for signatures are no part
 * of what is measured. Every record is under way all the time, so that no row is near another that was used just before.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Hash, height, type MemberId, type RecordId, type SealKey, type TransactionId } from '@wardline/codec'
import { createCustodyFold, holdersOf, pathOfCopy } from '@wardline/custody'
import type { CommittedBlock, ParsedTransaction } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { openLevelStore } from '@wardline/store-level'
import { type Figure, percentile, rounded } from './figures.ts'

const RECORDS = 100_000
const ROUNDS = 10
const TRANSMISSIONS = RECORDS * ROUNDS
const HOSPITALS = 64
/** Transmissions of one block; the next block has their acknowledgements beside its own. */
const BLOCK = 1_000
const QUESTIONS = 5_000
const WARM_UP = 500
/** 50,000 hand-offs a second on one core. */
const EDGE_US_MAX = 20
const QUESTION_P99_MS_MAX = 5

type Parts = {
  readonly folder: string
  readonly report: (figure: Figure) => void
  readonly talk: (line: string) => void
}

export async function measureCustody({ folder, report, talk }: Parts): Promise<void> {
  const store = await openLevelStore(join(folder, 'custody'))
  try {
    talk(`folding ${TRANSMISSIONS} transmissions of ${RECORDS} records`)
    const { foldUs, allUs, rssBytes } = await foldAll(store, talk)
    const against = `${TRANSMISSIONS} transmissions with their acknowledgements, ${RECORDS} records, LevelDB`
    const common = { kind: 'custody.fold', clients: null } as const
    const perEdge = (us: number) => rounded(us / TRANSMISSIONS)
    const reach = { atMost: EDGE_US_MAX }
    report({
      name: 'fold',
      value: perEdge(foldUs),
      unit: 'us/hand-off',
      against: `${against}; CPU time of reads and rows`,
      reach,
      ...common
    })
    const all = perEdge(allUs)
    report({
      name: 'fold-and-write',
      value: all,
      unit: 'us/hand-off',
      against: `${against}; CPU time, LevelDB’s threads included; not synced`,
      reach,
      ...common
    })
    report({
      name: 'rss-peak',
      value: Math.round(rssBytes / 2 ** 20),
      unit: 'MiB',
      against: `${against}; this process`,
      ...common
    })
    await ask(store, report)
  } finally {
    await store.close()
  }
}

/** CPU time, microseconds: of this thread for the fold, of all for the writes. Making the transactions is not counted. */
async function foldAll(store: KeyValueStore, talk: Parts['talk']) {
  const chain = createTravels()
  const fold = createCustodyFold()
  let foldUs = 0
  let allUs = 0
  let rssBytes = 0
  for (let at = 1; at <= TRANSMISSIONS / BLOCK + 1; at++) {
    const block = { header: { height: height(at), time: at * 1_000 }, transactions: chain.block(at) }
    const all = process.cpuUsage()
    const own = process.threadCpuUsage()
    // A fold reads height and time of a header, the transactions, and rows.
    const changes = fold({ get: (key) => store.get(key) }, block as unknown as CommittedBlock)
    foldUs += sumOf(process.threadCpuUsage(own))
    await store.write(changes, { sync: false })
    allUs += sumOf(process.cpuUsage(all))
    rssBytes = Math.max(rssBytes, process.memoryUsage.rss())
    if (at % 100 === 0) talk(`${at * BLOCK} transmissions`)
  }
  return { foldUs, allUs, rssBytes }
}

function sumOf({ user, system }: NodeJS.CpuUsage): number {
  return user + system
}

/** Transmission `n` is of record `n % RECORDS`, by one of its holders to any other hospital; each is opened. */
function createTravels() {
  const random = createRandom()
  /** For each record and round: who received it, and by which transmission; the origin first. */
  const members = new Uint8Array(RECORDS * (ROUNDS + 1))
  for (let record = 0; record < RECORDS; record++) members[record * (ROUNDS + 1)] = record % HOSPITALS

  function send(n: number): ParsedTransaction {
    const record = n % RECORDS
    const round = Math.floor(n / RECORDS)
    const first = record * (ROUNDS + 1)
    const source = random(round + 1)
    const sender = members[first + source] as number
    const receiver = (sender + 1 + random(HOSPITALS - 1)) % HOSPITALS
    members[first + round + 1] = receiver
    // Whoever had the record before opened an earlier transmission first, and may name this one all the same.
    const via = source === 0 ? null : transmissionId((source - 1) * RECORDS + record)
    const body = {
      recordId: recordIdOf(record),
      content: CONTENT,
      to: [{ member: memberId(receiver), sealingKey: SEAL }],
      via,
      purpose: 'treatment',
      subject: null
    }
    return {
      kind: 'stt.send',
      id: transmissionId(n),
      author: { member: memberId(sender) },
      body
    } as unknown as ParsedTransaction
  }

  function acknowledge(n: number): ParsedTransaction {
    const record = n % RECORDS
    const receiver = members[record * (ROUNDS + 1) + Math.floor(n / RECORDS) + 1] as number
    const body = { acks: [{ via: transmissionId(n), outcome: 'opened' }] }
    const id = named<TransactionId>('ack', n)
    return { kind: 'stt.ack', id, author: { member: memberId(receiver) }, body } as unknown as ParsedTransaction
  }

  return {
    /** Block `at`, from 1: its acknowledgements first. */
    block(at: number): ParsedTransaction[] {
      const from = (at - 1) * BLOCK
      const numbers = Array.from({ length: BLOCK }, (_, i) => from + i)
      return [
        ...(at === 1 ? [] : numbers.map((n) => acknowledge(n - BLOCK))),
        ...(from >= TRANSMISSIONS ? [] : numbers.map(send))
      ]
    }
  }
}

async function ask(store: KeyValueStore, report: Parts['report']): Promise<void> {
  const random = createRandom()
  const holders: number[] = []
  const paths: number[] = []
  let hops = 0
  for (let turn = 0; turn < WARM_UP + QUESTIONS; turn++) {
    const record = recordIdOf(random(RECORDS))
    const startMs = performance.now()
    const page = await holdersOf(store, record, { limit: 100 })
    const heldMs = performance.now()
    const member = page.items.at(-1)?.member as MemberId
    const askedMs = performance.now()
    const path = pathOfCopy(store, record, member)
    const endMs = performance.now()
    if (turn < WARM_UP) continue
    holders.push(heldMs - startMs)
    paths.push(endMs - askedMs)
    hops += path?.hops.length ?? 0
  }
  const common = { unit: 'ms', kind: 'custody.fold', clients: null } as const
  const reach = { atMost: QUESTION_P99_MS_MAX }
  const against = `${QUESTIONS} questions about ${RECORDS} records at random`
  report({ name: 'holders-p50', value: rounded(percentile(holders, 0.5)), against, ...common })
  report({ name: 'holders-p99', value: rounded(percentile(holders, 0.99)), against, reach, ...common })
  const mean = `${against}, ${rounded(hops / QUESTIONS)} hand-offs on average`
  report({ name: 'path-p50', value: rounded(percentile(paths, 0.5)), against: mean, ...common })
  report({ name: 'path-p99', value: rounded(percentile(paths, 0.99)), against: mean, reach, ...common })
}

/** Whole numbers below `bound`, the same on every run. */
function createRandom(): (bound: number) => number {
  let state = 1
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

function named<T>(what: string, number: number): T {
  return createHash('sha256').update(`${what} ${number}`).digest('hex') as T
}

const transmissionId = (number: number) => named<TransactionId>('transmission', number)
const recordIdOf = (number: number) => named<RecordId>('record', number)
const MEMBERS = Array.from({ length: HOSPITALS }, (_, i) => named<MemberId>('member', i))
const memberId = (number: number) => MEMBERS[number] as MemberId
const CONTENT = named<Hash>('content', 0)
const SEAL = named<SealKey>('seal', 0)
