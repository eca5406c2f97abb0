/**
 * Flags, environment, file and defaults become one frozen config that knows where each value came from, or the full list
 * of what is wrong. Pure: `load.ts` reads the file.
 */
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { type Digest, type Height, height, limits, name32 } from '@wardline/codec'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { homePaths, socketPaths } from './home.ts'
import { nearest } from './nearest.ts'

/** Everything; what opens and verifies; nothing. */
const ACKNOWLEDGE = ['auto', 'opened', 'manual'] as const

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

export type Config = {
  /** Absolute path. */
  readonly home: string
  /** The hospital's display name, as its cards carry it; empty before `init`. */
  readonly name: string
  readonly passphraseFile: string
  /** Where the control sockets are. */
  readonly runFolder: string
  readonly logLevel: (typeof LOG_LEVELS)[number]
  /** By label. */
  readonly chains: Readonly<Record<string, ChainConfig>>
}

export type ChainConfig = {
  /** Multiaddr that the chain's libp2p host listens on, `/ip4/…/tcp/PORT`. */
  readonly listen: string
  /** Multiaddrs under which the others reach it, as its card says; `listen` unless the file says otherwise. */
  readonly announce: readonly string[]
  /** Path of the genesis file. */
  readonly genesis: string
  /** A block that people know to be final, `HEIGHT:DIGEST`; null for none. */
  readonly pin: { readonly height: Height; readonly digest: Digest } | null
  /** What is acknowledged without a person, on a transfer chain. */
  readonly acknowledge: (typeof ACKNOWLEDGE)[number]
}

/** `flag --home`, `environment WARDLINE_HOME`, `file /etc/…/wardline.yaml`, or `default`. */
export type Origin = string

export type Settings = {
  readonly config: Config
  /** By setting; of chains, `chains.<label>.listen`, `.announce`, `.genesis`, `.pin` and `.acknowledge`. */
  readonly origins: Readonly<Record<string, Origin>>
  /** The file that was or would be read. */
  readonly file: string
}

export type ParsedConfig =
  | { readonly kind: 'ok'; readonly settings: Settings }
  /** Sentences, each naming one setting, where it came from and what it must be. */
  | { readonly kind: 'problems'; readonly problems: readonly string[] }

export type ConfigSources = {
  /** By setting name; undefined ones were not given. Paths are relative to `workingFolder`. */
  readonly flags?: Readonly<Partial<Record<SettingName, string | undefined>>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** The text of `wardline.yaml`; undefined if there is none. Paths in it are relative to its folder. */
  readonly file?: string | undefined
  readonly userHome: string
  readonly workingFolder: string
}

export const SETTING_NAMES = ['home', 'name', 'passphraseFile', 'runFolder', 'logLevel'] as const
export type SettingName = (typeof SETTING_NAMES)[number]

const FLAGS: Readonly<Record<SettingName, string>> = {
  home: '--home',
  name: '--name',
  passphraseFile: '--passphrase-file',
  runFolder: '--run-folder',
  logLevel: '--log-level'
}

const VARIABLES: Readonly<Record<SettingName, string>> = {
  home: 'WARDLINE_HOME',
  name: 'WARDLINE_NAME',
  passphraseFile: 'WARDLINE_PASSPHRASE_FILE',
  runFolder: 'WARDLINE_RUN_FOLDER',
  logLevel: 'WARDLINE_LOG_LEVEL'
}

/** As a card may carry it. */
const NAME_BYTES_MAX = 120

const path = z.string().min(1, 'must be a path').max(4096, 'must be at most 4096 characters')

const settingSchemas: Readonly<Record<SettingName, z.ZodType<string>>> = {
  home: path,
  name: z
    .string()
    .min(1, 'must not be empty')
    .refine((name) => Buffer.byteLength(name) <= NAME_BYTES_MAX, `must be at most ${NAME_BYTES_MAX} bytes`)
    .refine(
      (name) => name.isWellFormed() && name.trim() === name && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name),
      'must be one line without control characters or spaces at its ends'
    ),
  passphraseFile: path,
  runFolder: path,
  logLevel: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
}

const multiaddr = z
  .string()
  .max(200, 'must be at most 200 characters')
  .regex(/^\/(?:ip4|ip6|dns4|dns6|dns)\/[0-9A-Za-z.:-]+\/tcp\/[0-9]{1,5}$/, {
    error: 'must be a multiaddr such as /ip4/0.0.0.0/tcp/20123',
    abort: true
  })
  .refine((text) => portOf(text) >= 1 && portOf(text) <= 65_535, 'must have a port from 1 to 65535')

