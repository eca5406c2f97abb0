/**
 * A fork: a valid finalization of a block that is not on the final chain here. More validators signed twice than the protocol
 * tolerates, so no rule can tell which chain is the right one. What is final here is never replaced: the chain stops, and does
 * not open again.
 */
import { bytesOf, decodeCbor, encodeCbor, limits, mapOf, WardlineError } from '@wardline/codec'
import {
  type Certificate,
  encodeCertificate,
  forkEvidence,
  type Header,
  parseCertificate,
  type ValidatorSet
} from '@wardline/consensus'
import type { KeyValueStore, StoreWrite } from '@wardline/ports'
import type { EvidenceTable } from './evidence.ts'
import { keys, under } from './layout.ts'
import { storedHeight } from './open.ts'

/** Finalizations of this chain that are looked at for signers of both branches, the newest first. */
const CERTIFICATES_MAX = 10_000

/**
 * Whether `certificate`, if it is genuine, contradicts what is final: it finalizes a block of a view that the final chain is
 * past, and the chain does not have that block.
 */
export function contradicts(store: KeyValueStore, head: Header | null, certificate: Certificate): boolean {
  if (head === null || certificate.kind !== 'finalize' || certificate.epoch !== head.epoch) return false
  return certificate.view <= head.view && storedHeight(store, certificate.digest) === undefined
}

/**
 * Keeps the proof of a fork: the certificate, and every pair of votes by which a validator is in both branches, as far as the
 * certificates tell that this daemon holds.
 * @param held beside the finalizations in the store
 * @returns the error with which the chain stops
 */
export async function recordFork(
  store: KeyValueStore,
  table: EvidenceTable,
  set: ValidatorSet,
  certificate: Certificate,
  held: readonly Certificate[]
): Promise<WardlineError> {
  const own: Certificate[] = []
  for await (const [, bytes] of store.range({
    ...under('blocks/certificate/'),
    reverse: true,
    limit: CERTIFICATES_MAX
  })) {
    const stored = parseCertificate(bytes)
    if (stored !== undefined) own.push(stored)
  }
  for (const evidence of forkEvidence(set, [certificate, ...own, ...held])) await table.add(evidence)
  const row: StoreWrite = { key: keys.fork, value: encodeCbor({ certificate: encodeCertificate(certificate) }) }
  await store.write([row], { sync: true })
  return forkError(certificate)
}

/** Refuses a chain that stopped at a fork. @throws WardlineError `conflicting-finalization` */
export function refuseFork(store: KeyValueStore): void {
  const bytes = store.get(keys.fork)
  if (bytes === undefined) return
  const row = readRow(decodeCbor(bytes))
  const certificate = row && parseCertificate(row.certificate)
  if (certificate === undefined) throw new WardlineError('store-corrupt', 'the record of a fork cannot be read')
  throw forkError(certificate)
}

const readRow = mapOf({ certificate: bytesOf(1, limits.gossipMessageBytesMax) })

function forkError({ digest, epoch, view }: Certificate): WardlineError {
  return new WardlineError(
    'conflicting-finalization',
    `the chain is forked: a quorum finalized block ${digest} in view ${view} of epoch ${epoch}, which contradicts what is final here; the proof is kept in the database, and the members must agree on how to go on`
  )
}
