/**
 * The records behind this hospital's anchors, in its vault. One is kept as salt (32 bytes), size of the descriptor (4,
 * big-endian), descriptor, bytes: as it travels, too, so that a transfer goes on at any byte of it.
 */
import { concatBytes, type Hash, limits, type RecordId, unreachable } from '@wardline/codec'
import { CONTENT_SALT_BYTES, type Content, commitContent } from '@wardline/crypto'
import type { Vault } from '@wardline/ports'

const HEAD_BYTES = CONTENT_SALT_BYTES + 4

/** The largest record with all that belongs to it, bytes. */
export const PACKED_BYTES_MAX = HEAD_BYTES + limits.descriptorBytesMax + limits.payloadBytesMax

export type KeptRecord =
  | { readonly kind: 'found'; readonly packed: Uint8Array }
  | { readonly kind: 'absent' }
  /** Something lies there that is not what the anchor commits to: only a backup helps. */
  | { readonly kind: 'damaged' }

/** Keeps a record durably, before anything commits to it. */
export function keepRecord(vault: Vault, record: RecordId, content: Content): Promise<void> {
  return vault.put(nameOf(record), packContent(content))
}

/** Forgets a record whose anchor was refused. */
export function forgetRecord(vault: Vault, record: RecordId): Promise<void> {
  return vault.remove(nameOf(record))
}

/** The record, held against what is anchored: nothing else ever leaves the vault. */
export async function keptRecord(vault: Vault, record: RecordId, anchored: Hash): Promise<KeptRecord> {
  const found = await vault.get(nameOf(record))
  switch (found.kind) {
    case 'absent':
    case 'damaged':
      return found
    case 'found': {
      const content = unpackContent(found.bytes)
      const isWhole = content !== undefined && commitContent(content) === anchored
      return isWhole ? { kind: 'found', packed: found.bytes } : { kind: 'damaged' }
    }
    default:
      return unreachable(found)
  }
}

export function packContent({ salt, descriptor, bytes }: Content): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, descriptor.length)
  return concatBytes(salt, size, descriptor, bytes)
}

/** @returns undefined for what `packContent` does not make of a record within its bounds */
export function unpackContent(packed: Uint8Array): Content | undefined {
  if (packed.length < HEAD_BYTES || packed.length > PACKED_BYTES_MAX) return undefined
  const size = new DataView(packed.buffer, packed.byteOffset).getUint32(CONTENT_SALT_BYTES)
  if (size > limits.descriptorBytesMax || HEAD_BYTES + size > packed.length) return undefined
  return {
    salt: packed.slice(0, CONTENT_SALT_BYTES),
    descriptor: packed.slice(HEAD_BYTES, HEAD_BYTES + size),
    bytes: packed.slice(HEAD_BYTES + size)
  }
}

function nameOf(record: RecordId): string {
  return `records/${record}`
}
