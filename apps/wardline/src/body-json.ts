/** The body of a transaction as JSON, exactly what was signed. */
import { toHex } from '@wardline/codec'
import type { Bodies, Expression, Kind } from '@wardline/ledger'

/** The names of all fields of `T`, however deep, that hold a number. An expression has none, and would not end. */
type NumberName<T> = T extends string | number | boolean | null | undefined | Uint8Array | Expression
  ? never
  : T extends readonly (infer Item)[]
    ? NumberName<Item>
    : { [K in keyof T & string]-?: Extract<T[K], number> extends never ? NumberName<T[K]> : K }[keyof T & string]

/** What the numbers of bodies are: a new one has to say so before it is shown. */
const NUMBERS: Readonly<Record<NumberName<Bodies[Kind]>, 'plain' | 'time'>> = {
  keyIndex: 'plain',
  epoch: 'plain',
  view: 'plain',
  height: 'plain',
  minHeight: 'plain',
  notAfter: 'time',
  expires: 'time',
  until: 'time',
  from: 'time',
  to: 'time'
}

/**
 * A plain value for `JSON.stringify`: names as in the body, keys and hashes and other bytes in lower-case hex. A time is in
 * milliseconds, and its name says so: `until` becomes `untilMs`.
 */
export function bodyJson(body: Bodies[Kind]): unknown {
  return jsonOf(body)
}

function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(jsonOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [isTime(name, part) ? `${name}Ms` : name, jsonOf(part)])
  )
}

/** A time that is null is one all the same: no end. */
function isTime(name: string, value: unknown): boolean {
  const isNumber = typeof value === 'number' || value === null
  return isNumber && Object.hasOwn(NUMBERS, name) && NUMBERS[name as keyof typeof NUMBERS] === 'time'
}
