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
  readonly clear?: readonly Term[]
  readonly actor?: string
}

export type Term = 'from' | 'until' | 'withdrawn' | 'note'

export async function noteConsent(common: Common, hash: string, options: NoteOptions): Promise<void> {
  const consent = consentNamed(hash)
  const { chain, note, clear = [], actor } = options
  const both = clear.find((term) => options[term] !== undefined)
  if (both !== undefined) throw usage(`--${both} and --clear ${both} exclude each other.`)
  const orNull = <T>(term: Term, value: T) => (clear.includes(term) ? null : value)
  const params = {
    chain,
    consent,
    fromMs: orNull('from', timeOf('--from', options.from)),
    untilMs: orNull('until', timeOf('--until', options.until)),
    withdrawnMs: orNull('withdrawn', timeOf('--withdrawn', options.withdrawn)),
    note: orNull('note', note),
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

export type RemoveOptions = Pick<NoteOptions, 'chain' | 'actor'>

export async function removeConsent(common: Common, hash: string, options: RemoveOptions): Promise<void> {
  const params = { ...options, consent: consentNamed(hash) }
  const result = await withDaemon(common, (client) => client.call('consent.remove', params))
  emit(common, result, () => `Nothing is noted of consent ${result.consent} any more.`)
}

/** @throws CommandFailure `usage` */
export function consentNamed(hash: string): Hash {
  if (!isHex32(hash)) throw usage('A consent is named by 64 lower-case hex digits.')
  return hash as Hash
}

export type ListOptions = { readonly chain?: string; readonly limit?: number; readonly after?: string }

export async function listConsents(common: Common, { after, ...options }: ListOptions): Promise<void> {
  const params = { ...options, after: after as Hash | undefined }
  const result = await withDaemon(common, (client) => client.call('consent.list', params))
  const text = await table(
    ['consent', 'from', 'until', 'withdrawn', 'standing', 'noted', 'note'],
    result.consents.map(({ consent, fromMs, untilMs, withdrawnMs, standing, notedMs, note }) => [
      consent,
      timeText(fromMs),
      timeText(untilMs),
      timeText(withdrawnMs),
      standingText(standing),
      timeText(notedMs),
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
