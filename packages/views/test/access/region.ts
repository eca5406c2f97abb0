/** An SPV chain in memory for tests: blocks made of what the ledger's rules accept, and the access logs folded from them. */
import {
  type Alias,
  type Digest,
  type Hash,
  height,
  type MemberId,
  name32,
  type RecordId,
  sha256
} from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import {
  type AliasKind,
  type Bodies,
  buildTransaction,
  type Change,
  type CommittedBlock,
  chainIdOf,
  createOverlay,
  decideAccess,
  draftGenesis,
  emptyState,
  execute,
  type GrantTerms,
  genesisChanges,
  layered,
  type MemberKind,
  makeCard,
  memberIdOf,
  NO_EXPIRY,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  recordIdOf,
  type StateView,
  signAliasTransaction,
  signRequest,
  sponsorTransaction
} from '@wardline/ledger'
import { type AccessRows, accessFold } from '../../src/index.ts'

export const CREATED = 1_800_000_000_000
const LIFE_MS = 24 * 60 * 60 * 1000

export type Hospital = { readonly member: MemberId; readonly sign: Signer }

function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

export function hash(name: string): Hash {
  return name32<Hash>(secret(name))
}

function hospitalOf(name: string): Hospital {
  const sign = createSigner(secret(`${name} sign`))
  return { member: memberIdOf(sign.publicKey), sign }
}

export const alpha = hospitalOf('Alpha')
export const beta = hospitalOf('Beta')

