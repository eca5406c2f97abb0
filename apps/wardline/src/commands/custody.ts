/** Where a record went: its hand-offs, who holds it, and the file that proves it. */
import type { ParamsInput, Result } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import type { Height, RecordId, TransactionId } from '@wardline/codec'
import { claimLine } from '../claims.ts'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { writeNew } from '../files.ts'
import {
  type Common,
  emit,
  recallWord,
  say,
  sayCut,
  screenWidth,
  short,
  showsUnicode,
  table,
  utc,
  who
} from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'
import { consentNamed } from './consent.ts'

export type TraceOptions = {
  readonly chain?: string
  readonly proof?: string
  readonly to?: string
  readonly anchor?: number
}

export async function traceRecord(common: Common, record: string, options: TraceOptions): Promise<void> {
  if (options.proof !== undefined) return proveTrace(common, record as RecordId, options.proof, options)
  if (options.to !== undefined || options.anchor !== undefined) throw usage('--to and --anchor go with --proof.')
  const draw = common.json ? undefined : terminalForm()
  const params = { chain: options.chain, record: record as RecordId, draw, width: screenWidth() }
  const result = await withDaemon(common, (client) => client.call('record.trace', params))
  emit(common, result, () => [result.drawing ?? '', ...mismatchLines(result), ...recallLines(result)].join('\n'))
}

/** What stands below the drawing of claims that an envelope did not hold what was committed to. */
function mismatchLines({ edges }: Result<'record.trace'>): readonly string[] {
  return edges.flatMap(({ mismatch, from, to, timeMs }) =>
    mismatch === null ? [] : [claimLine(who(to), who(from), utc(timeMs), mismatch)]
  )
}

/** What stands below the drawing of a record that was called back. */
function recallLines({ recall, edges, complete }: Result<'record.trace'>): readonly string[] {
  if (recall === null) return []
  const list = (members: readonly Parameters<typeof who>[0][]) => members.map(who).join(', ') || 'nobody'
  const looked = new Set(edges.map(({ transmission }) => transmission)).size
  const whose = complete ? '' : ` Of all holders, and of the first ${looked.toLocaleString('en')} transmissions:`
  return [
    `Recalled ${utc(recall.timeMs)}: nobody sends it on any more.${whose}`,
    `Destroyed by      ${list(recall.attested)}`,
    `Not yet said by   ${list(recall.missing)}`
  ]
}

/** What stands below other answers about such a record. */
function recalledLine({ recall }: Pick<Result<'record.path'>, 'recall'>): readonly string[] {
  if (recall === null) return []
  return [`Recalled ${utc(recall.timeMs)}: nobody sends it on any more; \`record trace\` says who has destroyed it.`]
}

/** The daemon's forms, `text` for this terminal's, `graph` for a layout by Graphviz. */
type Format = 'text' | 'graph' | Exclude<NonNullable<ParamsInput<'record.trace'>['draw']>, 'terminal'>

export type DrawOptions = {
  readonly chain?: string
  readonly format: Format
  readonly out?: string
  readonly from?: string
  readonly to?: string
  readonly hospital?: readonly string[]
  readonly state?: readonly string[]
  readonly max?: number
}

export async function drawRecord(common: Common, record: string, options: DrawOptions): Promise<void> {
  const { chain, format, out, hospital, state, max } = options
  const show = {
    fromMs: timeOf('--from', options.from),
    toMs: timeOf('--to', options.to),
    hospitals: hospital === undefined ? undefined : [...hospital],
    // The daemon knows the states and names them if one is none.
    states: state as DeliveryStates,
    max
  }
  const params = { chain, record: record as RecordId, draw: formOf(format), width: screenWidth(), show }
  const result = await withDaemon(common, (client) => client.call('record.trace', params))
  const { drawing = '', notes = [] } = result
  const text = format === 'graph' ? await layOut(drawing) : drawing
  // The other forms have these sentences in them.
  if (format === 'csv' && !common.json) for (const note of notes) say(note)
  if (out !== undefined) {
    await writeNew(out, text.endsWith('\n') ? text : `${text}\n`)
    emit(common, { record, format, out, notes }, () => out)
    return
  }
  emit(common, { record, format, drawing: text, notes }, () => text)
}

type DeliveryStates = NonNullable<ParamsInput<'record.trace'>['show']>['states']

function terminalForm(): 'terminal' | 'ascii' {
  return showsUnicode() ? 'terminal' : 'ascii'
}

