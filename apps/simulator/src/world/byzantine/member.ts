/**
 * What a Byzantine member has to misbehave with. Its daemon is the real one; what goes wrong is put between that daemon and
 * the network, with the member's own keys.
 */
import type { ChainId, Digest, Epoch, View } from '@wardline/codec'
import {
  encodeMessage,
  type Header,
  headerDigest,
  type Message,
  parseMessage,
  type Vote,
  type VoteKind,
  voteBytes
} from '@wardline/consensus'
import type { VoteSigner } from '@wardline/crypto'
import type { Prng } from '@wardline/network-memory'
import type { Clock, Network } from '@wardline/ports'
import type { Hospital } from '../cast.ts'
import type { Voter } from '../checkers/epochs.ts'

export type ByzantineMember = {
  readonly chain: ChainId
  readonly self: Hospital
  /** Who votes in an epoch that has begun somewhere, in the order of their turns. */
  readonly votersIn: (epoch: Epoch) => readonly Voter[]
  /** The key that it votes with in this epoch, or another of its own where it has no vote. */
  readonly signerIn: (epoch: Epoch) => VoteSigner
  /** Names of the other nodes. */
  readonly others: readonly string[]
  readonly prng: Prng
  /** Of the process: nothing happens after its end. */
  readonly clock: Clock
  /** Gossip that only these hear. */
  readonly whisper: (peers: readonly string[], topic: string, data: Uint8Array) => void
  /** False once the member is to leave the others in peace. */
  readonly isActive: () => boolean
}

/** Puts one crime between a member's daemon and the network. */
export type Misconduct = (network: Network, member: ByzantineMember) => Network

export function topicOf(chain: ChainId, kind: Message['kind'] | 'tx'): string {
  return `/wardline/${chain}/${kind === 'proposal' || kind === 'tx' ? kind : 'vote'}/1`
}

export function whisperMessage(member: ByzantineMember, peers: readonly string[], message: Message): void {
  member.whisper(peers, topicOf(member.chain, message.kind), encodeMessage(message))
}

export function signVote(
  { chain, self, signerIn }: ByzantineMember,
  kind: VoteKind,
  { epoch, view, digest }: { readonly epoch: Epoch; readonly view: View; readonly digest: Digest }
): Vote {
  const signature = signerIn(epoch).sign(voteBytes(kind, chain, epoch, view, digest))
  return { kind, epoch, view, digest, signer: self.member, signature, attempt: 0 }
}

/** The signature that makes a header a proposal. */
export function signHeader(member: ByzantineMember, header: Header): Uint8Array {
  const { epoch, view } = header
  return signVote(member, 'notarize', { epoch, view, digest: headerDigest(header) }).signature
}

export function randomDigest(prng: Prng): Digest {
  return Buffer.from(prng.bytes(32)).toString('hex') as Digest
}

/** The others in two halves, drawn anew each time; the first is never empty where there is anybody. */
export function halves({ prng, others }: ByzantineMember): readonly [readonly string[], readonly string[]] {
  const first = others.filter(() => prng.chance(0.5))
  if (first.length === 0 && others.length > 0) first.push(prng.pick(others))
  return [first, others.filter((name) => !first.includes(name))]
}

/** The consensus message in what is said on `topic`, if it is one. */
export function messageIn(topic: string, data: Uint8Array): Message | undefined {
  return topic.endsWith('/tx/1') ? undefined : parseMessage(data)
}

/** Sees everything that the network brings to the daemon by gossip. */
export function overhear(network: Network, hear: (topic: string, data: Uint8Array) => void): Network {
  return {
    ...network,
    gossip: {
      ...network.gossip,
      subscribe(topic, handler) {
        network.gossip.subscribe(topic, (data, from) => {
          hear(topic, data)
          return handler(data, from)
        })
      }
    }
  }
}

/** In place of what the daemon says by gossip: `say` says it, or something else, or nothing. */
export function instead(network: Network, say: (topic: string, data: Uint8Array) => Promise<void>): Network {
  return { ...network, gossip: { ...network.gossip, publish: say } }
}

/** Does something every now and then, `timesMax` times in the life of the process. */
export function everyNowAndThen(
  member: Pick<ByzantineMember, 'clock' | 'prng' | 'isActive'>,
  delayMs: readonly [min: number, max: number],
  timesMax: number,
  act: () => void
): void {
  if (timesMax === 0) return
  member.clock.after(member.prng.between(...delayMs), () => {
    if (!member.isActive()) return
    act()
    everyNowAndThen(member, delayMs, timesMax - 1, act)
  })
}
