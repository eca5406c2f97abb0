/** What an SPV chain refuses: a row for every code, for `../refusals.test.ts`. */
import {
  type CborValue,
  decodeCbor,
  encodeCbor,
  type Hash,
  height,
  type MemberId,
  name32,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import {
  type Code,
  type Expression,
  execute,
  type GrantTerms,
  judge,
  NO_EXPIRY,
  type ParsedTransaction,
  parseTransaction,
  REFUSALS,
  type SpvAccessBody,
  verifyTransaction
} from '../../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  gamma,
  HOUR,
  hash,
  ministry,
  nextNonce,
  type Person,
  person,
  registerBody,
  rotationProof,
  secret,
  signed,
  transaction
} from '../world.ts'
import {
  access,
  accessBody,
  anchorRecord,
  anna,
  bruno,
  byPatient,
  chain,
  createRegion,
  grantTo,
  MINUTE,
  NOW,
  openAlias,
  otherChain,
  type Region,
  requestOf,
  signedByPatient,
  staff,
  surgeon,
  takeBack,
  terms
} from './world.ts'

type Answer = Code | 'accept'

function judged(
  before: readonly ParsedTransaction[],
  make: (region: Region) => ParsedTransaction,
  timeMs = NOW + MINUTE
): Answer {
  const region = createRegion()
  region.commit(before)
  // A decision can name the block before the one that is judged.
  region.commit([])
  const verdict = judge(region.state, make(region), timeMs)
  if (verdict.kind === 'accept') return 'accept'
  if (verdict.permanent !== REFUSALS[verdict.code].permanent) throw new Error('a verdict says otherwise than the table')
  return verdict.code
}

function parsed(bytes: Uint8Array | string): Answer {
  if (typeof bytes === 'string') return bytes as Answer
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') return result.code
  return verifyTransaction(result.transaction) ? 'accept' : 'bad-signature'
}

const anchored = anchorRecord(anna)
const record = anchored.body.recordId
const foreign = anchorRecord(bruno, { owner: beta })
const base = [openAlias(anna), openAlias(bruno, beta), staff(surgeon, beta), anchored, foreign]
const noRecord = name32<RecordId>(secret('no record'))
const nobody = person('Nobody').member

function grantForm(changes: Partial<GrantTerms>): Answer {
  return parsed(signedByPatient(anna, 'spv.grant', terms({ member: surgeon.member }, changes)))
}

const atom: Expression = { kind: 'attribute', attribute: 'surgeon', authority: beta.member }
const nested = (levels: number): Expression => (levels === 1 ? atom : { kind: 'not', of: nested(levels - 1) })
const wide = (atoms: number): Expression => ({ kind: 'or', of: Array.from({ length: atoms }, () => atom) })

function byExpression(expression: Expression): Answer {
  return parsed(signedByPatient(anna, 'spv.grant', terms({ expression })))
}

function expressionValue(value: CborValue): Answer {
  const { tx, ...signatures } = decodeCbor(grantTo(anna, { expression: atom }).bytes) as Record<string, CborValue>
  const fields = tx as Record<string, CborValue>
  const body = { ...(fields['body'] as Record<string, CborValue>), grantee: { expression: value } }
  return parsed(encodeCbor({ ...signatures, tx: { ...fields, body } } as CborValue))
}

type Changes = {
  readonly request?: Parameters<typeof requestOf>[3]
  readonly accessor?: Person
  readonly wallet?: typeof anna
  readonly records?: readonly RecordId[]
  readonly author?: Person
  readonly digest?: Hash
  readonly height?: number
}

/** An access on a chain with `base`, decided at the block that has it. */
function accessed({
  request = {},
  accessor = surgeon,
  wallet = anna,
  records = [record],
  author = alpha,
  ...block
}: Changes) {
  return (region: Region): ParsedTransaction => {
    const asked = requestOf(accessor, wallet, records, { owner: author.member, ...request })
    const { height, digest } = region.block(1)
    const decidedAt = { height: block.height ?? height, digest: name32<typeof digest>(block.digest ?? digest) }
    return access(asked, { decidedAt }, { author })
  }
}

