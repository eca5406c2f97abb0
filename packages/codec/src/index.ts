/** Bytes, names, hashes, trees and limits: what everything else is made of. Pure. */
export { bytesEqual, concatBytes, fromHex, toHex, writeHex } from './bytes.ts'
export type { CborValue } from './cbor.ts'
export { decodeCbor } from './cbor-decode.ts'
export { encodeCbor } from './cbor-encode.ts'
export { AssertionError, assert, unreachable, WardlineError } from './errors.ts'
export {
  arrayOf,
  bool,
  bytes32,
  bytesOf,
  decodeStored,
  integerFrom,
  type MapOf,
  mapOf,
  nullable,
  type OptionalField,
  oneOf,
  optional,
  type Read,
  type Reader,
  readHeight,
  text,
  uint
} from './fields.ts'
export { HASH_TAGS, type HashTag, lengthPrefixed, nameBytes, sha256, taggedHash } from './hash.ts'
export {
  type Alias,
  type Brand,
  type ChainId,
  type ContentKey,
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
  type RequestId,
  type SealKey,
  type SignKey,
  type TransactionId,
  type View,
  view
} from './ids.ts'
export { createInTurn, type InTurn } from './in-turn.ts'
export { limits } from './limits.ts'
export {
  appendLeaf,
  type ConsistencyClaim,
  completedNodes,
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  frontierRoot,
  type InclusionClaim,
  inclusionProof,
  inclusionProofFrom,
  leafHash,
  merkleRoot,
  type StoredTree,
  type TreeNode,
  verifyInclusion
} from './merkle.ts'
