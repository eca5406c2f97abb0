/** Records of an alliance: publish, amend. */
import type { ParamsInput, Result } from '@wardline/api'
import type { Alias, Hash, RecordId, TransactionId } from '@wardline/codec'
import { usage } from '../exit.ts'
import { type Common, emit, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { readContent } from './record.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

type ContentOptions = WaitOptions & {
  readonly doctor: readonly string[]
  readonly mediaType?: string
  readonly category?: string
  readonly label?: readonly string[]
  readonly after?: string
}

export type PublishOptions = ContentOptions & { readonly alias?: string; readonly patient?: string }

export async function publishRecord(common: Common, file: string, options: PublishOptions): Promise<void> {
  const params = { ...(await contentParams(file, options)), ...patientParams(options) }
  const result = await withDaemon(common, (client) => client.call('record.publish', params))
  await tell(common, options, result)
}

export type AmendOptions = ContentOptions & { readonly supersedes?: string }

export async function amendRecord(common: Common, record: string, file: string, options: AmendOptions): Promise<void> {
  const params = {
    ...(await contentParams(file, options)),
    record: record as RecordId,
    supersedes: options.supersedes as TransactionId | undefined
  }
  const result = await withDaemon(common, (client) => client.call('record.amend', params))
  await tell(common, options, result)
}

export type PatientOptions = { readonly alias?: string; readonly patient?: string }

/** The patient that a command is about: by alias, or by the reference of this hospital. */
export function patientParams({ alias, patient }: PatientOptions) {
  if ((alias === undefined) === (patient === undefined)) throw usage('Give --alias or --patient, and not both.')
  return { alias: alias as Alias | undefined, patient }
}

async function contentParams(file: string, options: ContentOptions) {
  const { doctor, mediaType, category, label, after } = options
  const descriptor: NonNullable<ParamsInput<'record.publish'>['descriptor']> = {
    ...(mediaType !== undefined && { mediaType }),
    ...(category !== undefined && { category }),
    ...(label !== undefined && { labels: [...label] })
  }
  return {
    ...(await waitParams(options)),
    content: (await readContent(file)).toString('base64'),
    descriptor: Object.keys(descriptor).length === 0 ? undefined : descriptor,
    doctors: doctor,
    after: after as Hash | undefined
  }
}

async function tell(common: Common, options: WaitOptions, result: Result<'record.publish'>): Promise<void> {
  emit(common, result, () =>
    [
      `record       ${result.record}`,
      `version      ${result.version}`,
      `transaction  ${result.id}`,
      `patient      ${result.alias}`,
      `signed by    ${result.doctors.map(who).join(', ')}`,
      `state        ${stateText(result)}`
    ].join('\n')
  )
  await keepReceipt(common, options, result)
}
