/** The hospitals of a demo by the ids that the journeys have. */
import type { Site } from '../local-network/network.ts'

/** By Organization id. */
export type Hospitals = ReadonlyMap<string, Site>

/** @throws RangeError for one without a daemon */
export function siteOf(hospitals: Hospitals, id: string): Site {
  const site = hospitals.get(id)
  if (site === undefined) throw new RangeError('every hospital of the plan has a daemon')
  return site
}
