/** Where the homes and documents of a local network go. */
import { mkdir, mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { limits } from '@wardline/codec'
import { homePaths, socketPaths } from '@wardline/config'
import { UsageError } from '../usage-error.ts'

/**
 * The absolute path of a new or empty folder that has room for homes with these names.
 * @throws UsageError for one that is in use or cannot be made
 */
export async function prepareFolder(given: string | undefined, places: readonly string[]): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), 'wardline-demo-'))
  const folder = resolve(given)
  checkSocketPaths(folder, places)
  try {
    await makeFolder(folder)
    if ((await readdir(folder)).length === 0) return folder
  } catch (error) {
    throw new UsageError(`The folder ${folder} cannot be used: ${(error as NodeJS.ErrnoException).code}.`)
  }
  throw new UsageError(`The folder ${folder} is not empty: choose a new one for --data.`)
}

/** Where the parent exists nothing is made recursively: in a file system that takes no folders Node would try for ever. */
async function makeFolder(folder: string): Promise<void> {
  const isThere = async (path: string) => (await stat(path).catch(() => undefined)) !== undefined
  if (await isThere(folder)) return
  await mkdir(folder, { recursive: !(await isThere(dirname(folder))), mode: 0o700 })
}

/** @throws UsageError where a control socket would get a path that operating systems cut */
function checkSocketPaths(folder: string, places: readonly string[]): void {
  const { socketPathBytesMax } = limits
  for (const place of places) {
    const { admin } = socketPaths(homePaths(join(folder, place)).run)
    if (Buffer.byteLength(admin) <= socketPathBytesMax) continue
    throw new UsageError(
      `The path of the folder ${folder} is too long: a socket in it would exceed ${socketPathBytesMax} bytes; choose another one for --data.`
    )
  }
}

const PLACE_LENGTH_MAX = 24

/** A folder's name for each hospital, made of its own; different for all. */
export function placesOf(names: readonly string[]): string[] {
  const places: string[] = []
  for (const name of names) {
    const place = shortened(name)
    const isTaken = (wanted: string) => RESERVED.has(wanted) || places.includes(wanted)
    let unique = place
    for (let number = 2; isTaken(unique); number++) unique = `${place}-${number}`
    places.push(unique)
  }
  return places
}

/** The first words of a name, as a folder's name. */
function shortened(name: string): string {
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['hospital']
  let short = (words[0] ?? '').slice(0, PLACE_LENGTH_MAX)
  for (const word of words.slice(1)) {
    if (short.length + 1 + word.length > PLACE_LENGTH_MAX) break
    short += `-${word}`
  }
  return short
}

/** What else lies in the folder. */
const RESERVED = new Set(['ceremony', 'genesis.json', 'receipt.json'])
