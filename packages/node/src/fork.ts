/**
 * A fork: a valid finalization of a block that is not on the final chain here. More validators signed twice than the protocol
 * tolerates, so no rule can tell which chain is the right one. What is final here is never replaced: the chain stops, and does
 * not open again.
 *
 * One of an epoch before the last that ended stops nothing: those who voted then need not vote now, and somebody who has come
 * by old keys of theirs shall not be able to stop a chain with them. It is kept and told of, and people find out what it is.
 */
import {
  arrayOf,
  bytes32,
  bytesOf,
  type ChainId,
  decodeCbor,
  type Epoch,
  encodeCbor,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  optional,
  type View,
  WardlineError
} from '@wardline/codec'
import {
  type Certificate,
  certificateChecks,
  encodeCertificate,
  forkEvidence,
  type Header,
  parseCertificate,
  signersOfFork,
  type ValidatorSet
} from '@wardline/consensus'
import type { Verifier } from '@wardline/crypto'
import type { Clock, KeyValueStore } from '@wardline/ports'
import type { Epochs } from './epochs.ts'
import type { EvidenceTable } from './evidence.ts'
import { corrupt, keys, under } from './layout.ts'
import { lastUpTo, storedHeight, viewEnds } from './open.ts'
import { allHold } from './signatures.ts'

/** The others are asked for this long at most. */
const ASK_MS = 5_000

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
  readonly chain: ChainId
  readonly verifier: Verifier
  readonly clock: Clock
  /** Of the last final block. */
  readonly head: () => Header | null
  /** What the others say of how a view ended, which nobody has verified. */
  readonly ask: (epoch: Epoch, view: View) => AsyncIterable<Certificate>
}

