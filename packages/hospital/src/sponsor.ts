/** Transactions that a patient's alias writes, and this hospital signs for and puts on the chain. */
import type { AliasSigner } from '@wardline/crypto'
import {
  type AliasDraft,
  type AliasKind,
  type Bodies,
  NONCE_BYTES,
  parseUnsponsored,
  signAliasTransaction,
  signatureChecks,
  sponsorTransaction,
  type UnsponsoredTransaction
} from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { ownAuthor } from './author.ts'
import type { Membership } from './membership.ts'

/** How long what a custodial wallet signs may wait for a block. */
const LIFE_MS = 24 * 60 * 60 * 1000

export type Unsponsored =
  | { readonly kind: 'ok'; readonly transaction: UnsponsoredTransaction }
  | { readonly kind: 'refused'; readonly code: string }

/** Takes what a wallet signed: its form, and every signature in it. */
export async function readUnsponsored({ chain, verifier }: Membership, bytes: Uint8Array): Promise<Unsponsored> {
  const parsed = parseUnsponsored(bytes, chain.id)
  if (parsed.kind === 'reject') return { kind: 'refused', code: parsed.code }
  const { transaction } = parsed
  const verified = await Promise.all(
    signatureChecks(transaction).map(({ key, message, signature }) => verifier.verify(key, message, signature))
  )
  return verified.every(Boolean) ? { kind: 'ok', transaction } : { kind: 'refused', code: 'bad-signature' }
}

/**
 * Sponsors and submits. What is pending under this id, by whichever sponsor, is taken as it is if it still may be, so that
 * the same bytes again make no second pending transaction.
 */
export async function sponsor(member: Membership, unsponsored: UnsponsoredTransaction): Promise<Submission> {
  const { chain } = member
  const pending = chain.pending(unsponsored.id)
  const again = pending && (await chain.submit(pending.transaction.bytes))
  return again === undefined || again.kind === 'refused' ? chain.submit(sponsored(member, unsponsored)) : again
}

function sponsored(member: Membership, unsponsored: UnsponsoredTransaction): Uint8Array {
  return sponsorTransaction(unsponsored, ownAuthor(member), member.signer)
}

export type AliasStatement<K extends AliasKind = AliasKind> = {
  readonly [P in K]: { readonly kind: P; readonly body: Bodies[P] }
}[K]

export type Written =
  | { readonly kind: 'ok'; readonly bytes: Uint8Array }
  /** The form of the statement is at fault. */
  | { readonly kind: 'refused'; readonly code: string }

/** The whole bytes of what a wallet that this hospital keeps says, sponsored by it. */
export function writeAs(member: Membership, alias: AliasSigner, statement: AliasStatement): Written {
  const { chain, clock, random } = member
  const created = clock.nowMs()
  const envelope = { chain: chain.id, nonce: random.bytes(NONCE_BYTES), created, expires: created + LIFE_MS }
  const draft: AliasDraft = { ...envelope, ...statement }
  const parsed = parseUnsponsored(signAliasTransaction(draft, alias), chain.id)
  if (parsed.kind === 'reject') return { kind: 'refused', code: parsed.code }
  return { kind: 'ok', bytes: sponsored(member, parsed.transaction) }
}

/** Writes and submits. */
export async function submitAs(member: Membership, alias: AliasSigner, statement: AliasStatement): Promise<Submission> {
  const written = writeAs(member, alias, statement)
  return written.kind === 'ok' ? member.chain.submit(written.bytes) : written
}
