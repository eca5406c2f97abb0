/**
 * A change of the validators on its way between hospitals: the draft, which whoever gets a new vote key writes and proves, and
 * each validator's approval of it. Files that people carry, like cards.
 */
import {
  type ChainId,
  type Digest,
  type MemberId,
  nullable,
  oneOf,
  type Reader,
  readHeight,
  type SignKey,
  toHex,
  uint
} from '@wardline/codec'
import { fingerprintOf, hex32, hexOf, isSameText, type Problem, readFields, readJson } from '../problem.ts'
import { VALIDATOR_ACTIONS, type ValidatorChange, validatorChangeDigest } from './validator-change.ts'
import type { VoteApproval } from './validators.ts'

export type ChangeDraft = {
  readonly chain: ChainId
  readonly change: ValidatorChange
  /** The new key's proof that its holder has it; null iff there is no new key. Not verified. */
  readonly proof: Uint8Array | null
}

export type ChangeApproval = {
  readonly chain: ChainId
  /** What is approved: `validatorChangeDigest`. */
  readonly digest: Digest
  readonly approval: VoteApproval
}

const FILE_TEXT_MAX = 4096

/** What people read to each other to know that they approve the same change. */
export function changeFingerprint({ chain, change }: ChangeDraft): string {
  return fingerprintOf(validatorChangeDigest(chain, change))
}

/** The draft as a file: JSON with fixed order and indentation, ending in a line end. */
export function changeDraftText({ chain, change, proof }: ChangeDraft): string {
  const { action, member, vote, epoch, expires, synced } = change
  const json = {
    v: 1,
    chain,
    action,
    member,
    vote,
    epoch,
    expires,
    synced: synced && { height: synced.height, digest: synced.digest },
    proof: proof && toHex(proof)
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

export type ParsedChangeDraft =
  | { readonly kind: 'ok'; readonly draft: ChangeDraft }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }

const hexName = { read: hex32, mustBe: '64 lower-case hex digits' }
const draftShape = {
  v: { read: oneOf(1), mustBe: '1' },
  chain: { ...hexName, read: hex32<ChainId> },
  action: { read: oneOf(...VALIDATOR_ACTIONS), mustBe: VALIDATOR_ACTIONS.join(', ') },
  member: { ...hexName, read: hex32<MemberId> },
  vote: { read: nullable(hex32<SignKey>), mustBe: '64 lower-case hex digits, or null' },
  epoch: { read: uint, mustBe: 'the number of an epoch' },
  expires: { read: uint, mustBe: 'a time in milliseconds since 1970' },
  synced: {
    read: ((value) =>
      value === null ? 'none' : value === undefined ? undefined : { value }) satisfies Reader<unknown>,
    mustBe: 'a block or null'
  },
  proof: { read: nullable(hexOf(64)), mustBe: '128 lower-case hex digits, or null' }
} as const
const syncedShape = {
  height: { read: readHeight, mustBe: 'a height' },
  digest: { ...hexName, read: hex32<Digest> }
} as const

/** Reads a draft. Its form only. Never throws. */
export function parseChangeDraft(text: string): ParsedChangeDraft {
  const problems: Problem[] = []
  const json = readJson(text, FILE_TEXT_MAX, 'The draft', problems)
  const fields = problems.length > 0 ? undefined : readFields(json, draftShape, 'The draft', problems)
  if (fields === undefined) return { kind: 'failed', problems }
  const synced =
    fields.synced === 'none' ? null : readFields(fields.synced.value, syncedShape, 'The draft: synced', problems)
  if (synced === undefined) return { kind: 'failed', problems }
  const { chain, action, member, vote, epoch, expires, proof } = fields
  const hasKey = action !== 'remove'
  if ([vote, synced, proof].some((part) => (part !== null) !== hasKey)) {
    problems.push({ code: 'rule', message: 'A draft has a key, a block and a proof, or, for a removal, none of them.' })
  }
  const draft = { chain, change: { action, member, vote, epoch, expires, synced }, proof }
  if (problems.length === 0 && !isSameText(text, changeDraftText(draft))) problems.push(notCanonical('draft'))
  return problems.length > 0 ? { kind: 'failed', problems } : { kind: 'ok', draft }
}

/** An approval as a file. */
export function changeApprovalText({ chain, digest, approval }: ChangeApproval): string {
  const { member, key, signature } = approval
  return `${JSON.stringify({ v: 1, chain, change: digest, member, key, signature: toHex(signature) }, null, 2)}\n`
}

export type ParsedChangeApproval =
  | { readonly kind: 'ok'; readonly approval: ChangeApproval }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }

const approvalShape = {
  v: { read: oneOf(1), mustBe: '1' },
  chain: { ...hexName, read: hex32<ChainId> },
  change: { ...hexName, read: hex32<Digest> },
  member: { ...hexName, read: hex32<MemberId> },
  key: { ...hexName, read: hex32<SignKey> },
  signature: { read: hexOf(64), mustBe: '128 lower-case hex digits' }
} as const

/** Reads an approval. Whether its signature holds shows when the change is submitted. Never throws. */
export function parseChangeApproval(text: string): ParsedChangeApproval {
  const problems: Problem[] = []
  const json = readJson(text, FILE_TEXT_MAX, 'The approval', problems)
  const fields = problems.length > 0 ? undefined : readFields(json, approvalShape, 'The approval', problems)
  if (fields === undefined) return { kind: 'failed', problems }
  const { chain, change, member, key, signature } = fields
  const approval = { chain, digest: change, approval: { member, key, signature } }
  if (isSameText(text, changeApprovalText(approval))) return { kind: 'ok', approval }
  return { kind: 'failed', problems: [notCanonical('approval')] }
}

function notCanonical(what: string): Problem {
  return {
    code: 'not-canonical',
    message: `The ${what} is not written as Wardline writes it; it may have been edited.`
  }
}
