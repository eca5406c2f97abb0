/**
 * The part that every receipt ends in: a block, and what proves it final to somebody who has the genesis and nothing else.
 * Whatever a receipt says of earlier blocks hangs on this block's history root.
 */
import {
  arrayOf,
  type Digest,
  type Height,
  height,
  mapOf,
  nameBytes,
  type Reader,
  readHeight,
  toHex,
  verifyInclusion
} from '@wardline/codec'
import { type Certificate, genesisDigest, type Header, headerDigest, verifyCertificateSync } from '@wardline/consensus'
import { verifySignature } from '@wardline/crypto'
import { chainIdOf, type Genesis } from './genesis.ts'
import { hex32, hexOf } from './problem.ts'
import { type EpochFailure, isFinalizationOf, lastSet, type ReceiptEpoch } from './receipt-epochs.ts'

/** A block that the final block's history root holds at this height. */
export type Ancestor = { readonly height: Height; readonly digest: Digest; readonly proof: readonly Uint8Array[] }

/** A block that somebody knows to be final, from elsewhere: read out by people, or kept from an earlier time. */
export type Pin = { readonly height: Height; readonly digest: Digest }

export type Finality = {
  readonly header: Header
  /** An earlier block that `header` builds on, for somebody who pinned that one; usually null. */
  readonly ancestor: Ancestor | null
  /** The ends of all epochs before that of `header`, from epoch 0 on. */
  readonly epochs: readonly ReceiptEpoch[]
  /** The finalization of `header`. */
  readonly certificate: Certificate
}

export type FinalityFailure =
  | 'header-chain'
  | 'ancestor-mismatch'
  | 'epochs-missing'
  | EpochFailure
  | 'certificate-mismatch'
  | 'not-final'

export type PinFailure = 'pin-mismatch' | 'pin-not-covered'

const PROOF_STEPS_MAX = 64
const HASH_BYTES = 32

/** What keeps the block from being final by this genesis, the first thing first. */
export function finalityFailure(
  { header, ancestor, epochs, certificate }: Finality,
  genesis: Genesis
): FinalityFailure | undefined {
  const chain = chainIdOf(genesis)
  if (header.chain !== chain) return 'header-chain'
  if (ancestor !== null && !holds(header, ancestor.height, ancestor.digest, ancestor.proof)) return 'ancestor-mismatch'
  const set = lastSet(epochs, header.height, genesis)
  if (typeof set === 'string') return set
  if (header.epoch !== set.epoch) return 'epochs-missing'
  if (!isFinalizationOf(certificate, header, set)) return 'certificate-mismatch'
  return verifyCertificateSync(set, chain, certificate, verifySignature) ? undefined : 'not-final'
}

/** Whether the history root of `final` has `digest` at `height`. */
export function holds(final: Header, at: Height, digest: Digest, proof: readonly Uint8Array[]): boolean {
  const root = nameBytes(final.history)
  return verifyInclusion({ leaf: nameBytes(digest), index: at, size: final.height, proof, root })
}

/** Whether the pinned block is one of those that a receipt names and proves. */
export function pinFailure(
  { header, ancestor }: Finality,
  others: readonly Header[],
  pin: Pin
): PinFailure | undefined {
  const known: Pin[] = [header, ...others].map((one) => ({ height: one.height, digest: headerDigest(one) }))
  if (ancestor !== null) known.push(ancestor)
  // The genesis is the trust that there was before; as a pin it may contradict but it covers nothing.
  known.push({ height: height(0), digest: genesisDigest(header.chain) })
  const same = known.filter((block) => block.height === pin.height)
  if (same.some((block) => block.digest !== pin.digest)) return 'pin-mismatch'
  return same.length > 0 ? undefined : 'pin-not-covered'
}

export function ancestorJson(ancestor: Ancestor | null) {
  if (ancestor === null) return null
  return { height: ancestor.height, digest: ancestor.digest, proof: ancestor.proof.map(toHex) }
}

export const readProof = arrayOf(hexOf(HASH_BYTES), 0, PROOF_STEPS_MAX)

export const readAncestor: Reader<Ancestor> = mapOf({ height: readHeight, digest: hex32<Digest>, proof: readProof })
