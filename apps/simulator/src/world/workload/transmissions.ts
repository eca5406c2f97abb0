/** What clients do on an STT chain: they send records on, acknowledge them, call them back, and forge hand-offs. */
import { type ContentKey, type Hash, name32, type RecordId, type TransactionId } from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import { envelopeCommitment, type Outcome, type ParsedTransaction, PURPOSES, recordIdOf } from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import { recallActions, type Sent } from './recalls.ts'
import { createStaff } from './staff.ts'
import type { Act, Built, Clients } from './workload.ts'

/** Other than `opened`. */
const FAILURES: readonly Outcome[] = ['refused', 'mismatch', 'broken-path', 'lost-key']

function recordOf({ transaction }: Sent): RecordId {
  return transaction.body.recordId
}

export function transmissionActions(clients: Clients, repeat: Act): Act {
  const { prng, cast, promises, running, draw, parsed, send, isFinal, count } = clients
  const staff = createStaff(clients)
  const sends: Sent[] = []
  const recalls = recallActions(clients, sends)

  function sendRecord(
    author: Hospital,
    handOff: { recordId?: RecordId; content: Hash; via: TransactionId | null; patient: Signer | null }
  ): Built {
    const times = draw()
    const others = cast.hospitals.filter((one) => one !== author)
    const receivers = others.filter(() => prng.chance(0.4))
    const to = receivers.length > 0 ? receivers : [prng.pick(others)]
    const payload = prng.bytes(100 + prng.below(400))
    const transaction = parsed(
      {
        chain: cast.chain,
        kind: 'stt.send',
        author: { member: author.member, keyIndex: 0 },
        ...times,
        payload: { commitment: envelopeCommitment(payload), size: payload.length },
        body: {
          recordId: handOff.recordId ?? recordIdOf(cast.chain, author.member, times.nonce),
          content: handOff.content,
          to: to.map(({ member, seal }) => ({ member, sealingKey: seal })),
          via: handOff.via,
          purpose: prng.pick(PURPOSES),
          subject: handOff.patient?.publicKey ?? null
        }
      },
      author.sign
    ) as ParsedTransaction<'stt.send'>
    return { transaction, payload }
  }

  function remember({ transaction }: Built, author: Hospital, patient: Signer | null): void {
    if (transaction.kind !== 'stt.send') return
    const receivers = cast.hospitals.filter(({ member }) => transaction.body.to.some((one) => one.member === member))
    sends.push({ transaction, author, receivers, patient, acknowledged: new Set(), opened: new Set() })
  }

  function newRecord(daemon: Daemon): void {
    const patient = prng.chance(0.3) ? createSigner(prng.bytes(32)) : null
    const built = sendRecord(daemon.self, { content: name32<Hash>(prng.bytes(32)), via: null, patient })
    remember(built, daemon.self, patient)
    send(daemon, built)
  }

  function forward(daemon: Daemon): void {
    const held = sends.filter((one) => one.opened.has(daemon.self) && isFinal(daemon, one.transaction.id))
    if (held.length === 0) return
    const { transaction, patient } = prng.pick(held)
    const { recordId, content } = transaction.body
    const built = sendRecord(daemon.self, { recordId, content, via: transaction.id, patient })
    if (recalls.isRecalled(daemon, recordId)) {
      promises.forbidden(built.transaction)
      // A daemon that has lost its disk may have to learn of the recall again.
      send(daemon, built, (at) => recalls.isRecalled(at, recordId))
      return
    }
    remember(built, daemon.self, patient)
    send(daemon, built)
  }

  function forge(daemon: Daemon): void {
    const known = new Set(
      sends.filter((one) => one.author === daemon.self || one.receivers.includes(daemon.self)).map(recordOf)
    )
    const others = sends.filter((one) => !known.has(recordOf(one)))
    if (others.length === 0) return
    const { transaction, patient } = prng.pick(others)
    const { recordId, content } = transaction.body
    const via = prng.chance(0.5) ? transaction.id : null
    const built = sendRecord(daemon.self, { recordId, content, via, patient })
    // Without `via` it claims to be the record's origin, which the rules know by its nonce.
    promises.forbidden(built.transaction)
    send(daemon, built, true)
  }

  async function acknowledge(daemon: Daemon): Promise<void> {
    const chain = daemon.chain()
    const received = sends.filter((one) => one.receivers.includes(daemon.self) && isFinal(daemon, one.transaction.id))
    if (chain === undefined || received.length === 0) return
    const fresh = received.filter((one) => !one.acknowledged.has(daemon.self))
    const chosen = prng.pick(fresh.length > 0 && prng.chance(0.9) ? fresh : received)
    const { transaction } = chosen
    const isOver = recalls.isRecalled(daemon, transaction.body.recordId)
    const failed = prng.chance(0.15) ? prng.pick(FAILURES) : undefined
    const outcome: Outcome = isOver ? 'refused' : (failed ?? 'opened')
    const revealed = outcome === 'mismatch' && prng.chance(0.5) ? name32<ContentKey>(prng.bytes(32)) : undefined
    const ack = () =>
      parsed(
        {
          chain: cast.chain,
          kind: 'stt.ack',
          author: { member: daemon.self.member, keyIndex: 0 },
          ...draw(),
          body: { acks: [{ via: transaction.id, outcome, ...(revealed !== undefined && { contentKey: revealed }) }] }
        },
        daemon.self.sign
      )
    const place = prng.chance(0.8) ? daemon : prng.pick(running())
    // Of two at once the chain may take one.
    const acks = prng.chance(0.2) ? [ack(), ack()] : [ack()]
    if (outcome === 'opened') {
      const envelope = chain.payloads.get(transaction) ?? (await chain.payloads.fetch(transaction))
      if (envelope === undefined) return count('payload not here')
      chosen.opened.add(daemon.self)
    }
    chosen.acknowledged.add(daemon.self)
    for (const one of acks) send(place, { transaction: one })
  }

  return (daemon) => {
    const choice = prng.below(100)
    const isAlone = cast.hospitals.length === 1
    if (isAlone || (choice < 6 && staff.registered() < 20)) staff.register(daemon)
    else if (choice < 38) newRecord(daemon)
    else if (choice < 69) clients.background('an acknowledgement', () => acknowledge(daemon))
    else if (choice < 82) forward(daemon)
    else if (choice < 86) recalls.recall(daemon)
    else if (choice < 91) recalls.attest(daemon)
    else if (choice < 94) forge(daemon)
    else if (choice < 95) recalls.forge(daemon)
    else repeat(daemon)
  }
}
