/** The libp2p host of one chain: TCP, Noise, yamux, gossipsub, and nothing that could find or tell other peers. */

import { type GossipSub, gossipsub, StrictNoSign } from '@chainsafe/libp2p-gossipsub'
import { type ConnectionGater, type Ed25519PrivateKey, type Libp2p, serviceCapabilities } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { assert, limits } from '@wardline/codec'
import { createLibp2p } from 'libp2p'
import { corked } from './corked.ts'
import { HEARTBEAT_MS } from './gossip.ts'
import { leanNoise } from './lean-noise.ts'
import { createMessageCache } from './message-cache.ts'
import { gossipMessageId, gossipMessageName } from './message-id.ts'
import type { WatchedMuxer } from './muxer.ts'
import { silentLogger } from './silent-logger.ts'

/** Handshakes that may be under way at once; an outsider never gets further than that. */
const HANDSHAKES_MAX = 128
const HANDSHAKE_MS_MAX = 5_000
/** Also how long a peer that answers nothing can hold up the opening of gossip streams to others. */
const NEGOTIATION_MS_MAX = 3_000
/** Extra connections beside one per listed peer: a new one may overlap with the one it replaces. */
const CONNECTIONS_SLACK = 16

/** Heartbeats for which a message can be forwarded after its verdict, or asked for. */
const CACHED_HEARTBEATS = 6
/** How long gossipsub drops a message that it has seen. */
const SEEN_MS = 120_000
/** Room beside the largest message in one gossip frame: topic names, control messages, announcements. */
const GOSSIP_FRAME_SLACK_BYTES = 1024 * 1024
/** Gossip waiting for one slow peer, above which its link is given up and made anew. */
const GOSSIP_BACKLOG_BYTES_MAX = 16 * 1024 * 1024
/** About this many topics, in gossipsub's own reckoning of 1 KiB each, may one peer subscribe to. */
const TOPIC_BYTES_PER_PEER_MAX = 64 * 1024

type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0]

export type Host = {
  readonly node: Libp2p
  readonly gossip: GossipSub
  /** Opens gossip streams on a new connection; libp2p itself does that only after `identify`, which is not run here. */
  readonly registrar: GossipComponents['registrar']
  setPeerCount(count: number): void
}

export async function createHost(parts: {
  readonly privateKey: Ed25519PrivateKey
  readonly listen: readonly string[]
  readonly gate: ConnectionGater
  readonly muxer: WatchedMuxer
  /** Throws for a topic that nobody here subscribed to. */
  readonly checkTopic: (topic: string) => void
}): Promise<Host> {
  let shared: GossipComponents | undefined
  const node = await createLibp2p({
    start: false,
    privateKey: parts.privateKey,
    addresses: { listen: [...parts.listen] },
    logger: silentLogger,
    transports: [tcp({ maxConnections: limits.peersMax + HANDSHAKES_MAX })],
    connectionEncrypters: [corked(leanNoise())],
    streamMuxers: [parts.muxer.factory],
    connectionGater: parts.gate,
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: CONNECTIONS_SLACK,
      maxIncomingPendingConnections: HANDSHAKES_MAX,
      // Per address and second: all members may sit behind one address.
      inboundConnectionThreshold: HANDSHAKES_MAX,
      inboundUpgradeTimeout: HANDSHAKE_MS_MAX,
      inboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS_MAX,
      outboundStreamProtocolNegotiationTimeout: NEGOTIATION_MS_MAX,
      maxParallelDials: 32,
      maxDialQueueLength: limits.peersMax,
      maxPeerAddrsToDial: 8,
      reconnectRetries: 0
    },
    services: {
      // Gossipsub asks for identify only to learn of new connections, which links.ts tells it.
      connections: () => ({ [serviceCapabilities]: ['@libp2p/identify'] }),
      gossip: (components: GossipComponents): GossipSub => {
        shared = components
        return gossipsub({
          globalSignaturePolicy: StrictNoSign,
          fallbackToFloodsub: false,
          asyncValidation: true,
          allowPublishToZeroTopicPeers: true,
          ignoreDuplicatePublishError: true,
          emitSelf: false,
          doPX: false,
          tagMeshPeers: false,
          // One encoding for all receivers.
          batchPublish: true,
          msgIdFn: gossipMessageId,
          msgIdToStrFn: gossipMessageName,
          messageCache: createMessageCache(CACHED_HEARTBEATS),
          mcacheLength: CACHED_HEARTBEATS,
          seenTTL: SEEN_MS,
          heartbeatInterval: HEARTBEAT_MS,
          // Whole seconds: it travels as an integer.
          pruneBackoff: 2_000,
          unsubcribeBackoff: 2_000,
          Dlazy: 4,
          gossipFactor: 0,
          idontwantMinDataSize: limits.gossipMessageBytesMax + 1,
          idontwantMaxMessages: 64,
          maxInboundDataLength: limits.gossipMessageBytesMax + GOSSIP_FRAME_SLACK_BYTES,
          maxOutboundBufferSize: GOSSIP_BACKLOG_BYTES_MAX,
          maxTopicBytesPerPeer: TOPIC_BYTES_PER_PEER_MAX,
          maxInboundStreams: 4,
          maxOutboundStreams: 4,
          // Runs before a message is remembered in any way.
          dataTransform: {
            inboundTransform(topic, data) {
              parts.checkTopic(topic)
              if (data.length > limits.gossipMessageBytesMax) throw new Error('message too large')
              return data
            },
            outboundTransform: (_topic, data) => data
          },
          decodeRpcLimits: {
            maxSubscriptions: 128,
            maxMessages: 1024,
            maxIhaveMessageIDs: 5000,
            maxIwantMessageIDs: 5000,
            maxIdontwantMessageIDs: 512,
            maxControlMessages: 128,
            maxPeerInfos: 0
          },
          // Scores of this package's own decide, see peer-score.ts.
          scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, decayInterval: 10_000 }
        })(components)
      }
    }
  })
  forgetProtocols(node.peerStore)
  assert(shared !== undefined, 'libp2p makes its services before it returns')
  const { registrar, connectionManager } = shared
  return {
    node,
    gossip: node.services.gossip,
    registrar,
    setPeerCount: (count) => connectionManager.setMaxConnections(count + CONNECTIONS_SLACK)
  }
}

/** With each stream libp2p adds the stream's protocol to what it stores of the peer, a third of what a stream costs; nobody asks for it. */
function forgetProtocols(store: Libp2p['peerStore']): void {
  const merge = store.merge.bind(store)
  store.merge = async (id, data, options) => {
    const isOnlyProtocols = Object.keys(data).every((key) => key === 'protocols')
    return isOnlyProtocols
      ? { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() }
      : merge(id, data, options)
  }
}
