/** What this hospital knows of the consents that hand-offs name. */
import type { Result } from '@wardline/api'
import { type Hash, isHex32 } from '@wardline/codec'
import { usage } from '../exit.ts'
import { type Common, emit, printable, say, table, utc } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'

export type NoteOptions = {
  readonly chain?: string
  readonly from?: string
  readonly until?: string
  readonly withdrawn?: string
  readonly note?: string
  readonly actor?: string
}

export async function noteConsent(common: Common, hash: string, options: NoteOptions): Promise<void> {
  if (!isHex32(hash)) throw usage('A consent is named by 64 lower-case hex digits.')
  const { chain, note, actor } = options
  const params = {
    chain,
    consent: hash as Hash,
    fromMs: timeOf('--from', options.from),
    untilMs: timeOf('--until', options.until),
    withdrawnMs: timeOf('--withdrawn', options.withdrawn),
    note,
    actor
  }
  const result = await withDaemon(common, (client) => client.call('consent.note', params))
  emit(common, result, () =>
    [
      `consent    ${result.consent}`,
      `from       ${timeText(result.fromMs)}`,
      `until      ${timeText(result.untilMs)}`,
      `withdrawn  ${timeText(result.withdrawnMs)}`,
      `note       ${printable(result.note ?? '-')}`,
      `standing   ${result.standing}`
    ].join('\n')
  )
}

export type ListOptions = { readonly chain?: string; readonly limit?: number; readonly after?: string }

export async function listConsents(common: Common, { after, ...options }: ListOptions): Promise<void> {
  const params = { ...options, after: after as Hash | undefined }
  const result = await withDaemon(common, (client) => client.call('consent.list', params))
  const text = await table(
    ['consent', 'from', 'until', 'withdrawn', 'standing', 'note'],
    result.consents.map(({ consent, fromMs, untilMs, withdrawnMs, standing, note }) => [
      consent,
      timeText(fromMs),
      timeText(untilMs),
      timeText(withdrawnMs),
      standingText(standing),
      note
    ])
  )
  emit(common, result, () => text)
  if (result.next !== null && !common.json) say(`More: --after ${result.next}`)
}

function timeText(timeMs: number | null): string {
  return timeMs === null ? '-' : utc(timeMs)
}

function standingText(standing: Result<'consent.list'>['consents'][number]['standing']): string {
  return standing === 'unknown' ? 'damaged, note it anew' : standing
}
