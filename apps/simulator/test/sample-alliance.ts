/** The alliances of the sample data, and what their journeys must leave on the chains by the list of journeys alone. */
import { sharedBytes, sharedFile, sharedPath } from '../../../test/shared-folder.ts'

export type SampleAlliance = {
  /** For `--input` and `--hospitals`. */
  readonly input: string
  readonly hospitals: string
  readonly patients: number
  /** Records, and anchors as many. */
  readonly visits: number
  readonly organisationChanges: number
  readonly transmissions: number
}

type Alliances = Readonly<
  Record<string, { readonly hospitals: readonly { readonly id: string }[]; readonly patients: readonly string[] }>
>
type Listed = {
  readonly patient: string
  readonly steps: readonly { readonly org: string; readonly handoffFrom?: string }[]
}

/** The alliance of `count` hospitals; undefined where ../shared is absent. */
export function sampleAlliance(count: number): SampleAlliance | undefined {
  const input = sharedPath('data/synthea-r4')
  const alliances = sharedFile('data/synthea-r4/demo-alliances.json') as Alliances | undefined
  const journeys = sharedBytes('data/synthea-r4/journeys.ndjson.gz')
  const alliance = alliances?.[String(count)]
  if (input === undefined || journeys === undefined || alliance === undefined) return undefined
  const listed = Buffer.from(journeys)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed)
    .filter(({ patient }) => alliance.patients.includes(patient))
  const steps = listed.flatMap((journey) => journey.steps)
  return {
    input,
    hospitals: alliance.hospitals.map(({ id }) => id).join(','),
    patients: listed.length,
    visits: steps.length,
    organisationChanges: steps.filter(({ handoffFrom }) => handoffFrom !== undefined).length,
    transmissions: listed.reduce((sum, journey) => sum + transmissionsOf(journey), 0)
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
