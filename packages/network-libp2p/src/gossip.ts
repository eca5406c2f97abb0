/**
 * Gossip by gossipsub, tuned for a network in which everybody is connected to everybody.
 *
 * Up to `FULL_PUBLISH_PEERS_MAX` peers, a publisher sends to all of them, so forwarding would only send every message
 * n - 2 times more. Receivers therefore announce what they accepted (gossipsub's IHAVE, once per heartbeat) instead of
 * forwarding it, and who misses a message asks for it. A peer that is not connected to every listed peer cannot rely on
 * publishers: it grafts itself into the others' meshes, and what it accepts from them and they from it is forwarded at
 * once. In larger networks the usual mesh is used.
 */

import { AssertionError, assert, limits, WardlineError } from '@wardline/codec'
import type { Gossip, GossipVerdict, Log, PeerName } from '@wardline/ports'
import { nameOf } from './dialler.ts'
import { type GossipInternals, heartbeatWithin } from './gossip-internals.ts'

type Handler = (data: Uint8Array, from: PeerName) => Promise<GossipVerdict>

/** Peers up to which a publisher sends to all of them. */
const FULL_PUBLISH_PEERS_MAX = 32
/** How long a peer must have been connected to all before it leaves the meshes it needed. */
const SETTLE_MS = 2_000
/** Messages of one peer that may wait for their verdict, and their bytes; more are dropped as `busy`. */
const WAITING_PER_PEER_MAX = 256
const WAITING_BYTES_PER_PEER_MAX = 32 * 1024 * 1024
/** Between heartbeats: while something is said or a peer is missing, and while all is quiet. */
export const HEARTBEAT_MS = 500
const IDLE_HEARTBEAT_MS = 5_000
const UNBOUNDED = 1_000_000

const lean = { D: 0, Dlo: 0, Dhi: UNBOUNDED, Dscore: 0, Dout: 0, floodPublish: true } as const
const leaving = { ...lean, Dhi: 0 } as const
const needy = { D: 6, Dlo: 6, Dhi: UNBOUNDED, Dscore: 0, Dout: 0, floodPublish: true } as const
const large = { D: 8, Dlo: 6, Dhi: 12, Dscore: 4, Dout: 2, floodPublish: false } as const

export type GossipPart = Gossip & {
  isSubscribed(topic: string): boolean
  /** To be told how many peers are listed and how many of them have a working link. */
  setReach(reach: { readonly listed: number; readonly linked: number }): void
  close(): void
}

export function createGossip(parts: {
  readonly gossip: GossipInternals
  readonly log: Log
  readonly onReject: (peer: PeerName, topic: string) => void
  readonly onBug: (error: AssertionError) => void
}): GossipPart {
  const { gossip, log } = parts
  const handlers = new Map<string, Handler>()
  const waiting = new Map<PeerName, { count: number; bytes: number }>()
  let isBusy = false
  let closed = false
  let settling: NodeJS.Timeout | undefined
  Object.assign(gossip.opts, lean)

  const settle = (): void => {
    settling = undefined
    if ([...gossip.mesh.values()].every((peers) => peers.size === 0)) {
      Object.assign(gossip.opts, lean)
      return
    }
    // One heartbeat with room for nobody makes gossipsub tell every mesh peer.
    Object.assign(gossip.opts, leaving)
    gossip.addEventListener(
      'gossipsub:heartbeat',
      () => {
        if (gossip.opts.Dhi === leaving.Dhi) Object.assign(gossip.opts, lean)
      },
      { once: true }
    )
  }

  const judge = async (topic: string, data: Uint8Array, from: PeerName): Promise<GossipVerdict> => {
    const handler = handlers.get(topic)
    const held = waiting.get(from) ?? { count: 0, bytes: 0 }
    if (closed || handler === undefined) return 'ignore'
    if (held.count >= WAITING_PER_PEER_MAX || held.bytes + data.length > WAITING_BYTES_PER_PEER_MAX) return 'busy'
    waiting.set(from, held)
    held.count += 1
    held.bytes += data.length
    try {
      return await handler(data, from)
    } catch (error) {
      if (error instanceof AssertionError) parts.onBug(error)
      log.error('A gossip handler failed.', { topic, peer: from, reason: nameOf(error) })
      return 'ignore'
    } finally {
      held.count -= 1
      held.bytes -= data.length
      if (held.count === 0) waiting.delete(from)
    }
  }

  gossip.addEventListener('gossipsub:heartbeat', () => {
    gossip.opts.heartbeatInterval = isBusy || gossip.opts.D === needy.D ? HEARTBEAT_MS : IDLE_HEARTBEAT_MS
    isBusy = false
  })
  /** What is said now is announced as soon as if it had never been quiet. */
  const stir = (): void => {
    isBusy = true
    if (gossip.opts.heartbeatInterval === HEARTBEAT_MS || closed) return
    gossip.opts.heartbeatInterval = HEARTBEAT_MS
    heartbeatWithin(gossip, HEARTBEAT_MS)
  }
  const receive = async (topic: string, data: Uint8Array, from: PeerName, messageId: string): Promise<void> => {
    const verdict = await judge(topic, data, from)
    if (closed) return
    gossip.reportMessageValidationResult(messageId, from, verdict === 'busy' ? 'ignore' : verdict)
    // Else a peer that fills its share and relays a message first would keep everybody's copy of it from us.
    if (verdict === 'busy') gossip.seenCache.entries.delete(messageId)
    if (verdict === 'reject') parts.onReject(from, topic)
  }
  gossip.addEventListener('gossipsub:message', ({ detail }) => {
    stir()
    void receive(detail.msg.topic, detail.msg.data, detail.propagationSource.toString(), detail.msgId)
  })

  return {
    async publish(topic, data) {
      if (data.length > limits.gossipMessageBytesMax) {
        throw new WardlineError(
          'gossip-too-large',
          `a gossip message of ${data.length} bytes exceeds ${limits.gossipMessageBytesMax}`
        )
      }
      stir()
      if (!closed) await gossip.publish(topic, data)
    },
    subscribe(topic, handler) {
      assert(!handlers.has(topic), 'a topic has one handler')
      handlers.set(topic, handler)
      gossip.subscribe(topic)
    },
    isSubscribed: (topic) => handlers.has(topic),
    setReach({ listed, linked }) {
      clearTimeout(settling)
      settling = undefined
      stir()
      if (listed > FULL_PUBLISH_PEERS_MAX) Object.assign(gossip.opts, large)
      else if (linked < listed) Object.assign(gossip.opts, needy)
      else if (gossip.opts.D > 0) settling = setTimeout(settle, SETTLE_MS)
    },
    close() {
      closed = true
      clearTimeout(settling)
    }
  }
}
