/** Puts the parts together: host, gate, dialler, links, gossip, streams and scores of one chain's network. */

import { randomBytes } from 'node:crypto'
import type { Connection, ConnectionGater } from '@libp2p/interface'
import { type AssertionError, limits, WardlineError } from '@wardline/codec'
import type { Log, Network, NetworkPeer, PeerName, Random } from '@wardline/ports'
import { createDialler } from './dialler.ts'
import { createGossip, type GossipPart } from './gossip.ts'
import { gossipInternals, stopHeartbeat } from './gossip-internals.ts'
import { createHost } from './host.ts'
import { createLinks } from './links.ts'
import { createWatchedMuxer } from './muxer.ts'
import { privateKeyOf } from './peer-name.ts'
import { createPeerScores } from './peer-score.ts'
import { createStreams } from './streams.ts'

export type Libp2pNetworkOptions = {
  /** The 32-byte seed of the chain's libp2p key; its public key is what `peerNameOf` names. */
  readonly secretKey: Uint8Array
  /** Multiaddrs, e.g. `/ip4/0.0.0.0/tcp/20123`; port 0 takes a free one. Empty: this host only dials. */
  readonly listen: readonly string[]
  readonly log: Log
  /** For the jitter of dialling only. */
  readonly random?: Random
  /** How long a requesting peer may keep us waiting for its request, or for room to answer; 10 s unless given. */
  readonly stallMs?: number
  /** Our own bug, met by a handler: what asked got no answer. Left out, it is thrown where nothing catches it. */
  readonly onBug?: (error: AssertionError) => void
}

export type Libp2pNetwork = Network & {
  /** The multiaddrs that this host listens on, with the peer id. */
  addresses(): readonly string[]
}

const systemRandom: Random = { bytes: (size) => randomBytes(size) }
const STALL_MS = 10_000
/** How long peers get to take what was sent last, before `close` cuts them off. */
const GOODBYE_MS = 250

/**
 * Starts a libp2p host that speaks to nobody until `setPeers` lists somebody.
 * @throws TypeError if `secretKey` is not 32 bytes or an address is malformed
 * @throws WardlineError `port-in-use | listen-failed`
 */
export async function createLibp2pNetwork(options: Libp2pNetworkOptions): Promise<Libp2pNetwork> {
  const { log, onBug = throwOutside } = options
  const scores = createPeerScores()
  let listed: ReadonlyMap<PeerName, NetworkPeer> = new Map()
  let closing: Promise<void> | undefined
  const now = (): number => performance.now()
  const isAllowed = (peer: PeerName): boolean =>
    closing === undefined && listed.has(peer) && !scores.isRefused(peer, now())
  const denied = (peer: { toString(): string }): boolean => !isAllowed(peer.toString())
  const gate: ConnectionGater = {
    denyDialPeer: denied,
    denyDialMultiaddr: () => false,
    denyOutboundConnection: denied,
    // The first moment at which the remote has proved its name; nothing is served before it.
    denyInboundEncryptedConnection: denied,
    denyOutboundEncryptedConnection: denied,
    // Again when all is set up: the list may have changed meanwhile.
    denyInboundUpgradedConnection: denied,
    denyOutboundUpgradedConnection: denied,
    denyInboundRelayReservation: () => true,
    denyInboundRelayedConnection: () => true,
    denyOutboundRelayedConnection: () => true,
    filterMultiaddrForPeer: () => true
  }

  let gossip: GossipPart | undefined
  const muxer = createWatchedMuxer()
  const host = await createHost({
    privateKey: await privateKeyOf(options.secretKey),
    listen: options.listen,
    gate,
    muxer,
    checkTopic(topic) {
      if (gossip?.isSubscribed(topic) !== true) throw new Error('unknown topic')
    }
  })
  const { node } = host
  const self = node.peerId.toString()
  const internals = gossipInternals(host.gossip)

  const disconnect = (peer: PeerName, reason: string): void => {
    for (const connection of node.getConnections()) {
      if (connection.remotePeer.toString() === peer) connection.abort(new Error(reason))
    }
  }
  const report = (peer: PeerName, code: string): void => {
    if (!listed.has(peer)) return
    log.warn('A peer misbehaved.', { peer, code })
    if (!scores.fault(peer, now())) return
    log.warn('A peer is refused for a while.', { peer, refusedMs: Math.round(scores.refusedForMs(peer, now())) })
    disconnect(peer, 'refused')
  }

  const dialler = createDialler({
    node,
    random: options.random ?? systemRandom,
    log,
    refusedForMs: (peer) => scores.refusedForMs(peer, now())
  })
  const gossipPart = createGossip({
    gossip: internals,
    log,
    onReject: (peer) => report(peer, 'gossip-rejected'),
    onBug
  })
  gossip = gossipPart
  const updateReach = (): void => {
    gossipPart.setReach({ listed: listed.size, linked: links.up().filter((peer) => listed.has(peer)).length })
  }
  const links = createLinks({
    node,
    registrar: host.registrar,
    gossip: internals,
    muxer,
    log,
    onChange: updateReach
  })
  const streams = createStreams({ node, log, isAllowed, onFault: report, onBug, stallMs: options.stallMs ?? STALL_MS })

  node.addEventListener('peer:connect', ({ detail }) => dialler.onConnected(detail.toString()))
  node.addEventListener('peer:disconnect', ({ detail }) => dialler.onDisconnected(detail.toString()))

  try {
    await node.start()
  } catch (cause) {
    dialler.close()
    links.close()
    throw listenError(cause)
  }

  const close = async (): Promise<void> => {
    dialler.close()
    gossipPart.close()
    streams.close()
    links.close()
    // Running answers are reset in this turn; closed with their connection, they would look complete.
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all(node.getConnections().map((connection) => sayGoodbye(connection)))
    stopHeartbeat(internals)
    await node.stop()
  }

  return {
    self,
    addresses: () => node.getMultiaddrs().map((address) => address.toString()),
    async setPeers(peers) {
      if (closing !== undefined) return
      const next = new Map(peers.filter((peer) => peer.name !== self).map((peer) => [peer.name, peer]))
      if (next.size > limits.peersMax) {
        throw new WardlineError('too-many-peers', `${next.size} peers exceed ${limits.peersMax}`)
      }
      listed = next
      scores.keepOnly(new Set(next.keys()))
      for (const connection of node.getConnections()) {
        if (!next.has(connection.remotePeer.toString())) connection.abort(new Error('no longer listed'))
      }
      host.setPeerCount(next.size)
      dialler.setPeers(next)
      updateReach()
    },
    connected: () => links.up(),
    onPeer: (run) => links.onPeer(run),
    gossip: gossipPart,
    request: (peer, protocol, request, requestOptions) => streams.request(peer, protocol, request, requestOptions),
    serve: (protocol, handler, serveOptions) => streams.serve(protocol, handler, serveOptions),
    report,
    close() {
      closing ??= close()
      return closing
    }
  }
}

async function sayGoodbye(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(GOODBYE_MS) })
  } catch (error) {
    connection.abort(error instanceof Error ? error : new Error('closing'))
  }
}

function throwOutside(error: AssertionError): void {
  setImmediate(() => {
    throw error
  })
}

function listenError(cause: unknown): WardlineError {
  const text = cause instanceof Error ? `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}` : ''
  return text.includes('EADDRINUSE')
    ? new WardlineError('port-in-use', 'the port is in use by another program', { cause })
    : new WardlineError('listen-failed', 'listening on the given addresses failed', { cause })
}
