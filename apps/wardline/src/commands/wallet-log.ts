/** What happened on all aliases of a wallet. */
import type { Result } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import { type Alias, unreachable } from '@wardline/codec'
import { type Common, emit, say, short, table, utc, who } from '../output.ts'
import { accessText, custodyText, PERMITTED_NOTE, termsText } from './grant-text.ts'
import { type AliasesOptions, askEach, type NamedAlias, sayElsewhere } from './wallet-aliases.ts'

export type LogOptions = AliasesOptions & { readonly limit?: number }

type TimelineEntry = Result<'patient.timeline'>['entries'][number]
type AuditEntry = Result<'audit.patient'>['entries'][number]

/** An entry of one alias, in the words of the daemon, with the alias it is of. */
type LogEntry = { readonly alias: Alias; readonly chain: string; readonly label: string } & (
  | ({ readonly mode: 'dss' } & TimelineEntry)
  | ({ readonly mode: 'spv' } & AuditEntry)
)

const LIMIT = 100
const PAGE = 1000

export async function showLog(common: Common, path: string, options: LogOptions): Promise<void> {
  const { limit = LIMIT } = options
  const { found, elsewhere } = await askEach(common, path, options, (client, alias) => entriesOf(client, alias, limit))
  const more = found.filter(({ isCut }) => isCut).map(({ alias }) => alias)
  // Newest first; those of one alias stay in their order.
  const entries = found.flatMap((one) => one.entries).sort((a, b) => b.timeMs - a.timeMs)
  const text = await table(
    ['time', 'chain', 'alias', 'what', 'by', 'more'],
    entries.map((entry) => [
      utc(entry.timeMs),
      entry.label,
      short(entry.alias),
      entry.kind,
      who(byOf(entry)),
      moreOf(entry)
    ])
  )
  const isPermitted = (entry: LogEntry) => entry.mode === 'spv' && entry.decision === 'permit'
  const note = entries.some(isPermitted) ? PERMITTED_NOTE : ''
  emit(common, { entries, elsewhere, more }, () => (entries.length === 0 ? 'nothing yet' : `${text}${note}`))
  if (more.length > 0 && !common.json) {
    say(`Older entries are not shown of ${more.map(short).join(', ')}: --limit with more than ${limit} shows them.`)
  }
  sayElsewhere(common, elsewhere)
}

async function entriesOf(
  client: SocketClient,
  { chain, label, mode, alias }: NamedAlias,
  limit: number
): Promise<{ readonly alias: Alias; readonly entries: readonly LogEntry[]; readonly isCut: boolean }> {
  const entries: LogEntry[] = []
  let before: string | undefined
  do {
    const asked = { chain, alias, before, limit: Math.min(PAGE, limit - entries.length) }
    switch (mode) {
      case 'STT':
        return { alias, entries, isCut: false }
      case 'DSS': {
        const page = await client.call('patient.timeline', asked)
        entries.push(...page.entries.map((entry) => ({ ...entry, alias, chain, label, mode: 'dss' as const })))
        before = page.next ?? undefined
        break
      }
      case 'SPV': {
        const page = await client.call('audit.patient', asked)
        entries.push(...page.entries.map((entry) => ({ ...entry, alias, chain, label, mode: 'spv' as const })))
        before = page.next ?? undefined
        break
      }
      default:
        return unreachable(mode)
    }
  } while (before !== undefined && entries.length < limit)
  return { alias, entries, isCut: before !== undefined }
}

function byOf(entry: LogEntry) {
  if (entry.mode === 'spv' && entry.accessor !== null) return entry.accessor
  return entry.hospital
}

function moreOf(entry: LogEntry): string {
  const parts: (string | null)[] = []
  if (entry.mode === 'dss') {
    const { record, version, doctors, reads, purpose, basis, untilMs, concurrent } = entry
    if (record !== null) parts.push(`record ${short(record)} version ${version}`)
    if (doctors.length > 0) parts.push(`signed by ${doctors.map(who).join(', ')}`)
    if (reads !== null) parts.push(`read ${reads.length}`)
    parts.push(purpose, basis, untilMs === null ? null : `until ${utc(untilMs)}`, concurrent ? 'concurrent' : null)
  } else {
    const { record, grant, grantStatus, terms, custodial, records, purpose } = entry
    if (record !== null) parts.push(`record ${short(record)}`)
    if (records !== null) parts.push(`${records.length} records`)
    parts.push(purpose, accessText(entry))
    if (terms !== null) parts.push(termsText(terms))
    if (custodial !== null) parts.push(custodyText(custodial))
    // Whole, for who wants to revoke it.
    if (grant !== null) parts.push(`grant ${grant}`, grantStatus)
  }
  return parts.filter((part) => part !== null).join(', ')
}
