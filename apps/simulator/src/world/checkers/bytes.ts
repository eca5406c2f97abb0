/** Headers, bodies and Merkle roots read from their bytes alone, by code that shares nothing with what wrote them. */
import { createHash } from 'node:crypto'

export type BlockFacts = {
  readonly digest: string
  readonly chain: string
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly parent: string
  readonly timeMs: number
  readonly proposer: string
  readonly txRoot: string
  readonly history: string
  readonly appHash: string
  readonly nextSetHash: string
}

export const HEADER_PREFIX = 'blocks/header/'
export const BODY_PREFIX = 'blocks/body/'
export const CERTIFICATE_PREFIX = 'blocks/certificate/'

const HEADER_BYTES = 257

/** SHA-256 over a tag and parts, in hex. */
export function hashOf(tag: string, ...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256').update(tag)
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Several checkers look at each header, and every node has it. */
const read = new Map<string, BlockFacts>()
const READ_MAX = 1000

/** version(1) chain(32) epoch(8) view(8) height(8) parent(32) time(8) and five names of 32 bytes, big-endian. */
export function readBlockHeader(bytes: Uint8Array): BlockFacts | undefined {
  if (bytes.length !== HEADER_BYTES || bytes[0] !== 1) return undefined
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const text = buffer.toString('latin1')
  const known = read.get(text)
  if (known !== undefined) return known
  const name = (at: number): string => buffer.toString('hex', at, at + 32)
  const number = (at: number): number => Number(buffer.readBigUInt64BE(at))
  const facts = {
    digest: hashOf('wardline/block/1', bytes),
    chain: name(1),
    epoch: number(33),
    view: number(41),
    height: number(49),
    parent: name(57),
    timeMs: number(89),
    proposer: name(97),
    txRoot: name(129),
    history: name(161),
    appHash: name(193),
    nextSetHash: name(225)
  }
  if (read.size >= READ_MAX) read.clear()
  read.set(text, facts)
  return facts
}

/** For each transaction its size (4 bytes, big-endian), then its bytes; undefined if the sizes do not add up. */
export function readBlockBody(body: Uint8Array): readonly Uint8Array[] | undefined {
  const data = new DataView(body.buffer, body.byteOffset, body.length)
  const transactions: Uint8Array[] = []
  let at = 0
  while (at < body.length) {
    if (body.length - at < 4) return undefined
    const end = at + 4 + data.getUint32(at)
    if (end > body.length) return undefined
    transactions.push(body.subarray(at + 4, end))
    at = end
  }
  return transactions
}

/** RFC 6962, section 2.1, in hex. */
export function merkleRootOf(leaves: readonly Uint8Array[]): string {
  const tree = createGrowingTree()
  for (const leaf of leaves) tree.add(leaf)
  return tree.root()
}

/** An RFC 6962 tree that grows by leaves and remembers the roots of its complete parts alone. */
export function createGrowingTree(): { add(leaf: Uint8Array): void; root(): string } {
  /** From left to right, each with more leaves than the next. */
  const parts: { readonly size: number; readonly hash: Uint8Array }[] = []
  const join = (left: Uint8Array, right: Uint8Array) =>
    createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
  return {
    add(leaf) {
      let part: (typeof parts)[number] = {
        size: 1,
        hash: createHash('sha256').update(Uint8Array.of(0)).update(leaf).digest()
      }
      for (let last = parts.at(-1); last?.size === part.size; last = parts.at(-1)) {
        parts.pop()
        part = { size: 2 * part.size, hash: join(last.hash, part.hash) }
      }
      parts.push(part)
    },
    root() {
      const hashes = parts.map(({ hash }) => Buffer.from(hash))
      const last = hashes.pop() ?? createHash('sha256').digest()
      return hashes.reduceRight((right, left) => join(left, right), Buffer.from(last)).toString('hex')
    }
  }
}
