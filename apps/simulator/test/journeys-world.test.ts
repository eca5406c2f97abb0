/**
 * The journeys of the published patients through the daemons of a simulated network: every hospital submits its own hand-offs
 * and acknowledgements, the consensus orders them, and on every daemon's disk the graph of every record is the one that was
 * meant. The alliance of 8 hospitals; with WARDLINE_JOURNEYS=all all 77 of them, which takes many minutes.
 */
import { type Hash, name32, type RecordId, sha256, type TransactionId } from '@wardline/codec'
import { buildTransaction, type Draft, envelopeCommitment, recordIdOf } from '@wardline/ledger'
import { chooseHospitals, planJourneys } from '@wardline/records'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CalmWorld, startCalmWorld } from '../src/world/calm.ts'
import type { Daemon } from '../src/world/daemon.ts'
import { checkGraphs, type Meant, readJourneys, roundsOf } from './journey-graphs.ts'

const test = suite('simulator/journeys-world')

const HOUR_MS = 60 * 60 * 1000
const FAULTS = { delayMs: [1, 50], dropRate: 0.01, duplicateRate: 0.02, relays: false } as const

const read = readJourneys()
const isWhole = process.env['WARDLINE_JOURNEYS'] === 'all'

if (read === undefined) {
  test.skip('the journeys: ../shared/data/synthea-r4 is absent', () => undefined)
} else {
  const { journeys, changes } = read
  const alliance = chooseHospitals(journeys, 8)
  if (alliance.kind === 'reject') throw new Error(alliance.code)
  const all = {
    hospitals: [...new Set(journeys.flatMap(({ steps }) => steps.map(({ organisation }) => organisation)))],
    journeys
  }
  const chosen = isWhole ? all : alliance.choice

  test(`the journeys of ${chosen.hospitals.length} hospitals leave on every daemon the graphs that were meant`, async () => {
    const { hospitals } = chosen
    const plan = planJourneys(chosen.journeys, hospitals)
    if (isWhole) assert.is(plan.organisationChanges, changes)
    assert.ok(plan.organisationChanges > 100)
    const calm = await startCalmWorld({
      nodes: hospitals.length,
      seed: 7,
      faults: FAULTS,
      diskMs: [1, 5],
      watch: () => ({})
    })
    const { records, meant } = await replay(calm, hospitals, roundsOf(plan.patients))
    const members = new Map(hospitals.map((id, index) => [id, (calm.daemons[index] as Daemon).self.member]))
    for (const daemon of calm.daemons) {
      const shapes = await checkGraphs({ rows: chainOf(daemon).store, members, records, meant })
      assert.ok(shapes.cyclic > 10 && shapes.parallel > 10)
    }
  })
}

/** Round by round: all its hand-offs, and when they are final the acknowledgements of all. */
async function replay({ world, cast, daemons }: CalmWorld, hospitals: readonly string[], rounds: Rounds) {
  const records = new Map<string, RecordId>()
  const meant = new Map<string, Meant[]>()
  const sent = new Map<string, TransactionId[]>()
  let nonces = 0
  const at = (id: string): Daemon => daemons[hospitals.indexOf(id)] as Daemon

  /** Submits at this daemon, and waits until the daemon has it in a block. */
  async function submit(daemon: Daemon, draft: Unsigned, nonce: Uint8Array, payload?: Uint8Array) {
    const { member, sign } = daemon.self
    const author = { member, keyIndex: 0 }
    const created = world.nowMs() - 1
    const envelope = { chain: cast.chain, author, nonce, created, expires: created + HOUR_MS }
    const answer = await chainOf(daemon).submit(buildTransaction({ ...envelope, ...draft } as Draft, sign), payload)
    if (answer.kind !== 'accepted') throw new Error(`a transaction is ${JSON.stringify(answer)}`)
    const outcome = await chainOf(daemon).outcome(answer.id, HOUR_MS)
    if (outcome?.kind !== 'committed') throw new Error(`a transaction is ${outcome?.kind ?? 'not final after an hour'}`)
    return answer.id
  }

  async function handOver(one: Meant): Promise<TransactionId> {
    const { record: key, from, to, via } = one
    const { self } = at(from)
    const receiver = at(to).self
    const nonce = nextNonce()
    const record = records.get(key) ?? recordIdOf(cast.chain, self.member, nonce)
    const payload = secret(`envelope ${nonces}`)
    records.set(key, record)
    meant.set(key, [...(meant.get(key) ?? []), one])
    const send: Unsigned = {
      kind: 'stt.send',
      payload: { commitment: envelopeCommitment(payload), size: payload.length },
      body: {
        recordId: record,
        content: name32<Hash>(secret(key)),
        to: [{ member: receiver.member, sealingKey: receiver.seal }],
        via: via === null ? null : (sent.get(key)?.[via] as TransactionId),
        purpose: 'treatment',
        subject: null
      }
    }
    const id = await submit(at(from), send, nonce, payload)
    sent.set(key, [...(sent.get(key) ?? []), id])
    return id
  }

  function nextNonce(): Uint8Array {
    nonces += 1
    return secret(`nonce ${nonces}`).slice(0, 16)
  }

  for (const round of rounds) {
    const ids = await during(world, () => Promise.all(round.map(handOver)))
    await during(world, () =>
      Promise.all(
        round.map(async ({ to }, index) => {
          const via = ids[index] as TransactionId
          await chainOf(at(to)).outcome(via, HOUR_MS)
          return submit(at(to), { kind: 'stt.ack', body: { acks: [{ via, outcome: 'opened' }] } }, nextNonce())
        })
      )
    )
  }
  const heads = () => new Set(daemons.map((daemon) => chainOf(daemon).head().digest))
  await world.run({ forMs: HOUR_MS, until: () => heads().size === 1 })
  assert.is(heads().size, 1)
  return { records, meant }
}

type Rounds = readonly (readonly Meant[])[]
type Unsigned = { [K in Draft as K['kind']]: Pick<K, 'kind' | 'body' | 'payload'> }['stt.send' | 'stt.ack']

/** What `work` comes to, while the world's time goes on. */
async function during<T>(world: CalmWorld['world'], work: () => Promise<T>): Promise<T> {
  let isOver = false
  const result = work().finally(() => {
    isOver = true
  })
  // What it fails with is thrown below.
  result.catch(() => undefined)
  await world.run({ forMs: 2 * HOUR_MS, until: () => isOver })
  if (!isOver) throw new Error('the world came to rest before its clients')
  return result
}

function chainOf(daemon: Daemon) {
  const chain = daemon.chain()
  if (chain === undefined) throw new Error('a daemon of a calm world runs')
  return chain
}

function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

test.run()
