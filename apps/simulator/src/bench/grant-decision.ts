/**
 * How long the decision on an access takes on a chain with a hundred thousand grants: the ledger's evaluator on a LevelDB
 * store, in this process, with nothing cached but what LevelDB caches.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type Alias,
  type ChainId,
  type Digest,
  height,
  type MemberId,
  name32,
  type RecordId,
  WardlineError
} from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import {
  buildTransaction,
  chainIdOf,
  decideAccess,
  draftGenesis,
  execute,
  type GrantTerms,
  genesisChanges,
  makeCard,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  recordIdOf,
  type StateView,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { openLevelStore } from '@wardline/store-level'
import { type Figure, percentile, rounded } from './figures.ts'

const GRANTS = 100_000
const PATIENTS = 2_000
const GRANTS_PER_PATIENT = GRANTS / PATIENTS
const RECORDS_PER_PATIENT = 4
const DOCTORS = 8
const BLOCK = 1_000
const WARM_UP = 2_000
const DECISIONS = 10_000
const REPEATS = 3
const HOUR_MS = 60 * 60 * 1000
const CREATED = 1_800_000_000_000
const P99_MS_MAX = 1

type Parts = {
  readonly folder: string
  readonly report: (figure: Figure) => void
  readonly talk: (line: string) => void
}

type Region = {
  readonly chain: ChainId
  readonly rows: Map<string, Uint8Array>
  readonly hospital: Hospital
  readonly doctors: readonly MemberId[]
  at: { readonly height: number; readonly digest: Digest; readonly time: number }
}

type Hospital = { readonly member: MemberId; readonly sign: Signer }
type Patient = { readonly alias: Alias; readonly sign: Signer; readonly records: readonly RecordId[] }

export async function measureDecisions({ folder, report, talk }: Parts): Promise<void> {
  talk(`granting ${GRANTS} times`)
  const region = createRegion()
  const patients = admit(region)
  grant(region, patients)
  const store = await openLevelStore(join(folder, 'grants'))
  try {
    await moveRows(region, store)
    const state: StateView = { get: (key) => store.get(`state/${key}`) }
    talk(`deciding ${DECISIONS} times`)
    const { times, fastest, permits } = decide(region, state, patients)
    const against = `${DECISIONS} decisions, ${rounded((100 * permits) / DECISIONS)} % permits, ${GRANTS} grants of ${PATIENTS} patients in LevelDB`
    const common = { unit: 'ms', kind: 'grant.decision', clients: null } as const
    report({ name: 'decision-p50', value: rounded(percentile(times, 0.5)), against, ...common })
    report({
      name: 'decision-p99',
      value: rounded(percentile(times, 0.99)),
      against,
      ...common,
      reach: { atMost: P99_MS_MAX }
    })
    const alone = `${against}; the fastest of ${REPEATS}, which leaves out what else the machine does`
    report({ name: 'decision-alone-p99', value: rounded(percentile(fastest, 0.99)), against: alone, ...common })
  } finally {
    await store.close()
  }
}

/** What is in the store is then not in memory as well. */
async function moveRows({ rows }: Region, store: KeyValueStore): Promise<void> {
  const writes = [...rows].map(([key, value]) => ({ key: `state/${key}`, value }))
  rows.clear()
  for (let from = 0; from < writes.length; from += BLOCK) {
    await store.write(writes.slice(from, from + BLOCK), { sync: false })
  }
}

/** Every question is decided several times: the first is how long it takes, the fastest how long it takes by itself. */
function decide(region: Region, state: StateView, patients: readonly Patient[]) {
  const times: number[] = []
  const fastest: number[] = []
  let permits = 0
  for (let turn = 0; turn < WARM_UP + DECISIONS; turn++) {
    const patient = pick(patients, turn * 7919)
    const accessor = { member: pick(region.doctors, turn), keyIndex: 0 }
    const records = patient.records.slice(0, 1 + (turn % RECORDS_PER_PATIENT))
    const purpose = turn % 3 === 0 ? 'research' : turn % 5 === 0 ? 'legal' : 'treatment'
    const question = { alias: patient.alias, records, purpose, accessor } as const
    const own: number[] = []
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const startMs = performance.now()
      const decision = decideAccess(state, question, height(region.at.height), region.at.time)
      own.push(performance.now() - startMs)
      if (repeat === 0 && turn >= WARM_UP && decision.kind === 'permit') permits += 1
    }
    if (turn < WARM_UP) continue
    times.push(own[0] as number)
    fastest.push(Math.min(...own))
  }
  return { times, fastest, permits }
}

/** Signatures are no part of what is measured, and `execute` reads none. */
function unsigned(signer: Signer): Signer {
  return { publicKey: signer.publicKey, sign: () => new Uint8Array(64) }
}

function createRegion(): Region {
  const keys = { sign: createSigner(randomBytes(32)), identity: createSigner(randomBytes(32)) }
  const facts = {
    name: 'Alder',
    label: 'grants',
    seal: publicSealKey(randomBytes(32)),
    addresses: ['/ip4/127.0.0.1/tcp/1']
  }
  const signers = { ...keys, vote: createVoteSigner(randomBytes(32)), host: createSigner(randomBytes(32)) }
  const hospital = { member: memberIdOf(keys.sign.publicKey), sign: unsigned(keys.sign) }
  const genesis = draftGenesis({
    mode: 'SPV',
    label: 'grants',
    created: CREATED,
    random: randomBytes(32),
    founders: [makeCard(facts, signers)],
    registrar: { kind: 'founder', member: hospital.member }
  })
  const rows = new Map(
    genesisChanges(genesis).flatMap(({ key, value }) => (value === null ? [] : [[key, value] as const]))
  )
  const chain = chainIdOf(genesis)
  const doctors: MemberId[] = []
  const region = { chain, rows, hospital, doctors, at: { height: 0, digest: name32<Digest>(chain), time: CREATED } }
  const registrations = Array.from({ length: DOCTORS }, () => {
    const sign = createSigner(randomBytes(32)).publicKey
    doctors.push(memberIdOf(sign))
    const none = { seal: null, host: null, grants: null, until: null, hostProof: null }
    const body = {
      role: 'doctor',
      sign,
      hospital: hospital.member,
      attributes: ['surgeon'],
      proof: new Uint8Array(64),
      ...none
    } as const
    return byHospital(region, 'member.register', body)
  })
  commit(region, registrations)
  return region
}

