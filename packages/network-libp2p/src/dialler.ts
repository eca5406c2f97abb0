/**
 * Keeps a connection to every listed peer: dials, and dials again for good when a connection drops, with back-off and
 * jitter. Of two peers the one with the smaller name dials at once and the other a little later, so that one connection
 * comes about and not two; either alone is enough.
 */

import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Log, NetworkPeer, PeerName, Random } from '@wardline/ports'

const FIRST_RETRY_MS = 250
const RETRY_MS_MAX = 30_000
const DIAL_TIMEOUT_MS = 8_000
/** Head start of the peer with the smaller name. */
const SECOND_DIALLER_MS = 350
/** A connection that lived this long makes the next back-off begin anew. */
const STABLE_MS = 5_000

type Target = {
  peer: NetworkPeer
  failures: number
  timer: NodeJS.Timeout | undefined
  dialling: boolean
  connectedAtMs: number
}

export type Dialler = {
  setPeers(peers: ReadonlyMap<PeerName, NetworkPeer>): void
  /** To be told of every connection, whoever dialled it, and of the end of the last one to a peer. */
  onConnected(peer: PeerName): void
  onDisconnected(peer: PeerName): void
  close(): void
}

export function createDialler(parts: {
  readonly node: Pick<Libp2p, 'dial' | 'peerId' | 'getConnections'>
  readonly random: Random
  readonly log: Log
  /** Milliseconds for which `peer` must not be dialled. */
  readonly refusedForMs: (peer: PeerName) => number
}): Dialler {
  const { node, log } = parts
  const self = node.peerId.toString()
  const targets = new Map<PeerName, Target>()
  const closed = new AbortController()

  const isConnected = (name: PeerName): boolean =>
    node.getConnections().some((connection) => isOpen(connection) && connection.remotePeer.toString() === name)

  const schedule = (target: Target, delayMs: number): void => {
    clearTimeout(target.timer)
    if (closed.signal.aborted || targets.get(target.peer.name) !== target) return
    target.timer = setTimeout(() => void dial(target), delayMs)
  }

  const backOffMs = (failures: number): number => {
    const fullMs = Math.min(FIRST_RETRY_MS * 2 ** failures, RETRY_MS_MAX)
    const [byte = 0] = parts.random.bytes(1)
    return fullMs * (0.5 + byte / 512)
  }

  const dial = async (target: Target): Promise<void> => {
    const { name, addresses } = target.peer
    if (target.dialling || addresses.length === 0 || isConnected(name)) return
    const refusedMs = parts.refusedForMs(name)
    if (refusedMs > 0) return schedule(target, refusedMs)
    target.dialling = true
    try {
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
      await node.dial(
        addresses.map((address) => withPeer(address, name)),
        { signal }
      )
    } catch (error) {
      target.failures += 1
      log.debug('Dialling a peer failed.', { peer: name, failures: target.failures, reason: nameOf(error) })
    } finally {
      target.dialling = false
    }
    if (!isConnected(name)) schedule(target, backOffMs(target.failures))
  }

  return {
    setPeers(peers) {
      for (const [name, target] of targets) {
        if (peers.has(name)) continue
        clearTimeout(target.timer)
        targets.delete(name)
      }
      for (const [name, peer] of peers) {
        const known = targets.get(name)
        if (known !== undefined) {
          const hasMoved = known.peer.addresses.join() !== peer.addresses.join()
          known.peer = peer
          if (hasMoved && !isConnected(name)) {
            known.failures = 0
            schedule(known, 0)
          }
          continue
        }
        const target: Target = { peer, failures: 0, timer: undefined, dialling: false, connectedAtMs: 0 }
        targets.set(name, target)
        if (peer.addresses.length > 0) schedule(target, self < name ? 0 : SECOND_DIALLER_MS)
      }
    },
    onConnected(name) {
      const target = targets.get(name)
      if (target === undefined) return
      clearTimeout(target.timer)
      target.connectedAtMs = performance.now()
    },
    onDisconnected(name) {
      const target = targets.get(name)
      if (target === undefined || target.peer.addresses.length === 0) return
      target.failures = performance.now() - target.connectedAtMs > STABLE_MS ? 0 : target.failures + 1
      schedule(target, backOffMs(target.failures) + (self < name ? 0 : SECOND_DIALLER_MS))
    },
    close() {
      closed.abort()
      for (const target of targets.values()) clearTimeout(target.timer)
      targets.clear()
    }
  }
}

export function isOpen(connection: Connection): boolean {
  return connection.status === 'open'
}

function withPeer(address: string, name: PeerName): ReturnType<typeof multiaddr> {
  const parsed = multiaddr(address)
  return parsed.getComponents().some((component) => component.name === 'p2p')
    ? parsed
    : multiaddr(`${address}/p2p/${name}`)
}

/** The kind of a foreign error, without its message: that may repeat what the remote sent. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
