/**
 * The network of one chain: gossip to all, and bounded request streams to one peer. Only peers on the allow list are
 * ever connected, so `from` is always a known name; what they say is still untrusted.
 */
export interface Network {
  readonly self: PeerName
  /**
   * Replaces the allow list (own name in it is skipped); connections of peers no longer on it are closed, the others are
   * dialled and re-dialled with back-off. Two peers connect only if each allows the other.
   */
  setPeers(peers: readonly NetworkPeer[]): Promise<void>
  /** Names of connected peers, sorted. */
  connected(): readonly PeerName[]
  /** `run` is told of every peer that connects or disconnects; returns a function that ends this. */
  onPeer(run: (peer: PeerName, event: 'connected' | 'disconnected') => void): () => void
  readonly gossip: Gossip
  /**
   * Sends one request frame (at most `limits.streamFrameBytesMax`), when the first answer is asked for, and yields the
   * answer's frames in order. Ends with an error when the deadline for the whole answer passes, a frame is larger than
   * `frameBytesMax`, or more than `framesMax` arrive. Breaking out of the loop closes the stream.
   * @throws WardlineError `peer-unreachable` (not connected), `stream-timeout`, `stream-overflow`, `stream-closed` (not
   * served, refused, the handler failed, or the connection ended)
   */
  request(peer: PeerName, protocol: string, request: Uint8Array, options: StreamRequest): AsyncIterable<Uint8Array>
  /**
   * Serves `protocol`. At most `limits.streamsPerPeer` handlers of it run at once per peer, with requests of at most
   * `limits.requestBytesPerPeerMax` over all protocols; more are refused. A request above `requestBytesMax` is refused by
   * its length alone and counts against the peer. What the handler throws closes the stream; a WardlineError `bad-request`
   * counts against the peer too, and a failed assertion ends this program. A handler is ended (`return` on its iterator) when
   * its client goes away.
   */
  serve(protocol: string, handler: StreamHandler, options: ServeOptions): void
  /** Counts against the peer's score; a peer that falls too low is disconnected for a while. `code` is logged with its name. */
  report(peer: PeerName, code: string): void
  close(): Promise<void>
}

/** Whatever the transport calls a peer (a libp2p peer id); compared for equality only. */
export type PeerName = string

export type NetworkPeer = {
  readonly name: PeerName
  /** Transport addresses, most likely first, e.g. `/ip4/127.0.0.1/tcp/20123`. */
  readonly addresses: readonly string[]
}

export interface Gossip {
  /**
   * Sends to all connected peers that joined `topic`, best effort. `data` is at most `limits.gossipMessageBytesMax`; a
   * message that passed here within the last two minutes is silently dropped: what must be sent again needs other bytes.
   */
  publish(topic: string, data: Uint8Array): Promise<void>
  /**
   * Joins `topic`. Nothing is forwarded until the handler has answered: `accept` forwards, `ignore` drops, `reject` drops
   * and counts against `from`, `busy` drops this copy only. A handler that throws counts as `ignore` and is logged; a failed
   * assertion ends this program. Own messages do not come back.
   */
  subscribe(topic: string, handler: (data: Uint8Array, from: PeerName) => Promise<GossipVerdict>): void
}

/**
 * `busy` is for a message that was not looked at because `from` has used up its share: the same bytes from another peer
 * are delivered. After the other verdicts a copy is dropped for two minutes, whoever sends it.
 */
export type GossipVerdict = 'accept' | 'ignore' | 'reject' | 'busy'

export type StreamHandler = (request: Uint8Array, from: PeerName) => AsyncIterable<Uint8Array>

export type ServeOptions = {
  /** The largest request that this protocol has, bytes, at most `limits.streamFrameBytesMax`. */
  readonly requestBytesMax: number
}

export type StreamRequest = {
  readonly timeoutMs: number
  readonly frameBytesMax: number
  readonly framesMax: number
}
