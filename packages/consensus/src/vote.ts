/** Votes: the 85 signed bytes and what travels with them. */
import type { ChainId, Digest, Epoch, MemberId, View } from '@wardline/codec'
import type { Reader, Writer } from './wire.ts'
import { createWriter } from './wire.ts'

export type VoteKind = 'notarize' | 'nullify' | 'finalize'

/** What the signature covers, but for the chain. `digest` is `NO_DIGEST` exactly when the kind is nullify. */
export type VoteStatement = {
  readonly kind: VoteKind
  readonly epoch: Epoch
  readonly view: View
  readonly digest: Digest
}

export type Vote = VoteStatement & {
  readonly signer: MemberId
  /** 64 bytes. */
  readonly signature: Uint8Array
  /**
   * Not signed. 0 when first sent, then the second of the re-sending, so that gossip, which drops identical bytes, carries
   * a vote again. 0 to 2^32 - 1.
   */
  readonly attempt: number
}

/** The digest of a nullify vote: 32 zero bytes. */
export const NO_DIGEST = '00'.repeat(32) as Digest

export const VOTE_BYTES = 85
export const SIGNATURE_BYTES = 64

/** Wire and signed numbers of the kinds. */
const KIND_NUMBERS = { notarize: 1, nullify: 2, finalize: 3 } as const

/** "WLC1" || kind(1) || chain(32) || epoch(8) || view(8) || digest(32): the bytes that a vote's signature covers. */
export function voteBytes(kind: VoteKind, chain: ChainId, epoch: Epoch, view: View, digest: Digest): Uint8Array {
  return signedBytes(KIND_NUMBERS[kind], chain, epoch, view, digest)
}

const APPROVAL_KIND = 17
/** What validators tell each other of themselves; see `status.ts`. */
export const STATUS_KIND = 18

/**
 * The bytes that a validator signs with its vote key to approve something of its epoch: those of a vote, of a kind that no
 * certificate has, for view 0. `digest` names what is approved and everything that the approval depends on.
 */
export function approvalBytes(chain: ChainId, epoch: Epoch, digest: Digest): Uint8Array {
  return signedBytes(APPROVAL_KIND, chain, epoch, 0 as View, digest)
}

/** The 85 bytes for any kind. */
export function signedBytes(kind: number, chain: ChainId, epoch: Epoch, view: View, digest: Digest): Uint8Array {
  const writer = createWriter(VOTE_BYTES)
  writer.u32(0x574c4331)
  writer.u8(kind)
  writer.name(chain)
  writer.u64(epoch)
  writer.u64(view)
  writer.name(digest)
  return writer.done()
}

export function writeStatement(writer: Writer, statement: VoteStatement): void {
  writer.u8(KIND_NUMBERS[statement.kind])
  writer.u64(statement.epoch)
  writer.u64(statement.view)
  writer.name(statement.digest)
}

export function readStatement(reader: Reader): VoteStatement {
  const number = reader.u8()
  const kind: VoteKind = number === 1 ? 'notarize' : number === 2 ? 'nullify' : 'finalize'
  if (number < 1 || number > 3) reader.fail()
  const epoch = reader.u64() as Epoch
  const view = reader.u64() as View
  const digest = reader.name<Digest>()
  if (view < 1 || (kind === 'nullify') !== (digest === NO_DIGEST)) reader.fail()
  return { kind, epoch, view, digest }
}

/** kind(1) epoch(8) view(8) digest(32) signer(32) signature(64) attempt(4). */
export function writeVote(writer: Writer, vote: Vote): void {
  writeStatement(writer, vote)
  writer.name(vote.signer)
  writer.bytes(vote.signature)
  writer.u32(vote.attempt)
}

export function readVote(reader: Reader): Vote {
  const statement = readStatement(reader)
  const signer = reader.name<MemberId>()
  const signature = reader.bytes(SIGNATURE_BYTES)
  const attempt = reader.u32()
  return { ...statement, signer, signature, attempt }
}