function formOf(format: Format): ParamsInput<'record.trace'>['draw'] {
  if (format === 'text') return terminalForm()
  return format === 'graph' ? 'dot' : format
}

/** Above this Graphviz takes minutes, and nobody could read what it draws. */
const LAID_OUT_EDGES_MAX = 500

async function layOut(dot: string): Promise<string> {
  const edges = dot.split('\n').filter((line) => line.includes(' -> ')).length
  if (edges > LAID_OUT_EDGES_MAX) {
    const message = `${edges} hand-offs are too many to lay out; choose at most ${LAID_OUT_EDGES_MAX}, for example with --max.`
    throw new CommandFailure(EXIT.error, 'too-large', message)
  }
  const { instance } = await import('@viz-js/viz')
  const viz = await instance()
  return viz.renderString(dot, { format: 'svg' })
}

async function proveTrace(common: Common, record: RecordId, file: string, options: TraceOptions): Promise<void> {
  const { chain, to, anchor } = options
  const { receipt, ...facts } = await withDaemon(common, (client) =>
    client.call('record.receipt', { chain, record, to, anchor: anchor as Height | undefined })
  )
  await writeNew(file, `${receipt}\n`)
  emit(common, { ...facts, out: file }, () => file)
  if (!common.json) say(`It proves ${facts.transactions} transactions: wardline verify ${file} --genesis GENESIS`)
}

type Page = { readonly chain?: string; readonly limit?: number; readonly after?: string }

export async function listHolders(
  common: Common,
  record: string,
  { at, height, ...page }: Page & { readonly at?: string; readonly height?: number }
): Promise<void> {
  const moment = { atMs: timeOf('--at', at), atHeight: height as Height | undefined }
  const result = await withDaemon(common, (client) =>
    client.call('record.holders', { record: record as RecordId, ...page, ...moment })
  )
  const text = await table(
    ['holder', 'since', 'height', 'by', 'recall'],
    result.holders.map((holder) => [
      who(holder),
      utc(holder.sinceMs),
      holder.sinceHeight,
      holder.via === null ? 'origin' : short(holder.via),
      recallWord(holder.recall)
    ])
  )
  emit(common, result, () => [text, ...recalledLine(result)].join('\n'))
  sayCut(common, result.holders.filter(({ via }) => via !== null).length)
  sayMore(common, result.next)
}

export async function showPath(
  common: Common,
  record: string,
  { chain, to }: { readonly chain?: string; readonly to: string }
): Promise<void> {
  const result = await withDaemon(common, (client) =>
    client.call('record.path', { chain, record: record as RecordId, to })
  )
  const text = result.path.length === 0 ? `${who(result.origin)} is the origin.` : await handOffTable(result.path)
  emit(common, result, () => [text, ...recalledLine(result)].join('\n'))
  sayCut(common, result.path.length)
  if (!result.complete && !common.json) say('The path is longer; its beginning is missing.')
}

export async function listDownstream(
  common: Common,
  record: string,
  { from, after, ...page }: Page & { readonly from: string }
): Promise<void> {
  const params = { record: record as RecordId, from, after: after as TransactionId | undefined, ...page }
  const result = await withDaemon(common, (client) => client.call('record.downstream', params))
  const text = await handOffTable(result.edges)
  emit(common, result, () => text)
  sayCut(common, result.edges.length)
  if (!result.complete && !common.json) {
    say('Not complete: the record travelled more often than is looked at; later hand-offs are missing.')
  }
  sayMore(common, result.next)
}

export type HandOffOptions = Page & {
  readonly state?: readonly string[]
  readonly withoutConsent?: boolean
  readonly invalidConsent?: boolean
  readonly consent?: string
  readonly from?: string
  readonly to?: string
  readonly member?: string
  readonly since?: string
  readonly until?: string
}

/** Of one record; or of all of them, between two hospitals or in one state. */
export async function listHandOffs(common: Common, record: string | undefined, options: HandOffOptions): Promise<void> {
  const result = await withDaemon(common, (client) => askHandOffs(client, record, options))
  const text = [await handOffTable(result.edges), ...(await originLines(result.origins ?? []))].join('\n')
  emit(common, result, () => text)
  sayCut(common, result.edges.length)
  sayMore(common, result.next)
}

/** Below the hand-offs of recalled records: their origins, who are to destroy them and are nobody's receivers. */
async function originLines(origins: Result<'handoff.list'>['origins']): Promise<readonly string[]> {
  if (origins.length === 0) return []
  const rows = origins.map(({ record, recall, ...origin }) => [short(record), who(origin), recallWord(recall)])
  return [await table(['record', 'origin', 'recall'], rows)]
}

