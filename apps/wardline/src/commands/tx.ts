/** Transactions that were built elsewhere, and what became of any. */
import { readFile } from 'node:fs/promises'
import { type Height, limits, type TransactionId, toHex } from '@wardline/codec'
import { CommandFailure, EXIT } from '../exit.ts'
import { type Common, emit, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { keepReceipt, stateText, type WaitOptions, waitParams } from './waiting.ts'

export type SubmitOptions = WaitOptions & { readonly payload?: string }

export async function submitTransaction(common: Common, file: string, options: SubmitOptions): Promise<void> {
  const { payload } = options
  const params = {
    ...(await waitParams(options)),
    transaction: asHex(await read(file)),
    payload: payload === undefined ? undefined : Buffer.from(await read(payload)).toString('base64')
  }
  const result = await withDaemon(common, (client) => client.call('tx.submit', params))
  emit(common, result, () => `transaction  ${result.id}\nstate        ${stateText(result)}`)
  await keepReceipt(common, options, result)
}

export type GetOptions = { readonly chain?: string; readonly receipt?: boolean; readonly anchor?: number }

export async function getTransaction(common: Common, id: string, options: GetOptions): Promise<void> {
  const { chain, receipt, anchor } = options
  const params = { chain, id: id as TransactionId, receipt, anchor: anchor as Height | undefined }
  const result = await withDaemon(common, (client) => client.call('tx.get', params))
  if (receipt && result.receipt === undefined) {
    throw new CommandFailure(EXIT.error, 'not-final', `There is no receipt: the transaction is ${stateText(result)}.`)
  }
  emit(
    common,
    result,
    () =>
      result.receipt ??
      [
        `transaction  ${result.id}`,
        `kind         ${result.kind}`,
        `author       ${result.author === null ? '-' : who(result.author)}`,
        `state        ${stateText(result)}`,
        `time         ${result.timeMs === null ? '-' : utc(result.timeMs)}`,
        `expires      ${utc(result.expiresMs)}`,
        `bytes        ${result.sizeBytes}`
      ].join('\n')
  )
}

async function read(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(EXIT.error, 'file-unreadable', `Cannot read ${file}: ${error.code}.`)
  })
  if (bytes.length <= limits.payloadBytesMax) return bytes
  throw new CommandFailure(EXIT.error, 'too-large', `${file} is larger than ${limits.payloadBytesMax} bytes.`)
}

/** A file of hex digits is taken as they are, any other as bytes. A transaction is CBOR and never looks like hex. */
function asHex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1').trim()
  return /^(?:[0-9a-f]{2})+$/.test(text) ? text : toHex(bytes)
}
