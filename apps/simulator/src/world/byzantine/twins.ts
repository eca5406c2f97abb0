/**
 * Two daemons of one member, with the same keys, behind one place in the network: each speaks with a part of the others,
 * and knows nothing of its twin.
 */
import { WardlineError } from '@wardline/codec'
import type { GossipVerdict, Network, PeerName, ServeOptions, StreamHandler } from '@wardline/ports'
import type { ByzantineMember } from './member.ts'

type GossipHandler = (data: Uint8Array, from: PeerName) => Promise<GossipVerdict>

/** @returns the network of each twin */
export function splitNetwork(network: Network, member: ByzantineMember): readonly [Network, Network] {
  const first = new Set(member.others.filter(() => member.prng.chance(0.5)))
  const isMine = (twin: 0 | 1, peer: string): boolean => first.has(peer) === (twin === 0)
  const topics = new Map<string, Map<0 | 1, GossipHandler>>()
  const protocols = new Map<string, Map<0 | 1, StreamHandler>>()
  const closed = new Set<0 | 1>()

  const subscribe = (twin: 0 | 1, topic: string, handler: GossipHandler): void => {
    const known = topics.get(topic)
    const handlers = known ?? new Map<0 | 1, GossipHandler>()
    handlers.set(twin, handler)
    topics.set(topic, handlers)
    if (known !== undefined) return
    network.gossip.subscribe(
      topic,
      async (data, from) => (await handlers.get(first.has(from) ? 0 : 1)?.(data, from)) ?? 'ignore'
    )
  }

  const serve = (twin: 0 | 1, protocol: string, handler: StreamHandler, options: ServeOptions): void => {
    const known = protocols.get(protocol)
    const handlers = known ?? new Map<0 | 1, StreamHandler>()
    handlers.set(twin, handler)
    protocols.set(protocol, handlers)
    if (known !== undefined) return
    network.serve(
      protocol,
      async function* (request, from) {
        yield* handlers.get(first.has(from) ? 0 : 1)?.(request, from) ?? []
      },
      options
    )
  }

  const networkOf = (twin: 0 | 1): Network => ({
    ...network,
    connected: () => network.connected().filter((peer) => isMine(twin, peer)),
    onPeer: (run) =>
      network.onPeer((peer, event) => {
        if (isMine(twin, peer)) run(peer, event)
      }),
    gossip: {
      async publish(topic, data) {
        if (!closed.has(twin))
          member.whisper(
            member.others.filter((peer) => isMine(twin, peer)),
            topic,
            data
          )
      },
      subscribe: (topic, handler) => subscribe(twin, topic, handler)
    },
    request(peer, protocol, request, options) {
      if (!isMine(twin, peer)) throw new WardlineError('peer-unreachable', `${peer} is a peer of the other twin`)
      return network.request(peer, protocol, request, options)
    },
    serve: (protocol, handler, options) => serve(twin, protocol, handler, options),
    async close() {
      closed.add(twin)
      if (closed.size === 2) await network.close()
    }
  })
  return [networkOf(0), networkOf(1)]
}
