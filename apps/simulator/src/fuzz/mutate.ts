/** One change of one field of a genuine input. */
import { type CborValue, decodeCbor, encodeCbor } from '@wardline/codec'
import { decodeBlockBody, encodeBlockBody } from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import { certificateFields, type Field, headerFields } from './layout.ts'

export type Mutation = { readonly field: string; readonly bytes: Uint8Array }

/** @param donor another genuine input of the same form, to take a field from */
export function mutateField(
  prng: Prng,
  bytes: Uint8Array,
  layout: (bytes: Uint8Array) => readonly Field[],
  donor: Uint8Array
): Mutation {
  const fields = layout(bytes)
  const field = prng.pick(fields)
  const own = bytes.subarray(field.at, field.at + field.size)
  const other = layout(donor).find(({ name }) => name === field.name)
  const changed =
    other !== undefined && prng.chance(0.2) ? donor.subarray(other.at, other.at + other.size) : change(prng, own)
  const end = prng.chance(0.05) ? bytes.length : field.at + field.size
  return { field: field.name, bytes: Buffer.concat([bytes.subarray(0, field.at), changed, bytes.subarray(end)]) }
}

const HEADER_BYTES = 257

/** Changes one item of a canonical value; binary items are changed as what they hold. Other bytes are changed as bytes. */
export function mutateCbor(prng: Prng, bytes: Uint8Array, donor: Uint8Array): Mutation {
  const value = prng.chance(0.1) ? undefined : decodeCbor(bytes)
  if (value === undefined) {
    const layout = bytes.length === HEADER_BYTES ? headerFields : wholeOf
    return mutateField(prng, bytes, layout, donor)
  }
  const { path, value: changed } = changeItem(prng, value, '')
  return { field: path === '' ? 'whole' : path, bytes: encodeCbor(changed) }
}

/** Changes one transaction of a batch, or the batch as it is. */
export function mutateBatch(prng: Prng, bytes: Uint8Array, donor: Uint8Array): Mutation {
  const transactions = prng.chance(0.2) ? undefined : decodeBlockBody(bytes)
  if (transactions === undefined || transactions.length === 0) return mutateField(prng, bytes, wholeOf, donor)
  const at = prng.below(transactions.length)
  const { field, bytes: changed } = mutateCbor(prng, transactions[at] as Uint8Array, donor)
  return { field: `transaction.${field}`, bytes: encodeBlockBody(transactions.with(at, changed)) }
}

const wholeOf = (bytes: Uint8Array): readonly Field[] => [{ name: 'whole', at: 0, size: bytes.length }]

function changeItem(prng: Prng, value: CborValue, path: string): { readonly path: string; readonly value: CborValue } {
  const goesDeeper = prng.chance(0.85)
  if (Array.isArray(value) && value.length > 0 && goesDeeper) {
    const at = prng.below(value.length)
    const inner = changeItem(prng, value[at] as CborValue, path)
    return { path: inner.path, value: value.with(at, inner.value) }
  }
  if (isMap(value) && Object.keys(value).length > 0 && goesDeeper) {
    const key = prng.pick(Object.keys(value))
    const inner = changeItem(prng, value[key] as CborValue, path === '' ? key : `${path}.${key}`)
    return { path: inner.path, value: { ...value, [key]: inner.value } }
  }
  if (value instanceof Uint8Array && value.length > 50 && prng.chance(0.7)) {
    const layout = value.length === HEADER_BYTES ? headerFields : certificateFields
    const { field, bytes } = mutateField(prng, value, layout, value)
    return { path: `${path}.${field}`, value: new Uint8Array(bytes) }
  }
  return { path, value: prng.chance(0.5) ? sameKind(prng, value) : otherKind(prng, value) }
}

function isMap(value: CborValue): value is { readonly [key: string]: CborValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

const NUMBERS = [0, 1, -1, 23, 24, 255, 256, 257, 10_000, 65_536, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]

function sameKind(prng: Prng, value: CborValue): CborValue {
  if (typeof value === 'number') return prng.chance(0.5) ? prng.pick(NUMBERS) : value + prng.pick([1, -1])
  if (typeof value === 'string') return prng.pick([`${value}s`, '', value.slice(1)])
  if (value instanceof Uint8Array) return new Uint8Array(change(prng, value))
  if (Array.isArray(value))
    return prng.pick([[], value.slice(1), [...value, ...value.slice(0, 1)], [...value].reverse()])
  return otherKind(prng, value)
}

function otherKind(prng: Prng, value: CborValue): CborValue {
  return prng.pick<CborValue>([
    null,
    true,
    prng.pick(NUMBERS),
    'text',
    prng.bytes(prng.below(40)),
    [],
    [value],
    {},
    { ask: value }
  ])
}

/** Other bytes in the place of these, of the same size or of another. */
function change(prng: Prng, bytes: Uint8Array): Uint8Array {
  const same = Uint8Array.from(bytes)
  const last = same.length - 1
  switch (prng.below(9)) {
    case 0:
      return same.fill(0)
    case 1:
      return same.fill(0xff)
    case 2:
      return prng.bytes(same.length)
    case 3:
      // The number below or above, where no digit is carried.
      if (last >= 0) same[last] = (same[last] as number) + prng.pick([1, -1])
      return same
    case 4:
      // A number that is far too large, though its last digits are right.
      if (last >= 0) same[0] = 0x7f
      return same
    case 5:
      return same.subarray(0, prng.below(same.length + 1))
    case 6:
      return Buffer.concat([same, same])
    case 7:
      return Buffer.concat([same, prng.bytes(1 + prng.below(64))])
    default:
      if (last >= 0) {
        const at = prng.below(same.length)
        same[at] = (same[at] as number) ^ (1 << prng.below(8))
      }
      return same
  }
}