type HandOffsPage = Result<'handoff.between'> & Partial<Result<'handoff.list'>>

function askHandOffs(
  client: SocketClient,
  record: string | undefined,
  { state = [], withoutConsent, invalidConsent, consent, from, to, member, since, until, ...page }: HandOffOptions
): Promise<HandOffsPage> {
  const period = { fromMs: timeOf('--since', since), toMs: timeOf('--until', until) }
  const isPeriodGiven = since !== undefined || until !== undefined
  const byConsent = { withoutConsent, invalidConsent }
  const byConsentCount = [withoutConsent, invalidConsent, consent].filter((given) => given !== undefined).length
  if (byConsentCount > 1) throw usage('--without-consent, --invalid-consent and --consent exclude each other.')
  // The daemon knows the states and names them if one is none.
  if (record !== undefined) {
    if ([from, to, member, consent].some((given) => given !== undefined) || isPeriodGiven) {
      throw usage('Of one record, hand-offs are chosen by --state, --without-consent and --invalid-consent.')
    }
    const states = state.length === 0 ? undefined : (state as ParamsInput<'record.handoffs'>['states'])
    return client.call('record.handoffs', { record: record as RecordId, states, ...byConsent, ...page })
  }
  const isByConsent = byConsentCount > 0
  if (isByConsent && state.length > 0) {
    throw usage('--state and --without-consent, --invalid-consent or --consent exclude each other.')
  }
  const isBetween = from !== undefined && to !== undefined && member === undefined && state.length === 0
  if (isBetween && !isByConsent) {
    return client.call('handoff.between', { from, to, ...period, ...page })
  }
  const isUnsaid = state.length === 0 && !isByConsent
  if (from !== undefined || to !== undefined || isPeriodGiven || state.length > 1 || isUnsaid) {
    throw usage(
      'Name a record; or give --from and --to, with --since and --until if you like; or one --state, --without-consent, --invalid-consent or --consent, with --member if you like.'
    )
  }
  const [only] = state as readonly ParamsInput<'handoff.list'>['state'][]
  const named = consent === undefined ? undefined : consentNamed(consent)
  return client.call('handoff.list', { state: only, ...byConsent, consent: named, member, ...page })
}

export async function showAncestor(
  common: Common,
  record: string,
  [one, other]: readonly [string, string],
  { chain }: { readonly chain?: string }
): Promise<void> {
  const params = { chain, record: record as RecordId, one, other }
  const result = await withDaemon(common, (client) => client.call('record.ancestor', params))
  const { ancestor, via, toOne, toOther } = result
  const wayTo = async (path: typeof toOne) => (path.length === 0 ? 'It is that copy.\n' : handOffTable(path))
  const [toOneText, toOtherText] = await Promise.all([wayTo(toOne), wayTo(toOther)])
  emit(common, result, () =>
    [
      `common copy  ${who(ancestor)}, ${via === null ? 'the origin' : `by ${short(via)}`}`,
      '',
      `to ${one}`,
      toOneText,
      `to ${other}`,
      toOtherText
    ].join('\n')
  )
}

export async function listHeld(common: Common, member: string | undefined, page: Page): Promise<void> {
  const params = { ...page, member, after: page.after as RecordId | undefined }
  const result = await withDaemon(common, (client) => client.call('record.held', params))
  const text = await table(
    ['record', 'since', 'height', 'by', 'recall'],
    result.records.map(({ record, via, sinceMs, sinceHeight, recall }) => [
      record,
      utc(sinceMs),
      sinceHeight,
      via === null ? 'origin' : short(via),
      recallWord(recall)
    ])
  )
  emit(common, result, () => text)
  sayCut(common, result.records.filter(({ via }) => via !== null).length)
  sayMore(common, result.next)
}

function handOffTable(edges: HandOffsPage['edges']): Promise<string> {
  return table(
    ['record', 'time', 'from', 'to', 'purpose', 'state', 'consent', 'transmission'],
    edges.map(
      ({ record, timeMs, from, to, purpose, state, mismatch, recall, consent, consentStanding, transmission }) => [
        short(record),
        utc(timeMs),
        who(from),
        who(to),
        purpose,
        [state, mismatch, recallWord(recall)].filter((word) => word !== null).join(', '),
        consent === null ? 'none' : `${short(consent)}, ${consentStanding}`,
        short(transmission)
      ]
    )
  )
}

function sayMore(common: Common, next: string | null): void {
  if (next !== null && !common.json) say(`More: --after ${next}`)
}
