/** Verifies a receipt without a daemon, a home or a network. */
import { parsePin, type ReceiptCheck, verifyReceiptFile } from '@wardline/client'
import { limits, type MemberId } from '@wardline/codec'
import { type CustodyGraph, custodyJson, drawSwimlanes, type JudgedEnvelope, judgeClaims } from '@wardline/custody'
import { cardMember, chargedTo, type Genesis } from '@wardline/ledger'
import { claimLine } from '../claims.ts'
import { CommandFailure, EXIT, type ExitCode, usage } from '../exit.ts'
import { readBytes } from '../files.ts'
import { type Common, emit, say, screenWidth, short, showsUnicode, utc } from '../output.ts'

export type VerifyOptions = { readonly genesis: string; readonly pin?: string; readonly envelope?: string }

export async function verify(common: Common, receipt: string, options: VerifyOptions): Promise<ExitCode> {
  const pin = options.pin === undefined ? undefined : parsePin(options.pin)
  if (options.pin !== undefined && pin === undefined)
    throw usage('--pin must be HEIGHT:DIGEST, the digest 64 hex digits.')
  const verdict = await verifyReceiptFile(receipt, options.genesis, pin)
  if (verdict.kind === 'failed') {
    const { code, what, at } = verdict
    emit(common, { ok: false, code, what, at }, () => '')
    const where = at === null ? '' : `transaction ${at + 1} of the receipt: `
    if (!common.json) say(`Not verified (${code}): ${where}${what}`)
    return EXIT.verification
  }
  if (verdict.kind === 'trace') {
    if (options.envelope === undefined) {
      showTrace(common, verdict)
      return EXIT.ok
    }
    const judged = judgeClaims(verdict.graph, verdict.sends, await readEnvelope(options.envelope))
    if (judged === undefined) return notOfThisReceipt(common)
    showTrace(common, verdict, judged)
    return EXIT.ok
  }
  if (options.envelope !== undefined)
    throw usage('--envelope goes with the receipt of a trace ("wardline record trace --proof").')
  const { id, transaction, height, digest, time, final, pinned } = verdict
  const facts = {
    ok: true,
    id,
    kind: transaction.kind,
    author: chargedTo(transaction),
    alias: 'alias' in transaction.author ? transaction.author.alias : null,
    height,
    digest,
    timeMs: time,
    final,
    pinned,
    assumes: assumptions(pinned)
  }
  emit(common, facts, () =>
    [
      `verified     ${id}`,
      `kind         ${transaction.kind}`,
      'alias' in transaction.author
        ? `author       alias ${transaction.author.alias}, sponsored by ${chargedTo(transaction)}`
        : `author       ${transaction.author.member}`,
      `block        ${height} ${digest}`,
      `time         ${utc(time)}`,
      `final by     ${final.height} ${final.digest}`,
      `pinned       ${pinned ? 'yes' : UNPINNED}`
    ].join('\n')
  )
  return EXIT.ok
}

const UNPINNED = 'no: former validators’ keys are trusted not to have been stolen'

/** For scripts, what the text says behind `pinned`: stable words, of which others may be added. */
function assumptions(pinned: boolean): readonly string[] {
  return pinned ? [] : ['former-validator-keys-not-stolen']
}

/** What there may be besides, before or since: nothing in a receipt tells that it holds all. */
function lacking(graph: CustodyGraph): readonly string[] {
  return ['hand-offs', 'acknowledgements', graph.recall === undefined ? 'recall' : 'attestations']
}

async function readEnvelope(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path, limits.payloadBytesMax)
  if (bytes === undefined)
    throw new CommandFailure(EXIT.error, 'file-unreadable', `${path} is too large to be an envelope.`)
  return bytes
}

function notOfThisReceipt(common: Common): ExitCode {
  const what =
    'No hand-off in the receipt commits to this envelope: it was changed, or belongs to one that the receipt does not hold.'
  emit(common, { ok: false, code: 'other-envelope', what, at: null }, () => '')
  if (!common.json) say(`The receipt verifies, but the envelope does not belong to it (other-envelope). ${what}`)
  return EXIT.verification
}

/** What stands below the drawing of the claims about the hand-offs whose envelope is at hand. */
function claimLines({ transmissions, claims }: JudgedEnvelope, names: (member: MemberId) => string): readonly string[] {
  if (claims.length === 0) {
    return [`The receipt holds no claim of a mismatch about ${transmissions.map(short).join(', ')}; there may be some.`]
  }
  return claims.map(({ transmission, sender, receiver, verdict }) =>
    claimLine(names(receiver), names(sender), `as ${short(transmission)}`, verdict)
  )
}

function showTrace(common: Common, check: Extract<ReceiptCheck, { kind: 'trace' }>, envelope?: JudgedEnvelope): void {
  const { chain, graph, content, final, pinned, genesis } = check
  const names = namesOf(genesis)
  const mayLack = lacking(graph)
  // Of a receipt there is no telling, and a `false` would be read as if there were.
  const { complete: _, ...shown } = custodyJson(graph, { names })
  const proof = { ok: true, chain, commitment: content, final, pinned, assumes: assumptions(pinned), mayLack }
  emit(common, { ...proof, ...(envelope && { envelope }), ...shown }, () =>
    [
      `verified     record ${graph.recordId}`,
      `commitment   ${content}`,
      `final by     ${final.height} ${final.digest}`,
      `pinned       ${pinned ? 'yes' : UNPINNED}`,
      `proves       what is drawn, each transaction of it final, as of block ${final.height}`,
      `proves not   that there was nothing else, before or since: other hand-offs, acknowledgements, ${graph.recall === undefined ? 'a recall' : 'attestations'}`,
      '',
      drawSwimlanes(graph, { names, width: screenWidth(), unicode: showsUnicode(), asOf: final.height }),
      ...(envelope === undefined ? [] : claimLines(envelope, names))
    ].join('\n')
  )
}

/** The founders' names; who joined later has none in the genesis. */
function namesOf({ founders }: Genesis): (member: MemberId) => string {
  const names = new Map(founders.map((card) => [cardMember(card), card.name]))
  return (member) => names.get(member) ?? short(member)
}
