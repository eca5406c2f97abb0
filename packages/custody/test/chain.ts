/** A chain in memory for tests: hospitals, blocks made of what the ledger's rules accept, and the rows folded from them. */
import {
  type ChainId,
  type Digest,
  type Hash,
  height,
  type MemberId,
  name32,
  type RecordId,
  type SealKey,
  sha256,
  type TransactionId
} from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import {
  type Bodies,
  buildTransaction,
  type Change,
  type CommittedBlock,
  chainIdOf,
  createBlock,
  createOverlay,
  draftGenesis,
  emptyState,
  genesisChanges,
  type Kind,
  layered,
  makeCard,
  memberIdOf,
  type Outcome,
  type ParsedTransaction,
  parseTransaction,
  recordIdOf,
  type SendBody,
  type Verdict
} from '@wardline/ledger'
import { createCustodyFold, type Rows } from '../src/index.ts'

export const CREATED = 1_800_000_000_000
/** No rule of these tests looks at the block before. */
const PARENT = { digest: name32<Digest>(new Uint8Array(32)), time: 0 }

export type Hospital = {
  readonly name: string
  readonly member: MemberId
  readonly sign: Signer
  readonly seal: SealKey
}

function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

export function hash(name: string): Hash {
  return name32<Hash>(secret(name))
}

