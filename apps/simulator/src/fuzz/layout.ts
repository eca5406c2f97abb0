/**
 * Where the fields of encoded consensus messages and journal records lie, read from the description of the formats and not
 * by their parsers, which are what is being tested.
 */

/** A part of an encoding, `size` bytes from `at`. */
export type Field = { readonly name: string; readonly at: number; readonly size: number }

type Part = readonly [name: string, size: number]

const STATEMENT: readonly Part[] = [
  ['kind', 1],
  ['epoch', 8],
  ['view', 8],
  ['digest', 32]
]
const VOTE: readonly Part[] = [...STATEMENT, ['signer', 32], ['signature', 64], ['attempt', 4]]
const ASK: readonly Part[] = [
  ['epoch', 8],
  ['asker', 32],
  ['nonce', 8],
  ['signature', 64]
]
const STATUS: readonly Part[] = [
  ['epoch', 8],
  ['signer', 32],
  ['asker', 32],
  ['nonce', 8],
  ['view', 8],
  ['signature', 64]
]
const HEADER: readonly Part[] = [
  ['version', 1],
  ['chain', 32],
  ['epoch', 8],
  ['view', 8],
  ['height', 8],
  ['parent', 32],
  ['time', 8],
  ['proposer', 32],
  ['txRoot', 32],
  ['history', 32],
  ['appHash', 32],
  ['nextSetHash', 32]
]
const RECORD: readonly Part[] = [
  ['length', 4],
  ['checksum', 4],
  ['sequence', 8]
]
const PLACE: readonly Part[] = [
  ['epoch', 8],
  ['view', 8]
]

/** A message as it is gossiped or told. */
export function messageFields(bytes: Uint8Array): readonly Field[] {
  const walk = walker(bytes)
  const tag = walk.number('tag', 1)
  if (tag === 1) walk.parts('vote', VOTE)
  else if (tag === 2) {
    walk.number('attempt', 4)
    walkCertificate(walk, 'certificate')
  } else if (tag === 3) walkProposal(walk, 'proposal')
  else if (tag === 4) walk.parts('ask', ASK)
  else if (tag === 5) {
    walk.parts('status', STATUS)
    if (walk.number('status.hasHeard', 1) === 1) walk.parts('status.heard', VOTE)
    if (walk.left() > 0) walkCertificate(walk, 'status.certificate')
  }
  return walk.done()
}

export function headerFields(bytes: Uint8Array): readonly Field[] {
  const walk = walker(bytes)
  walk.parts('header', HEADER)
  return walk.done()
}

export function certificateFields(bytes: Uint8Array): readonly Field[] {
  const walk = walker(bytes)
  walkCertificate(walk, 'certificate')
  return walk.done()
}

/** One record of the vote journal. */
export function recordFields(bytes: Uint8Array): readonly Field[] {
  const walk = walker(bytes)
  walk.parts('record', RECORD)
  while (walk.left() > 0) {
    const tag = walk.number('entry', 1)
    if (tag === 1) {
      walk.parts('entered', PLACE)
      if (walk.number('entered.hasCertificate', 1) === 1) walkCertificate(walk, 'entered.certificate')
    } else if (tag === 2) walkCertificate(walk, 'kept')
    else if (tag === 3) walkProposal(walk, 'proposed')
    else if (tag === 4) {
      walk.parts('voted', VOTE)
      if (walk.number('voted.hasHeader', 1) === 1) walk.parts('voted.header', HEADER)
    } else if (tag === 5) walk.parts('pruned', [...PLACE, ['firstSequence', 8]])
    else break
  }
  return walk.done()
}

type Walker = ReturnType<typeof walker>

function walkCertificate(walk: Walker, name: string): void {
  walk.parts(name, STATEMENT)
  const bitmap = walk.number(`${name}.bitmapSize`, 1)
  const signers = walk.bits(bitmap)
  walk.parts(name, [
    ['bitmap', bitmap],
    ['signatures', signers * 64]
  ])
}

function walkProposal(walk: Walker, name: string): void {
  walk.parts(`${name}.header`, HEADER)
  walk.parts(name, [['signature', 64]])
  const leaves = walk.number(`${name}.leafCount`, 4)
  if (leaves > 0) walk.parts(name, [['leaves', leaves * 32]])
  const justifiedBy = walk.number(`${name}.justifiedBy`, 1)
  if (justifiedBy === 2) walk.parts(name, [['view', 8]])
  if (justifiedBy > 0) walkCertificate(walk, `${name}.parentCertificate`)
  const skips = walk.number(`${name}.skipCount`, 4)
  for (let at = 0; at < skips && walk.left() > 0; at++) walkCertificate(walk, `${name}.skip`)
}

/** Goes through an encoding from its beginning; what lies behind the last known part is one field more. */
function walker(bytes: Uint8Array) {
  const fields: Field[] = []
  let at = 0
  const take = (name: string, size: number): void => {
    const there = Math.min(size, bytes.length - at)
    if (there > 0) fields.push({ name, at, size: there })
    at += Math.max(there, 0)
  }
  return {
    left: () => bytes.length - at,
    /** How many bits are set in the next `size` bytes. */
    bits: (size: number) => bytes.subarray(at, at + size).reduce((sum, byte) => sum + bitsOf(byte), 0),
    number(name: string, size: number): number {
      const value = bytes.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0)
      take(name, size)
      return value
    },
    parts(name: string, parts: readonly Part[]): void {
      for (const [part, size] of parts) take(`${name}.${part}`, size)
    },
    done(): readonly Field[] {
      take('rest', bytes.length - at)
      return fields
    }
  }
}

function bitsOf(byte: number): number {
  let count = 0
  for (let left = byte; left > 0; left >>= 1) count += left & 1
  return count
}
