/**
 * The members of gossipsub 17.1.1's class that its exported interface leaves out and this package needs. Most are public
 * in the class; the version is pinned, and `gossipInternals` checks that they are there.
 */

import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { assert } from '@wardline/codec'

export type GossipInternals = GossipSub & {
  readonly streamsInbound: ReadonlyMap<string, unknown>
  readonly streamsOutbound: ReadonlyMap<string, unknown>
  readonly mesh: ReadonlyMap<string, ReadonlySet<string>>
  /** Read at every use, so a change takes effect at once. */
  readonly opts: {
    D: number
    Dlo: number
    Dhi: number
    Dscore: number
    Dout: number
    floodPublish: boolean
    heartbeatInterval: number
  }
  /** Names of the messages that passed within the last two minutes. */
  readonly seenCache: { readonly entries: Map<string, unknown> }
  readonly status: { heartbeatTimeout?: NodeJS.Timeout }
  /** One heartbeat, after which the next is set by `opts.heartbeatInterval`. */
  readonly runHeartbeat: () => void
  reportMessageValidationResult(messageId: string, from: string, verdict: 'accept' | 'ignore' | 'reject'): void
}

export function gossipInternals(gossip: GossipSub): GossipInternals {
  const internals = gossip as GossipInternals
  const complete =
    internals.streamsInbound instanceof Map &&
    internals.streamsOutbound instanceof Map &&
    internals.mesh instanceof Map &&
    internals.seenCache?.entries instanceof Map &&
    typeof internals.opts?.D === 'number' &&
    typeof internals.runHeartbeat === 'function' &&
    typeof internals.reportMessageValidationResult === 'function'
  assert(complete, 'this version of gossipsub has not the members that the adapter needs')
  return internals
}

/** Has the next heartbeat, of a gossipsub that runs, in at most so long. */
export function heartbeatWithin({ status, runHeartbeat }: GossipInternals, ms: number): void {
  if (status.heartbeatTimeout === undefined) return
  clearTimeout(status.heartbeatTimeout)
  status.heartbeatTimeout = setTimeout(runHeartbeat, ms)
}

/** Gossipsub's own `stop` leaves its next heartbeat behind, which would keep the process for half a second. */
export function stopHeartbeat(internals: GossipInternals): void {
  clearTimeout(internals.status.heartbeatTimeout)
}
