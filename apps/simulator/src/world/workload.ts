/**
 * Seeded clients of all hospitals together: they send records on, acknowledge them, register staff, repeat themselves, and
 * forge hand-offs. They know the ledger's rules and nothing of the nodes but what those answer.
 */
import { assert, type Hash, name32, type RecordId, type TransactionId, WardlineError } from '@wardline/codec'
import { createSigner, publicSealKey, type Signer } from '@wardline/crypto'
import {
  buildTransaction,
  type Draft,
  envelopeCommitment,
  type ParsedTransaction,
  PURPOSES,
  parseTransaction,
  recordIdOf,
  registrationStatement
} from '@wardline/ledger'
import type { Prng, World } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { MemoryDisk } from '@wardline/store-memory'
import type { Cast, Hospital } from './cast.ts'
import type { Promised } from './checkers/promises.ts'
import type { Daemon } from './daemon.ts'
import type { Report } from './watch.ts'

export type Workload = {
  stop(): void
  /** Answers by kind or refusal code. */
  answers(): ReadonlyMap<string, number>
}

export type WorkloadParts = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  readonly daemons: readonly Daemon[]
  readonly promises: Promised
  readonly report: Report
  readonly actionEveryMs: number
}

type Sent = {
  readonly transaction: ParsedTransaction<'stt.send'>
  readonly author: Hospital
  readonly receivers: readonly Hospital[]
  readonly acknowledged: Set<Hospital>
}

function recordOf({ transaction }: Sent): RecordId {
  return transaction.body.recordId
}

type Built = { readonly transaction: ParsedTransaction; readonly payload?: Uint8Array }

const HOUR_MS = 60 * 60 * 1000
const OUTCOME_WAIT_MS = 60_000
/** A world is cheaper to run twice than to run twice as long. */
const ACTIONS_MAX = 200

export function startWorkload(parts: WorkloadParts): Workload {
  const { world, cast, daemons, promises, report } = parts
  const prng = world.prng.fork('workload')
  const answers = new Map<string, number>()
  const sends: Sent[] = []
  const submitted: Built[] = []
  let strangers = 0
  let actions = 0
  let stopped = false

  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1)
  const running = (): readonly Daemon[] => daemons.filter((daemon) => daemon.chain() !== undefined)

  async function submit(node: string, chain: Chain, { transaction, payload }: Built, isForged: boolean): Promise<void> {
    const answer = await chain.submit(transaction.bytes, payload)
    count(answer.kind === 'refused' ? answer.code : answer.kind)
    if (answer.kind === 'refused') return
    if (isForged) report('M2', `${node} takes the forged transmission ${transaction.id}`)
    if (answer.kind === 'ended') {
      promises.ended(node, transaction, answer.outcome)
      return
    }
    promises.accepted(node, transaction)
    const outcome = await chain.outcome(transaction.id, OUTCOME_WAIT_MS)
    if (outcome === undefined) return
    count(outcome.kind === 'committed' ? 'committed' : `${outcome.kind} later`)
    promises.ended(node, transaction, outcome)
  }

  function send(daemon: Daemon, built: Built, isForged = false): void {
    const chain = daemon.chain()
    if (chain === undefined) return
    submitted.push(built)
    submit(daemon.hospital.name, chain, built, isForged).catch((error: unknown) => {
      // The chain was stopped while the client waited.
      if (!(error instanceof WardlineError)) report('failed', `a submission failed: ${String(error)}`)
    })
  }

  function isFinal(daemon: Daemon, id: TransactionId): boolean {
    return daemon.chain()?.query.place(id) !== undefined
  }

  function draw(prngForTimes: Prng): { nonce: Uint8Array; created: number; expires: number } {
    const created = world.nowMs() - 1
    const lifeMs = prngForTimes.chance(0.1) ? Math.round(prngForTimes.between(2000, 60_000)) : HOUR_MS
    return { nonce: prngForTimes.bytes(16), created, expires: created + lifeMs }
  }

  function parsed(draft: Draft, sign: Signer): ParsedTransaction {
    const result = parseTransaction(buildTransaction(draft, sign), cast.chain)
    assert(result.kind === 'ok', 'the workload builds transactions of good form')
    return result.transaction
  }

  function sendRecord(
    author: Hospital,
    handOff: { recordId?: RecordId; content: Hash; via: TransactionId | null }
  ): Built {
    const times = draw(prng)
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
    const ack = parsed(
      {
        chain: cast.chain,
        kind: 'stt.ack',
        author: { member: daemon.self.member, keyIndex: 0 },
        ...draw(prng),
        body: { via: transaction.id, outcome: 'opened' }
      },
      daemon.self.sign
    )
    const place = prng.chance(0.8) ? daemon : prng.pick(running())
    const envelope = chain.payloads.get(transaction) ?? (await chain.payloads.fetch(transaction))
    if (envelope === undefined) return count('payload not here')
    chosen.acknowledged.add(daemon.self)
    send(place, { transaction: ack })
  }

  function register(daemon: Daemon): void {
    strangers += 1
    const isHospital = prng.chance(0.2)
    const sign = createSigner(prng.bytes(32))
    const host = isHospital ? createSigner(prng.bytes(32)) : null
    const seal = isHospital ? publicSealKey(prng.bytes(32)) : null
    const keys = { sign: sign.publicKey, seal, host: host?.publicKey ?? null }
    const author = isHospital ? cast.registrar : daemon.self
    const statement = registrationStatement(cast.chain, author.member, keys)
    const transaction = parsed(
      {
        chain: cast.chain,
        kind: 'member.register',
        author: { member: author.member, keyIndex: 0 },
        ...draw(prng),
        body: {
          role: isHospital ? 'hospital' : 'doctor',
          ...keys,
          hospital: isHospital ? null : author.member,
          attributes: [],
          grants: isHospital ? { roles: ['doctor'], attributes: [] } : null,
          until: null,
          proof: sign.sign('wardline/key-proof/1', statement),
          hostProof: host?.sign('wardline/key-proof/1', statement) ?? null
        }
      },
      author.sign
    )
    send(prng.pick(running()), { transaction })
  }

  function repeat(daemon: Daemon): void {
    if (submitted.length === 0) return
    const { transaction, payload } = prng.pick(submitted)
    // A payload goes to the daemons of its holders only.
    const home = daemons.find(({ self }) => self.member === transaction.author.member)
    const place = payload === undefined ? daemon : home
    const chain = place?.chain()
    if (place === undefined || chain === undefined) return
    const isForged = transaction.kind === 'stt.send' && !sends.some((one) => one.transaction === transaction)
    send(place, payload === undefined ? { transaction } : { transaction, payload }, isForged)
  }

  function act(): void {
    const up = running()
    if (up.length === 0) return
    const daemon = prng.pick(up)
    const choice = prng.below(100)
    const isAlone = cast.hospitals.length === 1
    if (isAlone || (choice < 6 && strangers < 20)) register(daemon)
    else if (choice < 45) newRecord(daemon)
    else if (choice < 75)
      acknowledge(daemon).catch((error: unknown) => {
        if (!(error instanceof WardlineError)) report('failed', `an acknowledgement failed: ${String(error)}`)
      })
    else if (choice < 88) forward(daemon)
    else if (choice < 93) forge(daemon)
    else repeat(daemon)
  }

  function next(): void {
    world.clock.after(prng.between(0, 2 * parts.actionEveryMs), () => {
      if (stopped || actions >= ACTIONS_MAX) return
      actions += 1
      act()
      next()
    })
  }
  next()

  return {
    stop() {
      stopped = true
    },
    answers: () => answers
  }
}
