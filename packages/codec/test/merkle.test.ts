import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { concatBytes, fromHex, sha256, toHex } from '../src/index.ts'
import {
  appendLeaf,
  completedNodes,
  consistencyProof,
  decodeFrontier,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  frontierRoot,
  inclusionProof,
  inclusionProofFrom,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
  verifyInclusionOfHash
} from '../src/merkle.ts'

const test = suite('codec/merkle')

const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i)))
const frontierOf = (leaves: readonly Uint8Array[]) => leaves.reduce<Frontier>(appendLeaf, emptyFrontier)

/** RFC 6962 section 2.1, word for word. */
function specifiedRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0))
  if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0] as Uint8Array)
  const split = splitOf(leaves.length)
  return sha256(Uint8Array.of(1), specifiedRoot(leaves.slice(0, split)), specifiedRoot(leaves.slice(split)))
}

/** RFC 6962 section 2.1.1. */
function specifiedPath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const split = splitOf(leaves.length)
  return index < split
    ? [...specifiedPath(index, leaves.slice(0, split)), specifiedRoot(leaves.slice(split))]
    : [...specifiedPath(index - split, leaves.slice(split)), specifiedRoot(leaves.slice(0, split))]
}

/** RFC 6962 section 2.1.2, SUBPROOF. */
function specifiedProof(oldSize: number, leaves: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (oldSize === leaves.length) return whole ? [] : [specifiedRoot(leaves)]
  const split = splitOf(leaves.length)
  return oldSize <= split
    ? [...specifiedProof(oldSize, leaves.slice(0, split), whole), specifiedRoot(leaves.slice(split))]
    : [...specifiedProof(oldSize - split, leaves.slice(split), false), specifiedRoot(leaves.slice(0, split))]
}

function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

test('the reference tree has the published root at every size', () => {
  const path = new URL('../../../test/vectors/rfc6962.json', import.meta.url)
  const { leaves, roots } = JSON.parse(readFileSync(path, 'utf8')) as { leaves: string[]; roots: string[] }
  const data = leaves.map(fromHex)
  assert.is(roots.length, 9)
  for (const [size, root] of roots.entries()) {
    assert.is(toHex(merkleRoot(data.slice(0, size))), root)
    assert.is(toHex(frontierRoot(frontierOf(data.slice(0, size)))), root)
  }
})

test('roots, paths and proofs are those of the recursive definition, for all sizes up to 40', () => {
  for (let size = 0; size <= 40; size++) {
    const leaves = leavesOf(size)
    const root = merkleRoot(leaves)
    assert.equal(root, specifiedRoot(leaves))
    assert.equal(frontierRoot(frontierOf(leaves)), root)
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(leaves, index)
      assert.equal(proof, specifiedPath(index, leaves))
      assert.ok(verifyInclusion({ leaf: leaves[index] as Uint8Array, index, size, proof, root }))
    }
    for (let oldSize = 1; oldSize <= size; oldSize++) {
      const proof = consistencyProof(leaves, oldSize)
      assert.equal(proof, specifiedProof(oldSize, leaves, true))
      const oldRoot = merkleRoot(leaves.slice(0, oldSize))
      assert.ok(verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot: root, proof }))
    }
  }
})

test("asking for a proof that cannot exist is the caller's mistake", () => {
  for (const index of [-1, 3, 0.5, Number.NaN]) assert.throws(() => inclusionProof(leavesOf(3), index), RangeError)
  for (const size of [-1, 0, 4, 1.5]) assert.throws(() => consistencyProof(leavesOf(3), size), RangeError)
})

