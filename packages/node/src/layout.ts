/**
 * Where everything lies in a chain's key-value store. Heights and epochs are 12 decimal digits, so that byte order is their order.
 *
 * | key | value |
 * |---|---|
 * | `blocks/body/<digest>` | the block's signed transactions, as the ledger's `encodeBlockBody` writes them; durable before this daemon votes for it |
 * | `blocks/certificate/<height>` | the finalization of the block at that height, where one was assembled or received |
 * | `blocks/closing/<epoch>` | the height of the block that ended the epoch, decimal; its finalization is always here |
 * | `blocks/header/<height>` | the fixed-width header of the final block |
 * | `blocks/height/<digest>` | the height of a final block, decimal |
 * | `blocks/passed/<epoch>/<view>/<kind>` | the notarization or nullification of a view that the final chain passed without a finalization of its own, where this daemon had one: it names who signed twice, should another block of that view be final elsewhere |
 * | `blocks/pending/<digest>` | header of a block that was voted for and is not final; its body is above |
 * | `blocks/transaction/<id>` | CBOR `[height, index, offset, size]` of a final transaction: its place in the block, and where its bytes lie in the body |
 * | `blocks/tree/<level>/<index>` | 32 bytes, a node of the history tree (RFC 6962) over the digests of all blocks: the root of the complete subtree number `index` of `2^level` leaves, from level 1 on |
 * | `duties/…` | what this daemon must still do because of a block (package `views`) |
 * | `evidence/<memberId>/<epoch>/<view>/<conflict>` | CBOR `{epoch, signer, view, votes}`: two votes of a validator that exclude each other, found here |
 * | `forks/<epoch>` | CBOR `{certificate, offenders}`: a genuine finalization of an epoch that ended long ago which contradicts what is final here; the first of each epoch. The offenders are the ids of those who are known to have signed in both branches, absent if nobody is |
 * | `mempool/<leaf>` | a signed transaction accepted from a client here and not yet final |
 * | `meta/fork` | CBOR `{certificate, offenders}`, as in `forks`: a genuine finalization that contradicts what is final here; the chain does not open |
 * | `meta/genesis` | the chain id, so that a folder is never used for another chain |
 * | `meta/head` | CBOR `{digest, height, history, transactions}`: the last final block, the right edge of the history tree, how many transactions so far |
 * | `meta/schema` | the version of this layout, decimal |
 * | `meta/verified` | height up to which a start has checked the hash chain, decimal |
 * | `payloads/bytes/<id>` | the payload of that transaction, which this member must hold; never another transaction's of the same commitment. An envelope as it is; what every member holds in the clear, under the record's own key (`payload-rows.ts`) |
 * | `payloads/missing/<id>` | a final transaction whose payload every member must hold and which is not here: `wanted`, or what is wrong with the only bytes that its commitment permits |
 * | `payloads/pending/<id>` | `expires` of a transaction that was not final when its payload was kept, decimal: without a block the payload goes at that time |
 * | `payloads/size/<id>` | its size in bytes, decimal: whether it is here, without reading it |
 * | `state/…` | the ledger's state (keys in package `ledger`) |
 * | `views/…` | derived views (packages `custody`, `views`) |
 */
import { type Digest, type Epoch, type Height, type Leaf, type TransactionId, WardlineError } from '@wardline/codec'
import type { Certificate } from '@wardline/consensus'

/**
 * Version of the layout, and of what lies in it: raised with every change after which a store that was written before could not
 * be read, or would lack rows. A store with any other is refused. 1: before custody had rows of recalls; 2: before it
 * had rows of consents.
 */
export const SCHEMA = 3

export const keys = {
  body: (digest: Digest) => `blocks/body/${digest}`,
  closing: (epoch: Epoch) => `blocks/closing/${padded(epoch)}`,
  certificate: (height: Height | number) => `blocks/certificate/${padded(height)}`,
  height: (digest: Digest) => `blocks/height/${digest}`,
  header: (height: Height | number) => `blocks/header/${padded(height)}`,
  passed: ({ epoch, view, kind }: Pick<Certificate, 'epoch' | 'view' | 'kind'>) =>
    `blocks/passed/${padded(epoch)}/${padded(view)}/${kind}`,
  pending: (digest: Digest) => `blocks/pending/${digest}`,
  transaction: (id: TransactionId) => `blocks/transaction/${id}`,
  tree: (level: number, index: number) => `blocks/tree/${String(level).padStart(2, '0')}/${padded(index)}`,
  evidence: (name: string) => `evidence/${name}`,
  mempool: (leaf: Leaf) => `mempool/${leaf}`,
  payload: (id: TransactionId) => `payloads/bytes/${id}`,
  payloadMissing: (id: TransactionId) => `payloads/missing/${id}`,
  payloadPending: (id: TransactionId) => `payloads/pending/${id}`,
  payloadSize: (id: TransactionId) => `payloads/size/${id}`,
  state: (key: string) => `state/${key}`,
  fork: 'meta/fork',
  oldFork: (epoch: Epoch) => `forks/${padded(epoch)}`,
  genesis: 'meta/genesis',
  head: 'meta/head',
  schema: 'meta/schema',
  verified: 'meta/verified'
} as const

/** Every key under `prefix` (which ends in `/`): `0` is the character after `/`. */
export function under(prefix: `${string}/`): { readonly from: string; readonly to: string } {
  return { from: prefix, to: `${prefix.slice(0, -1)}0` }
}

/** The height at the end of a header or certificate key. */
export function heightOfKey(key: string): number {
  return Number(key.slice(-HEIGHT_DIGITS))
}

const HEIGHT_DIGITS = 12

/** The value of a row that holds a decimal number. */
export function decimalRow(number: number): Uint8Array {
  return new TextEncoder().encode(String(number))
}

/** @throws WardlineError `store-corrupt`, naming `what`, unless the bytes are a `decimalRow` */
export function readDecimal(bytes: Uint8Array, what: string): number {
  const text = new TextDecoder().decode(bytes)
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(Number(text))) throw corrupt(`${what} is no number`)
  return Number(text)
}

/** What is thrown where a row of this layout is not what was written. */
export function corrupt(why: string): WardlineError {
  return new WardlineError('store-corrupt', `the database is damaged: ${why}; run "wardline chain verify"`)
}

function padded(number: number): string {
  return String(number).padStart(HEIGHT_DIGITS, '0')
}
