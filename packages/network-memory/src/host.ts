/** One process's side of the network, and what ties two sides together. */
import type { GossipVerdict, ServeOptions, StreamHandler } from '@wardline/ports'
import type { NetworkFaults } from './faults.ts'
import type { Life } from './life.ts'
import type { Prng } from './prng.ts'
import type { Scheduler } from './scheduler.ts'

export type GossipHandler = (data: Uint8Array, from: string) => Promise<GossipVerdict>
type PeerListener = (peer: string, event: 'connected' | 'disconnected') => void

export type Host = {
  readonly name: string
  readonly life: Life
  closed: boolean
  readonly allowed: Set<string>
  /** What this side believes to be connected; after a crash of the other side it learns the truth later. */
  readonly view: Map<string, Connection>
  readonly listeners: Set<PeerListener>
  readonly topics: Map<string, GossipHandler>
  readonly protocols: Map<string, Service>
  /** Gossip message ids that passed here, to when they are forgotten; in order of time. */
  readonly seen: Map<string, number>
  readonly reports: Map<string, number>
  readonly banned: Set<string>
  readonly clientStreams: Set<ClientStream>
  readonly serverStreams: Set<ServerStream>
  /** Handlers running, by peer and protocol. */
  readonly serving: Map<string, number>
  /** Bytes of the requests running, by peer. */
  readonly servingBytes: Map<string, number>
}

export type Service = { readonly handler: StreamHandler; readonly options: ServeOptions }

export type Connection = { readonly ends: readonly [Host, Host]; open: boolean }

/** What the parts of the network share. */
export type Wire = {
  readonly scheduler: Scheduler
  readonly prng: Prng
  readonly faults: () => NetworkFaults
  /** Whether what `from` sends can reach `to` now. */
  isCut(from: string, to: string): boolean
  delayMs(): number
  /** Counts a fault that has happened. */
  count(kind: NetworkFaultKind): void
}

/** `drop`: a gossip message on one hop; `stall`: a stream, from one of its frames on. */
export type NetworkFaultKind = 'drop' | 'duplicate' | 'reorder' | 'stall'

export type ClientStream = { readonly connection: Connection; end(code: StreamEnd): void }
export type ServerStream = { readonly connection: Connection; abort(): void }

/** How a request stream ended, as its client sees it. */
export type StreamEnd = 'done' | 'stream-timeout' | 'stream-overflow' | 'stream-closed'

export function createHost(life: Life): Host {
  return {
    name: life.node,
    life,
    closed: false,
    allowed: new Set(),
    view: new Map(),
    listeners: new Set(),
    topics: new Map(),
    protocols: new Map(),
    seen: new Map(),
    reports: new Map(),
    banned: new Set(),
    clientStreams: new Set(),
    serverStreams: new Set(),
    serving: new Map(),
    servingBytes: new Map()
  }
}

export function otherEnd(connection: Connection, host: Host): Host {
  const [a, b] = connection.ends
  return a === host ? b : a
}
