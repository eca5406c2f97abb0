/**
 * The messages gossipsub keeps for a few heartbeats: to forward one after its verdict, to announce it (IHAVE) and to
 * hand it out again (IWANT). It stands in for gossipsub's own cache, and differs in four ways:
 *
 * - it is bounded in bytes: the oldest messages leave first;
 * - it announces a message once, between one and two heartbeats old, so that copies still on their way are not asked for;
 * - per heartbeat it hands out at most `limits.gossipMessageBytesMax` to one peer: gossipsub puts all it hands out into
 *   one frame, and a frame above the receiver's `maxInboundDataLength` would end the link;
 * - it hands out nothing that has no verdict yet.
 */

import type { GossipsubOpts } from '@chainsafe/libp2p-gossipsub'
import { limits } from '@wardline/codec'

type RpcMessage = { readonly topic: string; readonly data?: Uint8Array }
type MessageId = { readonly msgId: Uint8Array; readonly msgIdStr: string }

type Entry = {
  readonly message: RpcMessage
  readonly sizeBytes: number
  validated: boolean
  /** Peers that sent the same message before its verdict: they need no copy. */
  originatingPeers: Set<string>
  readonly handedOut: Map<string, number>
}

type Window = (MessageId & { readonly topic: string })[]

/** Memory for cached messages, bytes. */
const CACHE_BYTES_MAX = 16 * 1024 * 1024
/** The window whose messages are announced: 0 is the running heartbeat. */
const ANNOUNCED_WINDOW = 1

export function createMessageCache(heartbeats: number): NonNullable<GossipsubOpts['messageCache']> {
  const msgs = new Map<string, Entry>()
  let windows: Window[] = Array.from({ length: heartbeats }, () => [])
  let sizeBytes = 0
  const handedOutBytes = new Map<string, number>()

  const drop = (id: string): Entry | undefined => {
    const entry = msgs.get(id)
    if (entry === undefined) return undefined
    msgs.delete(id)
    sizeBytes -= entry.sizeBytes
    return entry
  }

  const cache = {
    msgs,
    get size() {
      return msgs.size
    },
    notValidatedCount: 0,

    put(id: MessageId, message: RpcMessage, validated = false): boolean {
      if (msgs.has(id.msgIdStr)) return false
      const entrySize = message.data?.length ?? 0
      msgs.set(id.msgIdStr, {
        message,
        sizeBytes: entrySize,
        validated,
        originatingPeers: new Set(),
        handedOut: new Map()
      })
      sizeBytes += entrySize
      windows[0]?.push({ ...id, topic: message.topic })
      for (const oldest of msgs.keys()) {
        if (sizeBytes <= CACHE_BYTES_MAX) break
        drop(oldest)
      }
      return true
    },

    observeDuplicate(id: string, from: string): void {
      const entry = msgs.get(id)
      if (entry !== undefined && !entry.validated) entry.originatingPeers.add(from)
    },

    getWithIWantCount(id: string, peer: string): { msg: RpcMessage; count: number } | null {
      const entry = msgs.get(id)
      if (entry?.validated !== true) return null
      const bytes = (handedOutBytes.get(peer) ?? 0) + entry.sizeBytes
      if (bytes > limits.gossipMessageBytesMax) return null
      handedOutBytes.set(peer, bytes)
      const count = (entry.handedOut.get(peer) ?? 0) + 1
      entry.handedOut.set(peer, count)
      return { msg: entry.message, count }
    },

    getGossipIDs(topics: ReadonlySet<string>): Map<string, Uint8Array[]> {
      const ids = new Map<string, Uint8Array[]>()
      for (const { topic, msgId, msgIdStr } of windows[ANNOUNCED_WINDOW] ?? []) {
        if (!topics.has(topic) || msgs.get(msgIdStr)?.validated !== true) continue
        const ofTopic = ids.get(topic)
        if (ofTopic === undefined) ids.set(topic, [msgId])
        else ofTopic.push(msgId)
      }
      return ids
    },

    validate(id: string): { message: RpcMessage; originatingPeers: Set<string> } | null {
      const entry = msgs.get(id)
      if (entry === undefined) return null
      const { message, originatingPeers } = entry
      entry.validated = true
      entry.originatingPeers = new Set()
      return { message, originatingPeers }
    },

    remove(id: string): { message: RpcMessage; originatingPeers: Set<string> } | null {
      return drop(id) ?? null
    },

    shift(): void {
      for (const { msgIdStr } of windows.at(-1) ?? []) drop(msgIdStr)
      windows = [[], ...windows.slice(0, -1)]
      handedOutBytes.clear()
    }
  }
  // The option's type is a class with private members; these are all the members that gossipsub 17.1.1 uses.
  return cache as unknown as NonNullable<GossipsubOpts['messageCache']>
}
