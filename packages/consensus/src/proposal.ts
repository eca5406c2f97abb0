/** A proposal: a header that its leader signed, the names of its transactions, and the proof that it may stand here. */
import { type Hash, type Leaf, limits, merkleRoot, nameBytes, toHex } from '@wardline/codec'
import { type Certificate, certificateBytes, readCertificate, writeCertificate } from './certificate.ts'
import { type Header, readHeader, writeHeader } from './header.ts'
import { SIGNATURE_BYTES } from './vote.ts'
import type { Reader, Writer } from './wire.ts'

export type Proposal = {
  readonly header: Header
  /** Names of the signed transactions in order; their RFC 6962 root is `header.txRoot`. */
  readonly leaves: readonly Leaf[]
  /** The leader's own notarize vote for the header, 64 bytes. The rest of the proposal is not signed. */
  readonly signature: Uint8Array
  /** Proof that the parent is notarized (or final); null iff the parent is genesis. */
  readonly parentCertificate: Certificate | null
  /**
   * Nullifications of every view between the parent's and this one, ascending. When they would exceed
   * `limits.proposalSkipsBytesMax` the oldest are left out, and a voter must hold those itself.
   */
  readonly skips: readonly Certificate[]
}

/** RFC 6962 root over a block's leaves, as `header.txRoot` holds it. */
export function leavesRoot(leaves: readonly Leaf[]): Hash {
  return toHex(merkleRoot(leaves.map(nameBytes))) as Hash
}

/** `leavesRoot` of an empty body. */
export const EMPTY_ROOT: Hash = leavesRoot([])

/** header(257) signature(64) leaves(4 + 32 each) hasParent(1) [certificate] skips(4 + certificates). */
export function writeProposal(writer: Writer, proposal: Proposal): void {
  writeHeader(writer, proposal.header)
  writer.bytes(proposal.signature)
  writer.u32(proposal.leaves.length)
  for (const leaf of proposal.leaves) writer.name(leaf)
  writer.u8(proposal.parentCertificate === null ? 0 : 1)
  if (proposal.parentCertificate !== null) writeCertificate(writer, proposal.parentCertificate)
  writer.u32(proposal.skips.length)
  for (const skip of proposal.skips) writeCertificate(writer, skip)
}

export function readProposal(reader: Reader): Proposal {
  const header = readHeader(reader)
  const signature = reader.bytes(SIGNATURE_BYTES)
  const leafCount = reader.u32()
  if (leafCount > limits.blockTransactionsMax || leafCount * 32 > reader.remaining()) reader.fail()
  const leaves: Leaf[] = []
  for (let i = 0; i < leafCount && reader.ok(); i++) leaves.push(reader.name<Leaf>())
  const hasParent = reader.u8()
  if (hasParent > 1) reader.fail()
  const parentCertificate = hasParent === 1 ? readCertificate(reader) : null
  const skipCount = reader.u32()
  if (skipCount * SMALLEST_CERTIFICATE_BYTES > reader.remaining()) reader.fail()
  const skips: Certificate[] = []
  let skipBytes = 0
  for (let i = 0; i < skipCount && reader.ok(); i++) {
    const skip = readCertificate(reader)
    skips.push(skip)
    skipBytes += certificateBytes(skip)
    if (skipBytes > limits.proposalSkipsBytesMax) reader.fail()
  }
  return { header, leaves, signature, parentCertificate, skips }
}

const SMALLEST_CERTIFICATE_BYTES = 51 + SIGNATURE_BYTES
