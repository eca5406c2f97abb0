/**
 * Payloads travel by stream, never by gossip, and only between those who must hold them: of a transmission its author and
 * its receivers. A missing payload never stops a chain. What lies here belongs to one transaction: another one that names
 * the same commitment, which anybody can read off the chain, gives nobody a right to it.
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
import type { Allowance } from './allowance.ts'
import { converse } from './converse.ts'
import { keys } from './layout.ts'

export const PAYLOAD_PROTOCOL = '/wardline/payload/1'

const FETCH_TIMEOUT_MS = 20_000
/** A request is a transaction's id and its name. */
const REQUEST_BYTES_MAX = 64

/** First byte of the answer: the payload follows, or the peer does not have it for us. */
const HERE = 1
const NOT_HERE = 0

export type Payloads = {
  /** Whether the payload of this transaction is here; reads none of it. */
  has(transaction: ParsedTransaction): boolean
  /** The payload of this transaction, if it is here. */
  get(transaction: ParsedTransaction): Uint8Array | undefined
  /** Whether these bytes are the payload that the transaction names. */
  matches(transaction: ParsedTransaction, payload: Uint8Array): boolean
  /** The writes that keep it, to be made durable with what depends on it. */
  writes(transaction: ParsedTransaction, payload: Uint8Array): readonly StoreWrite[]
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
  readonly allowance: Allowance
}

const readRequest = mapOf({ transaction: bytes32<TransactionId> })

export function createPayloads(parts: PayloadParts): Payloads {
  const { store, network, self } = parts

  function get(transaction: ParsedTransaction): Uint8Array | undefined {
    return store.get(keys.payload(transaction.id))
  }

  function has(transaction: ParsedTransaction): boolean {
    return store.get(keys.payloadSize(transaction.id)) !== undefined
  }

  function matches(transaction: ParsedTransaction, payload: Uint8Array): boolean {
    const named = transaction.payload
    return named !== undefined && named.size === payload.length && envelopeCommitment(payload) === named.commitment
  }

  function writes({ id }: ParsedTransaction, payload: Uint8Array): readonly StoreWrite[] {
    return [
      { key: keys.payload(id), value: payload },
      { key: keys.payloadSize(id), value: new TextEncoder().encode(String(payload.length)) }
    ]
  }

  network.serve(PAYLOAD_PROTOCOL, answer, { requestBytesMax: REQUEST_BYTES_MAX })

  async function* answer(request: Uint8Array, from: PeerName): AsyncIterable<Uint8Array> {
    const wanted = readRequest(decodeCbor(request))
    const member = parts.memberOf(from)
    if (!parts.allowance.take(from, 1)) throw new WardlineError('busy', 'the peer asks too often')
    // What is not here needs no look at the transaction, which may lie in a large block.
    const isHere = wanted !== undefined && store.get(keys.payloadSize(wanted.transaction)) !== undefined
    const transaction = isHere ? parts.transaction(wanted.transaction) : undefined
    const payload = transaction && member && payloadHolders(transaction).includes(member) ? get(transaction) : undefined
    if (payload === undefined) {
      yield Uint8Array.of(NOT_HERE)
      return
    }
    const answer = new Uint8Array(1 + payload.length)
    answer[0] = HERE
    answer.set(payload, 1)
    yield answer
  }

  async function ask(peer: PeerName, id: TransactionId): Promise<Uint8Array | undefined> {
    const options = { timeoutMs: FETCH_TIMEOUT_MS, frameBytesMax: limits.payloadBytesMax + 1, framesMax: 1 }
    const request = encodeCbor({ transaction: nameBytes(id) })
    let payload: Uint8Array | undefined
    await converse(network.request(peer, PAYLOAD_PROTOCOL, request, options), async (answer) => {
      if (answer[0] === HERE) payload = answer.subarray(1)
      return false
    })
    return payload
  }

  return {
    has,
    get,
    matches,
    writes,
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
        await store.write(writes(transaction, payload), { sync: true })
        return payload
      }
      return undefined
    }
  }
}
