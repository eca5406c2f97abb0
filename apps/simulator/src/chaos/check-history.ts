/**
 * Holds what clients were told against the chain as it ended: Jepsen's list-append, where the list is the chain, sends
 * append to it and every read sees a prefix of it. Knows nothing of daemons, faults or how the history came about.
 *
 * A hospital's own final chain is one list for its clients: what it has told, it may never take back, across its restarts
 * too. Between hospitals there is no such promise, since one may be behind; there only the order counts: what was asked
 * after an answer `committed` to somebody else comes later in the chain.
 */
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import { unreachable } from '@wardline/codec'
import type { FinalChain } from './final-chain.ts'
import type { HistoryEvent, Question, Told } from './history.ts'

export type Anomaly = {
  readonly kind: /** Told accepted or committed, and not in the chain. */
    | 'lost'
    /** Twice in the chain; or more sends of a hospital than were asked for. */
    | 'duplicated'
    /** Before something in the chain whose commit was told before it was asked. */
    | 'reordered'
    /** A read that misses what this hospital had told before it was asked. */
    | 'stale'
    /** Told to be somewhere else in the chain than it is. */
    | 'moved'
    /** Told to be final, and in no block. */
    | 'phantom'
    /** A head that is not the chain's block of that height. */
    | 'forked'
    /** Told refused or expired, and in the chain. */
    | 'contradicted'
    /** Holders of a record that the blocks up to that height do not give. */
    | 'wrong-holders'
  readonly what: string
  /** The question, as the history names it; null where the chain alone shows it. */
  readonly op: number | null
}

type Place = { readonly height: number; readonly index: number; readonly position: number }

type Asked = {
  readonly site: MemberId
  readonly question: Question
  /** Whether an older copy of this hospital's disk was put back later. */
  readonly isVoid: boolean
  /** The height that this hospital had told of when it was asked. */
  readonly siteHeight: number
  /** The last position in the chain that anybody had been told of as committed. */
  readonly position: number
}

/** Every way in which the history and the chain disagree; empty if they do not. The history ended when all was at rest. */
export function checkHistory(events: readonly HistoryEvent[], chain: FinalChain): readonly Anomaly[] {
  const anomalies: Anomaly[] = []
  const places = placesIn(chain, (what) => anomalies.push({ kind: 'duplicated', what, op: null }))
  const holders = createHolders(chain)
  const open = new Map<number, Asked>()
  const siteHeights = new Map<MemberId, number>()
  const restores = new Map<MemberId, number>()
  for (const { event, site } of events) if (event === 'restored') restores.set(site, (restores.get(site) ?? 0) + 1)
  let position = -1

  for (const event of events) {
    const { site } = event
    if (event.event === 'restored') {
      restores.set(site, (restores.get(site) ?? 0) - 1)
      siteHeights.delete(site)
      continue
    }
    const { op } = event
    if (event.event === 'asked') {
      const siteHeight = siteHeights.get(site) ?? 0
      open.set(op, { site, question: event.question, isVoid: (restores.get(site) ?? 0) > 0, siteHeight, position })
      continue
    }
    const asked = open.get(op)
    if (asked === undefined) throw new TypeError(`the history answers ${op}, which nobody asked`)
    open.delete(op)
    const found = (kind: Anomaly['kind'], what: string): void => void anomalies.push({ kind, what, op })
    const seen = checkTold(asked, event.told, { chain, places, holders, found })
    if (seen === undefined) continue
    siteHeights.set(site, Math.max(siteHeights.get(site) ?? 0, seen.height))
    position = Math.max(position, seen.position)
  }
  checkCounts(events, chain, (what) => anomalies.push({ kind: 'duplicated', what, op: null }))
  return anomalies
}

type Context = {
  readonly chain: FinalChain
  readonly places: ReadonlyMap<TransactionId, Place>
  readonly holders: (record: RecordId, height: number) => readonly MemberId[]
  readonly found: (kind: Anomaly['kind'], what: string) => void
}

/** What the answer shows to be final: the height, and the position of what was told to be committed (-1: of nothing). */
type Seen = { readonly height: number; readonly position: number }

function checkTold(asked: Asked, told: Told, context: Context): Seen | undefined {
  const { chain, places, found } = context
  switch (told.kind) {
    case 'submitted':
      return checkSubmitted(asked, told, context)
    case 'head': {
      checkFresh(asked, told.height, found)
      if (told.height > 0 && chain.blocks[told.height - 1]?.digest !== told.digest) {
        found('forked', `block ${told.height} was told to be ${told.digest}`)
      }
      return { height: told.height, position: -1 }
    }
    case 'transaction': {
      const { question } = asked
      const id = question.kind === 'transaction' ? question.id : undefined
      const place = id === undefined ? undefined : places.get(id)
      if (place === undefined) {
        found('phantom', `${id} was told to be in block ${told.height}`)
        return undefined
      }
      if (place.height !== told.height || place.index !== told.index) {
        found('moved', `${id} was told at ${told.height}/${told.index} and is at ${place.height}/${place.index}`)
      }
      return place
    }
    case 'absent': {
      // Before its first block a chain has no head to give.
      if (asked.question.kind === 'head') checkFresh(asked, 0, found)
      const height = firstHeight(asked.question, chain, places)
      if (height !== undefined && height <= asked.siteHeight) {
        found(
          'stale',
          `it was told to be absent, is in block ${height}, and block ${asked.siteHeight} had been told of`
        )
      }
      return undefined
    }
    case 'holders': {
      checkFresh(asked, told.height, found)
      if (asked.question.kind === 'holders') {
        const expected = [...context.holders(asked.question.record, told.height)].sort()
        const got = [...told.members].sort()
        if (expected.join() !== got.join()) {
          found(
            'wrong-holders',
            `at ${told.height} they were told to be ${got.join(' ')}, and are ${expected.join(' ')}`
          )
        }
      }
      return { height: told.height, position: -1 }
    }
    case 'failed':
    case 'unknown':
      return undefined
    default:
      return unreachable(told)
  }
}

