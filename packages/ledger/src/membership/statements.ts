/**
 * What is signed inside the bodies of membership transactions. Each is a canonical CBOR map whose `use` tells it from every
 * other statement of its domain.
 */
import {
  type ChainId,
  concatBytes,
  encodeCbor,
  fromHex,
  type MemberId,
  nameBytes,
  type SealKey,
  type SignKey,
  sha256
} from '@wardline/codec'
import { statementMessage } from '@wardline/crypto'
import { nullableBytes } from './member.ts'

export type RegisteredKeys = {
  readonly sign: SignKey
  readonly seal: SealKey | null
  readonly host: SignKey | null
}

/**
 * What a new member's `sign` key, and its `host` key if it has one, sign for their registration on `chain` by `by`, the
 * registrar or the hospital whose staff it joins: that their holder has them, means these keys to be one member's, and
 * means this member to register them. Without the last, whoever sees the registration first could make it its own.
 */
export function registrationStatement(chain: ChainId, by: MemberId, keys: RegisteredKeys): Uint8Array {
  return encodeCbor({
    use: 'register',
    chain: nameBytes(chain),
    by: nameBytes(by),
    sign: nameBytes(keys.sign),
    seal: nullableBytes(keys.seal),
    host: nullableBytes(keys.host)
  })
}

export type NewKeys = {
  readonly member: MemberId
  readonly sign: SignKey | null
  readonly seal: SealKey | null
}

/** What the new `sign` key of `member` signs for its rotation: that its holder has it. */
export function rotationStatement(chain: ChainId, keys: NewKeys): Uint8Array {
  return encodeCbor({ use: 'rotate', ...newKeys(chain, keys) })
}

export type ApprovalTerms = {
  /** The epoch whose validators approve. */
  readonly epoch: number
  /** Block time from which the approval is void, milliseconds. */
  readonly expires: number
}

/** What each approving validator signs, under `wardline/approval/1`, to give `member` new keys at once. */
export function recoveryStatement(chain: ChainId, keys: NewKeys, terms: ApprovalTerms): Uint8Array {
  return encodeCbor({ use: 'recover', ...newKeys(chain, keys), epoch: terms.epoch, expires: terms.expires })
}

export function keyProofMessage(statement: Uint8Array): Uint8Array {
  return statementMessage('wardline/key-proof/1', statement)
}

/**
 * A vote key signs votes and nothing else, 85 bytes in a fixed form. So its proof of possession is a vote of the kind 32,
 * which is no consensus message, on chain, epoch and view zero, with the hash of the key-proof message as its digest.
 */
export function keyProofVote(statement: Uint8Array): Uint8Array {
  return concatBytes(fromHex('574c433120'), new Uint8Array(48), sha256(keyProofMessage(statement)))
}

function newKeys(chain: ChainId, keys: NewKeys) {
  return {
    chain: nameBytes(chain),
    member: nameBytes(keys.member),
    sign: nullableBytes(keys.sign),
    seal: nullableBytes(keys.seal)
  }
}
