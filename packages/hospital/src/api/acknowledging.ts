/** Acknowledging by hand: what waits for a person, and the person's word. */
import { type Api, ApiError } from '@wardline/api'
import type { TransactionId } from '@wardline/codec'
import { type Acknowledgement, type ParsedTransaction, readAcknowledgement } from '@wardline/ledger'
import { isOverdue, openDuty, pendingDuties } from '@wardline/views'
import type { Said } from '../acknowledger.ts'
import { provingKey } from '../author.ts'
import { type Deadline, deadlineIn } from '../deadline.ts'
import { transmissionOf } from '../holding.ts'
import type { Membership } from '../membership.ts'
import { refusal } from '../refusal.ts'
import type { RunningChain } from '../running-chain.ts'
import { findingOf } from './finding.ts'
import { chainOfMode, nameOf, runningOn, seenBy } from './lookup.ts'

type Methods = Pick<Api, 'record.pending' | 'record.ack'>
type Send = ParsedTransaction<'stt.send'>

export function acknowledgingMethods(running: () => readonly RunningChain[]): Methods {
  const memberships = () => running().map(({ member }) => member)
  const named = (name: string | undefined) => runningOn(running(), chainOfMode(memberships, name, 'STT'))
  return {
    async 'record.pending'({ chain: name, after, limit }, { role }) {
      const { member: own, duties } = named(name)
      const member = seenBy(role, own)
      const { chain, clock } = member
      const page = after === undefined ? { limit: limit + 1 } : { limit: limit + 1, after }
      const rows = await pendingDuties((options) => chain.store.range(options), page)
      const pending = rows.slice(0, limit).map((duty) => {
        const sent = transmissionOf(member, duty.transmission)
        return {
          transmission: sent.id,
          record: duty.record,
          from: nameOf(member, duty.sender),
          purpose: sent.body.purpose,
          timeMs: duty.sinceMs,
          height: duty.height,
          overdue: isOverdue(duty, clock.nowMs()),
          payloadHere: chain.payloads.has(sent),
          standing: duties.standing(sent.id)
        }
      })
      const next = rows.length > limit ? (pending.at(-1)?.transmission ?? null) : null
      return { chain: chain.id, acknowledge: duties.acknowledge, pending, next }
    },

    async 'record.ack'({ chain: name, via, refuse, reveal, timeoutMs }, { signal }) {
      const { member, duties } = named(name)
      const { chain } = member
      const deadline = deadlineIn(member, timeoutMs, signal)
      const sent = transmissionOf(member, via)
      if (!sent.body.to.some(({ member: id }) => id === chain.self)) throw refusal('not-a-receiver')
      if (openDuty(chain.store, via) === undefined) throw refusal('already-acknowledged')
      duties.say(via, refuse ? { outcome: 'refused' } : await foundIn({ member, duties }, sent, reveal, deadline))
      const { outcome, id, height } = await untilAcknowledged(member, via, deadline)
      const ack = chain.query.transaction(id)
      const said = ack?.kind === 'stt.ack' ? ack.body.acks.find((one) => one.via === via) : undefined
      return {
        chain: chain.id,
        record: sent.body.recordId,
        transmission: via,
        from: nameOf(member, sent.author.member),
        outcome,
        contentKey: said?.contentKey ?? null,
        id,
        height
      }
    }
  }
}

/** @throws ApiError `payload-not-here | unavailable | verification-failed | invalid-params | timeout` */
async function foundIn(
  { member, duties }: Pick<RunningChain, 'member' | 'duties'>,
  sent: Send,
  reveal: boolean,
  deadline: Deadline
): Promise<Said> {
  const outcome = await findingOf(duties, sent, deadline)
  if (!reveal) return { outcome }
  if (outcome !== 'mismatch') {
    throw new ApiError('invalid-params', `a content key proves a mismatch, and this daemon finds: ${outcome}`)
  }
  const envelope = member.chain.payloads.get(sent)
  const key = envelope && (await provingKey(member, sent, envelope))
  if (key === undefined) {
    const message = 'no key proves it: what is wrapped for this hospital does not open the content; claim it without'
    throw new ApiError('verification-failed', message)
  }
  return key === null ? { outcome } : { outcome, contentKey: key }
}

function untilAcknowledged({ chain }: Membership, via: TransactionId, deadline: Deadline): Promise<Acknowledgement> {
  return deadline.untilFound(
    chain,
    () => readAcknowledgement(chain.state, via, chain.self),
    'the acknowledgement is not final yet; if this daemon restarts before it is, look whether it still waits'
  )
}