/** @throws WardlineError `conflicting-finalization` for a chain that stopped at a fork, `store-corrupt` */
export async function openForks(parts: ForksParts): Promise<Forks> {
  const { store, epochs, evidence, chain, verifier, clock, head, ask } = parts
  const stopped = store.get(keys.fork)
  if (stopped !== undefined) throw forkError(parseRecord(stopped))
  const old = new Map<Epoch, Certificate>()
  for await (const [, bytes] of store.range(under('forks/'))) {
    const { certificate } = parseRecord(bytes)
    old.set(certificate.epoch, certificate)
  }

  /** The finalizations of this chain next to this view: of it or before, and after it. */
  async function neighbours({ epoch, view }: Certificate): Promise<readonly Certificate[]> {
    const { from, to } = under('blocks/certificate/')
    const above = keys.certificate(lastUpTo(store, head()?.height ?? 0, epoch, view) + 1)
    const found: Certificate[] = []
    for (const range of [
      { from, to: above, reverse: true, limit: 1 },
      { from: above, to, limit: 1 }
    ]) {
      for await (const [, bytes] of store.range(range)) {
        const certificate = parseCertificate(bytes)
        if (certificate?.epoch === epoch) found.push(certificate)
      }
    }
    return found
  }

  /**
   * Keeps the certificate and the evidence that it gives with what is here; if that does not name as many as a fork takes, with
   * what the others know. Two finalizations that contradict each other are of one view, or the chain of the later one passed
   * the view of the earlier one in another way, and who signed that signed twice.
   * @returns what is kept, and finalizations of this chain next to the foreign one
   */
  async function prove(
    key: string,
    certificate: Certificate,
    held: readonly Certificate[]
  ): Promise<{ readonly fork: Fork; readonly own: readonly Certificate[] }> {
    const { epoch, view } = certificate
    const set = epochs.setOf(epoch) ?? epochs.present()
    const own = await neighbours(certificate)
    const known = [certificate, ...own, ...held, ...viewEnds(store, head()?.height ?? 0, epoch, view)]
    const offenders = new Set<MemberId>()
    const accuse = async (certificates: readonly Certificate[]): Promise<boolean> => {
      for (const pair of forkEvidence(set, certificates)) {
        await evidence.addOfFork(pair)
        offenders.add(pair.signer)
      }
      return offenders.size >= signersOfFork(set.validators.length)
    }
    const keep = async (): Promise<Fork> => {
      const fork = { certificate, offenders: [...offenders] }
      await store.write([{ key, value: encodeRecord(fork) }], { sync: true })
      return fork
    }
    const isNamed = await accuse(known)
    const fork = await keep()
    if (isNamed) return { fork, own }
    const asking = askUntil([view, ...own.map((one) => one.view)], set, (one) => accuse([...known, one]))
    await Promise.race([asking, new Promise<void>((resolve) => clock.after(ASK_MS, resolve))])
    return { fork: offenders.size > 0 ? await keep() : fork, own }
  }

  /** Asks the others how these views ended, until somebody’s genuine answer is enough. */
  async function askUntil(
    views: readonly View[],
    set: ValidatorSet,
    isEnough: (answer: Certificate) => Promise<boolean>
  ): Promise<void> {
    const seen = new Set<string>()
    for (const view of new Set(views)) {
      for await (const answer of ask(set.epoch, view)) {
        const name = `${answer.kind} ${view} ${answer.digest}`
        const checks = seen.has(name) ? undefined : certificateChecks(set, chain, answer)
        if (checks === undefined || !(await allHold(verifier, checks, 'urgent'))) continue
        seen.add(name)
        if (await isEnough(answer)) return
      }
    }
  }

  return {
    judge({ kind, epoch, view, digest }, header) {
      const last = head()
      const { epoch: present } = epochs.present()
      if (last === null || kind !== 'finalize' || epoch > present) return undefined
      // Nothing more becomes final in an epoch that has ended, in whatever view. The head may be of the epoch before the present.
      const isPast = epoch < present || (epoch === last.epoch && view <= last.view)
      const isInPlace = header !== undefined && header.height <= last.height
      if (!(isPast || isInPlace) || storedHeight(store, digest) !== undefined) return undefined
      if (epoch + 1 >= present) return 'fork'
      return old.has(epoch) ? undefined : 'old-fork'
    },
    async record(certificate, held) {
      const { fork, own } = await prove(keys.fork, certificate, held)
      return { error: forkError(fork), own }
    },
    async recordOld(certificate) {
      if (old.has(certificate.epoch)) return false
      old.set(certificate.epoch, certificate)
      await prove(keys.oldFork(certificate.epoch), certificate, [])
      return true
    },
    old: () => [...old.values()]
  }
}

/** What is kept of a fork. */
type Fork = {
  readonly certificate: Certificate
  /** Who signed in both branches, as far as the certificates tell; not who signed twice elsewhere in that epoch. */
  readonly offenders: readonly MemberId[]
}

function encodeRecord({ certificate, offenders }: Fork): Uint8Array {
  const named = offenders.length === 0 ? {} : { offenders: offenders.map(nameBytes) }
  return encodeCbor({ certificate: encodeCertificate(certificate), ...named })
}

/** @throws WardlineError `store-corrupt` */
function parseRecord(bytes: Uint8Array): Fork {
  const row = readRow(decodeCbor(bytes))
  const certificate = row && parseCertificate(row.certificate)
  if (certificate === undefined) throw corrupt('the record of a fork cannot be read')
  return { certificate, offenders: row?.offenders ?? [] }
}

const readRow = mapOf({
  certificate: bytesOf(1, limits.gossipMessageBytesMax),
  offenders: optional(arrayOf(bytes32<MemberId>, 1, limits.validatorsMax))
})

function forkError({ certificate: { digest, epoch, view }, offenders }: Fork): WardlineError {
  const named =
    offenders.length === 0
      ? 'the certificates that are here do not tell which validators signed twice'
      : `signed twice: ${offenders.join(', ')}`
  return new WardlineError(
    'conflicting-finalization',
    `the chain is forked: a quorum finalized block ${digest} in view ${view} of epoch ${epoch}, which contradicts what is final here (${named}); the proof is kept in the database, and the members must agree on how to go on`
  )
}
