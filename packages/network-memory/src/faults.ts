/** How the network of a world misbehaves. All times are virtual milliseconds, all rates probabilities from 0 to 1. */
export type NetworkFaults = {
  /** How long a message or frame is under way, drawn per hop; a wide range reorders gossip. */
  readonly delayMs: readonly [min: number, max: number]
  /** A gossip message on one hop is lost. */
  readonly dropRate: number
  /** A gossip message reaches its receiver's handler a second time, as after the transport forgot that it had passed. */
  readonly duplicateRate: number
  /** A gossip message on one hop takes a time from `slowMs` instead: heavy reordering. */
  readonly slowRate: number
  readonly slowMs: readonly [min: number, max: number]
  /** A frame of a request stream is lost, and with it all behind it: the stream stalls until its deadline. */
  readonly streamBreakRate: number
  /** Dialling again takes up to this long. */
  readonly redialMs: number
  /**
   * A connection cut in both directions is noticed after this long, and dialled again once it can be. One that is cut in one
   * direction stays: messages get lost on a link that looks well.
   */
  readonly linkTimeoutMs: number
  /** How long a peer that was reported too often stays disconnected, and how many reports that takes. */
  readonly banMs: number
  readonly reportsMax: number
  /**
   * Whether a host hands on the gossip that it has accepted. The real network does not where everybody is linked to everybody,
   * and a world without cuts and losses costs less so.
   */
  readonly relays: boolean
}

/** A quiet local network. */
export const NO_FAULTS: NetworkFaults = {
  delayMs: [0.25, 1],
  dropRate: 0,
  duplicateRate: 0,
  slowRate: 0,
  slowMs: [50, 2000],
  streamBreakRate: 0,
  redialMs: 50,
  linkTimeoutMs: 15_000,
  banMs: 60_000,
  reportsMax: 20,
  relays: true
}