function checkSubmitted(
  asked: Asked,
  { id, state, height }: Extract<Told, { kind: 'submitted' }>,
  { places, found }: Context
): Seen | undefined {
  const place = places.get(id)
  if (state === 'expired' || state === 'refused') {
    if (place !== undefined) found('contradicted', `${id} was told to be ${state}, and is in block ${place.height}`)
    return undefined
  }
  if (place === undefined) {
    if (asked.isVoid && state === 'accepted') return undefined
    found('lost', `${id} was told to be ${state}, and is in no block`)
    return undefined
  }
  // What is given once more may have been there for long.
  if (asked.question.kind === 'send' && place.position <= asked.position) {
    found(
      'reordered',
      `${id} is at position ${place.position}; ${asked.position} was told committed before it was asked`
    )
  }
  if (state === 'accepted') return undefined
  if (height !== place.height) found('moved', `${id} was told in block ${height}, and is in ${place.height}`)
  return place
}

function checkFresh({ siteHeight }: Asked, height: number, found: Context['found']): void {
  if (height < siteHeight) found('stale', `height ${height} was told after ${siteHeight}`)
}

/** Where what a read asked for became final. */
function firstHeight(
  question: Question,
  { blocks }: FinalChain,
  places: ReadonlyMap<TransactionId, Place>
): number | undefined {
  if (question.kind === 'transaction') return places.get(question.id)?.height
  if (question.kind !== 'holders') return undefined
  const at = blocks.findIndex(({ transactions }) =>
    transactions.some(({ says }) => says.kind === 'send' && says.record === question.record)
  )
  return at < 0 ? undefined : at + 1
}

function placesIn({ blocks }: FinalChain, duplicated: (what: string) => void): ReadonlyMap<TransactionId, Place> {
  const places = new Map<TransactionId, Place>()
  let position = 0
  for (const [at, { transactions }] of blocks.entries()) {
    for (const [index, { id }] of transactions.entries()) {
      const before = places.get(id)
      if (before !== undefined) duplicated(`${id} is in block ${before.height} and in block ${at + 1}`)
      else places.set(id, { height: at + 1, index, position })
      position += 1
    }
  }
  return places
}

/**
 * Sends have no name before they are answered. So a hospital's sends that no answer names are counted: there can be at most
 * as many as questions whose outcome nobody knows.
 */
function checkCounts(
  events: readonly HistoryEvent[],
  { blocks }: FinalChain,
  duplicated: (what: string) => void
): void {
  const named = new Set<TransactionId>()
  const openBySite = new Map<MemberId, number>()
  const sends = new Set<number>()
  const count = (site: MemberId, by: number): void => void openBySite.set(site, (openBySite.get(site) ?? 0) + by)
  for (const event of events) {
    if (event.event === 'asked') {
      if (event.question.kind !== 'send') continue
      sends.add(event.op)
      count(event.site, 1)
    } else if (event.event === 'told' && sends.has(event.op)) {
      if (event.told.kind === 'submitted') named.add(event.told.id)
      if (event.told.kind !== 'unknown') count(event.site, -1)
    }
  }
  const unnamed = new Map<MemberId, number>()
  for (const { transactions } of blocks) {
    for (const { id, author, says } of transactions) {
      if (author === null || says.kind !== 'send' || !says.origin || named.has(id)) continue
      unnamed.set(author, (unnamed.get(author) ?? 0) + 1)
    }
  }
  for (const [site, sent] of unnamed) {
    const asked = openBySite.get(site) ?? 0
    if (sent > asked)
      duplicated(`${site} has ${sent} sends that no answer names, and ${asked} questions without an outcome`)
  }
}

/** Who holds a record by the blocks up to a height: its origin, and whoever acknowledged that it opened what it was sent. */
function createHolders({ blocks }: FinalChain): Context['holders'] {
  const since = new Map<RecordId, { readonly member: MemberId; readonly height: number }[]>()
  const recordOf = new Map<TransactionId, RecordId>()
  const note = (record: RecordId | undefined, member: MemberId | null, height: number): void => {
    if (record === undefined || member === null) return
    const list = since.get(record) ?? []
    since.set(record, list)
    if (!list.some((each) => each.member === member)) list.push({ member, height })
  }
  for (const [at, { transactions }] of blocks.entries()) {
    for (const { id, author, says } of transactions) {
      switch (says.kind) {
        case 'send':
          recordOf.set(id, says.record)
          if (says.origin) note(says.record, author, at + 1)
          break
        case 'opened':
          for (const via of says.by) note(recordOf.get(via), author, at + 1)
          break
        case 'other':
          break
        default:
          unreachable(says)
      }
    }
  }
  return (record, height) =>
    (since.get(record) ?? []).filter((each) => each.height <= height).map(({ member }) => member)
}
