/** A network whose two ends of gossip can be reached from inside: to hand the own node a batch, and to see what it says. */
import type { GossipVerdict, Network } from '@wardline/ports'

export type WatchedNetwork = {
  readonly network: Network
  /** Gives the node a gossip message as if a peer had sent it, and returns its verdict. The message travels no further. */
  deliver(topic: string, data: Uint8Array): Promise<GossipVerdict | undefined>
}

/** @param onPublish told of every message that the node publishes */
export function watchNetwork(network: Network, onPublish: (topic: string, data: Uint8Array) => void): WatchedNetwork {
  const handlers = new Map<string, Parameters<Network['gossip']['subscribe']>[1]>()
  return {
    network: {
      self: network.self,
      setPeers: (peers) => network.setPeers(peers),
      connected: () => network.connected(),
      onPeer: (run) => network.onPeer(run),
      gossip: {
        async publish(topic, data) {
          await network.gossip.publish(topic, data)
          onPublish(topic, data)
        },
        subscribe(topic, handler) {
          handlers.set(topic, handler)
          network.gossip.subscribe(topic, handler)
        }
      },
      request: (...call) => network.request(...call),
      serve: (...call) => network.serve(...call),
      report: (peer, code) => network.report(peer, code),
      close: () => network.close()
    },
    deliver: async (topic, data) => handlers.get(topic)?.(data, network.self)
  }
}
