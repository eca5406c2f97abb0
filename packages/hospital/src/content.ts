/** From a transmission to the record's bytes. */
import { ApiError } from '@wardline/api'
import type { Content } from '@wardline/crypto'
import { isRecalled, type ParsedTransaction } from '@wardline/ledger'
import { openEnvelope } from './author.ts'
import type { Deadline } from './deadline.ts'
import type { Membership } from './membership.ts'
import { refusal } from './refusal.ts'

/**
 * The envelope of a transmission that this hospital sent or was sent, fetched if it is not here.
 * @throws ApiError `not-found | recalled | payload-not-here | timeout`
 */
export async function envelopeOf(
  { chain }: Membership,
  sent: ParsedTransaction<'stt.send'>,
  deadline: Deadline
): Promise<Uint8Array> {
  const isParty = sent.author.member === chain.self || sent.body.to.some(({ member: id }) => id === chain.self)
  if (!isParty) throw new ApiError('not-found', 'this hospital is no party to that transmission')
  if (isRecalled(chain.state, sent)) throw refusal('recalled')
  const here = chain.payloads.get(sent)
  const envelope = here ?? (await deadline.wait(chain.payloads.fetch(sent), 'the payload has not arrived yet'))
  if (envelope === undefined) throw payloadNotHere()
  return envelope
}

/**
 * The content of a transmission that this hospital sent or was sent, held against its commitment.
 * @throws ApiError as `envelopeOf`, `verification-failed`
 */
export async function contentOf(
  member: Membership,
  sent: ParsedTransaction<'stt.send'>,
  deadline: Deadline
): Promise<Content> {
  const opened = await openEnvelope(member, sent, await envelopeOf(member, sent, deadline))
  if (opened.kind === 'failed') {
    throw new ApiError('verification-failed', `the payload does not open to what the chain says (${opened.outcome})`)
  }
  return opened.content
}

export function payloadNotHere(): ApiError {
  return new ApiError('payload-not-here', 'the payload is not here, and nobody who has it is connected')
}
