/** Reading the files that people carry and edit (cards, the genesis, its signatures), with a sentence for everything wrong. */
import { fromHex, isHex32, type Reader, toHex } from '@wardline/codec'

/**
 * - `not-json`, `field`, `not-canonical`: the file is not one that Wardline wrote
 * - `unsupported`: a version or mode that this daemon does not have
 * - `rule`: well-formed, but against the rules of a genesis or card
 * - `key`, `proof`, `signature`: a key that is not acceptable, a proof or signature that does not verify
 * - `missing-signature`: a founder has not signed
 */
export type ProblemCode =
  | 'not-json'
  | 'field'
  | 'not-canonical'
  | 'unsupported'
  | 'rule'
  | 'key'
  | 'proof'
  | 'signature'
  | 'missing-signature'

export type Problem = { readonly code: ProblemCode; readonly message: string }

/** How to read one field, and what it must be, to end the sentence "`x` must be ...". */
export type Field<T> = { readonly read: Reader<T>; readonly mustBe: string }

type FieldsOf<S> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never }

/**
 * Reads the object `value` with exactly the fields of `shape`. Every fault is added to `problems`, under `where`.
 * @returns undefined if there was any
 */
export function readFields<S extends Readonly<Record<string, Field<unknown>>>>(
  value: unknown,
  shape: S,
  where: string,
  problems: Problem[]
): FieldsOf<S> | undefined {
  if (!isObject(value)) {
    problems.push({ code: 'field', message: `${where} must be an object.` })
    return undefined
  }
  const before = problems.length
  const result: Record<string, unknown> = {}
  for (const [name, { read, mustBe }] of Object.entries(shape)) {
    const raw = Object.hasOwn(value, name) ? value[name] : undefined
    const field = read(raw as Parameters<typeof read>[0])
    if (field === undefined) problems.push({ code: 'field', message: `${where}: ${name} must be ${mustBe}.` })
    else result[name] = field
  }
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(shape, name))
  if (unknown.length > 0) problems.push({ code: 'field', message: `${where} has ${unknown.length} unknown field(s).` })
  return problems.length === before ? (result as FieldsOf<S>) : undefined
}

/** The JSON value of a file of at most `sizeMax` characters; undefined, with a problem, if it is none. */
export function readJson(text: string, sizeMax: number, what: string, problems: Problem[]): unknown {
  if (text.length > sizeMax) {
    problems.push({ code: 'not-json', message: `${what} is larger than ${sizeMax} characters.` })
    return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    // JSON.parse has no other way to say so; its message would quote the file.
    problems.push({ code: 'not-json', message: `${what} is not JSON.` })
    return undefined
  }
}

/** Whether `text` is `canonical`, but for line ends and what stands after the last line. */
export function isSameText(text: string, canonical: string): boolean {
  return text.replaceAll('\r\n', '\n').trimEnd() === canonical.trimEnd()
}

/** 32 bytes as lower-case hex. */
export function hex32<T extends string>(value: unknown): T | undefined {
  return isHex32(value) ? (value as string as T) : undefined
}

/** Exactly `size` bytes as lower-case hex. */
export function hexOf(size: number): Reader<Uint8Array> {
  return (value) =>
    typeof value === 'string' && value.length === 2 * size && /^[0-9a-f]*$/.test(value) ? fromHex(value) : undefined
}

/**
 * Five-character groups to read aloud: the first 40 digits (160 bits) of 64 hex digits, `3f2a1 …`.
 */
export function fingerprintOf(hash: string): string {
  return (hash.slice(0, 40).match(/.{5}/g) as string[]).join(' ')
}

export function hexOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
