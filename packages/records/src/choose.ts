/**
 * Which hospitals of an input take part in a replay: those among which the most journeys run from start to end. The patients
 * who take part are those whom two or more of these hospitals have seen and no other one.
 */
import { type Journey, organisationChanges, organisationsOf } from './journeys.ts'

export type Choice = {
  /** Organization ids, ascending. */
  readonly hospitals: readonly string[]
  /** Journeys among these hospitals that visit two of them or more, in the order of the input. */
  readonly journeys: readonly Journey[]
  readonly organisationChanges: number
  /** Patients whom one of these hospitals has seen and no other one: inside, but nothing of theirs moves. */
  readonly patientsOfOne: number
  /** Patients who are seen elsewhere too. */
  readonly patientsLeftOut: number
}

export type ChoiceResult =
  | { readonly kind: 'ok'; readonly choice: Choice }
  | { readonly kind: 'reject'; readonly code: 'too-few-hospitals' | 'unknown-hospital'; readonly detail: string }

/**
 * The `count` hospitals with the most complete journeys across hospitals, then the most changes of hospital. A greedy
 * search from each frequent combination of hospitals; the answer depends on the journeys only, not on their order.
 */
export function chooseHospitals(journeys: readonly Journey[], count: number): ChoiceResult {
  const visits = visitsByOrganisation(journeys)
  if (count < 1 || visits.size < count) {
    return { kind: 'reject', code: 'too-few-hospitals', detail: `asked for ${count}, the input has ${visits.size}` }
  }
  const routes = routesOf(journeys).filter((route) => route.hospitals.size <= count)
  const candidates = routes.slice(0, CANDIDATES_MAX)
  let best = score(routes, new Set())
  for (const seed of candidates) {
    const grown = grow(routes, candidates, seed.hospitals, count)
    if (isBetter(grown, best)) best = grown
  }
  const busiest = [...visits].sort(([a, n], [b, m]) => m - n || compare(a, b)).map(([id]) => id)
  const filled = new Set(best.hospitals)
  for (const id of busiest) if (filled.size < count) filled.add(id)
  return { kind: 'ok', choice: choiceOf(journeys, filled) }
}

/** The choice of exactly these Organization ids. */
export function chooseListed(journeys: readonly Journey[], hospitals: readonly string[]): ChoiceResult {
  const visits = visitsByOrganisation(journeys)
  const unknown = hospitals.find((id) => !visits.has(id))
  if (unknown !== undefined) return { kind: 'reject', code: 'unknown-hospital', detail: unknown }
  const listed = new Set(hospitals)
  if (listed.size === 0) return { kind: 'reject', code: 'too-few-hospitals', detail: 'none listed' }
  return { kind: 'ok', choice: choiceOf(journeys, listed) }
}

/** A combination of hospitals that some journeys visit, all of it and nothing else. */
type Route = { readonly hospitals: ReadonlySet<string>; readonly name: string; journeys: number; changes: number }
type Score = { readonly hospitals: ReadonlySet<string>; readonly journeys: number; readonly changes: number }

/** Combinations tried as seeds and as next steps; beyond the most frequent ones a better answer is unlikely. */
const CANDIDATES_MAX = 128

function grow(routes: readonly Route[], candidates: readonly Route[], seed: ReadonlySet<string>, count: number): Score {
  let best = score(routes, seed)
  for (;;) {
    let next: Score | undefined
    let nextGain = -1
    for (const candidate of candidates) {
      const union = new Set([...best.hospitals, ...candidate.hospitals])
      const added = union.size - best.hospitals.size
      if (added === 0 || union.size > count) continue
      const scored = score(routes, union)
      const gain = (scored.journeys - best.journeys) / added
      if (next === undefined || gain > nextGain || (gain === nextGain && isBetter(scored, next))) {
        next = scored
        nextGain = gain
      }
    }
    if (next === undefined) return best
    best = next
  }
}

function score(routes: readonly Route[], hospitals: ReadonlySet<string>): Score {
  let journeys = 0
  let changes = 0
  for (const route of routes) {
    if (!route.hospitals.isSubsetOf(hospitals)) continue
    journeys += route.journeys
    changes += route.changes
  }
  return { hospitals, journeys, changes }
}

function isBetter(a: Score, b: Score): boolean {
  return a.journeys > b.journeys || (a.journeys === b.journeys && a.changes > b.changes)
}

/** Routes across hospitals, the most travelled first. */
function routesOf(journeys: readonly Journey[]): Route[] {
  const routes = new Map<string, Route>()
  for (const journey of journeys) {
    const hospitals = organisationsOf(journey)
    if (hospitals.length < 2) continue
    const name = hospitals.toSorted(compare).join(' ')
    const route = routes.get(name) ?? { hospitals: new Set(hospitals), name, journeys: 0, changes: 0 }
    route.journeys += 1
    route.changes += organisationChanges(journey)
    routes.set(name, route)
  }
  return [...routes.values()].sort(
    (a, b) => b.journeys - a.journeys || b.changes - a.changes || compare(a.name, b.name)
  )
}

function choiceOf(journeys: readonly Journey[], hospitals: ReadonlySet<string>): Choice {
  const inside = journeys.filter((journey) => journey.steps.every((step) => hospitals.has(step.organisation)))
  const travelled = inside.filter((journey) => organisationsOf(journey).length > 1)
  return {
    hospitals: [...hospitals].sort(compare),
    journeys: travelled,
    organisationChanges: travelled.reduce((sum, journey) => sum + organisationChanges(journey), 0),
    patientsOfOne: inside.length - travelled.length,
    patientsLeftOut: journeys.length - inside.length
  }
}

function visitsByOrganisation(journeys: readonly Journey[]): Map<string, number> {
  const visits = new Map<string, number>()
  for (const journey of journeys) {
    for (const { organisation } of journey.steps) visits.set(organisation, (visits.get(organisation) ?? 0) + 1)
  }
  return visits
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
