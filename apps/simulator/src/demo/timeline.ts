/** One patient's timeline on the shared chain: read at every hospital, and drawn for people. */
import type { Result } from '@wardline/api'
import type { Alias, MemberId } from '@wardline/codec'
import type { Site } from '../local-network/network.ts'
import { ALLIANCE } from './chains.ts'

export type TimelineEntry = Result<'patient.timeline'>['entries'][number]

const PAGE = 500
const LINES_MAX = 8

/** The patient's records, newest first. */
export async function readTimeline({ daemon }: Site, alias: Alias): Promise<readonly TimelineEntry[]> {
  const entries: TimelineEntry[] = []
  let before: string | undefined
  do {
    const page = await daemon.ehr.call('patient.timeline', {
      chain: ALLIANCE,
      alias,
      kinds: ['dss.record'],
      before,
      limit: PAGE
    })
    entries.push(...page.entries)
    before = page.next ?? undefined
  } while (before !== undefined)
  return entries
}

/** Whether two hospitals list the same, down to who has the content. Names of staff are each hospital's own affair. */
export function isSameTimeline(one: readonly TimelineEntry[], other: readonly TimelineEntry[]): boolean {
  const nameless = (key: string, value: unknown) => (key === 'name' ? undefined : value)
  return JSON.stringify(one, nameless) === JSON.stringify(other, nameless)
}

/** The newest entries, one a line. @param nameOf of a doctor */
export function drawTimeline(entries: readonly TimelineEntry[], nameOf: (doctor: MemberId) => string): string {
  const shown = entries.slice(0, LINES_MAX)
  const rows = shown.map(({ number, timeMs, hospital, doctors, sizeBytes }) => ({
    number: String(number),
    time: new Date(timeMs).toISOString().slice(11, 19),
    hospital: hospital.name ?? hospital.member.slice(0, 12),
    doctors: doctors.map(({ member }) => nameOf(member)).join(', '),
    size: `${sizeBytes ?? 0} bytes`
  }))
  const width = (column: 'number' | 'hospital' | 'doctors') => Math.max(0, ...rows.map((row) => row[column].length))
  const widths = { number: width('number'), hospital: width('hospital'), doctors: width('doctors') }
  const lines = rows.map(({ number, time, hospital, doctors, size }) =>
    [
      `  ${number.padStart(widths.number)}`,
      time,
      hospital.padEnd(widths.hospital),
      doctors.padEnd(widths.doctors),
      size
    ].join('  ')
  )
  const older = entries.length - shown.length
  return [...lines, ...(older === 0 ? [] : [`  … and ${older} before`])].join('\n')
}
