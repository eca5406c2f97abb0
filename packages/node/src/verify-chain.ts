/**
 * Verifies a stopped chain from its genesis: every link, transaction, signature and certificate, and every rule, by doing
 * all of it again. Nothing that the database says of itself is believed. The recomputed state is held in memory, so memory
 * grows with the state (not with the number of blocks).
 */
import {
  appendLeaf,
  bytesEqual,
  completedNodes,
  type Digest,
  encodeCbor,
  encodeFrontier,
  type Frontier,
  frontierRoot,
  type Hash,
  type Height,
  height,
  name32,
  nameBytes,
  type SignKey,
  WardlineError
} from '@wardline/codec'
import {
  type Certificate,
  certificateChecks,
  type Header,
  headerDigest,
  leavesRoot,
  parseCertificate,
  parseHeader,
  type SignatureCheck,
  setHash,
  type ValidatorSet
} from '@wardline/consensus'
import {
  appHash,
  chainIdOf,
  decodeBlockBody,
  execute,
  expiredSeenRange,
  type Genesis,
  genesisAppHash,
  genesisChanges,
  layered,
  type ParsedTransaction,
  parseTransaction,
  type StateView,
  signatureChecks,
  validatorsIn,
  validatorsOf
} from '@wardline/ledger'
import type { KeyValueStore, RecordKeys } from '@wardline/ports'
import { genesisHead, parseHead } from './head.ts'
import { decimalRow, heightOfKey, keys, SCHEMA, under } from './layout.ts'
import { isForEveryone, readPayload } from './payload-rows.ts'
import { type Place, placesInBody } from './places.ts'

export type ChainVerification =
  | {
      readonly kind: 'verified'
      readonly height: Height
      readonly digest: Digest
      readonly appHash: Hash
      /** Final transactions. */
      readonly transactions: number
      /** The validators of each epoch that has begun, those of the genesis first. */
      readonly sets: readonly ValidatorSet[]
      /** The highest block with a finalization of its own; below `height` only after a crash in the middle of a catch-up. */
      readonly certified: Height
      /** Final transactions whose payload every member must hold: no rule needs them, so what is not well here is no failure. */
      readonly payloads: PayloadCounts
    }
  | {
      readonly kind: 'failed'
      /** The first block that fails; the head for what concerns the whole. */
      readonly height: Height
      readonly code: ChainFault
      readonly what: string
    }

/** `damaged`: something lies there that is not the payload; not looked for without the keys. A daemon fetches both again. */
export type PayloadCounts = { readonly here: number; readonly missing: number; readonly damaged: number }

export type ChainFault =
  | 'database-too-new'
  | 'database-too-old'
  | 'database-of-another-chain'
  | 'head-unreadable'
  | 'header-missing'
  | 'wrong-link'
  | 'wrong-set'
  | 'wrong-history'
  | 'body-missing'
  | 'wrong-transactions'
  | 'bad-transaction'
  | 'bad-signature'
  | 'rule-broken'
  | 'wrong-app-hash'
  | 'bad-certificate'
  | 'wrong-index'
  | 'wrong-head'
  | 'wrong-state'
  | 'store-corrupt'

