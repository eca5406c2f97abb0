/** The signed request with which a member asks a hospital for records: what the access entry of their release quotes. */

import {
  type Alias,
  arrayOf,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  decodeCbor,
  encodeCbor,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Read,
  type RecordId,
  type RequestId,
  type SignKey,
  taggedHash,
  uint
} from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import { type Signer, statementMessage } from '@wardline/crypto'
import { NONCE_BYTES } from '../kind.ts'
import { PURPOSES } from '../stt/send.ts'

const readRequest = mapOf({
  chain: bytes32<ChainId>,
  /** The hospital that is asked. */
  owner: bytes32<MemberId>,
  alias: bytes32<Alias>,
  /** Ascending, each once. */
  records: arrayOf(bytes32<RecordId>, 1, limits.accessRecordsMax),
  purpose: oneOf(...PURPOSES),
  /** 16 bytes, never used twice. */
  nonce: bytesOf(NONCE_BYTES),
  /** The owner decides at this height or above. */
  minHeight: uint,
  /** The owner decides before this time, milliseconds. */
  notAfter: uint,
  accessor: mapOf({
    member: bytes32<MemberId>,
    keyIndex: integerFrom(0, limits.memberKeysMax - 1),
    key: bytes32<SignKey>
  })
})

export type AccessRequest = Read<typeof readRequest>

export const readSignedRequest = mapOf({ request: readRequest, sig: bytesOf(64) })

/** `sig`: the accessor's signature over the request, under `wardline/request/1`. */
export type SignedRequest = Read<typeof readSignedRequest>

export function encodeSignedRequest({ request, sig }: SignedRequest): CborValue {
  return { request: requestValue(request), sig }
}

/** @returns undefined unless the bytes are the canonical encoding of a signed request; the signature is not verified */
export function parseSignedRequest(bytes: Uint8Array): SignedRequest | undefined {
  return bytes.length > limits.transactionBytesMax ? undefined : readSignedRequest(decodeCbor(bytes))
}

/** Signs a request as its accessor, whose key is the signer's. */
export function signRequest(request: AccessRequest, signer: Signer): SignedRequest {
  return { request, sig: signer.sign('wardline/request/1', requestStatement(request)) }
}

/** `SHA-256("wardline/request-id/1" || cbor of the request)`: what it asks, whoever signed it. */
export function requestIdOf(request: AccessRequest): RequestId {
  return taggedHash<RequestId>('wardline/request-id/1', requestStatement(request))
}

export function requestCheck({ request, sig }: SignedRequest): SignatureCheck {
  const message = statementMessage('wardline/request/1', requestStatement(request))
  return { key: request.accessor.key, message, signature: sig }
}

function requestStatement(request: AccessRequest): Uint8Array {
  return encodeCbor(requestValue(request))
}

function requestValue(request: AccessRequest): CborValue {
  const { accessor } = request
  return {
    ...request,
    chain: nameBytes(request.chain),
    owner: nameBytes(request.owner),
    alias: nameBytes(request.alias),
    records: request.records.map(nameBytes),
    accessor: { ...accessor, member: nameBytes(accessor.member), key: nameBytes(accessor.key) }
  }
}
