/** The alliances of the sample data, and what their journeys must leave on the chains by the list of journeys alone. */
import { sharedBytes, sharedFile, sharedPath } from '../../../test/shared-folder.ts'

export type SampleAlliance = {
  /** For `--input` and `--hospitals`. */
  readonly input: string
  readonly hospitals: string
  /** Their names, in the same order. */
  readonly names: readonly string[]
  readonly patients: number
  /** Records, and anchors as many. */
  readonly visits: number
  readonly organisationChanges: number
  readonly transmissions: number
  /** Of every record that travels, its hand-offs in their order, the hospitals by their place in the alliance. */
  readonly trails: readonly Trail[]
}

/** `via`: the hand-off of this record that brought it to `from`, null where it was made there. */
export type Trail<Place = number> = readonly { readonly from: Place; readonly to: Place; readonly via: number | null }[]

export function trailText(trail: Trail<number | string>): string {
  return trail.map(({ from, to, via }) => `${from}>${to} by ${via}`).join()
}

type Alliances = Readonly<
  Record<
    string,
    {
      readonly hospitals: readonly { readonly id: string; readonly name: string }[]
      readonly patients: readonly string[]
    }
  >
>
type Listed = {
  readonly patient: string
  readonly steps: readonly { readonly org: string; readonly handoffFrom?: string }[]
}

/** Of every patient of the list, with all hospitals; undefined where ../shared is absent. */
export function listedTrails(): ReadonlyMap<string, readonly Trail<string>[]> | undefined {
  const listed = readListed()
  return listed && new Map(listed.map((journey) => [journey.patient, trailsOf(journey, (org) => org)]))
}

function readListed(): readonly Listed[] | undefined {
  const bytes = sharedBytes('data/synthea-r4/journeys.ndjson.gz')
  return bytes
    ?.toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed)
}

/** The alliance of `count` hospitals; undefined where ../shared is absent. */
export function sampleAlliance(count: number): SampleAlliance | undefined {
  const input = sharedPath('data/synthea-r4')
  const alliances = sharedFile('data/synthea-r4/demo-alliances.json') as Alliances | undefined
  const journeys = readListed()
  const alliance = alliances?.[String(count)]
  if (input === undefined || journeys === undefined || alliance === undefined) return undefined
  const listed = journeys.filter(({ patient }) => alliance.patients.includes(patient))
  const steps = listed.flatMap((journey) => journey.steps)
  return {
    input,
    hospitals: alliance.hospitals.map(({ id }) => id).join(','),
    names: alliance.hospitals.map(({ name }) => name),
    patients: listed.length,
    visits: steps.length,
    organisationChanges: steps.filter(({ handoffFrom }) => handoffFrom !== undefined).length,
    transmissions: listed.reduce((sum, journey) => sum + transmissionsOf(journey), 0),
    trails: listed.flatMap((journey) =>
      trailsOf(journey, (org) => alliance.hospitals.findIndex(({ id }) => id === org))
    )
  }
}

/** A hospital that the patient comes to lacks what was made since the patient last left it: all, if that never was. */
function transmissionsOf({ steps }: Listed): number {
  const lastVisit = new Map<string, number>()
  let transmissions = 0
  steps.forEach(({ org, handoffFrom }, i) => {
    if (handoffFrom !== undefined) transmissions += i - 1 - (lastVisit.get(org) ?? -1)
    lastVisit.set(org, i)
  })
  return transmissions
}

/** Who changes hospital brings along what was made anywhere before and is not yet where the patient comes to. */
function trailsOf<Place>({ steps }: Listed, placeOf: (org: string) => Place): readonly Trail<Place>[] {
  const trails = steps.map((): Trail<Place>[number][] => [])
  steps.forEach(({ org, handoffFrom }, i) => {
    if (handoffFrom === undefined) return
    const [from, to] = [placeOf(handoffFrom), placeOf(org)]
    for (const [made, trail] of trails.slice(0, i).entries()) {
      const origin = placeOf((steps[made] as Listed['steps'][number]).org)
      const brought = trail.findIndex((edge) => edge.to === from)
      if (to === origin || trail.some((edge) => edge.to === to)) continue
      trail.push({ from, to, via: from === origin ? null : brought })
    }
  })
  return trails.filter((trail) => trail.length > 0)
}
