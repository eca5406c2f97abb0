/** Verifies a receipt without a daemon, a home or a network. */
import { parsePin, type ReceiptCheck, verifyReceiptFile } from '@wardline/client'
import { limits, type MemberId } from '@wardline/codec'
import { CONTENT_SALT_BYTES, commitContent } from '@wardline/crypto'
import { type CustodyGraph, custodyJson, drawSwimlanes, type JudgedEnvelope, judgeClaims } from '@wardline/custody'
import { chargedTo, type Genesis, namesOf } from '@wardline/ledger'
import { bodyJson } from '../body-json.ts'
import { tellBody } from '../body-text.ts'
import { claimLine } from '../claims.ts'
import { CommandFailure, EXIT, type ExitCode, usage } from '../exit.ts'
import { readBytes } from '../files.ts'
import { type Common, emit, printable, say, screenWidth, short, showsUnicode, utc } from '../output.ts'
import { proofPath, proofUnreadable, readProof } from '../proof-file.ts'
import { readContent } from './record.ts'

export type VerifyOptions = {
  readonly genesis: string
  readonly pin?: string
  readonly envelope?: string
  readonly file?: string
  readonly proof?: string
}

export async function verify(common: Common, receipt: string, options: VerifyOptions): Promise<ExitCode> {
  const pin = options.pin === undefined ? undefined : parsePin(options.pin)
  if (options.pin !== undefined && pin === undefined)
    throw usage('--pin must be HEIGHT:DIGEST, the digest 64 hex digits.')
  if (options.proof !== undefined && options.file === undefined) throw usage('--proof goes with --file.')
  if (options.file === '-' && options.proof === undefined)
    throw usage('Standard input has no proof beside it: give --proof.')
  const verdict = await verifyReceiptFile(receipt, options.genesis, pin)
  if (verdict.kind === 'failed') {
    const { code, what, at } = verdict
    emit(common, { ok: false, code, what, at }, () => '')
    const where = at === null ? '' : `transaction ${at + 1} of the receipt: `
    if (!common.json) say(`Not verified (${code}): ${where}${what}`)
    return EXIT.verification
  }
  if (verdict.kind === 'trace') {
    if (options.file !== undefined)
      throw usage('--file goes with the receipt of an anchored record (spv.anchor), not of a trace.')
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
  const held = options.file === undefined ? undefined : await holdFile(verdict, options.file, options.proof)
  if (held?.kind === 'other') return notAsAnchored(common, held)
  showTransaction(common, verdict, held)
  return EXIT.ok
}

type Verified = Extract<ReceiptCheck, { kind: 'verified' }>

function showTransaction(
  common: Common,
  check: Verified,
  held?: { readonly path: string; readonly proof: string }
): void {
  const { id, transaction, height, digest, time, final, pinned, genesis } = check
  const { kind, author, payload } = transaction
  const names = namesOf(genesis)
  const called = (member: MemberId) => {
    const name = names.get(member)
    return name === undefined ? member : `${member} (${name})`
  }
  const { lines, derived = {}, provesNot = {} } = tellBody(transaction, called)
  const charged = chargedTo(transaction)
  const body = bodyJson(transaction.body)
  // An id is in the text of a body only where the body names it.
  const named = JSON.stringify([charged, body, derived])
  const facts = {
    ok: true,
    id,
    kind,
    author: charged,
    alias: 'alias' in author ? author.alias : null,
    body,
    derived,
    payload: payload === undefined ? null : { commitment: payload.commitment, sizeBytes: payload.size },
    members: Array.from(names, ([member, name]) => ({ member, name })).filter(({ member }) => named.includes(member)),
    height,
    digest,
    timeMs: time,
    final,
    pinned,
    assumes: assumptions(pinned),
    provesNot: Object.keys(provesNot),
    ...(held && { file: { path: held.path, proof: held.proof } })
  }
  emit(common, facts, () =>
    [
      ['verified', id],
      ['kind', kind],
      ['author', 'alias' in author ? `alias ${author.alias}, sponsored by ${called(charged)}` : called(charged)],
      ...lines,
      ['block', `${height} ${digest}`],
      ['time', utc(time)],
      ['final by', `${final.height} ${final.digest}`],
      ['pinned', pinned ? 'yes' : UNPINNED],
      ...(held === undefined ? [] : [['file', `${held.path} is this record, byte for byte as it was anchored`]]),
      ['proves', 'that this transaction is final, signed by its author'],
      ...Object.values(provesNot).map((what) => ['proves not', what])
    ]
      .map(([label = '', value = '']) => `${label.padEnd(13)}${printable(value)}`)
      .join('\n')
  )
}

type Held =
  | { readonly kind: 'anchored'; readonly path: string; readonly proof: string }
  | { readonly kind: 'other'; readonly code: 'other-file' | 'other-proof'; readonly what: string }

/** Holds a file against the anchor that was verified, as `record verify` does with a daemon. */
async function holdFile({ transaction }: Verified, path: string, proof = proofPath(path)): Promise<Held> {
  if (transaction.kind !== 'spv.anchor') {
    throw usage(
      `--file goes with the receipt of an anchored record (spv.anchor), and this is one of ${transaction.kind}.`
    )
  }
  const { recordId, content } = transaction.body
  const { chain, record, salt, descriptorBytes } = await readProof(proof)
  const parts = { salt: Buffer.from(salt, 'base64'), descriptor: Buffer.from(descriptorBytes, 'base64') }
  if (parts.salt.length !== CONTENT_SALT_BYTES) throw proofUnreadable(proof)
  const bytes = await readContent(path)
  if (chain !== transaction.chain || record !== recordId) {
    return { kind: 'other', code: 'other-proof', what: `${proof} belongs to another record than the receipt.` }
  }
  if (commitContent({ ...parts, bytes }) === content) return { kind: 'anchored', path, proof }
  const what = `${path} with ${proof} is not what was anchored as record ${recordId}.`
  return { kind: 'other', code: 'other-file', what }
}

function notAsAnchored(common: Common, { code, what }: Extract<Held, { kind: 'other' }>): ExitCode {
  emit(common, { ok: false, code, what, at: null }, () => '')
  if (!common.json) say(`The receipt verifies, but the file is not held by it (${code}). ${what}`)
  return EXIT.verification
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
  const names = namerOf(genesis)
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

/** A member's name, or the beginning of its id where the genesis has none. */
function namerOf(genesis: Genesis): (member: MemberId) => string {
  const names = namesOf(genesis)
  return (member) => names.get(member) ?? short(member)
}
