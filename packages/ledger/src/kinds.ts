/** Every kind of transaction that this version knows, with its body and its rules. A new kind is added here and nowhere else. */
import type { CborValue } from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { type DssAccessBody, access as dssAccess, encodeAccessBody as encodeDssAccessBody } from './dss/access.ts'
import { type AmendBody, amend, encodeAmendBody } from './dss/amend.ts'
import { type EnrolBody, encodeEnrolBody, enrol } from './dss/enrol.ts'
import { encodeRecordBody, type RecordBody, record } from './dss/record.ts'
import { encodeWithdrawBody, type WithdrawBody, withdraw } from './dss/withdraw.ts'
import { encodeReportBody, type ReportBody, report } from './evidence.ts'
import type {
  AliasAuthor,
  Envelope,
  JudgeContext,
  KindRules,
  MemberAuthor,
  Mode,
  Position,
  Subject,
  Unsponsored
} from './kind.ts'
import { encodeRegisterBody, type RegisterBody, register } from './membership/register.ts'
import { encodeRevokeBody, type RevokeBody, revoke } from './membership/revoke.ts'
import { encodeRotateBody, type RotateBody, rotate } from './membership/rotate.ts'
import { encodeValidatorChangeBody, type ValidatorChangeBody, validatorChange } from './membership/validator-change.ts'
import type { Overlay } from './overlay.ts'
import type { FormCode, RefusalCode } from './refusals.ts'
import { encodeSpvAccessBody, type SpvAccessBody, spvAccess } from './spv/access.ts'
import { type AnchorBody, anchor, encodeAnchorBody } from './spv/anchor.ts'
import { encodeGrantBody, type GrantBody, grant } from './spv/grant.ts'
import { encodeOpenBody, type OpenBody, open } from './spv/open.ts'
import { encodeGrantRevokeBody, type GrantRevokeBody, revokeGrant } from './spv/revoke.ts'
import { type AckBody, ack, encodeAckBody } from './stt/ack.ts'
import { type AttestBody, attest, encodeAttestBody } from './stt/attest.ts'
import { encodeRecallBody, type RecallBody, recall } from './stt/recall.ts'
import { encodeSendBody, type SendBody, send } from './stt/send.ts'

/** Kinds that a member writes. */
export type MemberBodies = {
  'member.register': RegisterBody
  'member.revoke': RevokeBody
  'member.rotate': RotateBody
  'validator.change': ValidatorChangeBody
  'evidence.report': ReportBody
  'stt.send': SendBody
  'stt.ack': AckBody
  'stt.recall': RecallBody
  'stt.attest': AttestBody
  'dss.record': RecordBody
  'dss.amend': AmendBody
  'dss.access': DssAccessBody
  'spv.anchor': AnchorBody
  'spv.access': SpvAccessBody
}

/** Kinds that a patient writes, by an alias. */
export type AliasBodies = {
  'dss.enrol': EnrolBody
  'dss.withdraw': WithdrawBody
  'alias.open': OpenBody
  'spv.grant': GrantBody
  'spv.revoke': GrantRevokeBody
}

export type Bodies = MemberBodies & AliasBodies

export type Kind = keyof Bodies
export type MemberKind = keyof MemberBodies
export type AliasKind = keyof AliasBodies

/** The author of a kind. */
export type AuthorOf<K extends Kind> = K extends AliasKind ? AliasAuthor : MemberAuthor

/** What a transaction says, discriminated by `kind`. */
export type Transaction<K extends Kind = Kind> = {
  [P in K]: Envelope<AuthorOf<P>> & { readonly kind: P; readonly body: Bodies[P] }
}[K]

type Encoder<B> = { readonly encode: (body: B) => CborValue }
type Rules = { readonly [P in Kind]: KindRules<Bodies[P], AuthorOf<P>> & Encoder<Bodies[P]> }

const rules: Rules = {
  'member.register': { ...register, encode: encodeRegisterBody },
  'member.revoke': { ...revoke, encode: encodeRevokeBody },
  'member.rotate': { ...rotate, encode: encodeRotateBody },
  'validator.change': { ...validatorChange, encode: encodeValidatorChangeBody },
  'evidence.report': { ...report, encode: encodeReportBody },
  'stt.send': { ...send, encode: encodeSendBody },
  'stt.ack': { ...ack, encode: encodeAckBody },
  'stt.recall': { ...recall, encode: encodeRecallBody },
  'stt.attest': { ...attest, encode: encodeAttestBody },
  'dss.enrol': { ...enrol, encode: encodeEnrolBody },
  'dss.withdraw': { ...withdraw, encode: encodeWithdrawBody },
  'dss.record': { ...record, encode: encodeRecordBody },
  'dss.amend': { ...amend, encode: encodeAmendBody },
  'dss.access': { ...dssAccess, encode: encodeDssAccessBody },
  'alias.open': { ...open, encode: encodeOpenBody },
  'spv.anchor': { ...anchor, encode: encodeAnchorBody },
  'spv.grant': { ...grant, encode: encodeGrantBody },
  'spv.revoke': { ...revokeGrant, encode: encodeGrantRevokeBody },
  'spv.access': { ...spvAccess, encode: encodeSpvAccessBody }
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(rules, text)
}

/** What does not depend on the body: who writes this kind, where, for how long, and who holds its payload. */
export function traitsOf(kind: Kind): Pick<KindRules<never>, 'payload' | 'lifetime'> & {
  readonly author: 'member' | 'alias'
  readonly modes: readonly Mode[]
} {
  return rules[kind]
}

type OfKind<K extends Kind> = { [P in K]: { readonly kind: P } & Subject<Bodies[P], AuthorOf<P>> }[K]
type UnsponsoredOfKind<K extends Kind> = { [P in K]: { readonly kind: P } & Unsponsored<Bodies[P], AuthorOf<P>> }[K]

/** The body as its kind's shape, or undefined. */
export function readBody<K extends Kind>(kind: K, value: CborValue): Bodies[K] | undefined {
  return rules[kind].read(value) as Bodies[K] | undefined
}

export function encodeBody(tx: Transaction): CborValue {
  return encodeAs(tx)
}

function encodeAs<K extends Kind>({ kind, body }: { readonly kind: K; readonly body: Bodies[K] }): CborValue {
  return rules[kind].encode(body)
}

export function faultOf<K extends Kind>(tx: UnsponsoredOfKind<K>): FormCode | undefined {
  return rules[tx.kind as K].fault(tx)
}

export function bodyChecks<K extends Kind>(tx: UnsponsoredOfKind<K>): readonly SignatureCheck[] {
  return rules[tx.kind as K].checks(tx)
}

export function judgeBody<K extends Kind>(context: JudgeContext, tx: OfKind<K>): RefusalCode | undefined {
  return rules[tx.kind as K].judge(context, tx)
}

export function applyBody<K extends Kind>(state: Overlay, tx: OfKind<K>, position: Position): void {
  rules[tx.kind as K].apply(state, tx, position)
}
