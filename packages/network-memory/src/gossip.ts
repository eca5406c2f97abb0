/** Gossip: a message goes to every connected peer, and from there on once that peer's handler has accepted it. */
import { AssertionError, assert, limits, sha256, toHex } from '@wardline/codec'
import type { GossipVerdict } from '@wardline/ports'
import { type Connection, type GossipHandler, type Host, otherEnd, type Wire } from './host.ts'

type Message = { readonly topic: string; readonly data: Uint8Array; readonly id: string; readonly origin: string }

/** Gossipsub forgets a message id after two minutes. */
const SEEN_MS = 120_000

export type GossipPart = {
  /** @param only the neighbours that hear it from this host; all by default */
  publish(host: Host, topic: string, data: Uint8Array, only?: ReadonlySet<string>): void
}

/** @param report counts against the peer's score */
export function createGossip(wire: Wire, report: (host: Host, peer: string) => void): GossipPart {
  const { scheduler, prng, faults } = wire

  /** False if the id passed here within the last two minutes. */
  const isNew = (host: Host, id: string): boolean => {
    const nowMs = scheduler.elapsedMs()
    for (const [old, forgottenMs] of host.seen) {
      if (forgottenMs > nowMs) break
      host.seen.delete(old)
    }
    if (host.seen.has(id)) return false
    host.seen.set(id, nowMs + SEEN_MS)
    return true
  }

  const send = (from: Host, connection: Connection, message: Message): void => {
    const to = otherEnd(connection, from)
    // Real gossip tells a peer of what it need not send again; without this, most events would be duplicates.
    if (to.seen.has(message.id)) return
    const profile = faults()
    if (wire.isCut(from.name, to.name)) return
    if (prng.chance(profile.dropRate)) {
      wire.count('drop')
      return
    }
    const hop = `${from.name} ${message.topic} ${message.id}`
    const isSlow = prng.chance(profile.slowRate)
    if (isSlow) wire.count('reorder')
    const delayMs = isSlow ? prng.between(...profile.slowMs) : wire.delayMs()
    scheduler.schedule(delayMs, 'gossip', to.life, hop, () => arrive(to, connection, message, false))
    if (prng.chance(profile.duplicateRate)) {
      wire.count('duplicate')
      const laterMs = delayMs + prng.between(...profile.slowMs)
      scheduler.schedule(laterMs, 'gossip again', to.life, hop, () => arrive(to, connection, message, true))
    }
  }

  const spread = (host: Host, message: Message, except: string, only?: ReadonlySet<string>): void => {
    for (const [peer, connection] of host.view) {
      if (peer === except || peer === message.origin || only?.has(peer) === false) continue
      send(host, connection, message)
    }
  }

  const arrive = (host: Host, connection: Connection, message: Message, again: boolean): boolean => {
    const from = otherEnd(connection, host).name
    const handler = host.topics.get(message.topic)
    if (handler === undefined || host.closed || host.view.get(from) !== connection || !connection.open) return false
    if (message.origin === host.name || (!isNew(host, message.id) && !again)) return false
    judge(host, handler, message, from).then(
      (verdict) => {
        if (!host.life.alive || host.closed) return
        if (verdict === 'accept' && !again && faults().relays) spread(host, message, from)
        if (verdict === 'reject') report(host, from)
        if (verdict === 'busy') host.seen.delete(message.id)
      },
      (error) => {
        if (error instanceof AssertionError && host.life.alive) scheduler.fail(error)
      }
    )
    return true
  }

  return {
    publish(host, topic, data, only) {
      assert(data.length <= limits.gossipMessageBytesMax, 'a gossip message is within its limit')
      const id = toHex(sha256(new TextEncoder().encode(`${topic}\n`), data).subarray(0, 12))
      const isSaid = !isNew(host, id)
      if (!isSaid || only !== undefined) {
        spread(host, { topic, data: data.slice(), id, origin: host.name }, host.name, only)
      }
    }
  }
}

/** An async function, so that a handler that throws at once and one that rejects are alike. */
async function judge(host: Host, handler: GossipHandler, message: Message, from: string): Promise<GossipVerdict> {
  assert(host.life.alive, 'events happen to live processes only')
  return handler(message.data, from)
}
