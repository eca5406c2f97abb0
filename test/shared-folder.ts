/** Reads what lies beside the checkout for tests (`../shared`): vectors and real-shaped records that are not part of the project. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'

const folder = resolve(import.meta.dirname, '../../shared')

/** The path of `name` inside the shared folder, or undefined if the folder is absent and `WARDLINE_REQUIRE_SHARED` is not 1. */
export function sharedPath(name: string): string | undefined {
  const path = resolve(folder, name)
  if (existsSync(path)) return path
  if (process.env['WARDLINE_REQUIRE_SHARED'] === '1') throw new Error(`missing ../shared/${name}`)
  return undefined
}

/** The bytes of `name`, unpacked if it ends in `.gz`; undefined as in `sharedPath`. */
export function sharedBytes(name: string): Buffer | undefined {
  const path = sharedPath(name)
  if (path === undefined) return undefined
  const bytes = readFileSync(path)
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** The parsed JSON of `name`; undefined as in `sharedPath`. */
// biome-ignore lint/suspicious/noExplicitAny: the files come in many shapes, and a wrong one fails its test.
export function sharedFile(name: string): any {
  const bytes = sharedBytes(name)
  return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'))
}
