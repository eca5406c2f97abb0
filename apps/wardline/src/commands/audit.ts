/** Who did what: the local log of audited calls, checked without a daemon, and what the chain knows of a patient. */
import { createReadStream } from 'node:fs'
import type { Result } from '@wardline/api'
import { homePaths } from '@wardline/config'
import { verifyAuditLog } from '@wardline/hospital'
import { LINE_LENGTH_MAX } from '@wardline/ports'
import { CommandFailure, EXIT, type ExitCode } from '../exit.ts'
import { type Common, emit, say, sayCut, short, table, utc, who } from '../output.ts'
import { settingsOf, withDaemon } from '../settings.ts'
import { accessText, custodyText, PERMITTED_NOTE, termsText } from './grant-text.ts'
import { type PatientOptions, patientParams } from './shared-record.ts'

export async function verifyAudit(common: Common, file: string | undefined): Promise<ExitCode> {
  const path = file ?? homePaths((await settingsOf(common)).config.home).audit
  const verdict = await verifyAuditLog(linesOf(path))
  if (verdict.kind === 'verified') {
    const { entries, last } = verdict
    emit(
      common,
      { ok: true, entries, last },
      () => `verified  ${entries} ${entries === 1 ? 'line' : 'lines'}\nlast      ${last}`
    )
    return EXIT.ok
  }
  const { line, code } = verdict
  emit(common, { ok: false, line, code }, () => '')
  if (!common.json) say(`Not verified: line ${line} of ${path} does not follow the one before it (${code}).`)
  return EXIT.verification
}

/** Its whole lines; a last one without its end is still being written, or was cut off by a crash, and is no line yet. */
async function* linesOf(path: string): AsyncIterable<string> {
  let rest = ''
  try {
    for await (const part of createReadStream(path, 'utf8')) {
      const lines = `${rest}${part}`.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
      if (rest.length > LINE_LENGTH_MAX) {
        yield rest
        return
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(EXIT.error, 'file-unreadable', `${path} cannot be read (${code}).`)
  }
}

export type PatientAuditOptions = PatientOptions & {
  readonly chain?: string
  readonly limit?: number
  readonly before?: string
  readonly actor?: string
}

type Entry = Result<'audit.patient'>['entries'][number]

export async function auditPatient(common: Common, options: PatientAuditOptions): Promise<void> {
  const { chain, limit, before, actor } = options
  const params = { ...patientParams(options), chain, limit, before, actor }
  const result = await withDaemon(common, (client) => client.call('audit.patient', params))
  const rows = await table(
    ['#', 'time', 'what', 'who', 'outcome', 'grant'],
    result.entries.map((entry) => [
      entry.number,
      utc(entry.timeMs),
      whatText(entry),
      who(entry.accessor ?? entry.hospital),
      accessText(entry),
      grantText(entry)
    ])
  )
  const entries = result.count === 1 ? '1 entry' : `${result.count} entries`
  const note = result.entries.some(({ decision }) => decision === 'permit') ? PERMITTED_NOTE : ''
  emit(common, result, () => `patient ${short(result.alias)}  ${entries}\n\n${rows}${note}`)
  sayCut(common, result.entries.length)
  if (result.next !== null && !common.json) say(`More: --before ${result.next}`)
}

function whatText({ kind, record, records, purpose, terms, custodial }: Entry): string {
  switch (kind) {
    case 'alias.open':
      return custodial === null ? 'alias opened' : `alias opened, ${custodyText(custodial)}`
    case 'spv.anchor':
      return `anchored ${record === null ? 'a record' : short(record)}`
    case 'spv.grant':
      return terms === null ? 'granted' : `granted ${termsText(terms)}`
    case 'spv.revoke':
      return 'revoked'
    case 'spv.access': {
      const [first, ...others] = records ?? []
      const named = first === undefined ? 'nothing' : short(first)
      return `asked for ${named}${others.length === 0 ? '' : ` and ${others.length} more`} (${purpose})`
    }
  }
}

/** With the whole id, for who wants to revoke it. */
function grantText({ grant, grantStatus }: Entry): string | null {
  return grant === null || grantStatus === null ? grant : `${grant} (${grantStatus})`
}
