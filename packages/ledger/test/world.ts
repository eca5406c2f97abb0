/** A small chain for tests: founders, their keys from fixed secrets, and transactions by them. */
import { type ChainId, type Digest, type Hash, type MemberId, name32, type SealKey, sha256 } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer, type VoteSigner } from '@wardline/crypto'
import {
  type Bodies,
  buildTransaction,
  type Card,
  type CardFacts,
  type Change,
  chainIdOf,
  createOverlay,
  draftGenesis,
  emptyState,
  type Genesis,
  genesisChanges,
  type Kind,
  makeCard,
  memberIdOf,
  type NewKeys,
  type Overlay,
  type ParsedTransaction,
  type Payload,
  parseTransaction,
  type RecoverBody,
  type RegisterBody,
  recordIdOf,
  recoveryStatement,
  registrationStatement,
  rotationStatement,
  type SendBody,
  signGenesis,
  verifyTransaction,
  withSignatures
} from '../src/index.ts'

export const CREATED = 1_800_000_000_000
export const HOUR = 60 * 60 * 1000

/** The block before one that is executed by itself: no rule of these tests looks at it. */
export const parent = { digest: name32<Digest>(new Uint8Array(32)), time: CREATED }

/** 32 bytes that depend on `name` alone. */
export function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

export function hash(name: string): Hash {
  return name32<Hash>(secret(name))
}

export type Person = {
  readonly name: string
  readonly identity: Signer
  readonly sign: Signer
  readonly vote: VoteSigner
  readonly host: Signer
  readonly seal: SealKey
  readonly member: MemberId
}

