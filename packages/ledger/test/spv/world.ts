/** A small SPV chain for tests: the founders of `../world.ts`, patients by their aliases, records, grants and accesses. */
import {
  type Alias,
  type ChainId,
  type Digest,
  height,
  name32,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import {
  type AccessRequest,
  type AliasKind,
  type BlockChanges,
  type Bodies,
  chainIdOf,
  createOverlay,
  draftGenesis,
  execute,
  type Genesis,
  type GrantTerms,
  genesisChanges,
  NO_EXPIRY,
  type Overlay,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  recordIdOf,
  type SignedRequest,
  type SpvAccessBody,
  signAliasTransaction,
  signGenesis,
  signRequest,
  sponsorTransaction,
  verifyTransaction,
  withSignatures
} from '../../src/index.ts'
import {
  alpha,
  CREATED,
  cardOf,
  founders,
  HOUR,
  hash,
  ministry,
  nextNonce,
  type Overrides,
  type Person,
  person,
  registerBody,
  registrarCard,
  secret,
  stateOf,
  transaction
} from '../world.ts'

export const MINUTE = 60 * 1000
export const NOW = CREATED + MINUTE

function regionOf(name: string): Genesis {
  const draft = draftGenesis({
    mode: 'SPV',
    label: 'region',
    created: CREATED,
    random: secret(name),
    founders: founders.map((founder) => cardOf(founder)),
    registrar: { kind: 'card', card: registrarCard(ministry) }
  })
  return withSignatures(
    draft,
    founders.map((founder) => signGenesis(draft, founder.identity))
  )
}

export const region = regionOf('spv')
export const chain = chainIdOf(region)
export const otherChain = chainIdOf(regionOf('other spv'))

export const surgeon = person('Surgeon')
export const nurse = person('Nurse')

export function patient(name: string): Signer {
  return createSigner(secret(`${name} alias`))
}

export function aliasOf(wallet: Signer): Alias {
  return wallet.publicKey as string as Alias
}

export const anna = patient('Anna')
export const bruno = patient('Bruno')

export function staff(
  who: Person,
  hospital: Person,
  role: 'doctor' | 'nurse' | 'researcher' = 'doctor',
  attributes: readonly string[] = []
): ParsedTransaction {
  const body = registerBody(who, { role, hospital: hospital.member, attributes }, chain, hospital.member)
  return transaction(hospital, 'member.register', body, { chain })
}

export type PatientOptions = { readonly sponsor?: Person; readonly nonce?: Uint8Array; readonly created?: number }

/** What a patient writes, sponsored by a hospital, as bytes; the code of its fault of form if it has one. */
export function signedByPatient<K extends AliasKind>(
  wallet: Signer,
  kind: K,
  body: Bodies[K],
  { sponsor = alpha, nonce = nextNonce(), created = CREATED }: PatientOptions = {}
): Uint8Array | string {
  const draft = { chain, nonce, created, expires: created + 24 * HOUR, kind, body }
  const unsponsored = parseUnsponsored(
    signAliasTransaction(draft as unknown as Parameters<typeof signAliasTransaction>[0], wallet),
    chain
  )
  if (unsponsored.kind === 'reject') return unsponsored.code
  return sponsorTransaction(unsponsored.transaction, { member: sponsor.member, keyIndex: 0 }, sponsor.sign)
}

export function byPatient<K extends AliasKind>(
  wallet: Signer,
  kind: K,
  body: Bodies[K],
  options: PatientOptions = {}
): ParsedTransaction<K> {
  const bytes = signedByPatient(wallet, kind, body, options)
  if (typeof bytes === 'string') throw new Error(`rejected: ${bytes}`)
  return parsed(bytes) as ParsedTransaction as ParsedTransaction<K>
}

function parsed(bytes: Uint8Array): ParsedTransaction {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(`rejected: ${result.code}`)
  if (!verifyTransaction(result.transaction)) throw new Error('a signature does not verify')
  return result.transaction
}

export function openAlias(wallet: Signer, sponsor: Person = alpha, nonce?: Uint8Array): ParsedTransaction {
  const body = { hospital: sponsor.member, custodial: false }
  return byPatient(wallet, 'alias.open', body, nonce === undefined ? { sponsor } : { sponsor, nonce })
}

export function anchorRecord(
  wallet: Signer,
  {
    owner = alpha,
    content = hash('content'),
    ...overrides
  }: { readonly owner?: Person; readonly content?: ReturnType<typeof hash> } & Overrides = {}
): ParsedTransaction<'spv.anchor'> {
  const nonce = overrides.nonce ?? nextNonce()
  const body = { alias: aliasOf(wallet), recordId: recordIdOf(chain, owner.member, nonce), content }
  return transaction(owner, 'spv.anchor', body, {
    chain,
    ...overrides,
    nonce
  }) as ParsedTransaction as ParsedTransaction<'spv.anchor'>
}

export function terms(grantee: GrantTerms['grantee'], changes: Partial<GrantTerms> = {}): GrantTerms {
  const window = { from: CREATED, to: CREATED + 1000 * HOUR }
  return { grantee, scope: { kind: 'all' }, purposes: ['treatment'], ...window, mayDelegate: false, ...changes }
}

export function grantTo(
  wallet: Signer,
  grantee: Person | GrantTerms['grantee'],
  changes: Partial<GrantTerms> & PatientOptions = {}
): ParsedTransaction<'spv.grant'> {
  const { sponsor = alpha, nonce = nextNonce(), created = CREATED, ...rest } = changes
  const whom = 'sign' in grantee ? { member: grantee.member } : grantee
  return byPatient(wallet, 'spv.grant', terms(whom, rest), { sponsor, nonce, created })
}

export function takeBack(
  wallet: Signer,
  grant: TransactionId,
  sponsor: Person = alpha
): ParsedTransaction<'spv.revoke'> {
  return byPatient(wallet, 'spv.revoke', { grant }, { sponsor })
}

export function requestOf(
  accessor: Person,
  wallet: Signer,
  records: readonly RecordId[],
  changes: Partial<AccessRequest> & { readonly signer?: Signer; readonly keyIndex?: number } = {}
): SignedRequest {
  const { signer = accessor.sign, keyIndex = 0, ...rest } = changes
  const request: AccessRequest = {
    chain,
    owner: alpha.member,
    alias: aliasOf(wallet),
    records: [...records].sort(),
    purpose: 'treatment',
    nonce: nextNonce(),
    minHeight: 0,
    notAfter: CREATED + 100 * HOUR,
    accessor: { member: accessor.member, keyIndex, key: signer.publicKey },
    ...rest
  }
  return signRequest(request, signer)
}

export type Decided = Pick<SpvAccessBody, 'decidedAt'> & Partial<Pick<SpvAccessBody, 'decision' | 'code' | 'basis'>>

export function accessBody(request: SignedRequest, { decidedAt, ...rest }: Decided): SpvAccessBody {
  const permitted = { decision: 'permit', code: null, basis: name32<TransactionId>(secret('basis')) } as const
  const denied = { decision: 'deny', code: 'no-grant', basis: null } as const
  return { request, decidedAt, ...(rest.decision === 'deny' ? denied : permitted), ...rest }
}

export function access(
  request: SignedRequest,
  decided: Decided,
  { author = alpha, ...overrides }: { readonly author?: Person } & Overrides = {}
): ParsedTransaction<'spv.access'> {
  const all = { chain, expires: NO_EXPIRY, ...overrides }
  return transaction(
    author,
    'spv.access',
    accessBody(request, decided),
    all
  ) as ParsedTransaction as ParsedTransaction<'spv.access'>
}

/** A chain that grows block by block, with digests made from heights. */
export type Region = {
  readonly state: Overlay
  /** The next block, at `timeMs` (a minute after the last one if not given); answers with its changes. @throws Error where one is refused */
  commit(transactions: readonly ParsedTransaction[], timeMs?: number): BlockChanges
  /** The block at `at`, or the last one. */
  block(at?: number): { readonly height: number; readonly digest: Digest; readonly time: number }
}

export function createRegion(on: ChainId = chain): Region {
  const state = createOverlay(stateOf(genesisChanges(region)))
  const blocks = [{ height: 0, digest: name32<Digest>(on), time: CREATED }]
  const last = () => blocks.at(-1) as (typeof blocks)[0]
  return {
    state,
    block: (at) => blocks[at ?? blocks.length - 1] as (typeof blocks)[0],
    commit(transactions, timeMs = last().time + MINUTE) {
      const parent = last()
      const position = { height: height(parent.height + 1), time: timeMs, parent }
      const result = execute(state, { ...position, transactions })
      if (result.kind === 'invalid') throw new Error(`transaction ${result.index}: ${result.code}`)
      for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
      blocks.push({ height: position.height, digest: name32<Digest>(secret(`block ${position.height}`)), time: timeMs })
      return result
    }
  }
}
