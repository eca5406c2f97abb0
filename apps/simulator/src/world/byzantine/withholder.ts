/** Keeps to itself what it should say: to some, of some kind, or what it is asked for. */
import { instead, type Misconduct, messageIn } from './member.ts'

export const withhold: Misconduct = (network, member) => {
  const { prng, others } = member
  const hearers = others.filter(() => prng.chance(0.4))
  const withheld = new Set(
    (['notarize', 'nullify', 'finalize', 'proposal', 'certificate', 'status-ask', 'status'] as const).filter(() =>
      prng.chance(0.4)
    )
  )
  const keepsAnswers = prng.chance(0.5)
  const silent = instead(network, async (topic, data) => {
    const message = messageIn(topic, data)
    const kind = message?.kind === 'vote' ? message.vote.kind : message?.kind
    if (kind === undefined || !withheld.has(kind) || !member.isActive()) await network.gossip.publish(topic, data)
    else if (hearers.length > 0) member.whisper(hearers, topic, data)
  })
  return {
    ...silent,
    serve(protocol, handler, options) {
      network.serve(
        protocol,
        async function* (request, from) {
          if (!keepsAnswers || !member.isActive()) yield* handler(request, from)
        },
        options
      )
    }
  }
}
