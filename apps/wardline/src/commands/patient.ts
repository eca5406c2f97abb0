/** Patients: the timeline in an alliance, and what those do whose wallet this hospital keeps. */
import type { ParamsInput, Result } from '@wardline/api'
import type { RecordId } from '@wardline/codec'
import { type Common, emit, say, sayCut, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'
import { type PatientOptions, patientParams } from './shared-record.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

type Entry = Result<'patient.timeline'>['entries'][number]

export type TimelineOptions = PatientOptions & {
  readonly chain?: string
  readonly kind?: readonly string[]
  readonly hospital?: string
  readonly doctor?: string
  readonly record?: string
  readonly from?: string
  readonly to?: string
  readonly category?: string
  readonly label?: string
  readonly purpose?: string
  readonly reader?: string
  readonly before?: string
  readonly limit?: number
  readonly actor?: string
}

export async function patientTimeline(common: Common, options: TimelineOptions): Promise<void> {
  const { chain, kind, hospital, doctor, record, category, label, purpose, reader, before, limit, actor } = options
  const params: ParamsInput<'patient.timeline'> = {
    ...patientParams(options),
    chain,
    // The daemon knows the kinds and names them if this is none; the same for purposes and ids.
    kinds: kind?.map((one) => (one.includes('.') ? one : `dss.${one}`)) as ParamsInput<'patient.timeline'>['kinds'],
    hospital,
    doctor,
    record: record as RecordId | undefined,
    fromMs: timeOf('--from', options.from),
    toMs: timeOf('--to', options.to),
    category,
    label,
    purpose: purpose as ParamsInput<'patient.timeline'>['purpose'],
    reader,
    before,
    limit,
    actor
  }
  const result = await withDaemon(common, (client) => client.call('patient.timeline', params))
  const rows = await table(
    ['#', 'time', 'hospital', 'entry', 'record', 'by', 'content'],
    result.entries.map((entry) => [
      entry.number,
      utc(entry.timeMs),
      who(entry.hospital),
      entryText(entry),
      recordText(entry),
      byText(entry),
      contentText(entry)
    ])
  )
  emit(common, result, () => `${headline(result)}\n\n${rows}`)
  sayCut(common, result.entries.length)
  if (result.next !== null && !common.json) say(`More: --before ${result.next}`)
  if (result.quarantined && !common.json) {
    say('Stored content of this patient is damaged here; nothing of it is read until it has been fetched anew.')
  }
}

function headline({ alias, count, enrolment }: Result<'patient.timeline'>): string {
  const entries = count === 1 ? '1 entry' : `${count} entries`
  return `patient ${short(alias)}  ${enrolmentText(enrolment)}  ${entries}`
}

function enrolmentText(enrolment: Result<'patient.timeline'>['enrolment']): string {
  if (enrolment === null) return 'never enrolled'
  switch (enrolment.status) {
    case 'enrolled':
      return `enrolled until ${utc(enrolment.untilMs)} (${enrolment.basis})`
    case 'ended':
      return `enrolment ended ${utc(enrolment.untilMs)}`
    case 'withdrawn':
      return 'withdrawn'
  }
}

function entryText({ kind, version, purpose, basis, untilMs, concurrent }: Entry): string {
  const mark = concurrent ? ', concurrent' : ''
  switch (kind) {
    case 'dss.enrol':
      return `enrolled (${basis}) until ${untilMs === null ? '-' : utc(untilMs).slice(0, 10)}`
    case 'dss.withdraw':
      return 'withdrew'
    case 'dss.record':
      return `record${mark}`
    case 'dss.amend':
      return `amended, version ${version}${mark}`
    case 'dss.access':
      return `read (${purpose})`
  }
}

function recordText({ record, reads, isLatest, version }: Entry): string | null {
  if (record !== null) return isLatest || version === null ? short(record) : `${short(record)} (older)`
  if (reads === null) return null
  const [first, ...others] = reads.map((one) => short(one.record))
  return others.length === 0 ? (first ?? null) : `${first} and ${others.length} more`
}

function byText({ doctors, reader }: Entry): string | null {
  if (doctors.length > 0) return doctors.map(who).join(', ')
  return reader === null ? null : who(reader)
}

function contentText({ sizeBytes, payloadHere }: Entry): string | null {
  return sizeBytes === null ? null : `${sizeBytes} bytes${payloadHere ? '' : ', not here'}`
}

/** Makes the wallet that this hospital keeps for a patient, and opens its alias where hospitals own aliases. */
export async function openPatient(common: Common, patient: string, options: WaitOptions): Promise<void> {
  const params = { ...(await waitParams(options)), patient }
  const result = await withDaemon(common, (client) => client.call('alias.open', params))
  const { alias, opening } = result
  emit(common, result, () =>
    [
      `patient      ${alias}`,
      ...(opening === null
        ? ['state        made; an alliance opens no alias']
        : [`transaction  ${opening.id}`, `state        ${stateText(opening)}`])
    ].join('\n')
  )
  if (opening !== null) await keepReceipt(common, options, opening)
}

export type EnrolOptions = WaitOptions & { readonly until?: string; readonly basis?: string }

export async function enrolPatient(common: Common, patient: string, options: EnrolOptions): Promise<void> {
  const params: ParamsInput<'patient.enrol'> = {
    ...(await waitParams(options)),
    patient,
    untilMs: timeOf('--until', options.until),
    // The daemon knows the bases and names them if this is none.
    basis: options.basis as ParamsInput<'patient.enrol'>['basis']
  }
  await tell(common, options, await withDaemon(common, (client) => client.call('patient.enrol', params)))
}

export async function withdrawPatient(common: Common, patient: string, options: WaitOptions): Promise<void> {
  const params = { ...(await waitParams(options)), patient }
  await tell(common, options, await withDaemon(common, (client) => client.call('patient.withdraw', params)))
}

async function tell(common: Common, options: WaitOptions, result: Result<'patient.enrol'>): Promise<void> {
  emit(common, result, () =>
    [`patient      ${result.alias}`, `transaction  ${result.id}`, `state        ${stateText(result)}`].join('\n')
  )
  await keepReceipt(common, options, result)
}
