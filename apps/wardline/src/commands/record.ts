/** Records: send, open, list. */

import { open } from 'node:fs/promises'
import type { ParamsInput, Result } from '@wardline/api'
import { type Hash, limits, type RecordId, type SignKey, type TransactionId } from '@wardline/codec'
import { CommandFailure, EXIT, ifUnsure, usage } from '../exit.ts'
import { readBytes } from '../files.ts'
import { type Common, emit, recallWord, say, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeoutMsOf } from '../times.ts'
import { keepReceipt, onChain, stateText, type WaitOptions, waitParams } from './waiting.ts'

export type SendOptions = WaitOptions & {
  readonly to: readonly string[]
  readonly purpose?: string
  readonly mediaType?: string
  readonly record?: string
  readonly via?: string
  readonly consent?: string
  readonly recallKey?: string
}

export async function sendRecord(common: Common, file: string | undefined, options: SendOptions): Promise<void> {
  if ([file, options.record, options.via].filter((given) => given !== undefined).length !== 1) {
    throw usage('Give a file (a new record), --record or --via (one that is held here), and only one of them.')
  }
  if (options.mediaType !== undefined && file === undefined) throw usage('--media-type goes with a file.')
  if (options.recallKey !== undefined && file === undefined) throw usage('--recall-key goes with a file.')
  const params = {
    ...(await waitParams(options)),
    to: options.to,
    // The daemon knows the purposes and names them if this is none; the same for the ids.
    purpose: options.purpose as ParamsInput<'record.send'>['purpose'],
    content: file === undefined ? undefined : (await readContent(file)).toString('base64'),
    descriptor: options.mediaType === undefined ? undefined : { mediaType: options.mediaType },
    record: options.record as RecordId | undefined,
    via: options.via as TransactionId | undefined,
    consent: options.consent as Hash | undefined,
    recallKey: options.recallKey as SignKey | undefined
  }
  const list = onChain('wardline record list --which own', options.chain)
  const result = await withDaemon(common, (client) => client.call('record.send', params)).catch((error: unknown) => {
    throw ifUnsure(error, undefined, `To send again would send it twice; look first: ${list}`)
  })
  emit(common, result, () =>
    [
      `record        ${result.record}`,
      `transmission  ${result.id}`,
      `to            ${result.to.map(who).join(', ')}`,
      `state         ${stateText(result)}`
    ].join('\n')
  )
  await keepReceipt(common, options, result)
}

/** Calls a record of this hospital back. */
export async function recallRecord(common: Common, record: string, options: WaitOptions): Promise<void> {
  const params = { ...(await waitParams(options)), record: record as RecordId }
  const result = await withDaemon(common, (client) => client.call('record.recall', params))
  emit(common, result, () =>
    [`record       ${result.record}`, `transaction  ${result.id}`, `state        ${stateText(result)}`].join('\n')
  )
  await keepReceipt(common, options, result)
}

export type OpenOptions = {
  readonly chain?: string
  readonly via?: string
  readonly transaction?: string
  readonly purpose?: string
  readonly reader?: string
  readonly actor?: string
  readonly out?: string
  readonly timeout?: number
}

export async function openRecord(common: Common, record: string | undefined, options: OpenOptions): Promise<void> {
  if ([record, options.via, options.transaction].filter((given) => given !== undefined).length !== 1) {
    throw usage('Give a record, --via or --transaction, and only one of them.')
  }
  const { chain, via, transaction, purpose, reader, actor, timeout } = options
  const params = {
    chain,
    actor,
    record: record as RecordId | undefined,
    via: via as TransactionId | undefined,
    transaction: transaction as TransactionId | undefined,
    purpose: purpose as ParamsInput<'record.open'>['purpose'],
    reader,
    timeoutMs: timeoutMsOf(timeout)
  }
  const result = await withDaemon(common, (client) => client.call('record.open', params))
  const { content, ...facts } = result
  await giveBytes(common, content, { facts, result, out: options.out })
  if (!common.json) {
    say(openedText(result))
  }
}

function openedText({ sizeBytes, from, origin, alias, version, access }: Result<'record.open'>): string {
  if (alias !== null && access === null) return `${sizeBytes} bytes, as this hospital has anchored them.`
  if (access === null) return `${sizeBytes} bytes from ${who(from)}, origin ${who(origin)}, path and content verified.`
  return `${sizeBytes} bytes, version ${version} by ${who(origin)}, content verified; this look is on the chain as ${short(access)}.`
}

/** Base64 of an answer as bytes: into a new file, within the answer as JSON, or to standard output. */
async function giveBytes(
  common: Common,
  base64: string,
  { facts, result, out }: { readonly facts: object; readonly result: object; readonly out: string | undefined }
): Promise<void> {
  const bytes = Buffer.from(base64, 'base64')
  if (out !== undefined) {
    await writeContent(out, bytes)
    emit(common, { ...facts, out }, () => out)
  } else if (common.json) {
    emit(common, result, () => '')
  } else {
    process.stdout.write(bytes)
  }
}

