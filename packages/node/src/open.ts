/**
 * Opening a chain's folder: is it this chain's, in a layout we know, whole, and is the vote journal the one that belongs to
 * it? A store that is not certain is refused with one sentence, and nothing is repaired by guessing; a daemon whose journal
 * does not tell what it signed opens, and does not sign.
 */
import {
  assert,
  type ChainId,
  type Digest,
  type Epoch,
  type Height,
  height,
  type View,
  WardlineError
} from '@wardline/codec'
import {
  type Certificate,
  encodeJournalRecord,
  type Header,
  headerDigest,
  type JournalScan,
  leavesRoot,
  parseCertificate,
  parseHeader,
  scanJournal
} from '@wardline/consensus'
import { decodeBlockBody, type Genesis, genesisAppHash, genesisChanges, leafOf } from '@wardline/ledger'
import type { Journal, KeyValueStore, StoreWrite } from '@wardline/ports'
import { encodeHead, genesisHead, type Head, parseHead } from './head.ts'
import { corrupt, decimalRow, heightOfKey, keys, readDecimal, SCHEMA, under } from './layout.ts'

const text = {
  encode: (value: string) => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes)
}

export type OpenedStore = {
  readonly head: Head
  /** The highest final block that has its own finalization here; null when only genesis is final. */
  readonly final: { readonly header: Header; readonly certificate: Certificate } | null
}

/**
 * Opens the store of the chain `chain`, or founds it from the genesis if it is empty.
 * @throws WardlineError `database-too-new | database-too-old | database-of-another-chain | store-corrupt`
 */
export async function openStore(store: KeyValueStore, chain: ChainId, genesis: Genesis): Promise<OpenedStore> {
  const schema = store.get(keys.schema)
  if (schema === undefined) {
    if (!(await isEmpty(store))) throw corrupt('the database has content but no version')
    return { head: await found(store, chain, genesis), final: null }
  }
  const layout = readDecimal(schema, 'its version')
  if (layout > SCHEMA) {
    throw new WardlineError(
      'database-too-new',
      `the database was written by a newer Wardline (layout ${layout}, this one knows ${SCHEMA}); install that version again`
    )
  }
  if (layout < SCHEMA) {
    throw new WardlineError(
      'database-too-old',
      `the database was written by an older Wardline (layout ${layout}, this one knows ${SCHEMA}) and cannot be read by this one; install that version again, which still reads it. To begin the chain anew on this disk, while enough other hospitals have its blocks, move "db" alone out of its folder and keep all else, keys and votes above all; envelopes that only "db" has must then come again from those who sent or received them`
    )
  }
  if (store.get(keys.genesis) === undefined || text.decode(store.get(keys.genesis) as Uint8Array) !== chain) {
    throw new WardlineError('database-of-another-chain', 'the database belongs to another chain than the genesis says')
  }
  const head = readHead(store, chain, genesis)
  await verifyFromCheckpoint(store, chain, head)
  await forgetLostBranches(store, head)
  return { head, final: await lastCertified(store, head) }
}

/** The head as the store says, without verifying anything below it. @throws WardlineError `store-corrupt` */
export function readHead(store: KeyValueStore, chain: ChainId, genesis: Genesis): Head {
  const bytes = store.get(keys.head)
  const stored = bytes && parseHead(bytes)
  if (stored === undefined) throw corrupt('the head cannot be read')
  if (stored.height === 0) return genesisHead(chain, genesis.created, genesisAppHash(genesis))
  const header = readHeader(store, stored.height)
  if (headerDigest(header) !== stored.digest) throw corrupt('the head is not the last block')
  return { ...stored, time: header.time, appHash: header.appHash, header }
}

/** The height of a final block; undefined for any other. */
export function storedHeight(store: KeyValueStore, digest: Digest): Height | undefined {
  const bytes = store.get(keys.height(digest))
  return bytes && height(readDecimal(bytes, 'the height of a block'))
}

/** The height of the block that ended an epoch, if one has. */
export function closingHeight(store: KeyValueStore, epoch: Epoch): Height | undefined {
  const bytes = store.get(keys.closing(epoch))
  return bytes && height(readDecimal(bytes, 'the end of an epoch'))
}

