/**
 * Which peers have a working link. A connection alone is not one: gossip needs a stream each way, opened after the
 * connection, and gossipsub neither opens one again on a connection that lives on, nor says when one is lost, as happens
 * when a peer sends a frame above `maxInboundDataLength` or does not read. So links are watched: a connection without
 * both streams is closed after a while, and dialled anew.
 */

import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import type { Log, PeerName } from '@wardline/ports'
import { isOpen } from './dialler.ts'
import type { GossipInternals } from './gossip-internals.ts'
import type { Host } from './host.ts'
import type { WatchedMuxer } from './muxer.ts'

/** While a link comes about, how often to look, and how long to wait for subscriptions that may never come. */
const LOOK_MS = 10
const SUBSCRIPTIONS_MS = 250
/** How often to look at all links, how long one may be incomplete, and how many looks there are between pings. */
const WATCH_MS = 2_000
const INCOMPLETE_MS_MAX = 3_000
const LOOKS_PER_PING = 8
/** Two connections to one peer this far apart in age: the older one is a leftover, not a race. */
const LEFTOVER_MS = 5_000

export type PeerEvent = 'connected' | 'disconnected'

export type Links = {
  up(): PeerName[]
  onPeer(run: (peer: PeerName, event: PeerEvent) => void): () => void
  close(): void
}

type Link = {
  readonly sinceMs: number
  subscribed: boolean
  isUp: boolean
  wholeAtMs: number
  timer: NodeJS.Timeout | undefined
}

export function createLinks(parts: {
  readonly node: Libp2p
  readonly registrar: Host['registrar']
  readonly gossip: GossipInternals
  readonly muxer: WatchedMuxer
  readonly log: Log
  /** Before the listeners of `onPeer`. */
  readonly onChange: (peer: PeerName, event: PeerEvent) => void
}): Links {
  const { node, gossip, log } = parts
  const self = node.peerId.toString()
  const links = new Map<PeerName, Link>()
  const listeners = new Set<(peer: PeerName, event: PeerEvent) => void>()
  let looks = 0

  const tell = (peer: PeerName, event: PeerEvent): void => {
    parts.onChange(peer, event)
    for (const run of [...listeners]) run(peer, event)
  }

  const connectionsTo = (peer: PeerName): Connection[] =>
    node.getConnections().filter((connection) => isOpen(connection) && connection.remotePeer.toString() === peer)

  const isWhole = (peer: PeerName): boolean => gossip.streamsOutbound.has(peer) && gossip.streamsInbound.has(peer)

  const topology = () => gossip.protocols.flatMap((protocol) => parts.registrar.getTopologies(protocol)).at(0)

  /** Asks gossipsub for its streams on `connection`; a no-op for those that exist. */
  const attach = (connection: Connection): void => {
    void topology()?.onConnect?.(connection.remotePeer, connection)
  }

  const look = (peer: PeerName, link: Link): void => {
    if (links.get(peer) !== link || link.isUp) return
    const nowMs = performance.now()
    if (isWhole(peer) && (link.subscribed || nowMs - link.sinceMs > SUBSCRIPTIONS_MS)) {
      link.isUp = true
      link.wholeAtMs = nowMs
      tell(peer, 'connected')
    } else if (nowMs - link.sinceMs < INCOMPLETE_MS_MAX) {
      link.timer = setTimeout(() => look(peer, link), LOOK_MS)
    }
  }

  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const peer = connection.remotePeer.toString()
    if (!links.has(peer)) {
      const nowMs = performance.now()
      const link: Link = { sinceMs: nowMs, subscribed: false, isUp: false, wholeAtMs: nowMs, timer: undefined }
      links.set(peer, link)
      link.timer = setTimeout(() => look(peer, link), LOOK_MS)
    }
    // The connection manager lists the connection only after this event.
    queueMicrotask(() => {
      attach(connection)
      keepOne(peer)
    })
  }

  /** Both ends dialled at once, or an old connection outlived its peer's restart. */
  const keepOne = (peer: PeerName): void => {
    const [oldest, ...younger] = connectionsTo(peer).toSorted((a, b) => a.timeline.open - b.timeline.open)
    const newest = younger.at(-1)
    if (oldest === undefined || newest === undefined) return
    const isLeftover = newest.timeline.open - oldest.timeline.open > LEFTOVER_MS
    // In a race only one end may choose, or both connections could go.
    if (isLeftover) oldest.abort(new Error('replaced by a newer connection'))
    else if (self < peer) newest.abort(new Error('a second connection'))
  }

  const onClose = ({ detail: connection }: CustomEvent<Connection>): void => {
    const peer = connection.remotePeer.toString()
    queueMicrotask(() => {
      const [other] = connectionsTo(peer)
      // Gossip may have had its streams on the connection that went.
      if (other !== undefined) attach(other)
    })
  }

  const onDisconnect = ({ detail }: CustomEvent<PeerId>): void => {
    const peer = detail.toString()
    // At once: libp2p does the same only after a look into its peer store, where the peer may have expired.
    void topology()?.onDisconnect?.(detail)
    const link = links.get(peer)
    if (link === undefined) return
    clearTimeout(link.timer)
    links.delete(peer)
    if (link.isUp) tell(peer, 'disconnected')
  }

  const watch = (): void => {
    const nowMs = performance.now()
    for (const [peer, link] of links) {
      if (isWhole(peer)) link.wholeAtMs = nowMs
      if (!link.isUp) look(peer, link)
      if (nowMs - link.wholeAtMs <= INCOMPLETE_MS_MAX) continue
      log.warn('A peer is connected but gossip with it is broken; connecting anew.', { peer })
      for (const connection of connectionsTo(peer)) connection.abort(new Error('gossip is broken'))
    }
    looks += 1
    if (looks % LOOKS_PER_PING === 0) void parts.muxer.pingAll()
  }

  node.addEventListener('connection:open', onOpen)
  node.addEventListener('connection:close', onClose)
  node.addEventListener('peer:disconnect', onDisconnect)
  gossip.addEventListener('subscription-change', ({ detail }) => {
    const link = links.get(detail.peerId.toString())
    if (link !== undefined) link.subscribed = true
  })
  const timer = setInterval(watch, WATCH_MS)

  return {
    up: () =>
      [...links]
        .filter(([, link]) => link.isUp)
        .map(([peer]) => peer)
        .sort(),
    onPeer(run) {
      listeners.add(run)
      return () => void listeners.delete(run)
    },
    close() {
      clearInterval(timer)
      for (const link of links.values()) clearTimeout(link.timer)
      listeners.clear()
    }
  }
}