function accessForm(change: (body: SpvAccessBody) => SpvAccessBody, expires = NO_EXPIRY): Answer {
  const decidedAt = { height: 1, digest: name32<SpvAccessBody['decidedAt']['digest']>(secret('block')) }
  const body = accessBody(requestOf(surgeon, anna, [record]), { decidedAt })
  return parsed(signed(alpha, 'spv.access', change(body), { chain, expires }))
}

function withRequest(changes: Partial<SpvAccessBody['request']['request']>) {
  return (body: SpvAccessBody): SpvAccessBody => ({
    ...body,
    request: { ...body.request, request: { ...body.request.request, ...changes } }
  })
}

const clinic = person('Clinic')
const revoke = (author: Person, who: Person) => transaction(author, 'member.revoke', { member: who.member }, { chain })

function registerClinic(): ParsedTransaction {
  return transaction(ministry, 'member.register', registerBody(clinic, {}, chain, ministry.member), { chain })
}

const newSign = createSigner(secret('new surgeon sign'))

/** The surgeon announces another signing key, which is in force a day later. */
function announce(): ParsedTransaction {
  const proof = rotationProof(surgeon.member, newSign, null, chain)
  const body = { action: 'announce', member: surgeon.member, sign: newSign.publicKey, seal: null, proof } as const
  return transaction(surgeon, 'member.rotate', body, { chain })
}

