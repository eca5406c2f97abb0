/**
 * FHIR R4 JSON into resources that still are the exact bytes received. Structure only (resource types, ids, references);
 * nothing here promises that a resource conforms to a profile.
 */
import { isUtf8 } from 'node:buffer'
import { limits } from '@wardline/codec'
import {
  type ByteRange,
  type Cursor,
  eachItem,
  eachMember,
  openJson,
  skipSpace,
  skipValue,
  startsArray,
  startsObject,
  startsString,
  stringAt,
  takeValue
} from './json-slices.ts'

/** One resource. `bytes` is a view into the input, never a copy and never written again from a parsed value. */
export type FhirResource = {
  readonly type: string
  readonly id: string
  /** The entry's `fullUrl`, by which the other entries of its Bundle refer to it. */
  readonly fullUrl: string | undefined
  readonly bytes: Uint8Array
  /** Every `reference` inside it, in order of appearance; those of contained resources too. */
  readonly references: readonly string[]
}

/**
 * The resources among which references resolve: the entries of one Bundle, or all the bare resources of one input (bulk
 * exports have one resource per line and no Bundle).
 */
export type FhirScope = { readonly resources: readonly FhirResource[] }

export type FhirFaultCode =
  | 'malformed-json'
  | 'too-deep'
  | 'duplicate-key'
  | 'not-utf8'
  | 'empty'
  | 'not-a-resource'
  | 'malformed-resource'
  | 'too-many-resources'

export type ParsedFhir =
  | { readonly kind: 'ok'; readonly scopes: readonly FhirScope[] }
  | { readonly kind: 'reject'; readonly code: FhirFaultCode /** Offset into the input, bytes. */; readonly at: number }

/**
 * Parses one JSON value (a Bundle or a resource) or several separated by white space, which is NDJSON; a byte order mark at
 * the start is allowed. The caller unpacks compressed input. The answer keeps views into `bytes`: do not modify them.
 * All or nothing: one fault rejects the whole input. Never throws.
 */
export function parseFhir(bytes: Uint8Array): ParsedFhir {
  if (!isUtf8(bytes)) return { kind: 'reject', code: 'not-utf8', at: 0 }
  const cursor = openJson(bytes)
  const scopes: FhirScope[] = []
  const bare: FhirResource[] = []
  let count = 0
  while (cursor.at < bytes.length) {
    const at = cursor.at
    const document = takeDocument(cursor)
    if (document.kind === 'reject') return document
    count += document.resources.length
    if (count > limits.fhirResourcesMax) return { kind: 'reject', code: 'too-many-resources', at }
    if (document.isBundle) scopes.push({ resources: document.resources })
    else bare.push(...document.resources)
    skipSpace(cursor)
  }
  if (bare.length > 0) scopes.push({ resources: bare })
  return scopes.length === 0 ? { kind: 'reject', code: 'empty', at: 0 } : { kind: 'ok', scopes }
}

/** The parsed value of a resource, for reading fields. */
export function resourceValue(resource: FhirResource): FhirObject {
  return JSON.parse(Buffer.from(resource.bytes).toString('utf8')) as FhirObject
}

/** A JSON object of unknown shape. */
export type FhirObject = { readonly [key: string]: unknown }

/** Follows keys and array indices into a value of unknown shape; undefined where the path ends. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined
    here = (here as Record<string | number, unknown>)[step]
  }
  return here
}

type Reject = { readonly kind: 'reject'; readonly code: FhirFaultCode; readonly at: number }
type Document = { readonly kind: 'document'; readonly isBundle: boolean; readonly resources: readonly FhirResource[] }
type Entry = { fullUrl: string | undefined; resource: ByteRange | undefined }

/** One top-level value. Entries without a resource (a deletion in a transaction, for one) are passed over. */
function takeDocument(cursor: Cursor): Document | Reject {
  const start = cursor.at
  if (!startsObject(cursor)) return reject('not-a-resource', start)
  const entries: Entry[] = []
  let type: string | undefined
  const scanned = eachMember(cursor, 0, (key) => {
    if (key === 'resourceType' && startsString(cursor)) {
      const range = takeValue(cursor, 1)
      type = range && stringAt(cursor.bytes, range)
      return range !== undefined
    }
    return key === 'entry' && startsArray(cursor) ? takeEntries(cursor, entries) : skipValue(cursor, 1)
  })
  if (!scanned) return faultOf(cursor)
  if (type === undefined) return reject('not-a-resource', start)
  const isBundle = type === 'Bundle'
  const found = isBundle ? entries : [{ fullUrl: undefined, resource: { start, end: cursor.at } }]
  const resources: FhirResource[] = []
  for (const { fullUrl, resource } of found) {
    if (resource === undefined) continue
    const parsed = parseResource(cursor.bytes.subarray(resource.start, resource.end), fullUrl)
    if (parsed === undefined) return reject('malformed-resource', resource.start)
    resources.push(parsed)
  }
  return { kind: 'document', isBundle, resources }
}

function takeEntries(cursor: Cursor, entries: Entry[]): boolean {
  return eachItem(cursor, 1, () => {
    if (!startsObject(cursor)) return skipValue(cursor, 2)
    const entry: Entry = { fullUrl: undefined, resource: undefined }
    entries.push(entry)
    return eachMember(cursor, 2, (key) => {
      if (key === 'resource' && startsObject(cursor)) {
        entry.resource = takeValue(cursor, 3)
        return entry.resource !== undefined
      }
      if (key === 'fullUrl' && startsString(cursor)) {
        const range = takeValue(cursor, 3)
        entry.fullUrl = range && stringAt(cursor.bytes, range)
        return range !== undefined
      }
      return skipValue(cursor, 3)
    })
  })
}

/** The scanner has accepted `bytes`, so parsing them cannot fail. A resource without an id takes it from its `fullUrl`. */
function parseResource(bytes: Uint8Array, fullUrl: string | undefined): FhirResource | undefined {
  const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  const type = at(value, 'resourceType')
  const id = at(value, 'id') ?? (fullUrl === undefined ? undefined : referencedId(fullUrl))
  if (typeof type !== 'string' || !/^[A-Z][A-Za-z]{0,63}$/.test(type)) return undefined
  if (typeof id !== 'string' || !/^[A-Za-z0-9.-]{1,64}$/.test(id)) return undefined
  const references: string[] = []
  collectReferences(value, references)
  return { type, id, fullUrl, bytes, references }
}

function collectReferences(value: unknown, into: string[]): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (key === 'reference' && typeof child === 'string') into.push(child)
    else collectReferences(child, into)
  }
}

/**
 * The id that a reference names, whatever its form: `urn:uuid:ID`, `Type/ID` (with a base URL or a version or without), or
 * the conditional `Type?identifier=system|ID`. An empty string where it names none.
 */
export function referencedId(reference: string): string {
  if (reference.startsWith('urn:uuid:')) return reference.slice('urn:uuid:'.length)
  const conditional = /\?identifier=(?:[^|]*\|)?([^|&]+)$/.exec(reference)
  if (conditional !== null) return conditional[1] as string
  const [path] = reference.split('/_history/')
  return (path as string).split('/').at(-1) as string
}

function faultOf(cursor: Cursor): Reject {
  return cursor.fault === undefined ? reject('malformed-json', cursor.at) : reject(cursor.fault.code, cursor.fault.at)
}

function reject(code: FhirFaultCode, at: number): Reject {
  return { kind: 'reject', code, at }
}
