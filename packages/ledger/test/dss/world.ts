/** A small alliance for tests: the founders of `../world.ts`, their doctors, patients by their aliases, and records. */
import { type Alias, type ChainId, height, type RecordId, type TransactionId } from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import {
  type AmendBody,
  type Attested,
  type ClinicalRole,
  chainIdOf,
  createOverlay,
  type DoctorSignature,
  type DssAccessBody,
  doctorStatement,
  draftGenesis,
  type EnrolBody,
  execute,
  type Genesis,
  genesisChanges,
  type Overlay,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  type RecordBody,
  recordIdOf,
  signAliasTransaction,
  signGenesis,
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
  parent,
  person,
  registerBody,
  registrarCard,
  secret,
  stateOf,
  transaction
} from '../world.ts'

export const NOW = CREATED + 1000
const EXPIRES = CREATED + 24 * HOUR
export const YEAR = 365 * 24 * HOUR

function allianceOf(name: string): Genesis {
  const draft = draftGenesis({
    mode: 'DSS',
    fence: {
      purpose: 'Treatment of shared patients',
      legalBasis: 'Consent',
      retentionYears: 10,
      contact: 'privacy@alliance.example',
      excludedLabels: ['hiv', 'psychotherapy']
    },
    label: 'alliance',
    created: CREATED,
    random: secret(name),
    founders: founders.map((founder) => cardOf(founder, 'alliance')),
    registrar: { kind: 'card', card: registrarCard(ministry) }
  })
  return withSignatures(
    draft,
    founders.map((founder) => signGenesis(draft, founder.identity))
  )
}

export const alliance = allianceOf('alliance')
export const chain = chainIdOf(alliance)
/** A chain of the same hospitals, with the same keys. */
export const otherAlliance = allianceOf('other alliance')
export const otherChain = chainIdOf(otherAlliance)

export const surgeon = person('Surgeon')
export const physician = person('Physician')
export const nurse = person('Nurse')

export function patient(name: string): Signer {
  return createSigner(secret(`${name} alias`))
}

export function aliasOf(wallet: Signer): Alias {
  return wallet.publicKey as string as Alias
}

export const anna = patient('Anna')
export const bruno = patient('Bruno')

export function staff(who: Person, hospital: Person, role: ClinicalRole | 'researcher' = 'doctor', on = chain) {
  const body = registerBody(who, { role, hospital: hospital.member }, on, hospital.member)
  return transaction(hospital, 'member.register', body, { chain: on })
}

type AliasKind = 'dss.enrol' | 'dss.withdraw'

type StatementOptions = {
  readonly sponsor?: Person
  readonly on?: ChainId
  readonly nonce?: Uint8Array
  /** By the wallet's clock; each statement a moment after the one made before it, if not given. */
  readonly created?: number
}

let statements = 0

function nextCreated(): number {
  statements += 1
  return CREATED + statements
}

/** What a patient writes, sponsored by a hospital and parsed, with all its signatures verified. */
export function byPatient(
  wallet: Signer,
  content: { readonly kind: AliasKind; readonly body: EnrolBody | Record<string, never> },
  { sponsor = alpha, on = chain, nonce = nextNonce(), created = nextCreated() }: StatementOptions = {}
): ParsedTransaction {
  const dated = { chain: on, nonce, created, expires: EXPIRES }
  const draft = { ...dated, ...content } as Parameters<typeof signAliasTransaction>[0]
  const unsponsored = parseUnsponsored(signAliasTransaction(draft, wallet), on)
  if (unsponsored.kind === 'reject') throw new Error(`rejected: ${unsponsored.code}`)
  const author = { member: sponsor.member, keyIndex: 0 }
  return parsed(sponsorTransaction(unsponsored.transaction, author, sponsor.sign), on)
}

export function enrol(wallet: Signer, terms: Partial<EnrolBody> & StatementOptions = {}) {
  const { until = NOW + YEAR, basis = 'consent', ...options } = terms
  return byPatient(wallet, { kind: 'dss.enrol', body: { until, basis } }, options)
}

export function withdraw(wallet: Signer, sponsor: Person = alpha, options: StatementOptions = {}) {
  return byPatient(wallet, { kind: 'dss.withdraw', body: {} }, { sponsor, ...options })
}

function parsed(bytes: Uint8Array, on: ChainId): ParsedTransaction {
  const result = parseTransaction(bytes, on)
  if (result.kind === 'reject') throw new Error(`rejected: ${result.code}`)
  if (!verifyTransaction(result.transaction)) throw new Error('a signature does not verify')
  return result.transaction
}