export function person(name: string): Person {
  const sign = createSigner(secret(`${name} sign`))
  return {
    name,
    identity: createSigner(secret(`${name} identity`)),
    sign,
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`)),
    seal: publicSealKey(secret(`${name} seal`)),
    member: memberIdOf(sign.publicKey)
  }
}

export function cardOf(who: Person, label = 'region', registration?: CardFacts['registration']): Card {
  const facts = { name: who.name, label, seal: who.seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }
  return makeCard(registration === undefined ? facts : { ...facts, registration }, who)
}

/** A registrar's card: a sign key and no daemon. */
export function registrarCard(who: Person): Card {
  const facts = { name: who.name, label: 'region', seal: null, addresses: [] }
  return makeCard(facts, { identity: who.identity, sign: who.sign, vote: null, host: null })
}

export const ministry = person('Ministry')

export function foundersOf(count: number): readonly Person[] {
  return Array.from({ length: count }, (_, i) => person(`Hospital ${i}`))
}

/** A signed genesis of `founders`; the ministry is registrar. */
export function genesisOf(founders: readonly Person[]): Genesis {
  const draft = draftGenesis({
    mode: 'STT',
    label: 'region',
    created: CREATED,
    random: secret('random'),
    founders: founders.map((founder) => cardOf(founder)),
    registrar: { kind: 'card', card: registrarCard(ministry) }
  })
  return withSignatures(
    draft,
    founders.map((founder) => signGenesis(draft, founder.identity))
  )
}

export const founders = foundersOf(4)
export const genesis = genesisOf(founders)
export const chain = chainIdOf(genesis)
export const [alpha, beta, gamma, delta] = founders as readonly [Person, Person, Person, Person]

export function stateOf(changes: readonly Change[]): Overlay {
  const state = createOverlay(emptyState)
  for (const { key, value } of changes) state.set(key, value)
  return state
}

export function genesisState(): Overlay {
  return stateOf(genesisChanges(genesis))
}

export type Overrides = {
  readonly keyIndex?: number
  readonly signer?: Signer
  readonly nonce?: Uint8Array
  readonly created?: number
  readonly expires?: number
  readonly payload?: Payload | null
  readonly chain?: ChainId
}

let nonces = 0

/** 16 bytes, others at every call. */
export function nextNonce(): Uint8Array {
  nonces += 1
  return secret(`nonce ${nonces}`).slice(0, 16)
}

/** The signed bytes of a transaction by `author`. */
export function signed<K extends Kind>(
  author: Person,
  kind: K,
  body: Bodies[K],
  overrides: Overrides = {}
): Uint8Array {
  const standard: Payload | null = kind === 'stt.send' ? { commitment: hash('envelope'), size: 1000 } : null
  const payload = overrides.payload === undefined ? standard : overrides.payload
  const draft = {
    chain: overrides.chain ?? chain,
    kind,
    author: { member: author.member, keyIndex: overrides.keyIndex ?? 0 },
    nonce: overrides.nonce ?? nextNonce(),
    created: overrides.created ?? CREATED,
    expires: overrides.expires ?? CREATED + 24 * HOUR,
    body,
    ...(payload === null ? {} : { payload })
  }
  // The kind and the body belong together by this function's own type.
  return buildTransaction(draft as Parameters<typeof buildTransaction>[0], overrides.signer ?? author.sign)
}

/** A transaction by `author`, parsed, with all its signatures verified. */
export function transaction<K extends Kind>(
  author: Person,
  kind: K,
  body: Bodies[K],
  overrides: Overrides = {}
): ParsedTransaction {
  const result = parseTransaction(signed(author, kind, body, overrides), overrides.chain ?? chain)
  if (result.kind === 'reject') throw new Error(`rejected: ${result.code}`)
  if (!verifyTransaction(result.transaction)) throw new Error('a signature does not verify')
  return result.transaction
}

export function receivers(...people: readonly Person[]): SendBody['to'] {
  return people.map(({ member, seal }) => ({ member, sealingKey: seal })).sort((a, b) => (a.member < b.member ? -1 : 1))
}

/** A first send: the record's id follows from the nonce. */
export function firstSend(
  author: Person,
  to: readonly Person[],
  content = hash('content')
): ParsedTransaction<'stt.send'> {
  const nonce = nextNonce()
  const recordId = recordIdOf(chain, author.member, nonce)
  return sent(transaction(author, 'stt.send', sendBody({ recordId, content, to: receivers(...to) }), { nonce }))
}

export function sent(tx: ParsedTransaction): ParsedTransaction<'stt.send'> {
  if (tx.kind !== 'stt.send') throw new Error('not an stt.send')
  return tx
}

export function sendBody(body: Pick<SendBody, 'recordId' | 'to'> & Partial<SendBody>): SendBody {
  return { content: hash('content'), via: null, purpose: 'treatment', subject: null, ...body }
}

/** What the ministry registers a hospital with, or a hospital its staff. */
export function registerBody(
  who: Person,
  changes: Partial<RegisterBody> = {},
  on: ChainId = chain,
  by: MemberId = changes.hospital ?? ministry.member
): RegisterBody {
  const isHospital = (changes.role ?? 'hospital') === 'hospital'
  const keys = { sign: who.sign.publicKey, seal: who.seal, host: isHospital ? who.host.publicKey : null }
  const statement = registrationStatement(on, by, keys)
  return {
    role: 'hospital',
    ...keys,
    hospital: null,
    attributes: [],
    grants: isHospital ? { roles: ['doctor', 'nurse'], attributes: ['surgeon'] } : null,
    until: null,
    proof: who.sign.sign('wardline/key-proof/1', statement),
    hostProof: isHospital ? who.host.sign('wardline/key-proof/1', statement) : null,
    ...changes
  }
}

/** @param by the author, if it is another than the hospital that the body names */
export function doctorBody(
  who: Person,
  hospital: Person,
  changes: Partial<RegisterBody> = {},
  by: Person = hospital
): RegisterBody {
  return registerBody(who, { role: 'doctor', hospital: hospital.member, ...changes }, chain, by.member)
}

/** The proof of a new sign key, for `member.rotate`. */
export function rotationProof(member: MemberId, next: Signer, seal: SealKey | null, on: ChainId = chain): Uint8Array {
  return next.sign('wardline/key-proof/1', rotationStatement(on, { member, sign: next.publicKey, seal }))
}

/** A recovery of `member` with approvals by `approvers`, each with the signer given or its first one. */
export function recoverBody(
  member: MemberId,
  next: Signer,
  approvers: readonly { readonly member: MemberId; readonly sign: Signer }[],
  terms: { readonly epoch?: number; readonly expires?: number; readonly seal?: SealKey | null } = {}
): RecoverBody {
  const keys = { member, sign: next.publicKey, seal: terms.seal ?? null } satisfies NewKeys
  const dated = { epoch: terms.epoch ?? 0, expires: terms.expires ?? CREATED + HOUR }
  const statement = recoveryStatement(chain, keys, dated)
  const approvals = approvers
    .map((approver) => ({
      member: approver.member,
      key: approver.sign.publicKey,
      signature: approver.sign.sign('wardline/approval/1', statement)
    }))
    .sort((a, b) => (a.member < b.member ? -1 : 1))
  return { action: 'recover', ...keys, proof: rotationProof(member, next, keys.seal), ...dated, approvals }
}
