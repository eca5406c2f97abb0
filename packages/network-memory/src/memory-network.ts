/** `Network` for the nodes of one world: connections between those who allow each other, gossip by forwarding, request streams. */
import { assert, limits } from '@wardline/codec'
import type { Network, NetworkPeer } from '@wardline/ports'
import type { NetworkFaults } from './faults.ts'
import { createGossip } from './gossip.ts'
import { type Connection, createHost, type Host, type NetworkFaultKind, otherEnd, type Wire } from './host.ts'
import { type Life, never } from './life.ts'
import type { Prng } from './prng.ts'
import { request } from './request-stream.ts'
import type { Scheduler } from './scheduler.ts'

export type MemoryNetworks = {
  /** The network of a process that begins. */
  attach(life: Life): Network
  /** Gossip of this process that only these neighbours hear from it. */
  whisper(life: Life, peers: readonly string[], topic: string, data: Uint8Array): void
  /** The process has ended: its peers notice after a while. */
  detach(life: Life): void
  cut(from: string, to: string): void
  partition(groups: readonly (readonly string[])[], names: readonly string[]): void
  heal(): void
  /** Faults that have happened, by kind. */
  counts(): ReadonlyMap<NetworkFaultKind, number>
}

export function createMemoryNetworks(scheduler: Scheduler, prng: Prng, faults: () => NetworkFaults): MemoryNetworks {
  const hosts = new Map<string, Host>()
  const cuts = new Set<string>()
  const dialling = new Set<string>()
  /** Counts changes of `cuts`, so that an old link timeout knows that it is old. */
  let cutsVersion = 0
  const counts = new Map<NetworkFaultKind, number>()
  const wire: Wire = {
    scheduler,
    prng,
    faults,
    isCut: (from, to) => cuts.size > 0 && cuts.has(way(from, to)),
    delayMs: () => prng.between(...faults().delayMs),
    count: (kind) => void counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }

  /** Whether the two would connect now. */
  const canConnect = (a: Host, b: Host): boolean =>
    !a.closed &&
    !b.closed &&
    a.allowed.has(b.name) &&
    b.allowed.has(a.name) &&
    !a.banned.has(b.name) &&
    !b.banned.has(a.name) &&
    !wire.isCut(a.name, b.name) &&
    !wire.isCut(b.name, a.name)

  const isConnected = (a: Host, b: Host): boolean => {
    const connection = a.view.get(b.name)
    return connection?.open === true && connection.ends.includes(b)
  }

  const dial = (a: Host, b: Host): void => {
    const pair = pairOf(a.name, b.name)
    if (dialling.has(pair) || isConnected(a, b) || !canConnect(a, b)) return
    dialling.add(pair)
    scheduler.schedule(wire.delayMs() + prng.between(0, faults().redialMs), 'dial', undefined, pair, () => {
      dialling.delete(pair)
      const [first, second] = [hosts.get(a.name), hosts.get(b.name)]
      if (first === undefined || second === undefined || isConnected(first, second) || !canConnect(first, second))
        return false
      const connection: Connection = { ends: [first, second], open: true }
      for (const host of [first, second]) {
        scheduler.schedule(0, 'connected', host.life, otherEnd(connection, host).name, () => admit(host, connection))
      }
      return true
    })
  }

  const dialAll = (host: Host): void => {
    for (const name of [...host.allowed].sort()) {
      const other = hosts.get(name)
      if (other !== undefined && other !== host) dial(host, other)
    }
  }

  /** This side learns of the connection. */
  const admit = (host: Host, connection: Connection): boolean => {
    if (!connection.open || host.closed) return false
    const peer = otherEnd(connection, host).name
    const old = host.view.get(peer)
    if (old !== undefined) forget(host, old)
    host.view.set(peer, connection)
    tell(host, peer, 'connected')
    return true
  }

  /** This side learns that the connection is gone. */
  const forget = (host: Host, connection: Connection): boolean => {
    const peer = otherEnd(connection, host).name
    if (host.view.get(peer) !== connection) return false
    host.view.delete(peer)
    for (const stream of [...host.clientStreams]) if (stream.connection === connection) stream.end('stream-closed')
    for (const stream of [...host.serverStreams]) if (stream.connection === connection) stream.abort()
    tell(host, peer, 'disconnected')
    return true
  }

  const tell = (host: Host, peer: string, event: 'connected' | 'disconnected'): void => {
    for (const listener of [...host.listeners]) listener(peer, event)
  }

  /** Ends a connection; each side learns of it as an event of its own: `host` at once (without it, both), the other later. */
  const disconnect = (connection: Connection, host?: Host): void => {
    if (!connection.open) return
    connection.open = false
    for (const end of connection.ends) {
      const peer = otherEnd(connection, end)
      const noticedMs = wire.isCut(peer.name, end.name) ? faults().linkTimeoutMs : wire.delayMs()
      const delayMs = host === undefined || end === host ? 0 : noticedMs
      scheduler.schedule(delayMs, 'disconnected', end.life, peer.name, () => {
        const known = forget(end, connection)
        const [a, b] = [hosts.get(end.name), hosts.get(peer.name)]
        if (a !== undefined && b !== undefined) dial(a, b)
        return known
      })
    }
  }

  const ban = (host: Host, peer: string): void => {
    host.banned.add(peer)
    host.reports.delete(peer)
    const connection = host.view.get(peer)
    if (connection !== undefined) disconnect(connection, host)
    scheduler.schedule(faults().banMs, 'ban ends', host.life, peer, () => {
      host.banned.delete(peer)
      dialAll(host)
      return true
    })
  }

  const report = (host: Host, peer: string): void => {
    if (!host.life.alive || host.closed || host.banned.has(peer) || !host.allowed.has(peer)) return
    const count = (host.reports.get(peer) ?? 0) + 1
    host.reports.set(peer, count)
    if (count >= faults().reportsMax) ban(host, peer)
  }

  const gossip = createGossip(wire, report)

  const afterCutsChanged = (): void => {
    cutsVersion += 1
    const version = cutsVersion
    for (const connection of openConnections(hosts.values())) {
      const [a, b] = connection.ends
      if (!wire.isCut(a.name, b.name) || !wire.isCut(b.name, a.name)) continue
      scheduler.schedule(faults().linkTimeoutMs, 'link timeout', undefined, pairOf(a.name, b.name), () => {
        if (version !== cutsVersion || !connection.open) return false
        disconnect(connection)
        return true
      })
    }
    for (const host of hosts.values()) dialAll(host)
  }

  const attach = (life: Life): Network => {
    const host = createHost(life)
    hosts.set(life.node, host)
    return {
      self: host.name,
      async setPeers(peers) {
        if (!life.alive) return never()
        if (host.closed) return
        replaceAllowed(host, peers)
        for (const [name, connection] of [...host.view]) if (!host.allowed.has(name)) disconnect(connection, host)
        dialAll(host)
      },
      connected: () => [...host.view.keys()].sort(),
      onPeer(run) {
        host.listeners.add(run)
        return () => host.listeners.delete(run)
      },
      gossip: {
        async publish(topic, data) {
          if (!life.alive) return never()
          if (!host.closed) gossip.publish(host, topic, data)
        },
        subscribe(topic, handler) {
          assert(!host.topics.has(topic), `the topic ${topic} is joined once`)
          host.topics.set(topic, handler)
        }
      },
      request: (peer, protocol, bytes, options) => request(wire, host, { peer, protocol, bytes, options, report }),
      serve(protocol, handler, options) {
        assert(!host.protocols.has(protocol), `the protocol ${protocol} is served once`)
        assert(options.requestBytesMax <= limits.streamFrameBytesMax, 'a request fits one frame')
        host.protocols.set(protocol, { handler, options })
      },
      report: (peer) => report(host, peer),
      async close() {
        if (!life.alive) return never()
        close(host)
      }
    }
  }

  const close = (host: Host): void => {
    if (host.closed) return
    host.closed = true
    for (const connection of [...host.view.values()]) {
      disconnect(connection, host)
      forget(host, connection)
    }
    host.topics.clear()
    host.protocols.clear()
    if (hosts.get(host.name) === host) hosts.delete(host.name)
  }

  return {
    attach,
    whisper(life, peers, topic, data) {
      const host = hosts.get(life.node)
      if (host?.life === life && !host.closed) gossip.publish(host, topic, data, new Set(peers))
    },
    detach(life) {
      const host = hosts.get(life.node)
      if (host === undefined || host.life !== life) return
      for (const connection of host.view.values()) disconnect(connection, host)
      host.closed = true
      hosts.delete(life.node)
    },
    cut(from, to) {
      cuts.add(way(from, to))
      afterCutsChanged()
    },
    partition(groups, names) {
      cuts.clear()
      const groupOf = new Map(groups.flatMap((group, index) => group.map((name) => [name, index] as const)))
      for (const from of names) {
        for (const to of names) if (groupOf.get(from) !== groupOf.get(to)) cuts.add(way(from, to))
      }
      afterCutsChanged()
    },
    heal() {
      cuts.clear()
      afterCutsChanged()
    },
    counts: () => counts
  }
}

function replaceAllowed(host: Host, peers: readonly NetworkPeer[]): void {
  assert(peers.length <= limits.peersMax, `the allow list holds at most ${limits.peersMax} peers`)
  host.allowed.clear()
  for (const peer of peers) if (peer.name !== host.name) host.allowed.add(peer.name)
}

function openConnections(hosts: Iterable<Host>): Set<Connection> {
  const found = new Set<Connection>()
  for (const host of hosts) for (const connection of host.view.values()) if (connection.open) found.add(connection)
  return found
}

function way(from: string, to: string): string {
  return `${from} > ${to}`
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a} - ${b}` : `${b} - ${a}`
}
