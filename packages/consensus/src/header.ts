/** The block header: the only thing a proposer signs, and what every certificate names by its digest. */
import {
  type ChainId,
  type Digest,
  type Epoch,
  type Hash,
  type Height,
  type MemberId,
  taggedHash,
  type View
} from '@wardline/codec'
import { createReader, createWriter, type Reader, type Writer } from './wire.ts'

export type Header = {
  readonly version: 1
  readonly chain: ChainId
  readonly epoch: Epoch
  readonly view: View
  readonly height: Height
  /** Digest of the parent; for height 1 the chain id. */
  readonly parent: Digest
  /** Milliseconds since the Unix epoch, UTC; above the parent's. */
  readonly time: number
  readonly proposer: MemberId
  /** RFC 6962 root over the block's leaves. */
  readonly txRoot: Hash
  /** RFC 6962 root over the digests of heights 0 to height-1. */
  readonly history: Hash
  /** Hash of the state after this block. */
  readonly appHash: Hash
  /** `setHash` of the validators of the block after this one. */
  readonly nextSetHash: Hash
}

/** version(1) chain(32) epoch(8) view(8) height(8) parent(32) time(8) and five names of 32 bytes; numbers big-endian. */
export const HEADER_BYTES = 257

export function encodeHeader(header: Header): Uint8Array {
  const writer = createWriter(HEADER_BYTES)
  writeHeader(writer, header)
  return writer.done()
}

/** @returns undefined unless `bytes` are exactly one header of version 1 with height and view at least 1 */
export function parseHeader(bytes: Uint8Array): Header | undefined {
  if (bytes.length !== HEADER_BYTES) return undefined
  const reader = createReader(bytes)
  const header = readHeader(reader)
  return reader.complete() ? header : undefined
}

/** SHA-256("wardline/block/1" || encoding): the name of the block. */
export function headerDigest(header: Header): Digest {
  return taggedHash<Digest>('wardline/block/1', encodeHeader(header))
}

/** The digest that a block of height 1 names as its parent: the chain id stands for the genesis document. */
export function genesisDigest(chain: ChainId): Digest {
  return chain as string as Digest
}

export function writeHeader(writer: Writer, header: Header): void {
  writer.u8(header.version)
  writer.name(header.chain)
  writer.u64(header.epoch)
  writer.u64(header.view)
  writer.u64(header.height)
  writer.name(header.parent)
  writer.u64(header.time)
  writer.name(header.proposer)
  writer.name(header.txRoot)
  writer.name(header.history)
  writer.name(header.appHash)
  writer.name(header.nextSetHash)
}

export function readHeader(reader: Reader): Header {
  const version = reader.u8()
  if (version !== 1) reader.fail()
  const header: Header = {
    version: 1,
    chain: reader.name<ChainId>(),
    epoch: reader.u64() as Epoch,
    view: reader.u64() as View,
    height: reader.u64() as Height,
    parent: reader.name<Digest>(),
    time: reader.u64(),
    proposer: reader.name<MemberId>(),
    txRoot: reader.name<Hash>(),
    history: reader.name<Hash>(),
    appHash: reader.name<Hash>(),
    nextSetHash: reader.name<Hash>()
  }
  if (header.view < 1 || header.height < 1) reader.fail()
  return header
}
