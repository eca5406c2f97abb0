/** Sends garbage, votes for views that nobody has reached, false certificates, and requests that ask for nothing. */
import { type View, WardlineError } from '@wardline/codec'
import { type Certificate, type Message, NO_DIGEST } from '@wardline/consensus'
import type { Network } from '@wardline/ports'
import {
  type ByzantineMember,
  everyNowAndThen,
  type Misconduct,
  messageIn,
  overhear,
  randomDigest,
  signVote,
  topicOf,
  whisperMessage
} from './member.ts'

const PIECES_MAX = 300

export const flood: Misconduct = (network, member) => {
  let newest: Message | undefined
  const listening = overhear(network, (topic, data) => {
    newest = messageIn(topic, data) ?? newest
  })
  everyNowAndThen(member, [5, 150], PIECES_MAX, () => piece(network, member, newest))
  return listening
}

function piece(network: Network, member: ByzantineMember, newest: Message | undefined): void {
  const { prng, others, chain } = member
  if (others.length === 0) return
  const { epoch, view: near } = placeOf(newest)
  const view = (near + 1 + prng.below(prng.pick([2, 100, 2 ** 31]))) as View
  const digest = randomDigest(prng)
  switch (prng.below(5)) {
    case 0:
      member.whisper(
        others,
        topicOf(chain, prng.pick(['vote', 'proposal', 'tx'] as const)),
        prng.bytes(1 + prng.below(400))
      )
      return
    case 1:
      whisperMessage(member, others, { kind: 'vote', vote: signVote(member, 'notarize', { epoch, view, digest }) })
      return
    case 2:
      whisperMessage(member, others, {
        kind: 'vote',
        vote: signVote(member, 'nullify', { epoch, view, digest: NO_DIGEST })
      })
      return
    case 3: {
      const signers = [...others, ''].map((_, index) => index)
      const signatures = signers.map(() => prng.bytes(64))
      const certificate: Certificate = { kind: 'finalize', epoch, view, digest, signers, signatures }
      whisperMessage(member, others, { kind: 'certificate', certificate, attempt: prng.uint32() })
      return
    }
    default:
      void askForNothing(network, prng.pick(others), prng.bytes(1 + prng.below(100)))
  }
}

async function askForNothing(network: Network, peer: string, request: Uint8Array): Promise<void> {
  try {
    const options = { timeoutMs: 1000, frameBytesMax: 1000, framesMax: 1 }
    for await (const _ of network.request(peer, '/wardline/sync/1', request, options)) return
  } catch (error) {
    // The other side closes the stream, as it should.
    if (!(error instanceof WardlineError)) throw error
  }
}

/** Where in the chain's course a message belongs; the very beginning where it does not say. */
function placeOf(message: Message | undefined): { readonly epoch: Certificate['epoch']; readonly view: number } {
  switch (message?.kind) {
    case 'vote':
      return message.vote
    case 'certificate':
      return message.certificate
    case 'proposal':
      return message.proposal.header
    case 'status':
      return message.status
    case 'status-ask':
      return { epoch: message.ask.epoch, view: 0 }
    case undefined:
      return { epoch: 0 as Certificate['epoch'], view: 0 }
  }
}
