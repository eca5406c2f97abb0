/** Bytes, names, hashes, trees and limits: what everything else is made of. Pure. */
export { bytesEqual, concatBytes, fromHex, toHex } from './bytes.ts'
export { type CborValue, decodeCbor, encodeCbor } from './cbor.ts'
export { AssertionError, assert, unreachable, WardlineError } from './errors.ts'
export {
  arrayOf,
  bool,
  bytes32,
  bytesOf,
  integerFrom,
  type MapOf,
  mapOf,
  nullable,
  type OptionalField,
  oneOf,
  optional,
  type Read,
  type Reader,
  text,
  uint
} from './fields.ts'
export { HASH_TAGS, type HashTag, lengthPrefixed, nameBytes, sha256, taggedHash } from './hash.ts'
export {
  type Brand,
  type ChainId,
  type Digest,
  type Epoch,
  epoch,
  type Hash,
  type Height,
  height,
  isHex32,
  type Leaf,
  type MemberId,
  type Name32,
  name32,
  type RecordId,
  type SealKey,
  type SignKey,
  type TransactionId,
  type View,
  view
} from './ids.ts'
export { limits } from './limits.ts'
export {
  appendLeaf,
  type ConsistencyClaim,
  consistencyProof,
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  frontierRoot,
  type InclusionClaim,
  inclusionProof,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion
} from './merkle.ts'