function cardOf(name: string) {
  const signers = {
    identity: createSigner(secret(`${name} identity`)),
    sign: createSigner(secret(`${name} sign`)),
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`))
  }
  const seal = publicSealKey(secret(`${name} seal`))
  return makeCard({ name, label: 'region', seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }, signers)
}

const genesis = draftGenesis({
  mode: 'SPV',
  label: 'region',
  created: CREATED,
  random: secret('random'),
  founders: [cardOf('Alpha'), cardOf('Beta')],
  registrar: { kind: 'founder', member: alpha.member }
})
export const chain = chainIdOf(genesis)

export function patient(name: string): Signer {
  return createSigner(secret(`${name} alias`))
}

export function aliasOf(wallet: Signer): Alias {
  return wallet.publicKey as string as Alias
}

let nonces = 0

function nextNonce(): Uint8Array {
  nonces += 1
  return secret(`nonce ${nonces}`).slice(0, 16)
}

function parsed<K extends MemberKind | AliasKind>(bytes: Uint8Array): ParsedTransaction<K> {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(`rejected: ${result.code}`)
  return result.transaction as ParsedTransaction as ParsedTransaction<K>
}

function byPatient<K extends AliasKind>(wallet: Signer, kind: K, body: Bodies[K], sponsor: Hospital) {
  const envelope = { chain, nonce: nextNonce(), created: CREATED, expires: CREATED + LIFE_MS }
  const draft = { ...envelope, kind, body } as unknown as Parameters<typeof signAliasTransaction>[0]
  const unsponsored = parseUnsponsored(signAliasTransaction(draft, wallet), chain)
  if (unsponsored.kind === 'reject') throw new Error(`rejected: ${unsponsored.code}`)
  return parsed<K>(sponsorTransaction(unsponsored.transaction, { member: sponsor.member, keyIndex: 0 }, sponsor.sign))
}

export function open(wallet: Signer, hospital: Hospital = alpha): ParsedTransaction<'alias.open'> {
  return byPatient(wallet, 'alias.open', { hospital: hospital.member, custodial: true }, hospital)
}

export function grant(wallet: Signer, to: Hospital, changes: Partial<GrantTerms> = {}): ParsedTransaction<'spv.grant'> {
  const window = { from: CREATED, to: CREATED + LIFE_MS }
  const terms: GrantTerms = {
    ...{
      grantee: { member: to.member },
      scope: { kind: 'all' },
      purposes: ['treatment'],
      ...window,
      mayDelegate: false
    },
    ...changes
  }
  return byPatient(wallet, 'spv.grant', terms, alpha)
}

export function revoke(
  wallet: Signer,
  { id }: ParsedTransaction<'spv.grant'>,
  sponsor = alpha
): ParsedTransaction<'spv.revoke'> {
  return byPatient(wallet, 'spv.revoke', { grant: id }, sponsor)
}

export function anchor(wallet: Signer, owner: Hospital = alpha): ParsedTransaction<'spv.anchor'> {
  const nonce = nextNonce()
  const body = {
    alias: aliasOf(wallet),
    recordId: recordIdOf(chain, owner.member, nonce),
    content: hash(`c ${nonces}`)
  }
  const author = { member: owner.member, keyIndex: 0 }
  const draft = {
    chain,
    nonce,
    created: CREATED,
    expires: CREATED + LIFE_MS,
    kind: 'spv.anchor',
    author,
    body
  } as const
  return parsed(buildTransaction(draft, owner.sign))
}

export type Region = {
  readonly state: StateView
  readonly blocks: readonly CommittedBlock[]
  /** What `owner` decides at the last block about a request of `accessor`, as an entry. */
  readonly access: (
    accessor: Hospital,
    wallet: Signer,
    records: readonly RecordId[],
    owner?: Hospital
  ) => ParsedTransaction<'spv.access'>
  /** Executes what the rules accept of these, in order, as the next block, and folds it. Answers what was accepted. */
  readonly commit: (...transactions: readonly ParsedTransaction[]) => readonly ParsedTransaction[]
  /** The rows folded block by block, in order of their keys. */
  readonly rows: () => ReturnType<typeof tableOf>
}

/** A store of rows that keeps its keys in order. */
function tableOf(changes: readonly Change[]): AccessRows & { readonly entries: () => [string, Uint8Array][] } {
  const rows = new Map<string, Uint8Array>()
  for (const { key, value } of changes) {
    if (value === null) rows.delete(key)
    else rows.set(key, value)
  }
  const entries = () => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    entries,
    async *range({ from, to, limit = Number.POSITIVE_INFINITY, reverse = false }) {
      const chosen = entries().filter(([key]) => key >= from && key < to)
      yield* (reverse ? chosen.reverse() : chosen).slice(0, limit)
    }
  }
}

/** A chain whose blocks are a second apart. */
export function createRegion(): Region {
  const state = createOverlay(emptyState)
  for (const { key, value } of genesisChanges(genesis)) state.set(key, value)
  const folded: Change[] = []
  const blocks: CommittedBlock[] = []
  const last = () => ({
    height: height(blocks.length),
    digest: blocks.at(-1)?.digest ?? name32<Digest>(chain),
    time: CREATED + blocks.length * 1000
  })
  return {
    state,
    blocks,
    rows: () => tableOf(folded),
    access(accessor, wallet, records, owner = alpha) {
      const alias = aliasOf(wallet)
      const key = accessor.sign.publicKey
      const asked = {
        alias,
        records: [...records].sort(),
        purpose: 'treatment',
        accessor: { member: accessor.member, keyIndex: 0 }
      } as const
      const at = last()
      const decision = decideAccess(state, asked, at.height, at.time)
      const window = { nonce: nextNonce(), minHeight: 0, notAfter: CREATED + LIFE_MS }
      const request = { chain, owner: owner.member, ...asked, ...window, accessor: { ...asked.accessor, key } }
      const outcome =
        decision.kind === 'permit'
          ? { decision: 'permit' as const, code: null, basis: decision.grant }
          : { decision: 'deny' as const, code: decision.code, basis: null }
      const decidedAt = { height: at.height, digest: at.digest }
      const body = { request: signRequest(request, accessor.sign), decidedAt, ...outcome }
      const author = { member: owner.member, keyIndex: 0 }
      const envelope = { chain, nonce: nextNonce(), created: CREATED, expires: NO_EXPIRY }
      return parsed(buildTransaction({ ...envelope, kind: 'spv.access', author, body }, owner.sign))
    },
    commit(...transactions) {
      const parent = last()
      const position = { height: height(parent.height + 1), time: parent.time + 1000, parent }
      const accepted: ParsedTransaction[] = []
      for (const tx of transactions) {
        const attempt = execute(state, { ...position, transactions: [...accepted, tx] })
        if (attempt.kind === 'ok') accepted.push(tx)
      }
      const result = execute(state, { ...position, transactions: accepted })
      if (result.kind === 'invalid') throw new Error(result.code)
      for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
      // A fold reads chain, time and height of a header and nothing else of it.
      const header = { chain, height: position.height, time: position.time } as CommittedBlock['header']
      const digest = hash(`block ${position.height}`) as string as Digest
      const block = { header, digest, transactions: accepted, changes: result.changes }
      folded.push(...accessFold(layered(state, [folded]), block))
      blocks.push(block)
      return accepted
    }
  }
}

/** The rows of the same blocks folded again from nothing, on the state after each. */
export function refold(blocks: readonly CommittedBlock[]): ReturnType<typeof tableOf> {
  const state = createOverlay(emptyState)
  for (const { key, value } of genesisChanges(genesis)) state.set(key, value)
  const folded: Change[] = []
  for (const block of blocks) {
    for (const { key, value } of block.changes) state.set(key, value)
    folded.push(...accessFold(layered(state, [folded]), block))
  }
  return tableOf(folded)
}