export type ChainVerificationParts = {
  /** A store that nobody writes to meanwhile. */
  readonly store: KeyValueStore
  /** Verified by the caller (`verifyGenesis`). */
  readonly genesis: Genesis
  /** Opens the payloads that every member holds; without it they are only counted. */
  readonly recordKeys?: Pick<RecordKeys, 'get'>
  readonly verify: (key: SignKey, message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
  /** After each block. */
  readonly onProgress?: (height: number, of: number) => void
}

/** What a check throws to say that it failed; never leaves this file. */
class Fault extends Error {
  readonly code: ChainFault
  readonly height: number

  constructor(at: number, code: ChainFault, what: string) {
    super(what)
    this.height = at
    this.code = code
  }
}

/** The chain as recomputed so far. */
type Replay = {
  readonly state: Map<string, Uint8Array>
  /** By epoch; the last are those of the next block. */
  readonly sets: ValidatorSet[]
  header: Header | null
  digest: Digest
  height: number
  time: number
  appHash: Hash
  history: Frontier
  transactions: number
  certified: number
  readonly payloads: { here: number; missing: number; damaged: number }
}

export async function verifyChain(parts: ChainVerificationParts): Promise<ChainVerification> {
  const { store, genesis } = parts
  let reached = 0
  try {
    const end = readEnd(store, genesis)
    const replay = beginReplay(genesis)
    for (let at = 1; at <= end.height; at++) {
      reached = at
      await replayBlock(parts, replay, at)
      parts.onProgress?.(at, end.height)
    }
    await checkEnd(store, replay, end)
    const { digest, appHash, transactions, sets, certified, payloads } = replay
    return {
      kind: 'verified',
      height: height(replay.height),
      digest,
      appHash,
      transactions,
      sets,
      certified: height(certified),
      payloads
    }
  } catch (error) {
    if (error instanceof Fault) {
      return { kind: 'failed', height: height(error.height), code: error.code, what: error.message }
    }
    if (error instanceof WardlineError && error.code === 'store-corrupt') {
      return { kind: 'failed', height: height(reached), code: 'store-corrupt', what: error.message }
    }
    throw error
  }
}

type End = { readonly height: number; readonly digest: Digest; readonly history: Uint8Array }

function readEnd(store: KeyValueStore, genesis: Genesis): End {
  const text = (key: string): string => new TextDecoder().decode(store.get(key))
  const schema = Number(text(keys.schema))
  if (schema > SCHEMA) throw new Fault(0, 'database-too-new', `layout ${schema}, and this program knows ${SCHEMA}`)
  if (schema !== SCHEMA) throw new Fault(0, 'database-too-old', `layout ${schema}, and this program knows ${SCHEMA}`)
  if (text(keys.genesis) !== chainIdOf(genesis)) {
    throw new Fault(0, 'database-of-another-chain', 'the database names another chain than the genesis')
  }
  const bytes = store.get(keys.head)
  const head = bytes && parseHead(bytes)
  if (head === undefined) throw new Fault(0, 'head-unreadable', 'the head is missing or damaged')
  return { height: head.height, digest: head.digest, history: encodeFrontier(head.history) }
}

function beginReplay(genesis: Genesis): Replay {
  const start = genesisHead(chainIdOf(genesis), genesis.created, genesisAppHash(genesis))
  const state = new Map<string, Uint8Array>()
  for (const { key, value } of genesisChanges(genesis)) if (value !== null) state.set(key, value)
  const payloads = { here: 0, missing: 0, damaged: 0 }
  return { ...start, header: null, state, sets: [validatorsOf(genesis)], transactions: 0, certified: 0, payloads }
}

async function replayBlock(
  { store, genesis, recordKeys, verify }: ChainVerificationParts,
  replay: Replay,
  at: number
): Promise<void> {
  const fault = (code: ChainFault, what: string): Fault => new Fault(at, code, what)
  const headerBytes = store.get(keys.header(at))
  const header = headerBytes && parseHeader(headerBytes)
  if (header === undefined) throw fault('header-missing', 'its header is missing or damaged')
  const digest = headerDigest(header)
  if (header.chain !== chainIdOf(genesis) || header.height !== at || header.parent !== replay.digest) {
    throw fault('wrong-link', 'it does not follow the block before it')
  }
  if (header.time <= replay.time) throw fault('wrong-link', 'it is not later than the block before it')
  const set = replay.sets.at(-1) as ValidatorSet
  if (header.epoch !== set.epoch) throw fault('wrong-set', 'it is of another epoch than the chain is in')
  if (header.history !== name32<Hash>(frontierRoot(replay.history))) {
    throw fault('wrong-history', 'its history is not that of the blocks before it')
  }
  const transactions = readTransactions(store, header, digest, fault)
  await checkSignatures(transactions.flatMap(signatureChecks), verify, () =>
    fault('bad-signature', 'a signature of a transaction does not verify')
  )
  const view = { get: (key: string) => replay.state.get(key) }
  const parent = { digest: replay.digest, time: replay.time }
  const execution = execute(view, { height: header.height, time: header.time, parent, transactions })
  if (execution.kind === 'invalid') throw fault('rule-broken', `transaction ${execution.index}: ${execution.code}`)
  if (appHash(replay.appHash, execution.changes) !== header.appHash) {
    throw fault('wrong-app-hash', 'its transactions give another state than it names')
  }
  const nextSet = validatorsIn(layered(view, [execution.changes]))
  if (header.nextSetHash !== setHash(nextSet.validators)) {
    throw fault('wrong-set', 'it names other validators than the chain has')
  }
  const isClosing = nextSet.epoch !== set.epoch
  const certificate = readCertificate(store, at, fault)
  if (isClosing && certificate === undefined) {
    throw fault('bad-certificate', 'it ends its epoch, and has no finalization of its own')
  }
  if (certificate !== undefined) {
    if (certificate.kind !== 'finalize' || certificate.digest !== digest) {
      throw fault('bad-certificate', 'its certificate is not its finalization')
    }
    const checks = certificateChecks(set, header.chain, certificate)
    if (checks === undefined) throw fault('bad-certificate', 'its certificate has no quorum')
    await checkSignatures(checks, verify, () => fault('bad-certificate', 'a signature of its certificate is bad'))
    replay.certified = at
  }
  checkIndex(store, replay.history, digest, transactions, at, fault)
  checkClosing(store, header, isClosing, fault)
  for (const transaction of transactions) {
    if (isForEveryone(transaction)) replay.payloads[payloadAt(store, recordKeys, view, transaction)] += 1
  }
  for (const { key, value } of [...execution.changes, ...execution.seen]) {
    if (value === null) replay.state.delete(key)
    else replay.state.set(key, value)
  }
  if (isClosing) replay.sets.push(nextSet)
  replay.header = header
  replay.digest = digest
  replay.height = at
  replay.time = header.time
  replay.appHash = header.appHash
  replay.history = appendLeaf(replay.history, nameBytes(digest))
  replay.transactions += transactions.length
}

function payloadAt(
  store: KeyValueStore,
  recordKeys: Pick<RecordKeys, 'get'> | undefined,
  state: StateView,
  transaction: ParsedTransaction
): keyof PayloadCounts {
  if (recordKeys === undefined) return store.get(keys.payloadSize(transaction.id)) === undefined ? 'missing' : 'here'
  const { kind } = readPayload(store, recordKeys, state, transaction)
  return kind === 'absent' ? 'missing' : kind
}

type MakeFault = (code: ChainFault, what: string) => Fault

function readTransactions(
  store: KeyValueStore,
  header: Header,
  digest: Digest,
  fault: MakeFault
): readonly ParsedTransaction[] {
  const bytes = store.get(keys.body(digest))
  const body = bytes && decodeBlockBody(bytes)
  if (body === undefined) throw fault('body-missing', 'its transactions are missing or damaged')
  const transactions = body.map((one) => {
    const parsed = parseTransaction(one, header.chain)
    if (parsed.kind === 'reject') throw fault('bad-transaction', `a transaction is malformed: ${parsed.code}`)
    return parsed.transaction
  })
  if (leavesRoot(transactions.map(({ leaf }) => leaf)) !== header.txRoot) {
    throw fault('wrong-transactions', 'its transactions are not the ones that it names')
  }
  return transactions
}

function readCertificate(store: KeyValueStore, at: number, fault: MakeFault): Certificate | undefined {
  const bytes = store.get(keys.certificate(at))
  if (bytes === undefined) return undefined
  const certificate = parseCertificate(bytes)
  if (certificate === undefined) throw fault('bad-certificate', 'its certificate is damaged')
  return certificate
}

async function checkSignatures(
  checks: readonly SignatureCheck[],
  verify: ChainVerificationParts['verify'],
  fault: () => Fault
): Promise<void> {
  const verdicts = await Promise.all(checks.map(async ({ key, message, signature }) => verify(key, message, signature)))
  if (verdicts.includes(false)) throw fault()
}

/** The rows by which blocks, transactions and proofs are found. */
function checkIndex(
  store: KeyValueStore,
  history: Frontier,
  digest: Digest,
  transactions: readonly ParsedTransaction[],
  at: number,
  fault: MakeFault
): void {
  const isRow = (key: string, expected: Uint8Array): boolean => {
    const row = store.get(key)
    return row !== undefined && bytesEqual(row, expected)
  }
  if (!isRow(keys.height(digest), decimalRow(at))) {
    throw fault('wrong-index', 'it is not found by its digest')
  }
  const places = placesInBody(transactions)
  transactions.forEach(({ id }, index) => {
    const { offset, size } = places[index] as Place
    if (!isRow(keys.transaction(id), encodeCbor([at, index, offset, size]))) {
      throw fault('wrong-index', `its transaction ${index} is not found by its id`)
    }
  })
  for (const { level, index, hash } of completedNodes(history, nameBytes(digest))) {
    if (!isRow(keys.tree(level, index), hash)) throw fault('wrong-index', 'a node of the history tree is not there')
  }
}

/** The row by which the end of an epoch is found. */
function checkClosing(store: KeyValueStore, { epoch, height }: Header, isClosing: boolean, fault: MakeFault): void {
  if (!isClosing) return
  const row = store.get(keys.closing(epoch))
  if (row === undefined || !bytesEqual(row, decimalRow(height))) {
    throw fault('wrong-index', 'it is not found as the end of its epoch')
  }
}

/** What the database says of its end and its state, against what was recomputed. */
async function checkEnd(store: KeyValueStore, replay: Replay, end: End): Promise<void> {
  const fault: MakeFault = (code, what) => new Fault(end.height, code, what)
  if (replay.digest !== end.digest) throw fault('wrong-head', 'the head is not the last block')
  if (!bytesEqual(encodeFrontier(replay.history), end.history)) throw fault('wrong-head', "the head's history is wrong")
  for (const prefix of ['blocks/header/', 'blocks/certificate/'] as const) {
    for await (const [key] of store.range({ ...under(prefix), reverse: true, limit: 1 })) {
      if (heightOfKey(key) > end.height) throw fault('wrong-head', 'a row lies above the head')
    }
  }
  for await (const [key] of store.range({
    from: keys.closing((replay.sets.at(-1) as ValidatorSet).epoch),
    to: under('blocks/closing/').to,
    limit: 1
  })) {
    throw fault('wrong-head', `a row names the end of an epoch that has not ended: ${key}`)
  }
  // Ids whose time has passed may be gone or still there; no rule reads them.
  const over = expiredSeenRange(replay.time)
  const isOver = (key: string): boolean => key >= over.from && key < over.to
  const prefix = keys.state('')
  let rows = 0
  for await (const [key, value] of store.range(under('state/'))) {
    const name = key.slice(prefix.length)
    if (isOver(name)) continue
    const expected = replay.state.get(name)
    if (expected === undefined) throw fault('wrong-state', `the state has a row too many: ${name}`)
    if (!bytesEqual(expected, value)) throw fault('wrong-state', `a row of the state has another value: ${name}`)
    rows += 1
  }
  for (const name of replay.state.keys()) if (!isOver(name)) rows -= 1
  if (rows === 0) return
  const missing = [...replay.state.keys()].find((name) => !isOver(name) && store.get(keys.state(name)) === undefined)
  throw fault('wrong-state', `a row of the state is missing: ${missing ?? ''}`)
}