export type Signatory = Person & { readonly role?: ClinicalRole; readonly keyIndex?: number }

export function signedBy(attested: Attested, who: readonly Signatory[]): readonly DoctorSignature[] {
  return who
    .map(({ member, sign, role = 'doctor', keyIndex = 0 }) => ({
      member,
      keyIndex,
      key: sign.publicKey,
      role,
      sig: sign.sign('wardline/doctor/1', doctorStatement(attested, role))
    }))
    .sort((a, b) => (a.member < b.member ? -1 : 1))
}

export const PAYLOAD = { commitment: hash('payload'), size: 1000 }

/** A new record of `wallet`'s patient, and how to change what would be right. */
export function recordBody(
  author: Person,
  wallet: Signer,
  nonce: Uint8Array,
  {
    doctors = [surgeon],
    on = chain,
    ...changes
  }: Partial<Omit<RecordBody, 'doctors'>> & { doctors?: readonly Signatory[]; on?: ChainId } = {}
): RecordBody {
  const recordId = recordIdOf(on, author.member, nonce)
  const body = { alias: aliasOf(wallet), recordId, content: hash('content'), after: null, ...changes }
  return { ...body, doctors: signedBy({ chain: on, supersedes: null, ...body }, doctors) }
}

export function publish(
  author: Person,
  wallet: Signer,
  changes: Parameters<typeof recordBody>[3] & Pick<Overrides, 'nonce' | 'expires' | 'payload'> = {}
): ParsedTransaction<'dss.record'> {
  const { nonce = nextNonce(), expires = EXPIRES, payload = PAYLOAD, ...rest } = changes
  return write(author, 'dss.record', recordBody(author, wallet, nonce, rest), { nonce, expires, payload })
}

export function amend(
  author: Person,
  of: ParsedTransaction<'dss.record' | 'dss.amend'>,
  {
    doctors = [surgeon],
    ...changes
  }: Partial<Omit<AmendBody, 'doctors'>> & { doctors?: readonly Signatory[] } & Pick<
      Overrides,
      'nonce' | 'expires'
    > = {}
): ParsedTransaction<'dss.amend'> {
  const { nonce = nextNonce(), expires = EXPIRES, ...terms } = changes
  const { alias, recordId } = of.body
  const body = { alias, recordId, supersedes: of.id, content: hash('amended'), after: null, ...terms }
  return write(author, 'dss.amend', { ...body, doctors: signedBy({ chain, ...body }, doctors) }, { nonce, expires })
}

export function read(
  author: Person,
  wallet: Signer,
  versions: readonly { readonly record: RecordId; readonly version: TransactionId }[],
  {
    reader = null,
    purpose = 'treatment',
    nonce = nextNonce()
  }: Partial<Pick<DssAccessBody, 'reader' | 'purpose'>> & Pick<Overrides, 'nonce'> = {}
): ParsedTransaction<'dss.access'> {
  const records = [...versions].sort((a, b) => (a.version < b.version ? -1 : 1))
  const body = { alias: aliasOf(wallet), records, reader, purpose }
  return transaction(author, 'dss.access', body, { chain, nonce }) as ParsedTransaction<'dss.access'>
}

export function versionOf({ id, body }: ParsedTransaction<'dss.record' | 'dss.amend'>) {
  return { record: body.recordId, version: id }
}

/** A transaction with a payload, by its author. */
export function write<K extends 'dss.record' | 'dss.amend'>(
  author: Person,
  kind: K,
  body: K extends 'dss.record' ? RecordBody : AmendBody,
  overrides: Overrides = {}
): ParsedTransaction<K> {
  const all = { chain, payload: PAYLOAD, ...overrides }
  return transaction(author, kind, body as never, all) as ParsedTransaction as ParsedTransaction<K>
}

export function allianceState(): Overlay {
  return stateOf(genesisChanges(alliance))
}

/** The state after these transactions, in one block each, at `timeMs`. @throws Error if one is refused */
export function after(transactions: readonly ParsedTransaction[], timeMs = NOW): Overlay {
  const state = createOverlay(allianceState())
  for (const [i, tx] of transactions.entries()) commit(state, i + 1, [tx], timeMs)
  return state
}

export function commit(state: Overlay, at: number, transactions: readonly ParsedTransaction[], timeMs = NOW): void {
  const result = execute(state, { height: height(at), time: timeMs, parent, transactions })
  if (result.kind === 'invalid') throw new Error(`block ${at}, transaction ${result.index}: ${result.code}`)
  for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
}
