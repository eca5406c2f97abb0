/** What clients do on an STT chain: they send records on, acknowledge them, and forge hand-offs. */
import { type Hash, name32, type RecordId, type TransactionId } from '@wardline/codec'
import { envelopeCommitment, type ParsedTransaction, PURPOSES, recordIdOf } from '@wardline/ledger'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import { createStaff } from './staff.ts'
import type { Act, Built, Clients } from './workload.ts'

type Sent = {
  readonly transaction: ParsedTransaction<'stt.send'>
  readonly author: Hospital
  readonly receivers: readonly Hospital[]
  readonly acknowledged: Set<Hospital>
}

function recordOf({ transaction }: Sent): RecordId {
  return transaction.body.recordId
}

export function transmissionActions(clients: Clients, repeat: Act): Act {
  const { prng, cast, promises, running, draw, parsed, send, isFinal, count } = clients
  const staff = createStaff(clients)
  const sends: Sent[] = []

  function sendRecord(
    author: Hospital,
    handOff: { recordId?: RecordId; content: Hash; via: TransactionId | null }
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
          subject: null
        }
      },
      author.sign
    ) as ParsedTransaction<'stt.send'>
    return { transaction, payload }
  }

  function remember({ transaction }: Built, author: Hospital): void {
    if (transaction.kind !== 'stt.send') return
    const receivers = cast.hospitals.filter(({ member }) => transaction.body.to.some((one) => one.member === member))
    sends.push({ transaction, author, receivers, acknowledged: new Set() })
  }

  function newRecord(daemon: Daemon): void {
    const built = sendRecord(daemon.self, { content: name32<Hash>(prng.bytes(32)), via: null })
    remember(built, daemon.self)
    send(daemon, built)
  }

  function forward(daemon: Daemon): void {
    const held = sends.filter((one) => one.acknowledged.has(daemon.self) && isFinal(daemon, one.transaction.id))
    if (held.length === 0) return
    const { transaction } = prng.pick(held)
    const { recordId, content } = transaction.body
    const built = sendRecord(daemon.self, { recordId, content, via: transaction.id })
    remember(built, daemon.self)
    send(daemon, built)
  }

  function forge(daemon: Daemon): void {
    const known = new Set(
      sends.filter((one) => one.author === daemon.self || one.receivers.includes(daemon.self)).map(recordOf)
    )
    const others = sends.filter((one) => !known.has(recordOf(one)))
    if (others.length === 0) return
    const { transaction } = prng.pick(others)
    const { recordId, content } = transaction.body
    const built = sendRecord(daemon.self, { recordId, content, via: prng.chance(0.5) ? transaction.id : null })
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
    const ack = () =>
      parsed(
        {
          chain: cast.chain,
          kind: 'stt.ack',
          author: { member: daemon.self.member, keyIndex: 0 },
          ...draw(),
          body: { acks: [{ via: transaction.id, outcome: 'opened' }] }
        },
        daemon.self.sign
      )
    const place = prng.chance(0.8) ? daemon : prng.pick(running())
    // Of two at once the chain may take one.
    const acks = prng.chance(0.1) ? [ack(), ack()] : [ack()]
    const envelope = chain.payloads.get(transaction) ?? (await chain.payloads.fetch(transaction))
    if (envelope === undefined) return count('payload not here')
    chosen.acknowledged.add(daemon.self)
    for (const one of acks) send(place, { transaction: one })
  }

  return (daemon) => {
    const choice = prng.below(100)
    const isAlone = cast.hospitals.length === 1
    if (isAlone || (choice < 6 && staff.registered() < 20)) staff.register(daemon)
    else if (choice < 45) newRecord(daemon)
    else if (choice < 75) clients.background('an acknowledgement', () => acknowledge(daemon))
    else if (choice < 88) forward(daemon)
    else if (choice < 93) forge(daemon)
    else repeat(daemon)
  }
}