const chainSchema = z.strictObject({
  listen: multiaddr,
  announce: z.array(multiaddr).min(1, 'must name an address').max(8, 'must be at most 8 addresses').optional(),
  genesis: path.optional(),
  pin: z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,14}):[0-9a-f]{64}$/, 'must be HEIGHT:DIGEST, the digest as 64 lower-case hex digits')
    .optional(),
  acknowledge: z.enum(ACKNOWLEDGE, `must be one of ${ACKNOWLEDGE.join(', ')}`).optional()
})

const LABEL = /^[a-z0-9][a-z0-9-]{0,31}$/

/** Why `label` cannot name a chain in this home, as the end of a sentence; undefined if it can. */
export function labelProblem(label: string): string | undefined {
  if (!LABEL.test(label)) return 'must be 1 to 32 lower-case letters, digits and hyphens, the first no hyphen'
  if (label === 'identity') return "is taken: identity.key holds the hospital's own key"
  return label === 'storage' ? 'is taken: storage.key holds the key of what is at rest' : undefined
}

/** Why `text` is no address to listen on or to announce, as the end of a sentence; undefined if it is one. */
export function addressProblem(text: string): string | undefined {
  return multiaddr.safeParse(text).error?.issues[0]?.message
}

/** The port of a multiaddr that ends in `/tcp/PORT`. */
export function portOf(listen: string): number {
  return Number(listen.slice(listen.lastIndexOf('/') + 1))
}

type Found = { readonly value: unknown; readonly origin: Origin; readonly folder: string }

/** Which home and file the sources mean, before the file has been read. */
export function locateHome(sources: ConfigSources): {
  readonly home: string
  readonly file: string
  readonly origin: Origin
} {
  const given = fromFlag(sources, 'home') ?? fromEnvironment(sources, 'home')
  const home =
    given === undefined ? join(sources.userHome, '.wardline') : resolve(sources.workingFolder, String(given.value))
  return { home, file: homePaths(home).config, origin: given?.origin ?? 'default' }
}

/** Flags before `WARDLINE_*` before the file before defaults. */
export function parseConfig(sources: ConfigSources): ParsedConfig {
  const { home, file, origin } = locateHome(sources)
  const problems: string[] = []
  const { values, chains } = parseFile(sources.file, file, problems)
  findUnknownVariables(sources.environment ?? {}, problems)

  const origins: Record<string, Origin> = { home: origin }
  const read = (setting: Exclude<SettingName, 'home'>, fallback: string): string => {
    const inFile = values[setting]
    const found =
      fromFlag(sources, setting) ??
      fromEnvironment(sources, setting) ??
      (inFile === undefined ? undefined : { value: inFile, origin: `file ${file}`, folder: dirname(file) })
    origins[setting] = found?.origin ?? 'default'
    if (found === undefined) return fallback
    const parsed = settingSchemas[setting].safeParse(found.value)
    if (!parsed.success) {
      problems.push(`${setting} (${found.origin}) ${issueText(parsed.error.issues[0])}.`)
      return fallback
    }
    return setting === 'passphraseFile' || setting === 'runFolder' ? resolve(found.folder, parsed.data) : parsed.data
  }

  const paths = homePaths(home)
  const config: Config = {
    home,
    name: read('name', ''),
    passphraseFile: read('passphraseFile', paths.passphrase),
    runFolder: read('runFolder', paths.run),
    // `read` has checked it against LOG_LEVELS.
    logLevel: read('logLevel', 'info') as Config['logLevel'],
    chains: parseChains(chains, home, file, origins, problems)
  }
  const socket = socketPaths(config.runFolder).admin
  const size = Buffer.byteLength(socket)
  if (size > limits.socketPathBytesMax) {
    problems.push(
      `The control socket ${socket} would have a path of ${size} bytes and the operating system allows ${limits.socketPathBytesMax}: set runFolder (${FLAGS.runFolder}, ${VARIABLES.runFolder}) to a short folder such as /run/wardline.`
    )
  }
  if (problems.length > 0) return { kind: 'problems', problems }
  return { kind: 'ok', settings: deepFreeze({ config, origins, file }) }
}

function fromFlag(sources: ConfigSources, setting: SettingName): Found | undefined {
  const value = sources.flags?.[setting]
  return value === undefined ? undefined : { value, origin: `flag ${FLAGS[setting]}`, folder: sources.workingFolder }
}

function fromEnvironment(sources: ConfigSources, setting: SettingName): Found | undefined {
  const variable = VARIABLES[setting]
  const value = sources.environment?.[variable]
  return value === undefined || value === ''
    ? undefined
    : { value, origin: `environment ${variable}`, folder: sources.workingFolder }
}

