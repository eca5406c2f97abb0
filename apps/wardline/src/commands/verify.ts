/** Verifies a receipt without a daemon, a home or a network. */
import { parsePin, type ReceiptCheck, verifyReceiptFile } from '@wardline/client'
import type { MemberId } from '@wardline/codec'
import { type CustodyGraph, custodyJson, drawSwimlanes } from '@wardline/custody'
import { cardMember, chargedTo, type Genesis } from '@wardline/ledger'
import { EXIT, type ExitCode, usage } from '../exit.ts'
import { type Common, emit, say, screenWidth, short, showsUnicode, utc } from '../output.ts'

export type VerifyOptions = { readonly genesis: string; readonly pin?: string }

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
    showTrace(common, verdict)
    return EXIT.ok
  }
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

function showTrace(common: Common, check: Extract<ReceiptCheck, { kind: 'trace' }>): void {
  const { chain, graph, content, final, pinned, genesis } = check
  const names = namesOf(genesis)
  const mayLack = lacking(graph)
  // Of a receipt there is no telling, and a `false` would be read as if there were.
  const { complete: _, ...shown } = custodyJson(graph, { names })
  const proof = { ok: true, chain, commitment: content, final, pinned, assumes: assumptions(pinned), mayLack }
  emit(common, { ...proof, ...shown }, () =>
    [
      `verified     record ${graph.recordId}`,
      `commitment   ${content}`,
      `final by     ${final.height} ${final.digest}`,
      `pinned       ${pinned ? 'yes' : UNPINNED}`,
      `proves       what is drawn, each transaction of it final, as of block ${final.height}`,
      `proves not   that there was nothing else, before or since: other hand-offs, acknowledgements, ${graph.recall === undefined ? 'a recall' : 'attestations'}`,
      '',
      drawSwimlanes(graph, { names, width: screenWidth(), unicode: showsUnicode(), asOf: final.height })
    ].join('\n')
  )
}

/** The founders' names; who joined later has none in the genesis. */
function namesOf({ founders }: Genesis): (member: MemberId) => string {
  const names = new Map(founders.map((card) => [cardMember(card), card.name]))
  return (member) => names.get(member) ?? short(member)
}
