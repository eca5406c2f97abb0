/**
 * Payloads travel by stream, never by gossip, and only between those who must hold them: of a transmission its author and
 * its receivers. A missing payload never stops a chain.
 */
import {
  bytes32,
  decodeCbor,
  encodeCbor,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  type TransactionId,
  WardlineError
} from '@wardline/codec'
import { envelopeCommitment, type ParsedTransaction, payloadHolders } from '@wardline/ledger'
import type { KeyValueStore, Network, PeerName, StoreWrite } from '@wardline/ports'
import { keys } from './layout.ts'

export const PAYLOAD_PROTOCOL = '/wardline/payload/1'

const FETCH_TIMEOUT_MS = 20_000

/** First byte of the answer: the payload follows, or the peer does not have it for us. */
const HERE = 1
const NOT_HERE = 0

export type Payloads = {
  /** The payload that the transaction names, if it is here. */
  get(transaction: ParsedTransaction): Uint8Array | undefined
  /** Whether these bytes are the payload that the transaction names. */
  matches(transaction: ParsedTransaction, payload: Uint8Array): boolean
  /** The write that keeps it, to be made durable with what depends on it. */
  write(transaction: ParsedTransaction, payload: Uint8Array): StoreWrite
  /**
   * Gets the payload from the members who must hold it, the author first, and keeps it durably.
   * @returns undefined if nobody who is connected has it
   */
  fetch(transaction: ParsedTransaction): Promise<Uint8Array | undefined>
}

export type PayloadParts = {
  readonly store: KeyValueStore
  readonly network: Network
  readonly self: MemberId
  /** A transaction that is final or pending here. */
  readonly transaction: (id: TransactionId) => ParsedTransaction | undefined
  readonly memberOf: (peer: PeerName) => MemberId | undefined
  readonly peerOf: (member: MemberId) => PeerName | undefined
}

const readRequest = mapOf({ transaction: bytes32<TransactionId> })

export function createPayloads(parts: PayloadParts): Payloads {
  const { store, network, self } = parts

  function get(transaction: ParsedTransaction): Uint8Array | undefined {
    const named = transaction.payload
    return named && store.get(keys.payload(named.commitment))
  }

  function matches(transaction: ParsedTransaction, payload: Uint8Array): boolean {
    const named = transaction.payload
    return named !== undefined && named.size === payload.length && envelopeCommitment(payload) === named.commitment
  }

  function write(transaction: ParsedTransaction, payload: Uint8Array): StoreWrite {
    const named = transaction.payload
    if (named === undefined) throw new TypeError('the transaction has no payload')
    return { key: keys.payload(named.commitment), value: payload }
  }

  network.serve(PAYLOAD_PROTOCOL, async function* (request, from) {
    const wanted = readRequest(decodeCbor(request))
    const member = parts.memberOf(from)
    const transaction = wanted && parts.transaction(wanted.transaction)
    const payload = transaction && member && payloadHolders(transaction).includes(member) ? get(transaction) : undefined
    if (payload === undefined) {
      yield Uint8Array.of(NOT_HERE)
      return
    }
    const answer = new Uint8Array(1 + payload.length)
    answer[0] = HERE
    answer.set(payload, 1)
    yield answer
  })

  async function ask(peer: PeerName, id: TransactionId): Promise<Uint8Array | undefined> {
    const options = { timeoutMs: FETCH_TIMEOUT_MS, frameBytesMax: limits.payloadBytesMax + 1, framesMax: 1 }
    try {
      for await (const answer of network.request(
        peer,
        PAYLOAD_PROTOCOL,
        encodeCbor({ transaction: nameBytes(id) }),
        options
      )) {
        return answer[0] === HERE ? answer.subarray(1) : undefined
      }
    } catch (error) {
      // A peer that is away or too slow is no reason to stop: the next one is asked, and the duty comes back later.
      if (!(error instanceof WardlineError)) throw error
    }
    return undefined
  }

  return {
    get,
    matches,
    write,
    async fetch(transaction) {
      for (const member of payloadHolders(transaction)) {
        const peer = member === self ? undefined : parts.peerOf(member)
        if (peer === undefined || !network.connected().includes(peer)) continue
        const payload = await ask(peer, transaction.id)
        if (payload === undefined) continue
        if (!matches(transaction, payload)) {
          network.report(peer, 'wrong-payload')
          continue
        }
        await store.write([write(transaction, payload)], { sync: true })
        return payload
      }
      return undefined
    }
  }
}