/** The header bytes of a block that is final or was kept here to vote for. */
export function storedHeader(store: KeyValueStore, digest: Digest): Uint8Array | undefined {
  const at = storedHeight(store, digest)
  return store.get(at === undefined ? keys.pending(digest) : keys.header(at))
}

/** How views end. */
export const VIEW_ENDS_MAX = 3

/** How the final chain, which is this high, got past a view: every certificate of it that is here. */
export function viewEnds(store: KeyValueStore, height: number, epoch: Epoch, view: View): readonly Certificate[] {
  const final = store.get(keys.certificate(lastUpTo(store, height, epoch, view)))
  const rows = [
    final,
    ...(['notarize', 'nullify'] as const).map((kind) => store.get(keys.passed({ epoch, view, kind })))
  ]
  return rows.flatMap((bytes) => {
    const certificate = bytes && parseCertificate(bytes)
    return certificate?.epoch === epoch && certificate.view === view ? [certificate] : []
  })
}

/** The height of the last block up to `height` that is of this view or an earlier one; 0 if none is. */
export function lastUpTo(store: KeyValueStore, height: number, epoch: Epoch, view: View): number {
  let low = 0
  let high = height
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const header = readHeader(store, middle)
    if (header.epoch < epoch || (header.epoch === epoch && header.view <= view)) low = middle
    else high = middle - 1
  }
  return low
}

/** The header of a final block. @throws WardlineError `store-corrupt` if it is missing */
export function readHeader(store: KeyValueStore, height: number): Header {
  const bytes = store.get(keys.header(height))
  const header = bytes && parseHeader(bytes)
  if (header === undefined) throw corrupt(`the header of block ${height} is missing or damaged`)
  return header
}

/** The signed transactions of a stored block. @throws WardlineError `store-corrupt` if they are missing */
export function readBody(store: KeyValueStore, digest: Digest): readonly Uint8Array[] {
  const body = decodeBlockBody(readBodyBytes(store, digest))
  if (body === undefined) throw corrupt('the body of a block is damaged')
  return body
}

/** The same, undivided. @throws WardlineError `store-corrupt` if they are missing */
export function readBodyBytes(store: KeyValueStore, digest: Digest): Uint8Array {
  const bytes = store.get(keys.body(digest))
  if (bytes === undefined) throw corrupt('the body of a block is missing')
  return bytes
}

export type OpenedJournal = {
  readonly scan: Extract<JournalScan, { kind: 'ok' }>
  /** Why this daemon cannot know what it has signed; null if it does. Then the journal is empty, and stays lost until a record is in it. */
  readonly loss: string | null
}

export type JournalFacts = {
  readonly isNewChain: boolean
  /** The folder comes from a backup. */
  readonly isRestored: boolean
  /** Whether a key that is here is known, from outside of the chain's folder, to have voted on the chain. */
  readonly hasVoted: () => Promise<boolean>
}

/**
 * Reads the vote journal. A tail cut short by a crash is cut off; anything else that is wrong means that what was signed is
 * not known: what is left of the journal is set aside, and nothing may be signed until the others have told.
 * @throws WardlineError `journal-failed`, and what `hasVoted` throws
 */
export async function openJournal(journal: Journal, facts: JournalFacts): Promise<OpenedJournal> {
  const scan = scanJournal(await journal.read())
  const loss = await lossOf(scan, facts)
  if (loss !== null || scan.kind === 'lost') {
    await journal.setAside()
    return { scan: EMPTY_SCAN, loss }
  }
  if (scan.torn !== undefined) await journal.truncate(scan.torn.segment, scan.torn.size)
  if (scan.nextSeq > 1) return { scan, loss: null }
  // A first record that says nothing: from now on an empty journal is a lost one. A key is marked after it, so that a crash
  // between the two is no loss, and before its first vote.
  await journal.append(encodeJournalRecord(1, [FIRST_ENTRY]))
  const begun = scanJournal(await journal.read())
  assert(begun.kind === 'ok', 'a journal that was just begun can be read')
  return { scan: begun, loss: null }
}