test('an inclusion proof with anything changed does not verify', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (size, pick, spot) => {
      const leaves = leavesOf(size)
      const index = pick % size
      const claim = {
        leaf: leaves[index] as Uint8Array,
        index,
        size,
        proof: inclusionProof(leaves, index),
        root: merkleRoot(leaves)
      }
      const other = sha256(Uint8Array.of(255, 255))
      const changed = [
        { ...claim, leaf: other },
        { ...claim, root: other },
        { ...claim, root: claim.root.slice(1) },
        { ...claim, index: index + 1 },
        { ...claim, index: index - 1 },
        { ...claim, index: size },
        { ...claim, size: index },
        { ...claim, size: 0 },
        { ...claim, size: Number.NaN },
        { ...claim, size: 2 ** 60 },
        { ...claim, proof: [...claim.proof, other] },
        { ...claim, proof: [other, ...claim.proof] }
      ]
      if (claim.proof.length > 0) {
        const at = spot % claim.proof.length
        changed.push({ ...claim, proof: claim.proof.with(at, other) })
        changed.push({ ...claim, proof: claim.proof.with(at, (claim.proof[at] as Uint8Array).slice(1)) })
        changed.push({ ...claim, proof: claim.proof.slice(0, -1) })
        changed.push({ ...claim, proof: claim.proof.slice(1) })
      }
      assert.ok(verifyInclusion(claim))
      for (const wrong of changed) assert.not(verifyInclusion(wrong))
    })
  )
})

test('a consistency proof with anything changed does not verify', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 70 }), fc.nat(), fc.nat(), (newSize, pick, spot) => {
      const leaves = leavesOf(newSize)
      const oldSize = 1 + (pick % (newSize - 1))
      const claim = {
        oldSize,
        oldRoot: merkleRoot(leaves.slice(0, oldSize)),
        newSize,
        newRoot: merkleRoot(leaves),
        proof: consistencyProof(leaves, oldSize)
      }
      const other = sha256(Uint8Array.of(255, 255))
      const at = spot % claim.proof.length
      assert.ok(verifyConsistency(claim))
      for (const wrong of [
        { ...claim, oldRoot: other },
        { ...claim, newRoot: other },
        { ...claim, oldRoot: claim.newRoot, newRoot: claim.oldRoot },
        { ...claim, oldSize: 0 },
        { ...claim, oldSize: newSize },
        { ...claim, oldSize: newSize + 1 },
        { ...claim, newSize: oldSize },
        { ...claim, newSize: Number.NaN },
        { ...claim, proof: [] },
        { ...claim, proof: claim.proof.slice(0, -1) },
        { ...claim, proof: [...claim.proof, other] },
        { ...claim, proof: claim.proof.with(at, other) }
      ]) {
        assert.not(verifyConsistency(wrong))
      }
    })
  )
})

test('no tree is consistent with itself but by the empty proof and equal roots', () => {
  const root = merkleRoot(leavesOf(5))
  const claim = { oldSize: 5, oldRoot: root, newSize: 5, newRoot: root, proof: [] }
  assert.ok(verifyConsistency(claim))
  assert.not(verifyConsistency({ ...claim, newRoot: merkleRoot(leavesOf(6)) }))
  assert.not(verifyConsistency({ ...claim, proof: [root] }))
})

test('sizes above 2^32 are walked without losing bits', () => {
  const size = 2 ** 40 + 1
  const leaf = Uint8Array.of(7)
  const left = sha256(Uint8Array.of(9))
  const root = sha256(Uint8Array.of(1), left, leafHash(leaf))
  assert.ok(verifyInclusion({ leaf, index: 2 ** 40, size, proof: [left], root }))
  assert.not(verifyInclusion({ leaf, index: 0, size, proof: [left], root }))
})

test('a frontier stays as it was when a leaf is appended to it', () => {
  const before = frontierOf(leavesOf(7))
  const copy = encodeFrontier(before)
  appendLeaf(before, Uint8Array.of(1))
  assert.equal(encodeFrontier(before), copy)
})

test('a frontier survives its encoding and goes on growing', () => {
  for (let size = 0; size <= 33; size++) {
    const leaves = leavesOf(size)
    const read = decodeFrontier(encodeFrontier(frontierOf(leaves)))
    assert.ok(read)
    assert.is(read.size, size)
    const next = Uint8Array.of(1, 2, 3)
    assert.equal(frontierRoot(appendLeaf(read, next)), merkleRoot([...leaves, next]))
  }
})

