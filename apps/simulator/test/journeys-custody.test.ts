/**
 * Every change of hospital in the journeys of a published set of synthetic patients, through the ledger's rules and custody's
 * fold, daemon by daemon; the graph of every record against one computed from the plan alone. Where the set is absent nothing
 * runs.
 */
import {
  type Digest,
  type Hash,
  height,
  type MemberId,
  name32,
  type RecordId,
  sha256,
  type TransactionId
} from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import {
  buildTransaction,
  type Change,
  type CommittedBlock,
  chainIdOf,
  createOverlay,
  draftGenesis,
  emptyState,
  execute,
  genesisChanges,
  makeCard,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction,
  recordIdOf
} from '@wardline/ledger'
import { chooseHospitals, type PatientPlan, planJourneys } from '@wardline/records'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkGraphs, type Meant, type Replayed, readJourneys, roundsOf } from './journey-graphs.ts'
import { listedTrails, type Trail, trailText } from './sample-alliance.ts'

const test = suite('simulator/journeys-custody')

const CREATED = 1_800_000_000_000
const BLOCK = 500

const read = readJourneys()
if (read === undefined) console.log('skipped: ../shared/data/synthea-r4 is absent')
const testJourneys = read === undefined ? test.skip : test

type Hospital = { readonly member: MemberId; readonly sign: Signer; readonly seal: ReturnType<typeof publicSealKey> }

function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(name))
}

/** Executing reads no signatures, and thousands of them would take most of the time. */
function unsigned(signer: Signer): Signer {
  return { publicKey: signer.publicKey, sign: () => new Uint8Array(64) }
}

function foundChain(hospitals: readonly string[]) {
  const founders = hospitals.map((id) => {
    const sign = createSigner(secret(`${id} sign`))
    const seal = publicSealKey(secret(`${id} seal`))
    const signers = {
      identity: createSigner(secret(`${id} identity`)),
      sign,
      vote: createVoteSigner(secret(`${id} vote`)),
      host: createSigner(secret(`${id} host`))
    }
    const card = makeCard({ name: id, label: 'region', seal, addresses: ['/ip4/127.0.0.1/tcp/20123'] }, signers)
    return { id, card, hospital: { member: memberIdOf(sign.publicKey), sign: unsigned(sign), seal } satisfies Hospital }
  })
  const registrar = { kind: 'founder', member: (founders[0] as (typeof founders)[number]).hospital.member } as const
  const genesis = draftGenesis({
    mode: 'STT',
    label: 'region',
    created: CREATED,
    random: secret('random'),
    founders: founders.map(({ card }) => card),
    registrar
  })
  return { genesis, chain: chainIdOf(genesis), byId: new Map(founders.map(({ id, hospital }) => [id, hospital])) }
}

/** A daemon's two tables: the ledger's state, and custody's rows on a disk in memory. */
async function startDaemon(changes: readonly Change[]) {
  const state = createOverlay(emptyState)
  for (const { key, value } of changes) state.set(key, value)
  const store = await createMemoryDisk().openStore('custody')
  const fold = createCustodyFold()
  return {
    rows: store,
    async commit(at: number, transactions: readonly ParsedTransaction[]): Promise<readonly Change[]> {
      const parent = { digest: name32<Digest>(new Uint8Array(32)), time: CREATED + (at - 1) * 1000 }
      const position = { height: height(at), time: CREATED + at * 1000, parent }
      const result = execute(state, { ...position, transactions })
      if (result.kind === 'invalid')
        throw new Error(`transaction ${result.index} of block ${at} is refused: ${result.code}`)
      for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
      // A fold reads height, time and transactions of a block.
      const block = { header: position, transactions, changes: result.changes } as unknown as CommittedBlock
      const rows = fold({ get: (key) => store.get(key) }, block)
      await store.write(rows, { sync: false })
      return [...result.changes, ...rows]
    }
  }
}