function cardOf(name: string) {
  const signers = {
    identity: createSigner(secret(`${name} identity`)),
    sign: createSigner(secret(`${name} sign`)),
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`))
  }
  const seal = publicSealKey(secret(`${name} seal`))
  const card = makeCard({ name, label: 'region', seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }, signers)
  return {
    card,
    hospital: { name, member: memberIdOf(signers.sign.publicKey), sign: signers.sign, seal } satisfies Hospital
  }
}

/** A store of rows that keeps its keys in order. */
export function tableOf(changes: readonly Change[]): Rows & { readonly entries: () => [string, Uint8Array][] } {
  const rows = new Map<string, Uint8Array>()
  for (const { key, value } of changes) {
    if (value === null) rows.delete(key)
    else rows.set(key, value)
  }
  const entries = () => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    entries,
    get: (key) => rows.get(key),
    async *range({ from, to, limit = Number.POSITIVE_INFINITY, reverse = false }) {
      const found = entries().filter(([key]) => key >= from && key < to)
      yield* (reverse ? found.reverse() : found).slice(0, limit)
    }
  }
}

export type TestChain = {
  readonly id: ChainId
  readonly hospitals: readonly Hospital[]
  /** Blocks so far, oldest first. */
  readonly blocks: readonly CommittedBlock[]
  /** The rows folded block by block. */
  readonly rows: () => ReturnType<typeof tableOf>
  /** Puts the transaction into the block in the making, if the rules accept it. */
  readonly add: (tx: ParsedTransaction) => Verdict
  /** Ends the block in the making; the next one is a second later. */
  readonly commit: () => CommittedBlock
  /** The id, position and verdict of everything committed, by id. */
  readonly get: (id: TransactionId) => ParsedTransaction | undefined
  readonly draft: <K extends Kind>(author: Hospital, kind: K, body: Bodies[K], nonce?: Uint8Array) => ParsedTransaction
  readonly firstSend: (author: Hospital, to: readonly Hospital[], content?: Hash) => ParsedTransaction<'stt.send'>
  readonly sendOn: (
    author: Hospital,
    to: readonly Hospital[],
    record: RecordId,
    via: TransactionId | null,
    content?: Hash
  ) => ParsedTransaction<'stt.send'>
  readonly ack: (author: Hospital, via: TransactionId, outcome?: Outcome) => ParsedTransaction<'stt.ack'>
}

export function createChain(count: number): TestChain {
  const founders = Array.from({ length: count }, (_, i) => cardOf(`Hospital ${String.fromCharCode(65 + i)}`))
  const [first] = founders
  if (first === undefined) throw new Error('a chain has founders')
  const genesis = draftGenesis({
    mode: 'STT',
    label: 'region',
    created: CREATED,
    random: secret('random'),
    founders: founders.map(({ card }) => card),
    registrar: { kind: 'founder', member: first.hospital.member }
  })
  const id = chainIdOf(genesis)
  const state = createOverlay(emptyState)
  const fold = createCustodyFold()
  for (const { key, value } of genesisChanges(genesis)) state.set(key, value)
  const folded: Change[] = []
  const blocks: CommittedBlock[] = []
  const byId = new Map<TransactionId, ParsedTransaction>()
  let pending: ParsedTransaction[] = []
  let nonces = 0
  const position = () => ({
    height: height(blocks.length + 1),
    time: CREATED + (blocks.length + 1) * 1000,
    parent: PARENT
  })
  let block = createBlock(state, position())

  const draft: TestChain['draft'] = (author, kind, body, nonce = secret(`nonce ${++nonces}`).slice(0, 16)) => {
    const envelope = {
      chain: id,
      kind,
      author: { member: author.member, keyIndex: 0 },
      nonce,
      created: CREATED,
      expires: CREATED + 24 * 60 * 60 * 1000,
      body,
      ...(kind === 'stt.send' ? { payload: { commitment: hash('envelope'), size: 1000 } } : {})
    }
    // The kind and the body belong together by this function's own type.
    const parsed = parseTransaction(
      buildTransaction(envelope as Parameters<typeof buildTransaction>[0], author.sign),
      id
    )
    if (parsed.kind === 'reject') throw new Error(`rejected: ${parsed.code}`)
    return parsed.transaction
  }
  const send = (
    author: Hospital,
    to: readonly Hospital[],
    body: Omit<SendBody, 'to' | 'purpose' | 'subject'>,
    nonce?: Uint8Array
  ) => {
    const receivers = to
      .map(({ member, seal }) => ({ member, sealingKey: seal }))
      .sort((a, b) => (a.member < b.member ? -1 : 1))
    const full: SendBody = { ...body, to: receivers, purpose: 'treatment', subject: null }
    return draft(author, 'stt.send', full, nonce) as ParsedTransaction<'stt.send'>
  }
  return {
    id,
    hospitals: founders.map(({ hospital }) => hospital),
    blocks,
    rows: () => tableOf(folded),
    add(tx) {
      const verdict = block.add(tx)
      if (verdict.kind === 'full') throw new Error('the block is full')
      if (verdict.kind === 'accept') pending.push(tx)
      return verdict
    },
    commit() {
      const { height: at, time } = position()
      const { changes, seen } = block.changes()
      for (const { key, value } of [...changes, ...seen]) state.set(key, value)
      // A fold reads time and height of a header and nothing else of it.
      const header = { height: at, time } as CommittedBlock['header']
      const committed = { header, digest: hash(`block ${at}`) as string as Digest, transactions: pending, changes }
      folded.push(...fold(layered(state, [folded]), committed))
      for (const tx of pending) byId.set(tx.id, tx)
      blocks.push(committed)
      pending = []
      block = createBlock(state, position())
      return committed
    },
    get: (id) => byId.get(id),
    draft,
    firstSend(author, to, content = hash('content')) {
      const nonce = secret(`nonce ${++nonces}`).slice(0, 16)
      return send(author, to, { recordId: recordIdOf(id, author.member, nonce), content, via: null }, nonce)
    },
    sendOn: (author, to, recordId, via, content = hash('content')) => send(author, to, { recordId, content, via }),
    ack: (author, via, outcome = 'opened') =>
      draft(author, 'stt.ack', { acks: [{ via, outcome }] }) as ParsedTransaction<'stt.ack'>
  }
}

/** The rows of the same blocks folded again from nothing, on the final state of each, by a daemon that starts anew at each. */
export function refold(chain: TestChain): ReturnType<typeof tableOf> {
  const state = createOverlay(emptyState)
  const folded: Change[] = []
  for (const block of chain.blocks) {
    for (const { key, value } of block.changes) state.set(key, value)
    folded.push(...createCustodyFold()(layered(state, [folded]), block))
  }
  return tableOf(folded)
}