export type EnvelopeOptions = {
  readonly chain?: string
  readonly actor?: string
  readonly out?: string
  readonly timeout?: number
}

/** Writes out the envelope of a transmission as it is, sealed: for whoever is to check what a receiver claims of it. */
export async function writeEnvelope(common: Common, via: string, options: EnvelopeOptions): Promise<void> {
  const { chain, actor, out, timeout } = options
  const timeoutMs = timeoutMsOf(timeout)
  const params = { chain, actor, via: via as TransactionId, timeoutMs }
  const result = await withDaemon(common, (client) => client.call('record.envelope', params))
  const { envelope, ...facts } = result
  await giveBytes(common, envelope, { facts, result, out })
}

export type ListOptions = {
  readonly chain?: string
  readonly which?: 'all' | 'own' | 'received'
  readonly limit?: number
  readonly before?: string
}

export async function listRecords(common: Common, { chain, which, limit, before }: ListOptions): Promise<void> {
  const result = await withDaemon(common, (client) => client.call('record.list', { chain, which, limit, before }))
  const text = await table(
    ['record', 'time', 'from', 'to', 'purpose', 'state', 'payload'],
    result.records.map((record) => [
      record.record,
      utc(record.timeMs),
      who(record.from),
      record.to.map(who).join(', '),
      record.purpose,
      [record.state, recallWord(record.recall)].filter((word) => word !== null).join(', '),
      record.payloadHere ? 'here' : 'no'
    ])
  )
  emit(common, result, () => text)
  if (result.next !== null && !common.json) say(`More: --before ${result.next}`)
}

/** The bytes of a file, or of standard input for `-`; refused above what a payload can hold. */
export async function readContent(file: string): Promise<Buffer> {
  const bytes = await readBytes(file, limits.payloadBytesMax)
  if (bytes !== undefined) return bytes
  throw new CommandFailure(
    EXIT.error,
    'too-large',
    `${file} is larger than a record can be (${limits.payloadBytesMax} bytes).`
  )
}

/** A record's content is for its reader's eyes: mode 0600, and never over another file. */
export async function writeContent(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new CommandFailure(EXIT.error, 'file-exists', `${path} exists; nothing was written.`)
    throw new CommandFailure(EXIT.error, 'file-unwritable', `Cannot write ${path}: ${code}.`)
  }
}

export async function listPending(
  common: Common,
  { chain, limit, after }: { readonly chain?: string; readonly limit?: number; readonly after?: string }
): Promise<void> {
  const params = { chain, limit, after: after as TransactionId | undefined }
  const result = await withDaemon(common, (client) => client.call('record.pending', params))
  const text = await table(
    ['transmission', 'time', 'from', 'purpose', 'payload', 'found'],
    result.pending.map(({ transmission, timeMs, from, purpose, payloadHere, standing, overdue }) => [
      transmission,
      utc(timeMs),
      who(from),
      purpose,
      payloadHere ? 'here' : 'no',
      `${standing ?? 'not looked at yet'}${overdue ? ', overdue' : ''}`
    ])
  )
  emit(common, result, () => `${text}\n${POLICIES[result.acknowledge]}`)
  if (result.next !== null && !common.json) say(`More: --after ${result.next}`)
}

const POLICIES: Readonly<Record<Result<'record.pending'>['acknowledge'], string>> = {
  auto: 'The daemon acknowledges by itself all but what is sealed to a key that is not here: lost-key waits for "wardline record ack".',
  opened: 'The daemon acknowledges by itself what opens and verifies; the rest waits for "wardline record ack".',
  manual: 'The daemon acknowledges nothing by itself; each waits for "wardline record ack".'
}

export type AckOptions = {
  readonly chain?: string
  readonly refuse?: boolean
  readonly reveal?: boolean
  readonly timeout?: number
  readonly actor?: string
}

export async function acknowledge(common: Common, transmission: string, options: AckOptions): Promise<void> {
  const { chain, refuse, reveal, timeout, actor } = options
  if (refuse === true && reveal === true) throw usage('--refuse and --reveal exclude each other.')
  const timeoutMs = timeoutMsOf(timeout)
  const params = { chain, via: transmission as TransactionId, refuse, reveal, timeoutMs, actor }
  const result = await withDaemon(common, (client) => client.call('record.ack', params))
  emit(common, result, () =>
    [
      `record        ${result.record}`,
      `transmission  ${result.transmission}`,
      `from          ${who(result.from)}`,
      `outcome       ${result.outcome}${result.contentKey === null ? '' : ', content key revealed'}`,
      `transaction   ${result.id}, block ${result.height}`
    ].join('\n')
  )
}
