/** Every bound on what a daemon reads, holds or sends. Checked before allocating and before sending. */
export const limits = {
  /** One signed transaction, bytes. */
  transactionBytesMax: 60 * 1024,
  /** One payload (STT: the sealed envelope), bytes. */
  payloadBytesMax: 1024 * 1024,
  /** Receivers of one transmission. */
  receiversMax: 256,
  /** Doctors' signatures, cosignatures and approvals on one transaction. */
  cosignaturesMax: 128,
  /** The sum of a block's signed transactions, bytes. */
  blockBodyBytesMax: 4 * 1024 * 1024,
  /** Transactions of one block. */
  blockTransactionsMax: 10_000,
  /** Life of a transaction: it must expire at most this long after the block that includes it. */
  transactionLifeMsMax: 48 * 60 * 60 * 1000,
  /** All pending transactions of a chain together, bytes. */
  mempoolBytesMax: 64 * 1024 * 1024,
  /** Validators of a chain. */
  validatorsMax: 128,
  /** Members with a libp2p key, beyond which the allow list refuses. */
  peersMax: 1024,
  /** A batch of transactions in one gossip message, bytes. */
  gossipBatchBytesMax: 64 * 1024,
  /** Any gossip message, bytes: a proposal of 10,000 leaves with 1 MiB of skip certificates fits. */
  gossipMessageBytesMax: 2 * 1024 * 1024,
  /** Skip certificates inside a proposal, bytes; more are fetched from the proposer. */
  proposalSkipsBytesMax: 1024 * 1024,
  /** Requests that one peer may have running on one protocol at once. */
  streamsPerPeer: 16,
  /** One frame of a request stream, bytes: a block body of full size, with its framing. */
  streamFrameBytesMax: 5 * 1024 * 1024,
  /** All requests of one peer that are being read or answered, bytes: four of the largest consensus messages. */
  requestBytesPerPeerMax: 8 * 1024 * 1024,
  /** Nesting of canonical CBOR. */
  cborDepthMax: 16,
  /** Items of one canonical CBOR value: a list of the leaves of a whole block fits three times. Small items cost far more than their bytes. */
  cborItemsMax: 32_768,
  /** Gossiped transactions of one peer that wait for a block that would permit them, bytes. */
  parkedBytesPerPeerMax: 1024 * 1024,
  /** How long such a transaction waits, milliseconds. */
  parkedMs: 30_000,
  /** Unix socket paths above this are cut silently by the operating system. */
  socketPathBytesMax: 107,
  /** One request of the control socket, a whole batch included, bytes. */
  rpcBodyBytesMax: 2 * 1024 * 1024,
  /** Calls in one batch. */
  rpcBatchMax: 100,
  /** Nesting of a request's JSON. */
  rpcDepthMax: 64,
  /** Connections of one control socket at once. */
  rpcConnectionsMax: 1000,
  /** Calls that one connection may have waiting (pipelined requests), and that one batch runs at once. */
  rpcPipelineMax: 64,
  /** Bodies of all requests being read or answered together, bytes. */
  rpcPendingBytesMax: 128 * 1024 * 1024,
  /** One answer, a batch's included, bytes. */
  rpcAnswerBytesMax: 32 * 1024 * 1024,
  /** Nesting of FHIR JSON that is read. */
  jsonDepthMax: 64,
  /** Resources in one FHIR input. */
  fhirResourcesMax: 5_000_000,
  /** Transmissions that one answer about a record's custody reads. */
  traceTransmissionsMax: 10_000,
  /** Links from the origin that a receiver verifies; no longer path can be acknowledged as opened. */
  custodyPathMax: 1_000,
  /** Signing keys, and sealing keys, that one member can ever have: a new one every half year for thirty years. */
  memberKeysMax: 64,
  /** Attributes of a member, and attributes that a hospital may give. */
  attributesMax: 32,
  /** What gossiped and asked-for transactions of one peer may cost: one for each that is new here, one more for each signature verified. */
  verificationsPerPeerBurst: 8_000,
  verificationsPerPeerPerSecond: 4_000,
  /** Sync and payload requests of one peer that are answered: a member that catches up needs a few a second, its duties some hundred. */
  requestsPerPeerBurst: 2_000,
  requestsPerPeerPerSecond: 500,
  /** Pending transactions of one author that exclude each other: at most one of them can ever be final. */
  pendingPerConflictMax: 4,
  /** Transactions that a leader takes into one block, though others may take more: judging them takes about 100 ms, in which nothing else is done. */
  buildTransactionsMax: 1_000,
  /** Refusals looked at in a row while a leader makes a block, before others get their turn. */
  buildRefusalsMax: 1_000,
  /** Blocks that are executed and not final, in memory; older ones are executed again if they are needed. */
  unfinalisedBlocksMax: 64,
  /** Transactions waiting to be gossiped, bytes; what is dropped above it still reaches peers by the exchange of pending lists. */
  outboxBytesMax: 8 * 1024 * 1024,
  /** Calls that wait for a transaction's end. */
  outcomeWaitersMax: 65_536
} as const
