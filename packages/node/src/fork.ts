/**
 * A fork: a valid finalization of a block that is not on the final chain here. More validators signed twice than the protocol
 * tolerates, so no rule can tell which chain is the right one. What is final here is never replaced: the chain stops, and does
 * not open again.
 *
 * One of an epoch before the last that ended stops nothing: those who voted then need not vote now, and somebody who has come
 * by old keys of theirs shall not be able to stop a chain with them. It is kept and told of, and people find out what it is.
 */
import { bytesOf, decodeCbor, type Epoch, encodeCbor, limits, mapOf, WardlineError } from '@wardline/codec'
import { type Certificate, encodeCertificate, forkEvidence, type Header, parseCertificate } from '@wardline/consensus'
import type { KeyValueStore } from '@wardline/ports'
import type { Epochs } from './epochs.ts'
import type { EvidenceTable } from './evidence.ts'
import { keys, under } from './layout.ts'
import { storedHeight } from './open.ts'

/** Finalizations of this chain that are looked at for signers of both branches, the newest first. */
const CERTIFICATES_MAX = 10_000

export type Forks = {
  /**
   * What a certificate is, if it is genuine: `fork` if it finalizes what contradicts the final chain, `old-fork` if it does so
   * in an epoch before the last that ended and none of that epoch is known. Undefined for any other.
   * @param header of the block, where it is at hand: then its height tells what the view does not
   */
  judge(certificate: Certificate, header?: Header): 'fork' | 'old-fork' | undefined
  /**
   * Keeps the proof of a fork: the certificate, and every pair of votes by which a validator is in both branches, as far as the
   * certificates tell that this daemon holds.
   * @param held beside the finalizations in the store
   * @returns the error with which the chain stops, and finalizations of this chain that prove the fork to who is on the other
   */
  record(
    certificate: Certificate,
    held: readonly Certificate[]
  ): Promise<{ readonly error: WardlineError; readonly own: readonly Certificate[] }>
  /** Keeps a genuine certificate that is an `old-fork`, and the pairs. @returns whether it is the first of its epoch */
  recordOld(certificate: Certificate): Promise<boolean>
  /** What `recordOld` has kept, at most one of each epoch. */
  old(): readonly Certificate[]
}

export type ForksParts = {
  readonly store: KeyValueStore
  readonly epochs: Pick<Epochs, 'present' | 'setOf'>
  readonly evidence: EvidenceTable
  /** Of the last final block. */
  readonly head: () => Header | null
}

/** @throws WardlineError `conflicting-finalization` for a chain that stopped at a fork, `store-corrupt` */
export async function openForks({ store, epochs, evidence, head }: ForksParts): Promise<Forks> {
  const stopped = store.get(keys.fork)
  if (stopped !== undefined) throw forkError(certificateIn(stopped), evidence)
  const old = new Map<Epoch, Certificate>()
  for await (const [, bytes] of store.range(under('forks/'))) {
    const certificate = certificateIn(bytes)
    old.set(certificate.epoch, certificate)
  }

  /** @returns the finalizations of that epoch in the store, the newest first */
  async function recordEvidence(
    certificate: Certificate,
    held: readonly Certificate[]
  ): Promise<readonly Certificate[]> {
    const own: Certificate[] = []
    for await (const [, bytes] of store.range({
      ...under('blocks/certificate/'),
      reverse: true,
      limit: CERTIFICATES_MAX
    })) {
      const stored = parseCertificate(bytes)
      if (stored !== undefined) own.push(stored)
    }
    const set = epochs.setOf(certificate.epoch) ?? epochs.present()
    for (const pair of forkEvidence(set, [certificate, ...own, ...held])) await evidence.add(pair)
    return own.filter(({ epoch }) => epoch === certificate.epoch)
  }

  function save(key: string, certificate: Certificate): Promise<void> {
    const value = encodeCbor({ certificate: encodeCertificate(certificate) })
    return store.write([{ key, value }], { sync: true })
  }

  return {
    judge({ kind, epoch, view, digest }, header) {
      const last = head()
      const { epoch: present } = epochs.present()
      if (last === null || kind !== 'finalize' || epoch > present) return undefined
      // Nothing more becomes final in an epoch that has ended, in whatever view.
      const isPast = epoch < present || view <= last.view || (header !== undefined && header.height <= last.height)
      if (!isPast || storedHeight(store, digest) !== undefined) return undefined
      if (epoch + 1 >= present) return 'fork'
      return old.has(epoch) ? undefined : 'old-fork'
    },
    async record(certificate, held) {
      const own = await recordEvidence(certificate, held)
      await save(keys.fork, certificate)
      const before = own.find(({ view }) => view <= certificate.view)
      const after = own.findLast(({ view }) => view > certificate.view)
      return { error: forkError(certificate, evidence), own: [before, after].filter((one) => one !== undefined) }
    },
    async recordOld(certificate) {
      if (old.has(certificate.epoch)) return false
      old.set(certificate.epoch, certificate)
      await recordEvidence(certificate, [])
      await save(keys.oldFork(certificate.epoch), certificate)
      return true
    },
    old: () => [...old.values()]
  }
}

function certificateIn(bytes: Uint8Array): Certificate {
  const row = readRow(decodeCbor(bytes))
  const certificate = row && parseCertificate(row.certificate)
  if (certificate === undefined) throw new WardlineError('store-corrupt', 'the record of a fork cannot be read')
  return certificate
}

const readRow = mapOf({ certificate: bytesOf(1, limits.gossipMessageBytesMax) })

function forkError({ digest, epoch, view }: Certificate, evidence: EvidenceTable): WardlineError {
  const ofEpoch = evidence.all().filter((one) => one.epoch === epoch)
  const offenders = [...new Set(ofEpoch.map(({ signer }) => signer))]
  const named =
    offenders.length === 0
      ? 'the certificates that are here do not tell which validators signed twice'
      : `signed twice: ${offenders.join(', ')}`
  return new WardlineError(
    'conflicting-finalization',
    `the chain is forked: a quorum finalized block ${digest} in view ${view} of epoch ${epoch}, which contradicts what is final here (${named}); the proof is kept in the database, and the members must agree on how to go on`
  )
}
