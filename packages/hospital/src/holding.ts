/** Which records this hospital may send on, and by which transmission it has them. */
import { ApiError } from '@wardline/api'
import type { RecordId, TransactionId } from '@wardline/codec'
import { type HeldRecord, heldRecord, traceRecord } from '@wardline/custody'
import {
  type CommittedBlock,
  type ParsedTransaction,
  readAcknowledgement,
  readRecall,
  readRecord,
  readTransmission
} from '@wardline/ledger'
import { openDuty } from '@wardline/views'
import type { Deadline } from './deadline.ts'
import type { Membership } from './membership.ts'
import { refusal } from './refusal.ts'

type Send = ParsedTransaction<'stt.send'>

/** A record, or the copy of it that came by one transmission. Exactly one of the two is given. */
export type Wanted = { readonly record?: RecordId | undefined; readonly via?: TransactionId | undefined }

export type Held = {
  readonly record: RecordId
  /** What a transmission of it must name: null where this hospital is the origin. */
  readonly via: TransactionId | null
  /** The transmission that has the content. */
  readonly brought: Send
}

/** @throws ApiError `not-found` unless `id` is a final transmission */
export function transmissionOf({ chain }: Membership, id: TransactionId): Send {
  const sent = chain.query.transaction(id)
  if (sent?.kind !== 'stt.send') throw new ApiError('not-found', 'the chain has no such transmission')
  return sent
}

/** The transmission by which a held record came; its own first one where this hospital is the origin. */
export function broughtBy(member: Membership, { recordId, through }: HeldRecord): Send {
  const first = through ?? readRecord(member.chain.state, recordId)?.first
  if (first === undefined) throw new ApiError('not-found', 'this hospital holds no such record')
  return transmissionOf(member, first)
}

/**
 * A record is sent on only once this hospital's own opening of it is final; until then this waits. It waits, too, for a
 * transmission or a record that this daemon's chain does not have yet, for the sender may be a block ahead.
 * @throws ApiError `not-a-holder` as soon as it is certain that no opening is under way, `recalled`; `timeout`, or `not-found` if the
 *   chain did not get to know of it in time
 */
export async function waitUntilHeld(member: Membership, wanted: Wanted, deadline: Deadline): Promise<Held> {
  const look = async (block?: CommittedBlock) => {
    if (block !== undefined && !concerns(member, wanted, block)) return undefined
    const standing = await standingOf(member, wanted)
    if (standing === 'never') throw refusal('not-a-holder')
    if (standing === 'recalled') throw refusal('recalled')
    return standing === 'waiting' || standing === 'unknown' ? undefined : standing
  }
  try {
    return await deadline.untilFound(member.chain, look, "this hospital's own opening of the record is not final yet")
  } catch (error) {
    const isLate = error instanceof ApiError && error.code === 'timeout'
    if (isLate && !isOnChain(member, wanted)) {
      throw new ApiError('not-found', 'the chain has no such record or transmission', undefined, { cause: error })
    }
    throw error
  }
}

type Standing = Held | 'waiting' | 'unknown' | 'never' | 'recalled'

async function standingOf(member: Membership, wanted: Wanted): Promise<Standing> {
  const { chain } = member
  const standing = await chain.atRest(() => standingNow(member, wanted))
  if (standing !== 'not-held') return standing
  return (await onItsWay(member, wanted.record as RecordId)) === undefined ? 'never' : 'waiting'
}

function standingNow(member: Membership, { record, via }: Wanted): Standing | 'not-held' {
  const { chain } = member
  const named = via === undefined ? record : readTransmission(chain.state, via)?.record
  if (named !== undefined && readRecall(chain.state, named) !== undefined) return 'recalled'
  if (via !== undefined) {
    if (named === undefined) return 'unknown'
    if (readAcknowledgement(chain.state, via, chain.self)?.outcome === 'opened') {
      const brought = transmissionOf(member, via)
      return { record: brought.body.recordId, via, brought }
    }
    return openDuty(chain.store, via) === undefined ? 'never' : 'waiting'
  }
  if (record === undefined) return 'never'
  const held = heldRecord(chain.store, chain.self, record)
  if (held !== undefined) return { record, via: held.through, brought: broughtBy(member, held) }
  if (readRecord(chain.state, record) === undefined) return 'unknown'
  return 'not-held'
}

/** A transmission of the record to this hospital whose opening is still to come, unless that became final just now. */
export async function onItsWay({ chain }: Membership, record: RecordId): Promise<TransactionId | undefined> {
  const graph = await traceRecord(chain.store, record)
  const toHere = (state: 'sent' | 'opened') =>
    graph?.transmissions.find(({ to }) => to.some((one) => one.member === chain.self && one.state === state))?.id
  return toHere('sent') ?? toHere('opened')
}

/** Whether a block can have changed the standing: it has a transmission of the record, or an acknowledgement of ours. */
function concerns({ chain }: Membership, { record, via }: Wanted, { transactions }: CommittedBlock): boolean {
  return transactions.some((tx) => {
    if (tx.kind === 'stt.send') return tx.id === via || tx.body.recordId === record
    if (tx.kind === 'stt.recall') return tx.body.recordId === record || via !== undefined
    return tx.kind === 'stt.ack' && tx.author.member === chain.self
  })
}

function isOnChain({ chain }: Membership, { record, via }: Wanted): boolean {
  if (via !== undefined) return readTransmission(chain.state, via) !== undefined
  return record !== undefined && readRecord(chain.state, record) !== undefined
}
