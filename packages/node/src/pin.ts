/**
 * The pinned block: one that the operators of several hospitals read to each other. Whoever stole the keys of former
 * validators could make another chain from the same genesis; it would not have this block.
 */
import { type Digest, type Height, WardlineError } from '@wardline/codec'
import { headerDigest } from '@wardline/consensus'
import type { Pin } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import type { Head } from './head.ts'
import { readHeader } from './open.ts'

/** Whether the block stands where the pinned one must. */
export function missesPin(pin: Pin | null, height: Height, digest: Digest): pin is Pin {
  return pin !== null && pin.height === height && pin.digest !== digest
}

/** Refuses a stored chain that is past the pinned height without the block. @throws WardlineError `pin-mismatch` */
export function requirePinned(store: KeyValueStore, head: Head, pin: Pin, genesis: Digest): void {
  if (head.height < pin.height) return
  const digest = pin.height === 0 ? genesis : headerDigest(readHeader(store, pin.height))
  if (missesPin(pin, pin.height, digest)) throw pinError(pin)
}

export function pinError({ height, digest }: Pin): WardlineError {
  return new WardlineError(
    'pin-mismatch',
    `block ${height} of this chain is not the pinned one (${digest}): the pin was misread, or this is another chain than the other hospitals have`
  )
}
