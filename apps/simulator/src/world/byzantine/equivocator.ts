/** Signs against every vote and proposal of its own, and tells one half of the others the one and the rest the other. */
import type { Digest, View } from '@wardline/codec'
import { headerDigest, type Message, NO_DIGEST } from '@wardline/consensus'
import {
  type ByzantineMember,
  halves,
  instead,
  type Misconduct,
  messageIn,
  overhear,
  randomDigest,
  signHeader,
  signVote,
  whisperMessage
} from './member.ts'

/** Views whose proposals it remembers. */
const VIEWS_MAX = 64

export const equivocate: Misconduct = (network, member) => {
  const proposed = new Map<View, Digest>()
  const note = (message: Message | undefined): void => {
    if (message?.kind !== 'proposal') return
    const { header } = message.proposal
    if (proposed.size >= VIEWS_MAX) proposed.clear()
    if (!proposed.has(header.view)) proposed.set(header.view, headerDigest(header))
  }
  const listening = overhear(network, (topic, data) => note(messageIn(topic, data)))
  return instead(listening, async (topic, data) => {
    const message = messageIn(topic, data)
    note(message)
    const lies = message === undefined ? [] : contradictions(member, message, proposed)
    if (lies.length === 0 || !member.isActive()) {
      await network.gossip.publish(topic, data)
      return
    }
    const [some, rest] = halves(member)
    member.whisper(some, topic, data)
    for (const lie of lies) whisperMessage(member, rest, lie)
  })
}

function contradictions(
  member: ByzantineMember,
  message: Message,
  proposed: ReadonlyMap<View, Digest>
): readonly Message[] {
  if (message.kind !== 'proposal' && message.kind !== 'vote') return []
  if (message.kind === 'proposal') {
    const { proposal } = message
    const header = { ...proposal.header, time: proposal.header.time + 1 }
    return [{ kind: 'proposal', proposal: { ...proposal, header, signature: signHeader(member, header) } }]
  }
  const { kind, epoch, view, digest } = message.vote
  const other = proposed.get(view)
  const another = other === undefined || other === digest ? randomDigest(member.prng) : other
  const nullify = signVote(member, 'nullify', { epoch, view, digest: NO_DIGEST })
  const votes =
    kind === 'nullify'
      ? [
          signVote(member, 'notarize', { epoch, view, digest: another }),
          signVote(member, 'finalize', { epoch, view, digest: another })
        ]
      : [nullify, signVote(member, kind, { epoch, view, digest: another })]
  return votes.map((vote) => ({ kind: 'vote', vote }))
}
