/** `record.list`: what this hospital sent or was sent, newest first. */
import type { Api, Result } from '@wardline/api'
import { ApiError } from '@wardline/api'
import type { Height, RecordId, TransactionId } from '@wardline/codec'
import { heldRecords, recallIn } from '@wardline/custody'
import { readRecord, readTransmission } from '@wardline/ledger'
import type { RangeOptions } from '@wardline/ports'
import { pendingDuties } from '@wardline/views'
import { transmissionOf } from '../holding.ts'
import type { Membership, Memberships } from '../membership.ts'
import { chainOfMode, nameOf } from './lookup.ts'

/** Rows read at once: all of them are looked through for each page, and no more than these are in memory. */
const CHUNK = 1_000

type Row = Result<'record.list'>['records'][number]

/** A place in the list. `transmission` is null for an own record: its first one. */
type Place = {
  readonly order: string
  readonly record: RecordId
  readonly transmission: TransactionId | null
  readonly state: 'own' | 'sent' | 'opened'
}

export function recordList(memberships: Memberships): Api['record.list'] {
  return async ({ chain: name, which, before, limit }) => {
    const member = chainOfMode(memberships, name, 'STT')
    const newest = createNewest(limit + 1)
    for await (const place of placesOf(member)) {
      const isWanted = which === 'all' || (which === 'own') === (place.state === 'own')
      if (isWanted && (before === undefined || place.order < before)) newest.add(place)
    }
    const found = newest.list()
    const page = found.slice(0, limit)
    const records: Row[] = []
    for (const place of page) {
      records.push(rowOf(member, place))
      // A row reads a block: votes and other calls come between.
      await new Promise<void>((resolve) => member.clock.after(0, resolve))
    }
    return {
      chain: member.chain.id,
      records,
      next: found.length > limit ? (page.at(-1)?.order ?? null) : null
    }
  }
}

/** Everything held, and everything sent to this hospital that it has not acknowledged; in no useful order. */
async function* placesOf({ chain }: Membership): AsyncIterable<Place> {
  let afterRecord: RecordId | undefined
  do {
    const page = { limit: CHUNK, ...(afterRecord !== undefined && { after: afterRecord }) }
    const held = await heldRecords(chain.store, chain.self, page)
    for (const { recordId: record, through, sinceHeight } of held) {
      const state = through === null ? 'own' : 'opened'
      yield { order: orderOf(sinceHeight, record), record, transmission: through, state }
    }
    afterRecord = held.length < CHUNK ? undefined : held.at(-1)?.recordId
  } while (afterRecord !== undefined)
  const range = (options: RangeOptions) => chain.store.range(options)
  let afterDuty: TransactionId | undefined
  do {
    const duties = await pendingDuties(range, { limit: CHUNK, ...(afterDuty !== undefined && { after: afterDuty }) })
    for (const { record, transmission, height } of duties) {
      yield { order: orderOf(height, transmission), record, transmission, state: 'sent' }
    }
    afterDuty = duties.length < CHUNK ? undefined : duties.at(-1)?.transmission
  } while (afterDuty !== undefined)
}

/** Text order is the order of the list, and no two places share one. */
function orderOf(height: Height, name: string): string {
  return `${String(height).padStart(12, '0')}-${name}`
}

/** The `countMax` places that come first in the list, of any number. */
function createNewest(countMax: number) {
  let places: Place[] = []
  const cut = () => {
    places.sort((a, b) => (a.order < b.order ? 1 : -1))
    places = places.slice(0, countMax)
  }
  return {
    add(place: Place): void {
      places.push(place)
      if (places.length >= countMax + CHUNK) cut()
    },
    list(): readonly Place[] {
      cut()
      return places
    }
  }
}

function rowOf(member: Membership, { record: id, transmission: named, state }: Place): Row {
  const { chain } = member
  const record = readRecord(chain.state, id)
  const sent = record && transmissionOf(member, named ?? record.first)
  const transmission = sent && readTransmission(chain.state, sent.id)
  if (record === undefined || sent === undefined || transmission === undefined) {
    throw new ApiError('not-found', 'the chain has no such record')
  }
  return {
    record: id,
    origin: nameOf(member, record.origin),
    transmission: sent.id,
    from: nameOf(member, sent.author.member),
    to: sent.body.to.map(({ member: receiver }) => nameOf(member, receiver)),
    purpose: sent.body.purpose,
    timeMs: transmission.time,
    height: transmission.height,
    state,
    recall: recallIn(chain.store, id, chain.self) ?? null,
    payloadHere: chain.payloads.has(sent),
    sizeBytes: sent.payload?.size ?? null
  }
}
