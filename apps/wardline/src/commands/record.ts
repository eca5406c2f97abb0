/** Records: send, open, list, trace. */

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { ParamsInput } from '@wardline/api'
import { limits, type RecordId, type TransactionId } from '@wardline/codec'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { type Common, emit, say, short, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

export type SendOptions = WaitOptions & {
  readonly to: readonly string[]
  readonly purpose?: string
  readonly mediaType?: string
  readonly record?: string
  readonly via?: string
}

export async function sendRecord(common: Common, file: string | undefined, options: SendOptions): Promise<void> {
  if ([file, options.record, options.via].filter((given) => given !== undefined).length !== 1) {
    throw usage('Give a file (a new record), --record or --via (one that is held here), and only one of them.')
  }
  if (options.mediaType !== undefined && file === undefined) throw usage('--media-type goes with a file.')
  const params = {
    ...(await waitParams(options)),
    to: options.to,
    // The daemon knows the purposes and names them if this is none; the same for the ids.
    purpose: options.purpose as ParamsInput<'record.send'>['purpose'],
    content: file === undefined ? undefined : (await readContent(file)).toString('base64'),
    descriptor: options.mediaType === undefined ? undefined : { mediaType: options.mediaType },
    record: options.record as RecordId | undefined,
    via: options.via as TransactionId | undefined
  }
  const result = await withDaemon(common, (client) => client.call('record.send', params))
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

export type OpenOptions = {
  readonly chain?: string
  readonly via?: string
  readonly actor?: string
  readonly out?: string
  readonly timeout?: number
}

export async function openRecord(common: Common, record: string | undefined, options: OpenOptions): Promise<void> {
  if ((record === undefined) === (options.via === undefined)) throw usage('Give a record or --via, and not both.')
  const { chain, via, actor, timeout } = options
  const params = {
    chain,
    actor,
    record: record as RecordId | undefined,
    via: via as TransactionId | undefined,
    timeoutMs: timeout === undefined ? undefined : Math.round(timeout * 1000)
  }
  const result = await withDaemon(common, (client) => client.call('record.open', params))
  const bytes = Buffer.from(result.content, 'base64')
  if (options.out !== undefined) {
    await writeContent(options.out, bytes)
    const { content: _, ...facts } = result
    emit(common, { ...facts, out: options.out }, () => options.out ?? '')
  } else if (common.json) {
    emit(common, result, () => '')
  } else {
    process.stdout.write(bytes)
  }
  if (!common.json) {
    say(`${result.sizeBytes} bytes from ${who(result.from)}, origin ${who(result.origin)}, path and content verified.`)
  }
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
      record.state,
      record.payloadHere ? 'here' : 'no'
    ])
  )
  emit(common, result, () => text)
  if (result.next !== null && !common.json) say(`More: --before ${result.next}`)
}

export type TraceOptions = { readonly chain?: string; readonly draw?: 'terminal' | 'ascii' | 'dot' }

export async function traceRecord(common: Common, record: string, options: TraceOptions): Promise<void> {
  const draw = options.draw ?? (common.json ? undefined : 'terminal')
  const width = Math.min(1000, Math.max(40, process.stdout.columns ?? 100))
  const result = await withDaemon(common, (client) =>
    client.call('record.trace', { chain: options.chain, record: record as RecordId, draw, width })
  )
  emit(common, result, () => result.drawing ?? '')
}

export async function listHolders(
  common: Common,
  record: string,
  options: { readonly chain?: string; readonly at?: string }
): Promise<void> {
  const atMs = options.at === undefined ? undefined : Date.parse(options.at)
  if (Number.isNaN(atMs)) throw usage('--at must be a time such as 2026-11-20T12:00:00Z.')
  const result = await withDaemon(common, (client) =>
    client.call('record.holders', { chain: options.chain, record: record as RecordId, atMs })
  )
  const text = await table(
    ['holder', 'since', 'height', 'by'],
    result.holders.map((holder) => [
      who(holder),
      utc(holder.sinceMs),
      holder.sinceHeight,
      holder.via === null ? 'origin' : short(holder.via)
    ])
  )
  emit(common, result, () => text)
}

/** The bytes of a file, or of standard input for `-`; refused above what a payload can hold. */
async function readContent(file: string): Promise<Buffer> {
  const source = file === '-' ? process.stdin : createReadStream(file, { end: limits.payloadBytesMax })
  const bytes = await buffer(source).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.error, 'file-unreadable', `Cannot read ${file}: ${error.code}.`)
  })
  if (bytes.length <= limits.payloadBytesMax) return bytes
  throw new CommandFailure(
    EXIT.error,
    'too-large',
    `${file} is larger than a record can be (${limits.payloadBytesMax} bytes).`
  )
}

/** A record's content is for its reader's eyes: mode 0600, and never over another file. */
async function writeContent(path: string, bytes: Uint8Array): Promise<void> {
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