async function lossOf(scan: JournalScan, { isNewChain, isRestored, hasVoted }: JournalFacts): Promise<string | null> {
  if (scan.kind === 'lost') return `it is damaged (${scan.reason} in segment ${scan.segment})`
  // A backup may hold the keys alone: then there is neither a journal nor the mark of a key that has voted.
  if (isRestored) return 'the daemon was started on a restored backup'
  if (scan.nextSeq > 1) return null
  if (!isNewChain) return 'it is empty, and the database is not'
  return (await hasVoted()) ? 'this hospital has voted on this chain before, and the folder of the chain is new' : null
}

const EMPTY_SCAN = { kind: 'ok', entries: [], nextSeq: 1, segments: [] } as const

const FIRST_ENTRY = { kind: 'pruned', epoch: 0, view: 0, firstSeq: 1 } as Parameters<
  typeof encodeJournalRecord
>[1][number]

async function isEmpty(store: KeyValueStore): Promise<boolean> {
  for await (const _ of store.range({ from: '', to: '~', limit: 1 })) return false
  return true
}

async function found(store: KeyValueStore, chain: ChainId, genesis: Genesis): Promise<Head> {
  const head = genesisHead(chain, genesis.created, genesisAppHash(genesis))
  const writes: StoreWrite[] = [
    { key: keys.schema, value: decimalRow(SCHEMA) },
    { key: keys.genesis, value: text.encode(chain) },
    { key: keys.head, value: encodeHead(head) },
    { key: keys.verified, value: decimalRow(0) }
  ]
  for (const { key, value } of genesisChanges(genesis)) writes.push({ key: keys.state(key), value })
  await store.write(writes, { sync: true })
  return head
}

/** LevelDB can lose keys without a word: every block since the last start must be there, whole, and hang together. */
async function verifyFromCheckpoint(store: KeyValueStore, chain: ChainId, head: Head): Promise<void> {
  const verified = readDecimal(store.get(keys.verified) ?? decimalRow(0), 'what was verified')
  let parent = verified === 0 ? (chain as string as Digest) : headerDigest(readHeader(store, verified))
  for (let height = verified + 1; height <= head.height; height++) {
    const header = readHeader(store, height)
    if (header.parent !== parent) throw corrupt(`block ${height} does not follow the one before it`)
    parent = headerDigest(header)
    const leaves = readBody(store, parent).map(leafOf)
    if (leavesRoot(leaves) !== header.txRoot)
      throw corrupt(`the transactions of block ${height} are not the ones that it names`)
  }
  if (parent !== head.digest) throw corrupt('the head is not the last block')
  await store.write([{ key: keys.verified, value: decimalRow(head.height) }], { sync: true })
}

/** Blocks that were kept for a vote and lost, or whose commit a crash came before being told of. */
async function forgetLostBranches(store: KeyValueStore, head: Head): Promise<void> {
  const writes = await lostBranches(store, head.height)
  if (writes.length > 0) await store.write(writes, { sync: false })
}

/** Removes what was kept for a vote at heights up to `height`, which are all final, and is not final. */
export async function lostBranches(store: KeyValueStore, height: number): Promise<StoreWrite[]> {
  const writes: StoreWrite[] = []
  for await (const [key, bytes] of store.range(under('blocks/pending/'))) {
    const header = parseHeader(bytes)
    if (header === undefined) throw corrupt('the header of a block that was voted for cannot be read')
    if (header.height > height) continue
    const digest = headerDigest(header)
    writes.push({ key, value: null })
    if (store.get(keys.height(digest)) === undefined) writes.push({ key: keys.body(digest), value: null })
  }
  return writes
}

/**
 * Catch-up commits many blocks under the certificate of the last one: a crash in its middle leaves a head without one, and
 * a new daemon's first catch-up none at all.
 */
async function lastCertified(store: KeyValueStore, head: Head): Promise<OpenedStore['final']> {
  const range = { from: keys.certificate(0), to: keys.certificate(head.height + 1), reverse: true, limit: 1 }
  for await (const [key, bytes] of store.range(range)) {
    const certificate = parseCertificate(bytes)
    if (certificate === undefined) throw corrupt('a certificate cannot be read')
    return { header: readHeader(store, heightOfKey(key)), certificate }
  }
  return null
}
