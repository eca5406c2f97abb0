/** Who treated: the Practitioners of an input, and which of them an Encounter names. */
import { at, type FhirObject, type FhirScope, referencedId, resourceValue } from './fhir.ts'

export type Practitioner = {
  /** Of the resource; of the reference, for one that is only referred to. */
  readonly id: string
  /** Prefix, given names, family name and suffix in this order; the id where the input has no name. */
  readonly name: string
  /** Whether the resource is in use; true where it does not say. */
  readonly active: boolean
}

/** By id, and by the value of each identifier, which conditional references name. Ids go before identifiers. */
export type Practitioners = ReadonlyMap<string, Practitioner>

/** The Practitioners of any number of inputs, in their order; of two with one id the first counts. */
export function practitionersOf(scopes: readonly FhirScope[]): Practitioner[] {
  return [...new Set(practitionerIndex(scopes).values())]
}

export function practitionerIndex(scopes: readonly FhirScope[]): Practitioners {
  const index = new Map<string, Practitioner>()
  const identified: (readonly [identifier: string, practitioner: Practitioner])[] = []
  for (const { resources } of scopes) {
    for (const resource of resources) {
      if (resource.type !== 'Practitioner' || index.has(resource.id)) continue
      const value = resourceValue(resource)
      const practitioner = { id: resource.id, name: nameOf(value) ?? resource.id, active: value['active'] !== false }
      index.set(practitioner.id, practitioner)
      for (const identifier of identifiersOf(value)) identified.push([identifier, practitioner])
    }
  }
  for (const [identifier, practitioner] of identified) {
    if (!index.has(identifier)) index.set(identifier, practitioner)
  }
  return index
}

/**
 * The first participant of an Encounter who is a Practitioner: one of `known`, or one whose reference says so. Undefined
 * where no participant is.
 */
export function attendingOf(encounter: unknown, known: Practitioners): Practitioner | undefined {
  const participants = at(encounter, 'participant')
  if (!Array.isArray(participants)) return undefined
  for (const participant of participants) {
    const reference = at(participant, 'individual', 'reference')
    if (typeof reference !== 'string') continue
    const id = referencedId(reference)
    const practitioner = known.get(id)
    if (practitioner !== undefined) return practitioner
    if (id === '' || !SAYS_PRACTITIONER.test(reference)) continue
    const display = at(participant, 'individual', 'display')
    return { id, name: typeof display === 'string' && display.trim() !== '' ? display.trim() : id, active: true }
  }
  return undefined
}

/** `Practitioner/ID` or `Practitioner?identifier=…`, also behind a base URL. */
const SAYS_PRACTITIONER = /(?:^|\/)Practitioner[/?]/

/** FHIR HumanName: its parts, or its text where it has none. The official name goes before others. */
function nameOf(value: FhirObject): string | undefined {
  const names = Array.isArray(value['name']) ? (value['name'] as readonly unknown[]) : []
  const name = names.find((one) => at(one, 'use') === 'official') ?? names[0]
  const parts = [...texts(at(name, 'prefix')), ...texts(at(name, 'given')), ...texts([at(name, 'family')])]
  const text = [...parts, ...texts(at(name, 'suffix'))].join(' ') || texts([at(name, 'text')]).join('')
  return text === '' ? undefined : text
}

function identifiersOf(value: FhirObject): readonly string[] {
  const identifiers = Array.isArray(value['identifier']) ? (value['identifier'] as readonly unknown[]) : []
  return texts(identifiers.map((identifier) => at(identifier, 'value')))
}

function texts(values: unknown): readonly string[] {
  if (!Array.isArray(values)) return []
  return values.flatMap((value: unknown) => (typeof value === 'string' && value.trim() !== '' ? [value.trim()] : []))
}
