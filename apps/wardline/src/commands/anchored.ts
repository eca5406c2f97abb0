/** Records of a permissions chain: anchoring them, asking another hospital for them, and proving that one is untouched. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { ParamsInput, Result } from '@wardline/api'
import { type Alias, isHex32, type RecordId } from '@wardline/codec'
import { CommandFailure, EXIT, type ExitCode, usage } from '../exit.ts'
import { makeFolder } from '../files.ts'
import { type Common, emit, say, short, utc, who } from '../output.ts'
import { proofPath, readProof, writeProof } from '../proof-file.ts'
import { withDaemon } from '../settings.ts'
import { timeoutMsOf } from '../times.ts'
import { readContent, writeContent } from './record.ts'
import { type PatientOptions, patientParams } from './shared-record.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

export type AnchorOptions = WaitOptions &
  PatientOptions & {
    readonly mediaType?: string
    readonly category?: string
    readonly label?: readonly string[]
    readonly proof: boolean
  }

export async function anchorRecord(common: Common, file: string, options: AnchorOptions): Promise<void> {
  const patient = patientParams(options)
  const proof = options.proof ? proofPath(file) : undefined
  if (proof !== undefined && file === '-') throw usage('Standard input has no place for a proof beside it: --no-proof.')
  if (proof !== undefined) await assertFree([proof])
  const { mediaType, category, label } = options
  const descriptor: NonNullable<ParamsInput<'record.anchor'>['descriptor']> = {
    ...(mediaType !== undefined && { mediaType }),
    ...(category !== undefined && { category }),
    ...(label !== undefined && { labels: [...label] })
  }
  const params = {
    ...(await waitParams(options)),
    ...patient,
    content: (await readContent(file)).toString('base64'),
    descriptor: Object.keys(descriptor).length === 0 ? undefined : descriptor
  }
  const result = await withDaemon(common, (client) => client.call('record.anchor', params))
  if (proof !== undefined) await writeProof(proof, result)
  emit(common, { ...result, proof: proof ?? null }, () =>
    [
      `record       ${result.record}`,
      `transaction  ${result.id}`,
      `patient      ${result.alias}`,
      `commitment   ${result.commitment}`,
      `state        ${stateText(result)}`,
      `proof        ${proof ?? '-'}`
    ].join('\n')
  )
  await keepReceipt(common, options, result)
}

export type RequestOptions = {
  readonly chain?: string
  readonly owner: string
  readonly alias: string
  readonly purpose?: string
  readonly accessor?: string
  readonly out?: string
  readonly timeout?: number
  readonly actor?: string
}

/** Keeps what came as RECORD and RECORD.wardline. That there is a place for it is seen to before anybody is asked. */
export async function requestRecords(
  common: Common,
  records: readonly string[],
  options: RequestOptions
): Promise<ExitCode> {
  if (!records.every(isHex32)) throw usage('A record is named by its id, 64 lower-case hex digits.')
  const { chain, owner, alias, purpose, accessor, out = '.', timeout, actor } = options
  const wanted = [...new Set(records)] as RecordId[]
  const placeOf = (record: RecordId) => join(out, record)
  await assertFree(wanted.flatMap((record) => [placeOf(record), proofPath(placeOf(record))]))
  await makeFolder(out, 0o700)
  await access(out, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(
      EXIT.error,
      'file-unwritable',
      `Cannot write into ${out}: ${error.code}. Nothing was asked.`
    )
  })
  const params = {
    chain,
    owner,
    alias: alias as Alias,
    records: wanted,
    // The daemon knows the purposes and names them if this is none.
    purpose: purpose as ParamsInput<'record.request'>['purpose'],
    accessor,
    actor,
    timeoutMs: timeoutMsOf(timeout)
  }
  const result = await withDaemon(common, (client) => client.call('record.request', params))
  const kept: KeptRecord[] = []
  for (const { content, ...facts } of result.records) {
    const file = placeOf(facts.record)
    await writeContent(file, Buffer.from(content, 'base64'))
    await writeProof(proofPath(file), { ...facts, chain: result.chain })
    kept.push({ ...facts, file, proof: proofPath(file) })
  }
  emit(common, { ...result, records: kept }, () => answerText(result, kept))
  return result.decision === 'deny' || result.status === 'violation' ? EXIT.notPermitted : EXIT.ok
}

type KeptRecord = Omit<Result<'record.request'>['records'][number], 'content'> & {
  readonly file: string
  readonly proof: string
}

function answerText(
  { decision, status, code, entry, height, grant }: Result<'record.request'>,
  kept: readonly KeptRecord[]
): string {
  return [
    `decision  ${decision}`,
    `status    ${status}${code === null ? '' : ` (${code})`}`,
    `entry     ${entry} in block ${height}`,
    `grant     ${grant ?? '-'}`,
    ...kept.map(({ file, sizeBytes }) => `record    ${file}, ${sizeBytes} bytes, as anchored`)
  ].join('\n')
}

export type VerifyOptions = { readonly proof?: string }

export async function verifyRecord(common: Common, file: string, { proof }: VerifyOptions): Promise<ExitCode> {
  if (proof === undefined && file === '-') throw usage('Standard input has no proof beside it: give --proof.')
  const path = proof ?? proofPath(file)
  const { chain, record, salt, descriptorBytes } = await readProof(path)
  const content = (await readContent(file)).toString('base64')
  const result = await withDaemon(common, (client) =>
    client.call('record.verify', { chain, record, salt, descriptorBytes, content })
  )
  const { ok, owner, timeMs, height, alias } = result
  emit(common, result, () =>
    ok
      ? [
          `verified  ${file} is record ${record}`,
          `owner     ${who(owner)}`,
          `patient   ${alias}`,
          `anchored  ${utc(timeMs)}, in block ${height}`
        ].join('\n')
      : ''
  )
  if (ok) return EXIT.ok
  if (!common.json) {
    say(`Not verified: ${file} with ${path} is not what ${who(owner)} has anchored as record ${short(record)}.`)
  }
  return EXIT.verification
}

/** What cannot be kept is not asked for: the answer would look like a failure, and be on the chain. */
async function assertFree(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT'
    )
    if (isThere) throw new CommandFailure(EXIT.error, 'file-exists', `${path} exists. Nothing was sent.`)
  }
}
