/** Every kind of transaction that this version knows, with its body and its rules. A new kind is added here and nowhere else. */
import type { CborValue } from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import type { Envelope, JudgeContext, KindRules, Position, Subject } from './kind.ts'
import { encodeRegisterBody, type RegisterBody, register } from './membership/register.ts'
import { encodeRevokeBody, type RevokeBody, revoke } from './membership/revoke.ts'
import { encodeRotateBody, type RotateBody, rotate } from './membership/rotate.ts'
import type { Overlay } from './overlay.ts'
import type { FormCode, RefusalCode } from './refusals.ts'
import { type AckBody, ack, encodeAckBody } from './stt/ack.ts'
import { encodeSendBody, type SendBody, send } from './stt/send.ts'

export type Bodies = {
  'member.register': RegisterBody
  'member.revoke': RevokeBody
  'member.rotate': RotateBody
  'stt.send': SendBody
  'stt.ack': AckBody
}

export type Kind = keyof Bodies

/** A transaction, discriminated by `kind`. */
export type Transaction<K extends Kind = Kind> = {
  [P in K]: Envelope & { readonly kind: P; readonly body: Bodies[P] }
}[K]

type Rules = { readonly [P in Kind]: KindRules<Bodies[P]> & { readonly encode: (body: Bodies[P]) => CborValue } }

const rules: Rules = {
  'member.register': { ...register, encode: encodeRegisterBody },
  'member.revoke': { ...revoke, encode: encodeRevokeBody },
  'member.rotate': { ...rotate, encode: encodeRotateBody },
  'stt.send': { ...send, encode: encodeSendBody },
  'stt.ack': { ...ack, encode: encodeAckBody }
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(rules, text)
}

type OfKind<K extends Kind> = { [P in K]: { readonly kind: P } & Subject<Bodies[P]> }[K]

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

/** Whether transactions of this kind name a payload. */
export function payloadRule(kind: Kind): 'required' | 'none' {
  return rules[kind].payload
}

export function faultOf<K extends Kind>(tx: OfKind<K>): FormCode | undefined {
  return rules[tx.kind as K].fault(tx)
}

export function bodyChecks<K extends Kind>(tx: OfKind<K>): readonly SignatureCheck[] {
  return rules[tx.kind as K].checks(tx)
}

export function judgeBody<K extends Kind>(context: JudgeContext, tx: OfKind<K>): RefusalCode | undefined {
  return rules[tx.kind as K].judge(context, tx)
}

export function applyBody<K extends Kind>(state: Overlay, tx: OfKind<K>, position: Position): void {
  rules[tx.kind as K].apply(state, tx, position)
}
