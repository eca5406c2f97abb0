/** Verifies a receipt without a daemon, a home or a network. */
import { parsePin, verifyReceiptFile } from '@wardline/client'
import { EXIT, type ExitCode, usage } from '../exit.ts'
import { type Common, emit, say, utc } from '../output.ts'

export type VerifyOptions = { readonly genesis: string; readonly pin?: string }

export async function verify(common: Common, receipt: string, options: VerifyOptions): Promise<ExitCode> {
  const pin = options.pin === undefined ? undefined : parsePin(options.pin)
  if (options.pin !== undefined && pin === undefined)
    throw usage('--pin must be HEIGHT:DIGEST, the digest 64 hex digits.')
  const verdict = await verifyReceiptFile(receipt, options.genesis, pin)
  if (verdict.kind === 'failed') {
    emit(common, { ok: false, code: verdict.code, what: verdict.what }, () => '')
    if (!common.json) say(`Not verified (${verdict.code}): ${verdict.what}`)
    return EXIT.verification
  }
  const { id, transaction, height, digest, time, final, pinned } = verdict
  const facts = {
    ok: true,
    id,
    kind: transaction.kind,
    author: transaction.author.member,
    height,
    digest,
    timeMs: time,
    final,
    pinned
  }
  emit(common, facts, () =>
    [
      `verified     ${id}`,
      `kind         ${transaction.kind}`,
      `author       ${transaction.author.member}`,
      `block        ${height} ${digest}`,
      `time         ${utc(time)}`,
      `final by     ${final.height} ${final.digest}`,
      `pinned       ${pinned ? 'yes' : 'no: former validators’ keys are trusted not to have been stolen'}`
    ].join('\n')
  )
  return EXIT.ok
}
