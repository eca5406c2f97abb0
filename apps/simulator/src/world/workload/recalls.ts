/** What clients do about records that are called back: they recall them, attest their destruction, and claim both without a right. */
import type { RecordId, TransactionId } from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import { type Bodies, type ParsedTransaction, signRecall } from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import type { Clients } from './workload.ts'

export type Sent = {
  readonly transaction: ParsedTransaction<'stt.send'>
  readonly author: Hospital
  readonly receivers: readonly Hospital[]
  /** Whose recall key the record names. */
  readonly patient: Signer | null
  /** Who has said anything of it, and who that it was opened. */
  readonly acknowledged: Set<Hospital>
  readonly opened: Set<Hospital>
}

export type Recalls = {
  readonly recall: (daemon: Daemon) => void
  readonly attest: (daemon: Daemon) => void
  readonly forge: (daemon: Daemon) => void
  /** Whether a recall of the record is final on this daemon. */
  readonly isRecalled: (daemon: Daemon, record: RecordId) => boolean
}

/** @param sends grows while the world runs */
export function recallActions(clients: Clients, sends: readonly Sent[]): Recalls {
  const { prng, cast, promises, running, draw, parsed, send, isFinal } = clients
  const recalls: { readonly record: RecordId; readonly id: TransactionId }[] = []
  /** `record member` of attestations that were signed. */
  const attested = new Set<string>()

  function build<K extends 'stt.recall' | 'stt.attest'>(kind: K, { member, sign }: Hospital, body: Bodies[K]) {
    const envelope = { chain: cast.chain, kind, author: { member, keyIndex: 0 }, ...draw(), body }
    // The kind and the body belong together by this function's own type.
    return parsed(envelope as Parameters<typeof parsed>[0], sign)
  }

  function nameOf({ transaction }: Sent, { member }: Hospital): string {
    return `${transaction.body.recordId} ${member}`
  }

  function placeNear(daemon: Daemon): Daemon {
    return prng.chance(0.8) ? daemon : prng.pick(running())
  }

  function isRecalled(daemon: Daemon, record: RecordId): boolean {
    return recalls.some((one) => one.record === record && isFinal(daemon, one.id))
  }

  function recall(daemon: Daemon): void {
    const { self } = daemon
    const may = ({ transaction, author, patient }: Sent): boolean =>
      transaction.body.via === null && (author === self || patient !== null) && isFinal(daemon, transaction.id)
    const recallable = sends.filter(may)
    if (recallable.length === 0) return
    // Of a record that nobody has opened little is called back.
    const travelled = recallable.filter(({ opened }) => opened.size > 0)
    const chosen = travelled.length > 0 && prng.chance(0.8) ? travelled : recallable
    const { transaction, author, patient } = prng.pick(chosen)
    const { recordId } = transaction.body
    const isByPatient = patient !== null && (author !== self || prng.chance(0.5))
    const subject = isByPatient ? signRecall(cast.chain, recordId, patient) : null
    // Of two at once the chain takes one.
    for (const place of prng.chance(0.3) ? [daemon, placeNear(daemon)] : [placeNear(daemon)]) {
      const built = build('stt.recall', self, { recordId, subject })
      recalls.push({ record: recordId, id: built.id })
      send(place, { transaction: built })
    }
  }

  function attest(daemon: Daemon): void {
    const { self } = daemon
    const had = sends.filter(({ transaction, author, receivers }) => {
      const isOwn = author === self && transaction.body.via === null
      return (isOwn || receivers.includes(self)) && isRecalled(daemon, transaction.body.recordId)
    })
    if (had.length === 0) return
    const fresh = had.filter((one) => !attested.has(nameOf(one, self)))
    const chosen = prng.pick(fresh.length > 0 && prng.chance(0.9) ? fresh : had)
    const { transaction, receivers } = chosen
    attested.add(nameOf(chosen, self))
    const via = receivers.includes(self) ? transaction.id : null
    const built = build('stt.attest', self, { recordId: transaction.body.recordId, via })
    send(placeNear(daemon), { transaction: built })
  }

  /** The recall of a record of others, without the key or with another one; or the word of somebody whom it was not sent. */
  function forge(daemon: Daemon): void {
    const { self } = daemon
    const others = sends.filter(({ author, receivers }) => author !== self && !receivers.includes(self))
    if (others.length === 0) return
    const { transaction, patient } = prng.pick(others)
    const { recordId } = transaction.body
    const stranger = createSigner(prng.bytes(32))
    const claimed = signRecall(cast.chain, recordId, stranger)
    const isOrigin = sends.some((one) => one.author === self && one.transaction.body.recordId === recordId)
    const forged = prng.chance(0.5)
      ? build('stt.attest', self, { recordId, via: transaction.id })
      : build('stt.recall', self, {
          recordId,
          subject: isOrigin || prng.chance(0.5) ? { ...claimed, key: patient?.publicKey ?? claimed.key } : null
        })
    promises.forbidden(forged)
    send(daemon, { transaction: forged }, true)
  }

  return { recall, attest, forge, isRecalled }
}
