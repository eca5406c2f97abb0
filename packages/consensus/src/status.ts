/**
 * What a restarted validator asks the others before it signs, and what they answer. Both are signed with consensus keys, as
 * kind 18, which no certificate counts. The answer's signature covers whom it is for and which run of theirs asked, so an
 * old one can not be shown again.
 */
import { type ChainId, type Digest, type Epoch, type MemberId, nameBytes, taggedHash, type View } from '@wardline/codec'
import { type Certificate, readCertificate, writeCertificate } from './certificate.ts'
import { readVote, SIGNATURE_BYTES, STATUS_KIND, signedBytes, type Vote, writeVote } from './vote.ts'
import { createWriter, type Reader, type Writer } from './wire.ts'

export type StatusAsk = {
  readonly epoch: Epoch
  readonly asker: MemberId
  /** Another one in every run of the asker. */
  readonly nonce: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

export type Status = {
  readonly epoch: Epoch
  readonly signer: MemberId
  readonly asker: MemberId
  readonly nonce: number
  /** The view that the signer is in: its journal has the entry. */
  readonly view: View
  /** What let it in, a certificate of the view before; null exactly for view 1. */
  readonly certificate: Certificate | null
  /** The asker's own vote of the highest view, as far as the signer remembers; null if it has none. */
  readonly heard: Vote | null
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** The bytes that the signature of an ask covers. */
export function askBytes(chain: ChainId, { epoch, asker, nonce }: Omit<StatusAsk, 'signature'>): Uint8Array {
  const digest = taggedHash<Digest>('wardline/status-ask/1', nameBytes(asker), numberBytes(nonce))
  return signedBytes(STATUS_KIND, chain, epoch, 0 as View, digest)
}

/** The bytes that the signature of an answer covers. The vote and the certificate prove themselves; that they are there is signed. */
export function statusBytes(chain: ChainId, status: Omit<Status, 'signature'>): Uint8Array {
  const { epoch, asker, nonce, view, heard } = status
  const numbers = [numberBytes(nonce), numberBytes(heard?.view ?? 0)]
  const digest = taggedHash<Digest>('wardline/status/1', nameBytes(asker), ...numbers)
  return signedBytes(STATUS_KIND, chain, epoch, view, digest)
}

/** epoch(8) asker(32) nonce(8) signature(64). */
export function writeStatusAsk(writer: Writer, ask: StatusAsk): void {
  writer.u64(ask.epoch)
  writer.name(ask.asker)
  writer.u64(ask.nonce)
  writer.bytes(ask.signature)
}

export function readStatusAsk(reader: Reader): StatusAsk {
  const epoch = reader.u64() as Epoch
  const asker = reader.name<MemberId>()
  return { epoch, asker, nonce: reader.u64(), signature: reader.bytes(SIGNATURE_BYTES) }
}

/** epoch(8) signer(32) asker(32) nonce(8) view(8) signature(64) hasHeard(1) [vote] [certificate]. */
export function writeStatus(writer: Writer, status: Status): void {
  writer.u64(status.epoch)
  writer.name(status.signer)
  writer.name(status.asker)
  writer.u64(status.nonce)
  writer.u64(status.view)
  writer.bytes(status.signature)
  writer.u8(status.heard === null ? 0 : 1)
  if (status.heard !== null) writeVote(writer, status.heard)
  if (status.certificate !== null) writeCertificate(writer, status.certificate)
}

export function readStatus(reader: Reader): Status {
  const epoch = reader.u64() as Epoch
  const signer = reader.name<MemberId>()
  const asker = reader.name<MemberId>()
  const nonce = reader.u64()
  const view = reader.u64() as View
  const signature = reader.bytes(SIGNATURE_BYTES)
  const hasHeard = reader.u8()
  if (view < 1 || hasHeard > 1) reader.fail()
  const heard = hasHeard === 1 ? readVote(reader) : null
  const certificate = view > 1 ? readCertificate(reader) : null
  if (certificate !== null && certificate.view !== view - 1) reader.fail()
  return { epoch, signer, asker, nonce, view, certificate, heard, signature }
}

function numberBytes(value: number): Uint8Array {
  const writer = createWriter(8)
  writer.u64(value)
  return writer.done()
}
