/** Checks a receipt with nothing but the genesis: no daemon, no network. */
import { readFile } from 'node:fs/promises'
import { type Digest, height, isHex32, WardlineError } from '@wardline/codec'
import type { TraceVerdict } from '@wardline/custody'
import type { Genesis, Pin, ReceiptVerdict } from '@wardline/ledger'

export type ReceiptCheck =
  | (Extract<ReceiptVerdict, { kind: 'verified' }> & { readonly genesis: Genesis })
  | (Omit<Extract<TraceVerdict, { kind: 'verified' }>, 'kind'> & { readonly kind: 'trace'; readonly genesis: Genesis })
  | {
      readonly kind: 'failed'
      readonly code: Extract<ReceiptVerdict | TraceVerdict, { kind: 'failed' }>['code'] | 'genesis'
      readonly what: string
      /** Of a receipt of a trace: which of its transactions is at fault, from 0; null where it is none of them. */
      readonly at: number | null
    }

/**
 * Verifies the receipt in one file, of a transaction or of a trace, against the genesis in another, which the caller trusts
 * to be the right one; that all founders signed it is checked here. With a pin the receipt must also lie on the pinned
 * block's chain.
 * @throws WardlineError `file-unreadable`
 */
export async function verifyReceiptFile(receiptPath: string, genesisPath: string, pin?: Pin): Promise<ReceiptCheck> {
  // Imported here, so that programs which only call a daemon do not load the cryptography.
  const { isJointReceipt, parseGenesis, RECEIPT_TEXT_MAX, verifyGenesis, verifyReceipt } = await import(
    '@wardline/ledger'
  )
  const [receipt, genesisText] = await Promise.all([readText(receiptPath), readText(genesisPath)])
  const parsed = parseGenesis(genesisText)
  const problems = parsed.kind === 'ok' ? verifyGenesis(parsed.genesis) : parsed.problems
  if (parsed.kind === 'failed' || problems.length > 0) {
    return { kind: 'failed', code: 'genesis', what: problems[0]?.message ?? 'The genesis cannot be read.', at: null }
  }
  const { genesis } = parsed
  const options = pin === undefined ? {} : { pin }
  if (isJointReceipt(receipt)) {
    const { verifyTrace } = await import('@wardline/custody')
    const verdict = verifyTrace(receipt, genesis, options)
    return verdict.kind === 'failed' ? verdict : { ...verdict, kind: 'trace', genesis }
  }
  if (receipt.length > RECEIPT_TEXT_MAX) {
    return { kind: 'failed', code: 'too-large', what: 'The receipt is too large.', at: null }
  }
  const verdict = verifyReceipt(receipt, genesis, options)
  return verdict.kind === 'failed' ? { ...verdict, at: null } : { ...verdict, genesis }
}

/** Reads `HEIGHT:DIGEST`; undefined if it is not one. */
export function parsePin(text: string): Pin | undefined {
  const [, number, digest] = /^(0|[1-9][0-9]{0,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (number === undefined || !isHex32(digest) || !Number.isSafeInteger(Number(number))) return undefined
  return { height: height(Number(number)), digest: digest as Digest }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new WardlineError('file-unreadable', `cannot read ${path}: ${code}`, { cause: error })
  }
}
