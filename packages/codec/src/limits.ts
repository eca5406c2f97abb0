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
  /** Doctors and nurses who sign one record. */
  recordDoctorsMax: 16,
  /** Records that one entry says were read. */
  accessRecordsMax: 64,
  /** Grants of one alias to one member, to one role at a hospital, or by expressions, that have not ended long ago. */
  grantsPerBucketMax: 16,
  /** Atoms of one expression over attributes. */
  expressionAtomsMax: 32,
  /** Nesting of such an expression, an atom being one level. */
  expressionDepthMax: 8,
  /** The sum of a block's signed transactions, bytes. */
  blockBodyBytesMax: 4 * 1024 * 1024,
  /** The sum of the payloads that a block's transactions name and every member must hold, bytes. */
  blockPayloadBytesMax: 8 * 1024 * 1024,
  /** Transactions of one block. */
  blockTransactionsMax: 10_000,
  /** Entries about the release of records in one block: each evaluates up to three buckets of grants. */
  blockAccessesMax: 256,
  /** Life of a transaction: it must expire at most this long after the block that includes it. */
  transactionLifeMsMax: 48 * 60 * 60 * 1000,
  /** All pending transactions of a chain together, with the payloads that every member must hold, bytes. */
  mempoolBytesMax: 64 * 1024 * 1024,
  /** Pending access entries beside that, bytes: nothing else may take their room, for what was released must get on the chain. */
  mempoolAccessBytesMax: 8 * 1024 * 1024,
  /** Validators of a chain. */
  validatorsMax: 128,
  /** Recorded proofs that one validator signed two votes that exclude each other: more add nothing. */
  evidencePerOffenderMax: 16,
  /** Members with a libp2p key, beyond which the allow list refuses. */
  peersMax: 1024,
  /** A batch of transactions in one gossip message, bytes. */
  gossipBatchBytesMax: 64 * 1024,
  /** Any gossip message, bytes: a proposal of 10,000 leaves with 1 MiB of skip certificates fits. */
  gossipMessageBytesMax: 2 * 1024 * 1024,
  /** Skip certificates inside a proposal, bytes; the oldest above it are left out, and a voter must hold those itself. */
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
  /** Calls that one connection may have running (pipelined requests), and that one batch runs at once. */
  rpcPipelineMax: 64,
  /** Requests of one control socket that are being read or answered, together, bytes. Each of the three sockets has its own. */
  rpcPendingBytesMax: 128 * 1024 * 1024,
  /** One answer, a batch's included, or what one height brings to a subscriber, bytes. */
  rpcAnswerBytesMax: 32 * 1024 * 1024,
  /** Subscriptions of one connection. */
  rpcSubscriptionsMax: 16,
  /** Subscriptions of all connections of one control socket together. */
  rpcSubscriptionsOfAllMax: 4_096,
  /** What waits to be read by one client that keeps its connection, bytes, before nothing more is done for it. */
  rpcUnreadBytesMax: 256 * 1024,
  /**
   * Answers and events of one control socket that have been made and not been read, together, bytes. While the largest
   * answer would not fit, none above `rpcUnreadBytesMax` is given. Each of the three sockets has its own.
   */
  rpcUnreadBytesOfAllMax: 128 * 1024 * 1024,
  /** Fragments of one WebSocket message. */
  rpcFragmentsMax: 1_024,
  /** Calls on the read socket that get a line in the audit log: a line is synced, and stays. The others have a rate of their own. */
  auditedReadsBurst: 2_000,
  auditedReadsPerSecond: 200,
  /** Such calls on each of the sockets that may write: what they submit takes more of the disk than their lines. */
  auditedWritesBurst: 20_000,
  auditedWritesPerSecond: 2_000,
  /** Nesting of FHIR JSON that is read. */
  jsonDepthMax: 64,
  /** One FHIR export of which a command reads the staff, bytes. */
  fhirBytesMax: 64 * 1024 * 1024,
  /** Resources in one FHIR input. */
  fhirResourcesMax: 5_000_000,
  /** Transmissions that one answer about a record's custody reads. */
  traceTransmissionsMax: 10_000,
  /** Hand-offs of these transmissions, one for each receiver: one answer (`rpcAnswerBytesMax`) holds no more of about 800 bytes. */
  traceHandOffsMax: 40_000,
  /** Hand-offs in one drawing: it is made in one go, in which nothing else is done, and more than these take up to seconds. */
  drawnHandOffsMax: 4_000,
  /** Transmissions that one `stt.ack` acknowledges: more would make the receipts of a trace large. */
  acksPerTransactionMax: 32,
  /** Consents that one hospital can keep terms of, for one chain. */
  consentsMax: 10_000,
  /** What it can note beside each, bytes. */
  consentNoteBytesMax: 200,
  /** Links from the origin that a receiver verifies; no longer path can be acknowledged as opened. */
  custodyPathMax: 1_000,
  /** Transactions that one receipt proves: the longest path, each hand-off with its acknowledgement, and twice as many. */
  jointReceiptTransactionsMax: 4_096,
  /** One such receipt, bytes. */
  jointReceiptBytesMax: 16 * 1024 * 1024,
  /** Signing keys, and sealing keys, that one member can ever have: a new one every half year for thirty years. */
  memberKeysMax: 64,
  /** Attributes of a member, and attributes that a hospital may give. */
  attributesMax: 32,
  /** What gossiped and asked-for transactions of one peer may cost: one for each that is new here, more for a large one, one more for each signature verified, and one for every sixteen names. Any batch costs less. */
  verificationsPerPeerBurst: 8_000,
  verificationsPerPeerPerSecond: 4_000,
  /** What the sync requests of one peer may cost, and apart from them its payload requests: one for each, more for what is large. A member that catches up uses a few a second, or some hundred where blocks are full; its duties some hundred. */
  requestsPerPeerBurst: 2_000,
  /** Requests per peer per second: 32 MB/s of blocks, for which who catches up waits where it would be faster. */
  requestsPerPeerPerSecond: 500,
  /** Requests of one peer for records that their owner denies: each is an entry for ever, in the patient's log and at the owner's expense. */
  denialsPerPeerBurst: 64,
  /** Denials per peer per second. Who has none left of either hears `busy` whatever it requests, but fetches what it was permitted. */
  denialsPerPeerPerSecond: 1,
  /** Requests of one peer for records that their owner permits: each is an entry for ever too. */
  permitsPerPeerBurst: 1_024,
  /** Permits per peer per second. Who has none left of either hears `busy` whatever it requests, but fetches what it was permitted. */
  permitsPerPeerPerSecond: 8,
  /** Fetches of one peer that give something of a record: each is a line in the owner's audit log. */
  releasesPerPeerBurst: 4_096,
  releasesPerPeerPerSecond: 16,
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
  outcomeWaitersMax: 65_536,
  /** What a hospital keeps under one name in its vault, bytes. */
  vaultBytesMax: 64 * 1024 * 1024,
  /** What describes an anchored record, encoded, bytes. */
  descriptorBytesMax: 16 * 1024,
  /** One text of a DSS chain's fence, bytes. */
  fenceTextBytesMax: 200,
  /** Labels that such a chain excludes. */
  excludedLabelsMax: 32,
  /** How long such a chain can say that records are kept, years. */
  retentionYearsMax: 200
} as const
