/**
 * RFC 6962 Merkle trees over SHA-256: a leaf is H(0x00 || data), a node H(0x01 || left || right), the empty tree H('').
 *
 * Every function here walks the tree level by level. The lone last node of an odd level rises unchanged, which gives the
 * same tree as RFC 6962's recursive split. `node` and `last` name positions within the level that the walk has reached.
 * Sizes and indexes go up to 2^53 - 1, so halving is a division and not a 32-bit shift.
 */
import { bytesEqual, concatBytes } from './bytes.ts'
import { sha256 } from './hash.ts'

const HASH_BYTES = 32
const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The root of the tree over `leaves`, in order; 32 bytes. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves.map(leafHash)
  while (level.length > 1) level = levelAbove(level)
  return level[0] ?? sha256(new Uint8Array(0))
}

/**
 * The hashes, bottom up, that lead from leaf `index` to the root over `leaves`.
 * @throws RangeError unless `0 <= index < leaves.length`
 */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) throw new RangeError('no leaf with this index')
  return siblings(leaves.map(leafHash), index, [])
}

export type InclusionClaim = {
  /** The leaf's data, not its hash. */
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/** Whether `proof` shows that `leaf` is number `index` of the tree of `size` leaves with this `root`. Never throws. */
export function verifyInclusion({ leaf, ...claim }: InclusionClaim): boolean {
  return verifyInclusionOfHash({ ...claim, leafHash: leafHash(leaf) })
}

/** `verifyInclusion` for a caller who holds the leaf's hash instead of its data. */
export function verifyInclusionOfHash(
  claim: Omit<InclusionClaim, 'leaf'> & { readonly leafHash: Uint8Array }
): boolean {
  if (!isSize(claim.size) || !isSize(claim.index) || claim.index >= claim.size) return false
  if (!areHashes([claim.leafHash, ...claim.proof])) return false
  let used = 0
  let hash = claim.leafHash
  for (let node = claim.index, last = claim.size - 1; last > 0; node = half(node), last = half(last)) {
    if (!isOdd(node) && node === last) continue
    const sibling = claim.proof[used++]
    if (sibling === undefined) return false
    hash = isOdd(node) ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  }
  return used === claim.proof.length && bytesEqual(hash, claim.root)
}

/**
 * The hashes that show the tree over the first `oldSize` of `leaves` to be a beginning of the tree over all of them.
 * Empty when `oldSize` is the whole size.
 * @throws RangeError unless `1 <= oldSize <= leaves.length`: every tree begins with the empty one, so that proves nothing
 */
export function consistencyProof(leaves: readonly Uint8Array[], oldSize: number): Uint8Array[] {
  if (!Number.isInteger(oldSize) || oldSize < 1 || oldSize > leaves.length) throw new RangeError('no such older tree')
  if (oldSize === leaves.length) return []
  let level = leaves.map(leafHash)
  let node = oldSize - 1
  while (isOdd(node)) {
    level = levelAbove(level)
    node = half(node)
  }
  return siblings(level, node, node === 0 ? [] : [level[node] as Uint8Array])
}

export type ConsistencyClaim = {
  readonly oldSize: number
  readonly oldRoot: Uint8Array
  readonly newSize: number
  readonly newRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * Whether `proof` shows the tree of `oldSize` leaves to be a beginning of the tree of `newSize`. Never throws. False for
 * an empty old tree, which would prove nothing.
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { oldSize, oldRoot, newSize, newRoot, proof } = claim
  if (!isSize(oldSize) || !isSize(newSize) || oldSize < 1 || oldSize > newSize || !areHashes(proof)) return false
  if (oldSize === newSize) return proof.length === 0 && bytesEqual(oldRoot, newRoot)
  let node = oldSize - 1
  let last = newSize - 1
  while (isOdd(node)) {
    node = half(node)
    last = half(last)
  }
  // The largest complete subtree at the old tree's right edge: the old tree itself when its size is a power of two.
  let used = 0
  const seed = node === 0 ? oldRoot : proof[used++]
  if (seed === undefined) return false
  let oldHash = seed
  let newHash = seed
  for (; last > 0; node = half(node), last = half(last)) {
    if (!isOdd(node) && node === last) continue
    const sibling = proof[used++]
    if (sibling === undefined) return false
    if (isOdd(node)) {
      oldHash = nodeHash(sibling, oldHash)
      newHash = nodeHash(sibling, newHash)
    } else {
      newHash = nodeHash(newHash, sibling)
    }
  }
  return used === proof.length && bytesEqual(oldHash, oldRoot) && bytesEqual(newHash, newRoot)
}

/**
 * The right edge of a growing tree: the roots of its complete subtrees, largest first, one for each 1 bit of `size`. It is
 * all that appending and the root need, so a tree of any size grows in at most 53 hashes of memory.
 */
export type Frontier = { readonly size: number; readonly hashes: readonly Uint8Array[] }

export const emptyFrontier: Frontier = { size: 0, hashes: [] }

/** The frontier after one more leaf (its data); `frontier` itself stays as it was. */
export function appendLeaf(frontier: Frontier, leaf: Uint8Array): Frontier {
  const hashes = [...frontier.hashes]
  let hash = leafHash(leaf)
  for (let rest = frontier.size; isOdd(rest); rest = half(rest)) hash = nodeHash(hashes.pop() as Uint8Array, hash)
  hashes.push(hash)
  return { size: frontier.size + 1, hashes }
}

/** The root of the tree that `frontier` is the edge of; 32 bytes. */
export function frontierRoot(frontier: Frontier): Uint8Array {
  const last = frontier.hashes.at(-1)
  if (last === undefined) return sha256(new Uint8Array(0))
  return frontier.hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last)
}