test('only what encodeFrontier writes is decoded', () => {
  const good = encodeFrontier(frontierOf(leavesOf(6)))
  for (const bytes of [
    new Uint8Array(0),
    good.slice(0, 7),
    good.slice(0, -1),
    good.slice(0, 8),
    concatBytes(good, Uint8Array.of(0)),
    concatBytes(good, new Uint8Array(32)),
    fromHex('ffffffffffffffff'),
    concatBytes(fromHex('0020000000000000'), new Uint8Array(32))
  ]) {
    assert.is(decodeFrontier(bytes), undefined)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      const read = decodeFrontier(bytes)
      if (read !== undefined) assert.equal(encodeFrontier(read), bytes)
    })
  )
})

const base64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))

type InclusionCase = {
  desc: string
  leafIdx: number | string
  treeSize: number | string
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}

test('inclusion proofs of transparency-dev/merkle', () => {
  const cases: InclusionCase[] | undefined = sharedFile('vectors/merkle/inclusion.json')
  if (cases === undefined) return console.log('skipped: no ../shared')
  for (const { desc, leafIdx, treeSize, root, leafHash: hash, proof, wantErr } of cases) {
    const verified = verifyInclusionOfHash({
      leafHash: base64(hash),
      index: Number(leafIdx),
      size: Number(treeSize),
      proof: (proof ?? []).map(base64),
      root: base64(root)
    })
    assert.is(verified, !wantErr, desc)
  }
})

type ConsistencyCase = {
  desc: string
  size1: number | string
  size2: number | string
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

test('consistency proofs of transparency-dev/merkle', () => {
  const cases: ConsistencyCase[] | undefined = sharedFile('vectors/merkle/consistency.json')
  if (cases === undefined) return console.log('skipped: no ../shared')
  for (const { desc, size1, size2, root1, root2, proof, wantErr } of cases) {
    const verified = verifyConsistency({
      oldSize: Number(size1),
      oldRoot: base64(root1),
      newSize: Number(size2),
      newRoot: base64(root2),
      proof: (proof ?? []).map(base64)
    })
    assert.is(verified, !wantErr, desc)
  }
})

test('a proof from stored nodes is the proof from all leaves, in every tree up to 130', () => {
  const leaves = Array.from({ length: 130 }, (_, i) => Uint8Array.of(i))
  const stored = new Map<string, Uint8Array>()
  let frontier = emptyFrontier
  for (const [count, leaf] of leaves.entries()) {
    stored.set(`0/${count}`, leafHash(leaf))
    for (const { level, index, hash } of completedNodes(frontier, leaf)) stored.set(`${level}/${index}`, hash)
    frontier = appendLeaf(frontier, leaf)
    const size = count + 1
    let reads = 0
    const node = (level: number, index: number): Uint8Array => {
      reads += 1
      const hash = stored.get(`${level}/${index}`)
      if (hash === undefined) throw new Error(`no node ${level}/${index} in a tree of ${size}`)
      return hash
    }
    for (let index = 0; index < size; index++) {
      reads = 0
      const proof = inclusionProofFrom({ size, node }, index)
      assert.equal(proof, inclusionProof(leaves.slice(0, size), index))
      assert.ok(reads <= 2 * Math.ceil(Math.log2(size + 1)), `${reads} reads in a tree of ${size}`)
    }
  }
  // 127 in the complete tree of 128 leaves, and one over the last two.
  assert.is([...stored.keys()].filter((key) => !key.startsWith('0/')).length, 127 + 1)
  for (const index of [-1, 3, 0.5]) {
    assert.throws(() => inclusionProofFrom({ size: 3, node: () => new Uint8Array(32) }, index), RangeError)
  }
})

test.run()
