/** `stt.ack`: a receiver says, once, how its attempt to take a transmission ended. The first one counts; there is no second. */
import { bytes32, type CborValue, mapOf, nameBytes, oneOf, type Read, type TransactionId } from '@wardline/codec'
import type { KindRules } from '../kind.ts'
import { stateKeys } from '../state-keys.ts'
import { encodeAcknowledgement, OUTCOMES, readTransmission } from './record.ts'

const read = mapOf({ via: bytes32<TransactionId>, outcome: oneOf(...OUTCOMES) })

/** `opened` promises that every signature and commitment from the origin was verified and that the content matches. */
export type AckBody = Read<typeof read>

export function encodeAckBody({ via, outcome }: AckBody): CborValue {
  return { via: nameBytes(via), outcome }
}

export const ack: KindRules<AckBody> = {
  read,
  payload: 'none',
  fault: () => undefined,
  checks: () => [],
  judge({ state, author }, { author: { member }, body }) {
    if (author.role !== 'hospital') return 'author-not-hospital'
    const transmission = readTransmission(state, body.via)
    if (transmission === undefined) return 'unknown-transmission'
    if (!transmission.to.includes(member)) return 'not-a-receiver'
    const key = stateKeys.acknowledgement(body.via, member)
    return state.get(key) === undefined ? undefined : 'already-acknowledged'
  },
  apply(state, { id, author, body }, { height, time }) {
    const acknowledgement = { outcome: body.outcome, id, height, time }
    state.set(stateKeys.acknowledgement(body.via, author.member), encodeAcknowledgement(acknowledgement))
  }
}
