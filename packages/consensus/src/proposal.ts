/** A proposal: a header that its leader signed, the names of its transactions, and the proof that it may stand here. */
import {
  assert,
  type Digest,
  type Hash,
  type Leaf,
  limits,
  type MemberId,
  merkleRoot,
  nameBytes,
  toHex,
  type View
} from '@wardline/codec'
import { type Certificate, certificateBytes, readCertificate, writeCertificate } from './certificate.ts'
import { type Header, readHeader, writeHeader } from './header.ts'
import { SIGNATURE_BYTES, type Vote } from './vote.ts'
import type { Reader, Writer } from './wire.ts'

export type Proposal = {
  readonly header: Header
  /** The view that it is made in: its header's, or a later one in which a block that closes the epoch is proposed again. */
  readonly view: View
  /** Names of the signed transactions in order; their RFC 6962 root is `header.txRoot`. */
  readonly leaves: readonly Leaf[]
  /** The own notarize vote of the view's leader for the header, 64 bytes. The rest of the proposal is not signed. */
  readonly signature: Uint8Array
  /**
   * Proof that the parent is notarized (or final), or that the block itself is if it is proposed again; null iff the parent
   * is the epoch's start, the genesis or the closing block before it, which is final for everybody in the epoch.
   */
  readonly parentCertificate: Certificate | null
  /**
   * Nullifications of every view between the parent's and this one, ascending. When they would exceed
   * `limits.proposalSkipsBytesMax` the oldest are left out, and a voter must hold those itself.
   */
  readonly skips: readonly Certificate[]
}

/** Whether it proposes a block of an earlier view again. */
export function isProposedAgain({ header, view }: Proposal): boolean {
  return view !== header.view
}

/** RFC 6962 root over a block's leaves, as `header.txRoot` holds it. */
export function leavesRoot(leaves: readonly Leaf[]): Hash {
  return toHex(merkleRoot(leaves.map(nameBytes))) as Hash
}

/** `leavesRoot` of an empty body. */
export const EMPTY_ROOT: Hash = leavesRoot([])

/** The notarize vote that a proposal carries. @param digest of its header @param leader of its view */
export function leaderVote({ header, view, signature }: Proposal, digest: Digest, leader: MemberId): Vote {
  return { kind: 'notarize', epoch: header.epoch, view, digest, signer: leader, signature, attempt: 0 }
}

/** How a proposal justifies its parent, one byte. */
const JUSTIFIED_BY = { start: 0, certificate: 1, notarizedBefore: 2 } as const

/**
 * header(257) signature(64) leaves(4 + 32 each) justified(1) [view(8)] [certificate] skips(4 + certificates). The view is
 * written only where it is not the header's.
 */
export function writeProposal(writer: Writer, proposal: Proposal): void {
  writeHeader(writer, proposal.header)
  writer.bytes(proposal.signature)
  writer.u32(proposal.leaves.length)
  for (const leaf of proposal.leaves) writer.name(leaf)
  const { view, parentCertificate } = proposal
  if (view !== proposal.header.view) {
    assert(parentCertificate !== null, 'a block that is proposed again is notarized')
    writer.u8(JUSTIFIED_BY.notarizedBefore)
    writer.u64(view)
  } else {
    writer.u8(parentCertificate === null ? JUSTIFIED_BY.start : JUSTIFIED_BY.certificate)
  }
  if (parentCertificate !== null) writeCertificate(writer, parentCertificate)
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
  const justifiedBy = reader.u8()
  if (justifiedBy > JUSTIFIED_BY.notarizedBefore) reader.fail()
  const isAgain = justifiedBy === JUSTIFIED_BY.notarizedBefore
  const view = isAgain ? (reader.u64() as View) : header.view
  if (isAgain && view <= header.view) reader.fail()
  const parentCertificate = justifiedBy === JUSTIFIED_BY.start ? null : readCertificate(reader)
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
  return { header, view, leaves, signature, parentCertificate, skips }
}

const SMALLEST_CERTIFICATE_BYTES = 51 + SIGNATURE_BYTES