/** The root of the complete subtree over the leaves from `index * 2^level` to below `(index + 1) * 2^level`. */
export type TreeNode = { readonly level: number; readonly index: number; readonly hash: Uint8Array }

/** The subtrees above single leaves that one more leaf (its data) completes, smallest first: one on average. */
export function completedNodes(frontier: Frontier, leaf: Uint8Array): TreeNode[] {
  const completed: TreeNode[] = []
  let hash = leafHash(leaf)
  let left = frontier.hashes.length
  for (let rest = frontier.size; isOdd(rest); rest = half(rest)) {
    hash = nodeHash(frontier.hashes[--left] as Uint8Array, hash)
    completed.push({ level: completed.length + 1, index: half(rest), hash })
  }
  return completed
}

export type StoredTree = {
  readonly size: number
  /** The root of a complete subtree; of level 0 the leaf's hash (`leafHash`). */
  node(level: number, index: number): Uint8Array
}

/**
 * `inclusionProof` for a tree whose nodes are stored: reads about `2 log2(size)` of them, and no other leaf.
 * @throws RangeError unless `0 <= index < tree.size`
 */
export function inclusionProofFrom(tree: StoredTree, index: number): Uint8Array[] {
  const { size } = tree
  if (!isSize(size) || !isSize(index) || index >= size) throw new RangeError('no leaf with this index')
  const proof: Uint8Array[] = []
  let width = 1
  for (let node = index, last = size - 1; last > 0; node = half(node), last = half(last), width *= 2) {
    const sibling = isOdd(node) ? node - 1 : node + 1
    // A lone last node has no sibling and rises as it is.
    if (sibling <= last) proof.push(rootOfRange(tree, sibling * width, Math.min((sibling + 1) * width, size)))
  }
  return proof
}

/** The root over the leaves `from <= i < to`, where `from` is a multiple of the largest power of two that fits. */
function rootOfRange(tree: StoredTree, from: number, to: number): Uint8Array {
  let level = 0
  let width = 1
  while (width * 2 <= to - from) {
    width *= 2
    level += 1
  }
  const first = tree.node(level, from / width)
  return from + width === to ? first : nodeHash(first, rootOfRange(tree, from + width, to))
}

/** Size (8 bytes, big-endian), then the hashes, largest subtree first. */
export function encodeFrontier(frontier: Frontier): Uint8Array {
  const size = new Uint8Array(8)
  new DataView(size.buffer).setBigUint64(0, BigInt(frontier.size))
  return concatBytes(size, ...frontier.hashes)
}

/** @returns undefined unless `bytes` are exactly what `encodeFrontier` writes for some frontier */
export function decodeFrontier(bytes: Uint8Array): Frontier | undefined {
  if (bytes.length < 8) return undefined
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0))
  if (!isSize(size)) return undefined
  let ones = 0
  for (let rest = size; rest > 0; rest = half(rest)) if (isOdd(rest)) ones += 1
  if (bytes.length !== 8 + ones * HASH_BYTES) return undefined
  const hashes = Array.from(
    { length: ones },
    (_, i) => new Uint8Array(bytes.subarray(8 + i * HASH_BYTES, 8 + (i + 1) * HASH_BYTES))
  )
  return { size, hashes }
}

/** H(0x00 || data), 32 bytes. */
export function leafHash(data: Uint8Array): Uint8Array {
  return sha256(LEAF, data)
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right)
}

function levelAbove(level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = []
  for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i] as Uint8Array, level[i + 1] as Uint8Array))
  if (isOdd(level.length)) above.push(level.at(-1) as Uint8Array)
  return above
}

/** Appends to `proof` the sibling of `node`, then of each of its ancestors, up to the root. */
function siblings(level: readonly Uint8Array[], node: number, proof: Uint8Array[]): Uint8Array[] {
  while (level.length > 1) {
    const sibling = level[isOdd(node) ? node - 1 : node + 1]
    if (sibling !== undefined) proof.push(sibling)
    level = levelAbove(level)
    node = half(node)
  }
  return proof
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isOdd(value: number): boolean {
  return value % 2 === 1
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function areHashes(proof: readonly Uint8Array[]): boolean {
  return proof.every((hash) => hash.length === HASH_BYTES)
}
