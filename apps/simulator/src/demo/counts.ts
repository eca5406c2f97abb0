/** Counts what the journeys left on the chains, by what the hospitals themselves answer. */
import type { Alias } from '@wardline/codec'
import type { Site } from '../local-network/network.ts'
import type { AnchoredFile } from './anchorer.ts'
import { PERMISSIONS } from './chains.ts'
import { readTimeline } from './timeline.ts'

/** Patients asked for at once. */
const AT_ONCE = 8
const PAGE = 200

/** Records on the timelines of these patients; each patient's is read at another hospital in turn. */
export function countRecords(sites: readonly Site[], aliases: readonly Alias[]): Promise<number> {
  return sum(sites, aliases, async (site, alias) => (await readTimeline(site, alias)).length)
}

/** Anchors in the logs of these patients; each log is read at another hospital in turn. */
export function countAnchors(sites: readonly Site[], files: readonly AnchoredFile[]): Promise<number> {
  return sum(sites, files, async ({ daemon }, { alias }) => {
    let anchors = 0
    let before: string | undefined
    do {
      const page = await daemon.ehr.call('audit.patient', { chain: PERMISSIONS, alias, before, limit: PAGE })
      anchors += page.entries.filter(({ kind }) => kind === 'spv.anchor').length
      before = page.next ?? undefined
    } while (before !== undefined)
    return anchors
  })
}

async function sum<T>(
  sites: readonly Site[],
  items: readonly T[],
  ask: (site: Site, item: T) => Promise<number>
): Promise<number> {
  let total = 0
  const waiting = [...items.entries()]
  const runner = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, item] = next
      const site = sites[index % sites.length]
      if (site === undefined) throw new RangeError('a demo has hospitals')
      const counted = await ask(site, item)
      total += counted
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runner))
  return total
}
