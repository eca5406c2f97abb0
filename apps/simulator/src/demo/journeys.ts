/** The journeys to replay: from FHIR files, or from the project's generator. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  type Choice,
  chooseHospitals,
  chooseListed,
  type FhirScope,
  generateBundles,
  type JourneyPlan,
  journeysOf,
  type Practitioner,
  parseFhir,
  planJourneys
} from '@wardline/records'
import { UsageError } from '../usage-error.ts'
import type { DemoOptions } from './options.ts'

export type Replay = {
  readonly choice: Choice
  readonly plan: JourneyPlan
  /** Display names by Organization id; an id stands for itself where the input has no name. */
  readonly names: ReadonlyMap<string, string>
  /** Who treated, by id. */
  readonly practitioners: ReadonlyMap<string, Practitioner>
  /** Where the journeys come from, for people. */
  readonly source: string
}

type Asked = Pick<DemoOptions, 'input' | 'hospitals' | 'seed' | 'patients'>

const INFLATED_BYTES_MAX = 2 ** 30
const PATIENTS_MIN = 6

/** @throws UsageError for files that cannot be read, and for journeys that do not have the hospitals asked for */
export async function loadReplay(asked: Asked): Promise<Replay> {
  const count = typeof asked.hospitals === 'number' ? asked.hospitals : asked.hospitals.length
  const isGenerated = asked.input.length === 0
  const patients = asked.patients ?? Math.max(PATIENTS_MIN, 2 * count)
  const scopes = isGenerated
    ? generateBundles({ seed: asked.seed, patients, hospitals: count }).flatMap((bytes) =>
        parseInput(bytes, 'generator')
      )
    : (await Promise.all(asked.input.map(readInputs))).flat()
  const { journeys, organisations, practitioners } = journeysOf(scopes)
  const result =
    typeof asked.hospitals === 'number' ? chooseHospitals(journeys, count) : chooseListed(journeys, asked.hospitals)
  if (result.kind === 'reject') {
    const hint = isGenerated ? ': give more --patients or another --seed' : ''
    throw new UsageError(
      result.code === 'unknown-hospital'
        ? `No patient of the input was seen at the hospital ${result.detail}.`
        : `The journeys have too few hospitals (${result.detail})${hint}.`
    )
  }
  const { choice } = result
  const plan = planJourneys(choice.journeys, choice.hospitals)
  if (plan.transmissions === 0) {
    throw new UsageError('No patient moves between these hospitals: there is nothing to hand off.')
  }
  return {
    choice,
    plan,
    names: namesOf(choice.hospitals, organisations),
    practitioners,
    source: isGenerated ? `generated, seed ${asked.seed}` : asked.input.map((path) => basename(path)).join(', ')
  }
}

/** A file must be FHIR; of a folder those files are taken that are. */
async function readInputs(path: string): Promise<readonly FhirScope[]> {
  const names = await readdir(path).catch(() => undefined)
  if (names === undefined) return parseInput(await readInput(path), path)
  const scopes: FhirScope[] = []
  for (const name of names.filter((one) => /\.(?:nd)?json(?:\.gz)?$/.test(one)).sort()) {
    const parsed = parseFhir(await readInput(join(path, name)))
    if (parsed.kind === 'ok') scopes.push(...parsed.scopes)
  }
  if (scopes.length === 0) throw new UsageError(`The input folder ${path} has no file of FHIR JSON.`)
  return scopes
}

async function readInput(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`Cannot read the input ${path}: ${error.code}.`)
  })
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: INFLATED_BYTES_MAX })
  } catch {
    throw new UsageError(`The input ${path} is not a whole gzip file, or inflates to more than 1 GiB.`)
  }
}

function parseInput(bytes: Uint8Array, name: string): readonly FhirScope[] {
  const parsed = parseFhir(bytes)
  if (parsed.kind === 'ok') return parsed.scopes
  throw new UsageError(`The input ${name} is not FHIR JSON (${parsed.code} at ${parsed.at}).`)
}

/** Names that a card takes; two hospitals of one name get numbers. */
function namesOf(ids: readonly string[], organisations: ReadonlyMap<string, string>): Map<string, string> {
  const names = new Map<string, string>()
  const used = new Map<string, number>()
  for (const id of ids) {
    const name = cardName(organisations.get(id) ?? '') || id
    const before = used.get(name) ?? 0
    used.set(name, before + 1)
    names.set(id, before === 0 ? name : `${name} ${before + 1}`)
  }
  return names
}

/** Well below the 120 bytes of a card's name, and short enough for a terminal. */
const NAME_BYTES_MAX = 100

/** The name as a card may have it; empty where nothing of it is left. */
export function cardName(name: string): string {
  let cut = name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').trim()
  while (Buffer.byteLength(cut) > NAME_BYTES_MAX) cut = Array.from(cut).slice(0, -1).join('').trim()
  return cut
}