/** An access under the surgeon's announced key, decided `waitMs` after it was announced, and what has happened since. */
function underNewKey(waitMs: number, since: readonly ParsedTransaction[] = []): Answer {
  const region = createRegion()
  region.commit([...base, announce()])
  region.commit([], region.block().time + waitMs)
  const tx = access(requestOf(surgeon, anna, [record], { signer: newSign, keyIndex: 1 }), { decidedAt: region.block() })
  region.commit(since)
  const verdict = judge(region.state, tx, region.block().time + 1)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

function veto(): ParsedTransaction {
  return transaction(surgeon, 'member.rotate', { action: 'veto', member: surgeon.member }, { chain })
}

const doctors = (hospital: MemberId) => ({ role: 'doctor', hospital }) as const
const crowd = (count: number) => Array.from({ length: count }, () => grantTo(anna, surgeon))

export const spvRows: readonly (readonly [code: Answer, name: string, run: () => Answer])[] = [
  ['accept', 'an alias', () => judged([], () => openAlias(anna))],
  ['alias-exists', 'an alias again', () => judged(base, () => openAlias(anna, beta))],
  [
    'wrong-sponsor',
    'an alias for Alpha, sponsored by Beta',
    () =>
      judged([], () => byPatient(anna, 'alias.open', { hospital: alpha.member, custodial: false }, { sponsor: beta }))
  ],
  ['accept', 'an anchor', () => judged(base, () => anchorRecord(anna))],
  ['unknown-alias', 'an anchor under no alias', () => judged([], () => anchorRecord(anna))],
  [
    'not-alias-hospital',
    'an anchor under an alias of Alpha by Beta',
    () => judged(base, () => anchorRecord(anna, { owner: beta }))
  ],
  [
    'author-not-hospital',
    'an anchor by a doctor',
    () => judged(base, () => transaction(surgeon, 'spv.anchor', anchored.body, { chain }))
  ],
  [
    'record-id-mismatch',
    'an anchor with the id of another record',
    () => judged(base, () => transaction(alpha, 'spv.anchor', { ...anchored.body, recordId: noRecord }, { chain }))
  ],
  [
    'record-exists',
    'the same nonce for another content',
    () => judged(base, () => anchorRecord(anna, { nonce: anchored.nonce, content: hash('other') }))
  ],

  ['accept', 'a grant', () => judged(base, () => grantTo(anna, surgeon))],
  ['unknown-alias', 'a grant by no alias', () => judged([staff(surgeon, beta)], () => grantTo(anna, surgeon))],
  ['unknown-grantee', 'to nobody', () => judged(base, () => grantTo(anna, { member: nobody }))],
  ['accept', 'to the doctors of Beta', () => judged(base, () => grantTo(anna, doctors(beta.member)))],
  ['unknown-grantee', 'to the doctors of a doctor', () => judged(base, () => grantTo(anna, doctors(surgeon.member)))],
  [
    'unknown-grantee',
    'to an attribute by nobody',
    () => judged(base, () => grantTo(anna, { expression: { ...atom, authority: nobody } as Expression }))
  ],
  ['grant-over', 'ends with this block', () => judged(base, () => grantTo(anna, surgeon, { to: NOW + MINUTE }))],
  ['accept', 'ends just after it', () => judged(base, () => grantTo(anna, surgeon, { to: NOW + MINUTE + 1 }))],
  ['unknown-record', 'for no record', () => judged(base, () => grantTo(anna, surgeon, scopeOf([noRecord])))],
  [
    'alias-mismatch',
    'for a record of Bruno',
    () => judged(base, () => grantTo(anna, surgeon, scopeOf([foreign.body.recordId])))
  ],
  ['accept', 'the 16th to one member', () => judged([...base, ...crowd(15)], () => grantTo(anna, surgeon))],
  ['too-many-grants', 'the 17th', () => judged([...base, ...crowd(16)], () => grantTo(anna, surgeon))],
  [
    'too-many-grants',
    'the 17th, whatever records it is for',
    () => judged([...base, ...crowd(16)], () => grantTo(anna, surgeon, scopeOf([noRecord])))
  ],
  [
    'author-revoked',
    'sponsored by an expelled hospital',
    () =>
      judged([...base, registerClinic(), revoke(ministry, clinic)], () => grantTo(anna, surgeon, { sponsor: clinic }))
  ],
  ['no-purposes', 'for nothing', () => grantForm({ purposes: [] })],
  ['malformed', 'purposes in another order', () => grantForm({ purposes: ['treatment', 'research'] })],
  ['empty-window', 'from its end on', () => grantForm({ from: NOW, to: NOW })],
  ['empty-window', 'anchored in no time', () => grantForm({ scope: { kind: 'anchored', from: NOW, to: NOW } })],
  ['no-records', 'for records, of which there are none', () => grantForm(scopeOf([]))],
  ['records-not-sorted', 'one record twice', () => grantForm(scopeOf([record, record]))],
  ['accept', '64 records', () => grantForm(scopeOf(manyRecords(64)))],
  ['malformed', '65 records', () => grantForm(scopeOf(manyRecords(65)))],
  ['delegation-not-supported', 'to be handed on', () => grantForm({ mayDelegate: true })],
  ['accept', 'eight levels', () => byExpression(nested(8))],
  ['malformed', 'nine levels', () => byExpression(nested(9))],
  ['accept', '32 atoms', () => byExpression(wide(32))],
  ['malformed', '33 atoms', () => byExpression({ kind: 'and', of: [wide(32), atom] })],
  ['malformed', 'an expression of nothing', () => expressionValue(['and'])],
  ['malformed', 'an expression of no kind', () => expressionValue(['xor', atom.kind])],
  [
    'malformed',
    'not, of two',
    () => expressionValue(['not', ...[1, 2].map(() => ({ attribute: 'a', authority: secret('a') }))])
  ],

  [
    'unknown-grant',
    'taking back nothing',
    () => judged(base, () => takeBack(anna, name32<TransactionId>(secret('none'))))
  ],
  [
    'not-own-grant',
    'taking back what Anna granted',
    () => {
      const grant = grantTo(anna, surgeon)
      return judged([...base, grant], () => takeBack(bruno, grant.id))
    }
  ],
  [
    'accept',
    'taking it back by another hospital',
    () => {
      const grant = grantTo(anna, surgeon)
      return judged([...base, grant], () => takeBack(anna, grant.id, gamma))
    }
  ],
  [
    'already-revoked',
    'taking it back again',
    () => {
      const grant = grantTo(anna, surgeon)
      return judged([...base, grant, takeBack(anna, grant.id)], () => takeBack(anna, grant.id, beta))
    }
  ],

  ['accept', 'an access that no grant covers', () => judged(base, accessed({}))],
  ['accept', 'of a record that nobody anchored', () => judged(base, accessed({ records: [noRecord] }))],
  ['accept', 'a month later', () => judged(base, accessed({}), NOW + 30 * 24 * HOUR)],
  ['unknown-alias', 'an access under no alias', () => judged(base, accessed({ wallet: createSigner(secret('none')) }))],
  ['not-alias-hospital', 'of an alias of Beta, by Alpha', () => judged(base, accessed({ wallet: bruno }))],
  ['author-not-hospital', 'by a doctor', () => judged(base, accessed({ author: surgeon }))],
  ['unknown-accessor', 'for nobody', () => judged(base, accessed({ accessor: person('Nobody') }))],
  [
    'accessor-key-mismatch',
    'with a key that the surgeon does not have',
    () => judged(base, accessed({ request: { signer: createSigner(secret('other key')) } }))
  ],
  ['accessor-key-mismatch', 'with a number without a key', () => judged(base, accessed({ request: { keyIndex: 1 } }))],
  ['accessor-key-not-in-force', 'with a key that is announced', () => underNewKey(HOUR)],
  ['accept', 'with it when it is in force', () => underNewKey(24 * HOUR)],
  ['accessor-key-mismatch', 'with one that was announced and taken back', () => underNewKey(HOUR, [veto()])],
  [
    'request-used',
    'the same request again',
    () => {
      const request = requestOf(surgeon, anna, [record])
      const region = createRegion()
      region.commit(base)
      region.commit([])
      region.commit([access(request, { decidedAt: region.block(1) })])
      const again = access(request, { decidedAt: region.block(1), decision: 'deny' })
      const verdict = judge(region.state, again, NOW + HOUR)
      return verdict.kind === 'accept' ? 'accept' : verdict.code
    }
  ],
  ['unknown-decision', 'decided at the block that is judged', () => judged(base, accessed({ height: 2 }))],
  ['unknown-decision', 'decided in the future', () => judged(base, accessed({ height: 1000 }))],
  [
    'wrong-decision',
    'decided at a block of another chain',
    () => judged(base, accessed({ digest: hash('other block') }))
  ],
  ['accept', 'a permit', () => accessForm((body) => body)],
  ['accept', 'decided at the height that was asked for', () => judged(base, accessed({ request: { minHeight: 1 } }))],
  ['decided-too-early', 'decided below it', () => accessForm(withRequest({ minHeight: 2 }))],
  ['accept', '256 accesses in one block', () => blockOf(256)],
  ['accesses-too-many', '257 of them', () => blockOf(257)],
  ['bad-signature', 'an altered request', () => accessForm(withRequest({ purpose: 'research' }))],
  ['not-the-owner', 'a request to another hospital', () => accessForm(withRequest({ owner: beta.member }))],
  ['not-the-owner', 'a request on another chain', () => accessForm(withRequest({ chain: otherChain }))],
  [
    'records-not-sorted',
    'a request for one record twice',
    () => accessForm(withRequest({ records: [record, record] }))
  ],
  ['malformed', 'a request for nothing', () => accessForm(withRequest({ records: [] }))],
  ['malformed', 'a permit with a reason', () => accessForm((body) => ({ ...body, code: 'no-grant' }))],
  ['malformed', 'a permit without a grant', () => accessForm((body) => ({ ...body, basis: null }))],
  ['malformed', 'a denial on a grant', () => accessForm((body) => ({ ...body, decision: 'deny', code: 'no-grant' }))],
  ['bad-lifetime', 'an access that expires', () => accessForm((body) => body, CREATED + HOUR)],
  [
    'bad-lifetime',
    'a grant that does not',
    () => parsed(signed(alpha, 'spv.anchor', anchored.body, { chain, nonce: nextNonce(), expires: NO_EXPIRY }))
  ]
]

/** A block of accesses. */
function blockOf(count: number): Answer {
  const region = createRegion()
  region.commit(base)
  const decidedAt = region.block()
  const transactions = Array.from({ length: count }, () => access(requestOf(surgeon, anna, [record]), { decidedAt }))
  const position = { height: height(decidedAt.height + 1), time: decidedAt.time + 1, parent: decidedAt }
  const result = execute(region.state, { ...position, transactions })
  return result.kind === 'ok' ? 'accept' : result.code
}

function scopeOf(records: readonly RecordId[]): Pick<GrantTerms, 'scope'> {
  return { scope: { kind: 'records', records } }
}

function manyRecords(count: number): readonly RecordId[] {
  return Array.from({ length: count }, (_, i) => name32<RecordId>(secret(`record ${i}`))).sort()
}