async function replay(
  hospitals: readonly string[],
  patients: readonly PatientPlan[],
  daemons: number
): Promise<Replayed> {
  const { genesis, chain, byId } = foundChain(hospitals)
  const started = await Promise.all(Array.from({ length: daemons }, () => startDaemon(genesisChanges(genesis))))
  const records = new Map<string, RecordId>()
  const meant = new Map<string, Meant[]>()
  const sent = new Map<string, TransactionId[]>()
  let at = 0
  let nonces = 0
  const hospitalOf = (id: string) => byId.get(id) as Hospital
  const commit = async (transactions: readonly ParsedTransaction[]) => {
    for (let from = 0; from < transactions.length; from += BLOCK) {
      at += 1
      const block = transactions.slice(from, from + BLOCK)
      const changes = await Promise.all(started.map((daemon) => daemon.commit(at, block)))
      for (const other of changes) assert.equal(other, changes[0], 'every daemon writes the same')
    }
  }
  const transaction = (kind: string, by: string, body: object, extra: object = {}): ParsedTransaction => {
    const nonce = secret(`nonce ${nonces}`).slice(0, 16)
    const author = { member: hospitalOf(by).member, keyIndex: 0 }
    const created = CREATED + at * 1000
    const draft = { chain, kind, author, nonce, created, expires: created + 3_600_000, body, ...extra }
    // The kind and the body belong together by this function's callers.
    const bytes = buildTransaction(draft as unknown as Parameters<typeof buildTransaction>[0], hospitalOf(by).sign)
    const parsed = parseTransaction(bytes, chain)
    if (parsed.kind === 'reject') throw new Error(parsed.code)
    return parsed.transaction
  }
  for (const round of roundsOf(patients)) {
    const pairs = round.map((one) => {
      nonces += 1
      const { record: key, from, to, via } = one
      const nonce = secret(`nonce ${nonces}`).slice(0, 16)
      const record = records.get(key) ?? recordIdOf(chain, hospitalOf(from).member, nonce)
      records.set(key, record)
      const ids = sent.get(key) ?? []
      const send = transaction(
        'stt.send',
        from,
        {
          recordId: record,
          content: name32<Hash>(secret(key)),
          to: [{ member: hospitalOf(to).member, sealingKey: hospitalOf(to).seal }],
          via: via === null ? null : (ids[via] as TransactionId),
          purpose: 'treatment',
          subject: null
        },
        { payload: { commitment: name32<Hash>(secret('envelope')), size: 1000 } }
      )
      sent.set(key, [...ids, send.id])
      meant.set(key, [...(meant.get(key) ?? []), one])
      nonces += 1
      return [send, transaction('stt.ack', to, { acks: [{ via: send.id, outcome: 'opened' }] })] as const
    })
    await commit(pairs.map(([send]) => send))
    await commit(pairs.map(([, ack]) => ack))
  }
  const members = new Map([...byId].map(([id, { member }]) => [id, member]))
  return { rows: (started[0] as (typeof started)[number]).rows, members, records, meant }
}

testJourneys(
  'the alliance of eight hospitals: four daemons agree, and every graph is the one that was meant',
  async () => {
    const chosen = chooseHospitals(read?.journeys ?? [], 8)
    if (chosen.kind === 'reject') throw new Error(chosen.code)
    const { hospitals, journeys } = chosen.choice
    const plan = planJourneys(journeys, hospitals)
    assert.ok(plan.organisationChanges > 100)
    const shapes = await checkGraphs(await replay(hospitals, plan.patients, 4))
    assert.ok(shapes.cyclic > 10 && shapes.parallel > 10)
  }
)

testJourneys('the plan of every patient moves what the list of journeys says, record by record', () => {
  const journeys = read?.journeys ?? []
  const hospitals = [...new Set(journeys.flatMap(({ steps }) => steps.map(({ organisation }) => organisation)))]
  const listed = listedTrails()
  const { patients } = planJourneys(journeys, hospitals)
  assert.is(patients.length, listed?.size)
  for (const { patient, steps } of patients) {
    const trails = new Map<string, Trail<string>>()
    for (const step of steps) {
      if (step.kind === 'visit') continue
      const { from, to } = step
      for (const { record, via } of step.transfers) {
        const trail = trails.get(record) ?? []
        const brought = via === null ? null : trail.findIndex((edge) => edge.to === from)
        trails.set(record, [...trail, { from, to, via: brought }])
      }
    }
    assert.equal([...trails.values()].map(trailText).sort(), listed?.get(patient)?.map(trailText).sort(), patient)
  }
})

testJourneys('all hospitals: every change of every patient, the returning ones among them', async () => {
  const journeys = read?.journeys ?? []
  const hospitals = [...new Set(journeys.flatMap(({ steps }) => steps.map(({ organisation }) => organisation)))]
  const plan = planJourneys(journeys, hospitals)
  assert.equal([plan.organisationChanges, journeys.length], [read?.changes, 130])
  assert.is(plan.organisationChanges, 783)
  const isReturn = ({ steps }: PatientPlan) => {
    const seen = new Set<string>()
    return steps.filter((step) => {
      if (step.kind === 'visit') seen.add(step.hospital)
      return step.kind === 'change' && seen.has(step.to)
    }).length
  }
  assert.is(
    plan.patients.reduce((sum, patient) => sum + isReturn(patient), 0),
    633
  )
  const shapes = await checkGraphs(await replay(hospitals, plan.patients, 2))
  assert.ok(shapes.cyclic > 500 && shapes.parallel > 500, JSON.stringify(shapes))
})

test.run()
