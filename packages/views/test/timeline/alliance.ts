/** An alliance in memory for tests: blocks made of what the ledger's rules accept, and the timelines folded from them. */
import { type Alias, type Digest, type Hash, height, type MemberId, name32, sha256 } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import {
  type AliasKind,
  type Bodies,
  buildTransaction,
  type Change,
  type CommittedBlock,
  chainIdOf,
  createOverlay,
  doctorStatement,
  draftGenesis,
  emptyState,
  execute,
  genesisChanges,
  layered,
  type MemberKind,
  makeCard,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  recordIdOf,
  registrationStatement,
  type StateView,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import { type TimelineRows, timelineFold } from '../../src/index.ts'

export const CREATED = 1_800_000_000_000
const LIFE_MS = 24 * 60 * 60 * 1000

export type Person = { readonly member: MemberId; readonly sign: Signer }

function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

export function hash(name: string): Hash {
  return name32<Hash>(secret(name))
}

function personOf(name: string): Person {
  const sign = createSigner(secret(`${name} sign`))
  return { member: memberIdOf(sign.publicKey), sign }
}

export const alpha = personOf('Alpha')
export const beta = personOf('Beta')
export const surgeon = personOf('Surgeon')
export const physician = personOf('Physician')
const doctorsOf = new Map([
  [alpha, surgeon],
  [beta, physician]
])

function cardOf(name: string) {
  const signers = {
    identity: createSigner(secret(`${name} identity`)),
    sign: createSigner(secret(`${name} sign`)),
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`))
  }
  const seal = publicSealKey(secret(`${name} seal`))
  return makeCard({ name, label: 'alliance', seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }, signers)
}

const genesis = draftGenesis({
  mode: 'DSS',
  fence: {
    purpose: 'Treatment',
    legalBasis: 'Consent',
    retentionYears: 10,
    contact: 'x@y.example',
    excludedLabels: []
  },
  label: 'alliance',
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

/** Made a moment after the one before it: a patient's statements count in this order. */
function envelope(nonce = nextNonce()) {
  return { chain, nonce, created: CREATED + nonces, expires: CREATED + LIFE_MS }
}

function parsed<K extends MemberKind | AliasKind>(bytes: Uint8Array): ParsedTransaction<K> {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(`rejected: ${result.code}`)
  return result.transaction as ParsedTransaction as ParsedTransaction<K>
}

function byMember<K extends MemberKind>(author: Person, kind: K, body: Bodies[K], nonce = nextNonce()) {
  const isWritten = kind === 'dss.record' || kind === 'dss.amend'
  const payload = isWritten ? { payload: { commitment: hash('payload'), size: 1000 } } : {}
  const draft = { ...envelope(nonce), kind, author: { member: author.member, keyIndex: 0 }, body, ...payload }
  return parsed<K>(buildTransaction(draft as unknown as Parameters<typeof buildTransaction>[0], author.sign))
}

function byPatient<K extends AliasKind>(wallet: Signer, kind: K, body: Bodies[K], sponsor: Person) {
  const draft = { ...envelope(), kind, body } as unknown as Parameters<typeof signAliasTransaction>[0]
  const unsponsored = parseUnsponsored(signAliasTransaction(draft, wallet), chain)
  if (unsponsored.kind === 'reject') throw new Error(`rejected: ${unsponsored.code}`)
  const author = { member: sponsor.member, keyIndex: 0 }
  return parsed<K>(sponsorTransaction(unsponsored.transaction, author, sponsor.sign))
}

export function enrol(wallet: Signer, sponsor = alpha, until = CREATED + LIFE_MS) {
  return byPatient(wallet, 'dss.enrol', { until, basis: 'consent' }, sponsor)
}

export function withdraw(wallet: Signer, sponsor = alpha) {
  return byPatient(wallet, 'dss.withdraw', {}, sponsor)
}

function signed(attested: Parameters<typeof doctorStatement>[0], { member, sign }: Person) {
  const sig = sign.sign('wardline/doctor/1', doctorStatement(attested, 'doctor'))
  return [{ member, keyIndex: 0, key: sign.publicKey, role: 'doctor' as const, sig }]
}

export function publish(author: Person, wallet: Signer, after: Hash | null = null): ParsedTransaction<'dss.record'> {
  const nonce = nextNonce()
  const alias = aliasOf(wallet)
  const what = { alias, recordId: recordIdOf(chain, author.member, nonce), content: hash(`content ${nonces}`) }
  const doctors = signed({ chain, supersedes: null, ...what }, doctorsOf.get(author) as Person)
  return byMember(author, 'dss.record', { ...what, doctors, after }, nonce)
}

export function amend(
  author: Person,
  of: ParsedTransaction<'dss.record' | 'dss.amend'>
): ParsedTransaction<'dss.amend'> {
  const { alias, recordId } = of.body
  const what = { alias, recordId, supersedes: of.id, content: hash(`amended ${++nonces}`) }
  const doctors = signed({ chain, ...what }, doctorsOf.get(author) as Person)
  return byMember(author, 'dss.amend', { ...what, doctors, after: null })
}

export function read(
  author: Person,
  of: ParsedTransaction<'dss.record' | 'dss.amend'>
): ParsedTransaction<'dss.access'> {
  const records = [{ record: of.body.recordId, version: of.id }]
  return byMember(author, 'dss.access', { alias: of.body.alias, records, reader: null, purpose: 'treatment' })
}

export function registerDoctor(hospital: Person): ParsedTransaction<'member.register'> {
  const { sign } = doctorsOf.get(hospital) as Person
  const keys = { sign: sign.publicKey, seal: null, host: null }
  const proof = sign.sign('wardline/key-proof/1', registrationStatement(chain, hospital.member, keys))
  const rest = { attributes: [], grants: null, until: null, hostProof: null }
  return byMember(hospital, 'member.register', { role: 'doctor', hospital: hospital.member, ...keys, ...rest, proof })
}

export type Alliance = {
  readonly state: StateView
  readonly blocks: readonly CommittedBlock[]
  /** Executes what the rules accept of these, in order, as the next block, and folds it. Answers what was accepted. */
  readonly commit: (...transactions: readonly ParsedTransaction[]) => readonly ParsedTransaction[]
  /** The rows folded block by block, in order of their keys. */
  readonly rows: () => ReturnType<typeof tableOf>
}

/** A store of rows that keeps its keys in order. */
export function tableOf(changes: readonly Change[]): TimelineRows & { readonly entries: () => [string, Uint8Array][] } {
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
      const chosen = entries().filter(([key]) => key >= from && key < to)
      yield* (reverse ? chosen.reverse() : chosen).slice(0, limit)
    }
  }
}

/** A chain whose blocks are a second apart. */
export function createAlliance(): Alliance {
  const state = createOverlay(emptyState)
  for (const { key, value } of genesisChanges(genesis)) state.set(key, value)
  const folded: Change[] = []
  const blocks: CommittedBlock[] = []
  return {
    state,
    blocks,
    rows: () => tableOf(folded),
    commit(...transactions) {
      const at = height(blocks.length + 1)
      const parent = { digest: name32<Digest>(new Uint8Array(32)), time: CREATED }
      const position = { height: at, time: CREATED + at * 1000, parent }
      const accepted: ParsedTransaction[] = []
      for (const tx of transactions) {
        const attempt = execute(state, { ...position, transactions: [...accepted, tx] })
        if (attempt.kind === 'ok') accepted.push(tx)
      }
      const result = execute(state, { ...position, transactions: accepted })
      if (result.kind === 'invalid') throw new Error(result.code)
      for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
      // A fold reads chain, time and height of a header and nothing else of it.
      const header = { chain, height: at, time: position.time } as CommittedBlock['header']
      const digest = hash(`block ${at}`) as string as Digest
      const block = { header, digest, transactions: accepted, changes: result.changes }
      folded.push(...timelineFold(layered(state, [folded]), block))
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
    folded.push(...timelineFold(layered(state, [folded]), block))
  }
  return tableOf(folded)
}