/** Only near misses are problems: other programs may have variables of their own under this prefix. */
function findUnknownVariables(environment: Readonly<Record<string, string | undefined>>, problems: string[]): void {
  const known = Object.values(VARIABLES)
  for (const variable of Object.keys(environment).sort()) {
    if (!variable.startsWith('WARDLINE_') || known.includes(variable)) continue
    const meant = nearest(variable, known)
    if (meant !== undefined) problems.push(`The environment variable ${variable} is not known; did you mean ${meant}?`)
  }
}

type FileValues = { readonly values: Readonly<Record<string, unknown>>; readonly chains: unknown }

function parseFile(text: string | undefined, file: string, problems: string[]): FileValues {
  const empty = { values: {}, chains: undefined }
  if (text === undefined) return empty
  const document = parseDocument(text)
  if (document.errors.length > 0) {
    for (const error of document.errors.slice(0, 10)) {
      const line = error.linePos?.[0].line
      problems.push(`${file}${line === undefined ? '' : ` line ${line}`}: ${firstLine(error.message)}.`)
    }
    return empty
  }
  const content = toPlain(document)
  if (content === null) return empty
  if (content === undefined || typeof content !== 'object' || Array.isArray(content)) {
    problems.push(`${file} must be a YAML mapping of settings without aliases.`)
    return empty
  }
  const { chains, ...values } = content as Record<string, unknown>
  const known = [...SETTING_NAMES.filter((name) => name !== 'home'), 'chains']
  for (const key of Object.keys(values)) {
    if (key === 'home') {
      problems.push(`home cannot be set in ${file}, which lies in it: use ${FLAGS.home} or ${VARIABLES.home}.`)
    } else if (!known.includes(key)) {
      problems.push(unknownKey(key, file, known))
    }
  }
  return { values, chains }
}

function toPlain(document: { toJS: (options: { maxAliasCount: number }) => unknown }): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch {
    // The library's only way to say that an alias occurs is to throw.
    return undefined
  }
}

function parseChains(
  chains: unknown,
  home: string,
  file: string,
  origins: Record<string, Origin>,
  problems: string[]
): Record<string, ChainConfig> {
  const parsed: Record<string, ChainConfig> = {}
  if (chains === undefined || chains === null) return parsed
  if (typeof chains !== 'object' || Array.isArray(chains)) {
    problems.push(`chains (file ${file}) must map labels to settings.`)
    return parsed
  }
  const origin = `file ${file}`
  for (const [label, value] of Object.entries(chains)) {
    const problem = labelProblem(label)
    if (problem !== undefined) {
      problems.push(`chains.${label} (${origin}): the label ${problem}.`)
      continue
    }
    const chain = chainSchema.safeParse(value)
    if (!chain.success) {
      for (const issue of chain.error.issues) {
        if (issue.code === 'unrecognized_keys') {
          for (const key of issue.keys) problems.push(unknownKey(`chains.${label}.${key}`, file, chainKeys(label)))
        } else {
          const where = ['chains', label, ...issue.path].join('.')
          problems.push(`${where} (${origin}) ${issueText(issue)}.`)
        }
      }
      continue
    }
    const { listen, announce, genesis, pin, acknowledge } = chain.data
    parsed[label] = {
      listen,
      announce: announce ?? [listen],
      genesis: genesis === undefined ? homePaths(home).chain(label).genesis : inFolder(dirname(file), genesis),
      pin: pin === undefined ? null : pinOf(pin),
      acknowledge: acknowledge ?? 'auto'
    }
    origins[`chains.${label}.listen`] = origin
    origins[`chains.${label}.announce`] = announce === undefined ? 'default' : origin
    origins[`chains.${label}.genesis`] = genesis === undefined ? 'default' : origin
    origins[`chains.${label}.pin`] = pin === undefined ? 'default' : origin
    origins[`chains.${label}.acknowledge`] = acknowledge === undefined ? 'default' : origin
  }
  return parsed
}

/** @param text of the form that the schema asks for */
function pinOf(text: string): { readonly height: Height; readonly digest: Digest } {
  const colon = text.indexOf(':')
  return { height: height(Number(text.slice(0, colon))), digest: name32<Digest>(text.slice(colon + 1)) }
}

function chainKeys(label: string): string[] {
  return ['listen', 'announce', 'genesis', 'pin', 'acknowledge'].map((key) => `chains.${label}.${key}`)
}

function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}

function unknownKey(key: string, file: string, known: readonly string[]): string {
  const meant = nearest(key, known)
  return meant === undefined
    ? `${key} in ${file} is not a setting; known are ${known.join(', ')}.`
    : `${key} in ${file} is not a setting; did you mean ${meant}?`
}

function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'is not acceptable'
  if (issue.code !== 'invalid_type') return issue.message
  if (issue.message.endsWith('received undefined')) return 'is missing'
  return `must be ${issue.expected === 'object' ? 'a mapping' : issue.expected === 'array' ? 'a list' : 'text'}`
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/[.:]?$/, '')
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
