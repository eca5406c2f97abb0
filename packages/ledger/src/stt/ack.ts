/**
 * `stt.ack`: a receiver says, once for each transmission, how its attempt to take it ended. The first word counts; there is no
 * second. One transaction acknowledges several transmissions, for a busy receiver gets many with one block.
 */
import {
  arrayOf,
  bytes32,
  type CborValue,
  type ContentKey,
  limits,
  mapOf,
  nameBytes,
  oneOf,
  optional,
  type Read,
  type TransactionId
} from '@wardline/codec'
import type { KindRules, Subject } from '../kind.ts'
import { isAscending } from '../membership/member.ts'
import type { FormCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'
import { encodeAcknowledgement, OUTCOMES, type Outcome, readAttestation, readTransmission } from './record.ts'

const readOne = mapOf({
  via: bytes32<TransactionId>,
  outcome: oneOf(...OUTCOMES),
  /** With `mismatch` only: opens the envelope for whoever has it, so that the claim can be checked (custody's `verifyMismatch`). */
  contentKey: optional(bytes32<ContentKey>)
})

const read = mapOf({ acks: arrayOf(readOne, 1, limits.acksPerTransactionMax) })

/**
 * Ascending by transmission, each once. `opened` promises that every signature and commitment from the origin was verified
 * and that the content matches.
 */
export type AckBody = Read<typeof read>

export function encodeAckBody({ acks }: AckBody): CborValue {
  return {
    acks: acks.map(({ via, outcome, contentKey }) => ({
      via: nameBytes(via),
      outcome,
      ...(contentKey !== undefined && { contentKey: nameBytes(contentKey) })
    }))
  }
}

function fault({ body: { acks } }: Subject<AckBody>): FormCode | undefined {
  if (!isAscending(acks.map(({ via }) => via))) return 'acks-not-sorted'
  // No rule can hold a key against an envelope: payloads are not read.
  const isIdle = acks.some(({ outcome, contentKey }) => contentKey !== undefined && outcome !== 'mismatch')
  return isIdle ? 'key-proves-nothing' : undefined
}

/** What an acknowledgement says of one transmission; undefined if it is not about it. */
export function outcomeOf({ acks }: AckBody, transmission: TransactionId): Outcome | undefined {
  return acks.find(({ via }) => via === transmission)?.outcome
}

export const ack: KindRules<AckBody> = {
  modes: ['STT'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault,
  checks: () => [],
  judge({ state, author }, { author: { member }, body }) {
    if (author.role !== 'hospital') return 'author-not-hospital'
    for (const { via, outcome } of body.acks) {
      const transmission = readTransmission(state, via)
      if (transmission === undefined) return 'unknown-transmission'
      if (!transmission.to.includes(member)) return 'not-a-receiver'
      if (state.get(stateKeys.acknowledgement(via, member)) !== undefined) return 'already-acknowledged'
      // It would hold again what the chain has as destroyed.
      if (outcome === 'opened' && readAttestation(state, transmission.record, member) !== undefined)
        return 'already-attested'
    }
    return undefined
  },
  apply(state, { id, author, body }, { height, time }) {
    for (const { via, outcome } of body.acks) {
      const acknowledgement = { outcome, id, height, time }
      state.set(stateKeys.acknowledgement(via, author.member), encodeAcknowledgement(acknowledgement))
    }
  }
}