function admit(region: Region): readonly Patient[] {
  const { hospital, chain } = region
  const patients = Array.from({ length: PATIENTS }, () => {
    const sign = unsigned(createSigner(randomBytes(32)))
    const nonces = Array.from({ length: RECORDS_PER_PATIENT }, () => randomBytes(16))
    const records = nonces.map((nonce) => recordIdOf(chain, hospital.member, nonce))
    return { alias: sign.publicKey as string as Alias, sign, nonces, records: [...records].sort() }
  })
  const body = { hospital: hospital.member, custodial: true }
  commit(
    region,
    patients.map(({ sign }) => byPatient(region, sign, 'alias.open', body))
  )
  const content = name32<never>(randomBytes(32))
  const anchors = patients.flatMap(({ alias, nonces }) =>
    nonces.map((nonce) =>
      byHospital(region, 'spv.anchor', { alias, recordId: recordIdOf(chain, hospital.member, nonce), content }, nonce)
    )
  )
  for (let from = 0; from < anchors.length; from += BLOCK) commit(region, anchors.slice(from, from + BLOCK))
  return patients
}

/** Grants of all kinds, of which most do not fit: to one doctor each, to a role, and by expressions. */
function grant(region: Region, patients: readonly Patient[]): void {
  for (let turn = 0; turn < GRANTS_PER_PATIENT; turn++) {
    commit(
      region,
      patients.map((patient) => byPatient(region, patient.sign, 'spv.grant', termsOf(region, patient, turn)))
    )
  }
}

function termsOf({ hospital, doctors }: Region, patient: Patient, turn: number): GrantTerms {
  const authority = hospital.member
  const surgeon = { kind: 'attribute', attribute: 'surgeon', authority } as const
  const oncologist = { kind: 'attribute', attribute: 'oncologist', authority } as const
  const grantee: GrantTerms['grantee'] =
    turn % 4 === 0
      ? { expression: { kind: 'and', of: [surgeon, turn % 16 === 0 ? { kind: 'not', of: oncologist } : oncologist] } }
      : turn % 4 === 1
        ? { role: 'doctor', hospital: authority }
        : { member: pick(doctors, turn) }
  return {
    grantee,
    scope: turn % 5 === 0 ? { kind: 'all' } : { kind: 'records', records: patient.records.slice(0, 2) },
    purposes: turn % 2 === 0 ? ['research'] : ['treatment'],
    from: CREATED + (turn % 7 === 0 ? 500 * HOUR_MS : 0),
    to: CREATED + 1_000 * HOUR_MS,
    mayDelegate: false
  }
}

function commit(region: Region, transactions: readonly ParsedTransaction[]): void {
  const parent = region.at
  const time = parent.time + 1_000
  const view: StateView = { get: (key) => region.rows.get(key) }
  const result = execute(view, { height: height(parent.height + 1), time, parent, transactions })
  if (result.kind === 'invalid') throw new WardlineError('bench-failed', `a transaction is refused: ${result.code}`)
  for (const { key, value } of result.changes) {
    if (value === null) region.rows.delete(key)
    else region.rows.set(key, value)
  }
  region.at = { height: parent.height + 1, digest: name32<Digest>(randomBytes(32)), time }
}

function byHospital<K extends 'member.register' | 'spv.anchor'>(
  { chain, hospital, at }: Region,
  kind: K,
  body: Extract<ParsedTransaction, { kind: K }>['body'],
  nonce: Uint8Array = randomBytes(16)
): ParsedTransaction {
  const author = { member: hospital.member, keyIndex: 0 }
  const envelope = { chain, nonce, created: at.time, expires: at.time + HOUR_MS }
  const draft = { ...envelope, kind, author, body } as unknown as Parameters<typeof buildTransaction>[0]
  return parsed(chain, buildTransaction(draft, hospital.sign))
}

function byPatient<K extends 'alias.open' | 'spv.grant'>(
  { chain, hospital, at }: Region,
  sign: Signer,
  kind: K,
  body: Extract<ParsedTransaction, { kind: K }>['body']
): ParsedTransaction {
  const envelope = { chain, nonce: randomBytes(16), created: at.time, expires: at.time + HOUR_MS }
  const draft = { ...envelope, kind, body } as unknown as Parameters<typeof signAliasTransaction>[0]
  const unsponsored = parseUnsponsored(signAliasTransaction(draft, sign), chain)
  if (unsponsored.kind === 'reject') throw new WardlineError('bench-failed', unsponsored.code)
  const sponsor = { member: hospital.member, keyIndex: 0 }
  return parsed(chain, sponsorTransaction(unsponsored.transaction, sponsor, hospital.sign))
}

function parsed(chain: ParsedTransaction['chain'], bytes: Uint8Array): ParsedTransaction {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new WardlineError('bench-failed', result.code)
  return result.transaction
}

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T
}
