/** What is in the repository: its files, its packages, and the table in ARCHITECTURE.md that says who may import whom. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '..')

export type Package = {
  /** Its folder, e.g. `packages/codec`. */
  readonly folder: string
  /** Its folder's name, e.g. `codec`. */
  readonly name: string
  readonly isApp: boolean
  /** The name in its `package.json`, e.g. `@wardline/codec`. */
  readonly published: string
  readonly dependencies: readonly string[]
  readonly devDependencies: readonly string[]
  /** The subpaths of its `exports`, `.` for the entry. */
  readonly doors: readonly string[]
}

export type Allowed = {
  /** Packages whose values and types may be imported. */
  readonly values: ReadonlySet<string>
  /** Packages of which only types may be imported. */
  readonly types: ReadonlySet<string>
}

/** Every file that belongs to the repository: what git tracks or would track, or the whole tree where git cannot say. */
export function repositoryFiles(): readonly string[] {
  return listedByGit() ?? found()
}

function listedByGit(): readonly string[] | undefined {
  if (!existsSync(join(root, '.git'))) return undefined
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) return undefined
  return [...new Set(stdout.split('\0'))].filter((file) => file !== '' && existsSync(join(root, file))).sort()
}

function found(): readonly string[] {
  const skipped = new Set(['node_modules', '.git', 'coverage'])
  return globSync('**/{*,.*}', { cwd: root, exclude: ({ name }) => skipped.has(name), withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
}

export function readText(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

export function readPackages(): readonly Package[] {
  return globSync('{packages,apps}/*/package.json', { cwd: root })
    .sort()
    .map((file) => {
      const folder = file.replace(/\/package\.json$/, '')
      const json = JSON.parse(readText(file))
      const doors =
        typeof json.exports === 'object' ? Object.keys(json.exports) : json.exports === undefined ? [] : ['.']
      return {
        folder,
        name: folder.replace(/^[^/]+\//, ''),
        isApp: folder.startsWith('apps/'),
        published: json.name,
        dependencies: Object.keys(json.dependencies ?? {}),
        devDependencies: Object.keys(json.devDependencies ?? {}),
        doors
      }
    })
}

/** Reads the table whose head is `| package | owns | may import | …`. @throws Error if a row is not understood */
export function readImportTable(): ReadonlyMap<string, Allowed> {
  const lines = readText('ARCHITECTURE.md').split('\n')
  const head = lines.findIndex((line) => line.startsWith('| package | owns | may import |'))
  if (head < 0) throw new Error('ARCHITECTURE.md has no import table')
  const table = new Map<string, Allowed>()
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break
    const cells = line.split('|').map((cell) => cell.trim())
    const name = cells[1]?.match(/^`([a-z0-9-]+)`$/)?.[1]
    if (name === undefined || cells[3] === undefined) throw new Error(`ARCHITECTURE.md: cannot read the row ${line}`)
    const values = new Set<string>()
    const types = new Set<string>()
    for (const entry of cells[3] === '–' ? [] : cells[3].split(',')) {
      const match = entry.trim().match(/^(types of )?([a-z0-9-]+)$/)
      if (match === null) throw new Error(`ARCHITECTURE.md: cannot read "${entry.trim()}" in the row of ${name}`)
      ;(match[1] === undefined ? values : types).add(match[2] as string)
    }
    table.set(name, { values, types })
  }
  return table
}

/** The packages that ARCHITECTURE.md calls pure. */
export function readPureNames(): readonly string[] {
  const line = readText('ARCHITECTURE.md').match(/^Pure packages: (.*)\.$/m)?.[1]
  if (line === undefined) throw new Error('ARCHITECTURE.md does not list the pure packages')
  return line.split(', ').map((name) => name.replaceAll('`', ''))
}
