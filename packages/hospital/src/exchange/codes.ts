/**
 * Why an owner gives no entry or no bytes: the codes of `/wardline/record/1`. What is none of them is no answer of the protocol,
 * for a requester tells them to its own caller and writes them in its own audit log, beside outcomes like `ok` and `committed`.
 */
import { type Code, DENIALS, type Denial, REFUSALS } from '@wardline/ledger'

/** What an owner says of the request and of itself, with the sentence that the caller of the requester is told. */
const SENTENCES = {
  'accessor-not-in-standing': 'who asks is no member in standing any more',
  'bad-signature': 'the signature of the request does not verify',
  behind: 'the owner lacks a block that this hospital has; try again later',
  busy: 'too many exchanges with the owner are under way; try again later',
  'entry-refused': 'the chain of the owner does not take the entry about the request',
  'grant-expired': 'the grant has ended since the owner decided',
  'grant-revoked': 'the patient has taken the grant back since the owner decided',
  'no-grant': 'the grant does not count any more',
  'no-seal-key': 'the owner knows no key of this hospital to seal the record to',
  'not-alias-hospital': 'the alias was opened at another hospital',
  'not-final': 'the entry about the request is not final at the owner',
  'not-requested': 'the record is none of those that were requested',
  'not-the-owner': 'the request is for another hospital or another chain',
  'record-not-here': 'the owner does not have the record any more',
  'request-over': 'the time for the request, or for fetching what it was permitted, is over',
  'request-too-long': 'the request says that it is good for longer than an owner takes',
  'request-used': 'the request has been answered already',
  stale: 'the owner has had no block for too long to decide',
  unavailable: 'the owner cannot give records now; try again later',
  'unknown-accessor': 'the owner does not know who asks',
  'unknown-alias': 'the alias has not been opened on this chain',
  'vault-damaged': 'the record at the owner is damaged; it must be restored there',
  'wrong-offset': 'the record at the owner ends before that',
  'wrong-peer': 'the request is of another hospital'
} as const satisfies Readonly<Record<string, string>>

/** Refusals that the entry of an owner can meet on its own daemon. */
const OF_THE_ENTRY = [
  'accessor-key-mismatch',
  'accessor-key-not-in-force',
  'author-expired',
  'author-revoked',
  'decided-too-early',
  'key-mismatch',
  'key-not-yet',
  'key-revoked',
  'records-not-sorted',
  'unknown-author',
  'unknown-decision',
  'wrong-decision'
] as const satisfies readonly Code[]

export type ExchangeCode = keyof typeof SENTENCES | (typeof OF_THE_ENTRY)[number] | Denial

const CODES: ReadonlySet<string> = new Set([...Object.keys(SENTENCES), ...OF_THE_ENTRY, ...DENIALS])

export function isExchangeCode(code: string): code is ExchangeCode {
  return CODES.has(code)
}

/** For the caller of the requester. */
export function sentenceOf(code: ExchangeCode): string {
  if (code in SENTENCES) return SENTENCES[code as keyof typeof SENTENCES]
  return code in REFUSALS ? REFUSALS[code as Code].sentence : 'the owner of the records refused'
}
