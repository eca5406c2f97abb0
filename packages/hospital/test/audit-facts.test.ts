/** What the audit log says of calls that name little, or fail after something was done: chain, record, transaction, grant. */
import type { MethodName } from '@wardline/api'
import type { Alias, Hash, RecordId, TransactionId } from '@wardline/codec'
import { chainIdOf } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuditEntry, parseAuditLine } from '../src/audit.ts'
import { ALLIANCE, doctorAt, enrolledAt, publish } from './dss/alliance.ts'
import {
  base64,
  codeOf,
  connected,
  type Daemon,
  type Founded,
  found,
  level,
  type Place,
  start,
  stopAll,
  storeWith
} from './hospitals.ts'
import { createManyChains } from './many-chains.ts'

const test = suite('hospital/audit-facts')

const founded = await Promise.all(
  [undefined, ALLIANCE, { mode: 'SPV' } as const].map((mode) => found(['Alpha', 'Beta'], mode))
)
let daemons: Daemon[] = []
/** One hospital on a chain of transfers, in an alliance, and on a permissions chain. */
let transfers: Daemon
let alliance: Daemon
let visits: Daemon
/** Beta in the alliance. */
let elsewhere: Daemon

test.before(async () => {
  daemons = (await Promise.all(founded.map(startBoth))).flat()
  ;[transfers, , alliance, elsewhere, visits] = daemons as [Daemon, Daemon, Daemon, Daemon, Daemon]
})

test.after(async () => {
  await stopAll(daemons)
  for (const { places } of founded) for (const { failures } of places) assert.equal(failures, [])
})

const X = 'b'.repeat(64)
/** A caller who is gone before anything is done. */
const gone = { signal: AbortSignal.abort() }
let onAccepted = () => {}

/** A caller who is gone as soon as the daemon that is asked has a transaction in its mempool, before any block can have it. */
function leaving(): { readonly signal: AbortSignal } {
  const controller = new AbortController()
  onAccepted = () => controller.abort()
  return { signal: controller.signal }
}

async function startBoth(one: Founded): Promise<Daemon[]> {
  const [alpha, beta] = one.places as [Place, Place]
  const both = await Promise.all([start(one, alpha, { store: telling }), start(one, beta)])
  await connected(both)
  return both
}

function telling(store: KeyValueStore): KeyValueStore {
  return storeWith(store, {
    async write(writes, options) {
      await store.write(writes, options)
      if (writes.some(({ key, value }) => key.startsWith('mempool/') && value !== null)) onAccepted()
    }
  })
}

/** What the last line says, without what every line has. */
function lastLine({ place }: Daemon): Pick<AuditEntry, 'method' | 'chain' | 'ids' | 'outcome'> {
  const entry = parseAuditLine(place.audit.text().split('\n').at(-2) as string)
  assert.ok(entry !== undefined)
  const { method, chain, ids, outcome } = entry
  return { method, chain, ids, outcome }
}

/** What the caller was told of a call that failed. */
async function dataOf(call: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await call
  } catch (error) {
    return (error as { readonly data: Record<string, unknown> }).data
  }
  throw new Error('the call did not fail')
}

test('a record whose sender was gone before the block: chain, record, transaction and receivers', async () => {
  const [, beta] = founded[0]?.places ?? []
  const send = { to: ['Beta'], content: base64('a letter') }
  const data = await dataOf(transfers.call('record.send', send, gone))
  assert.equal(lastLine(transfers), {
    method: 'record.send',
    chain: founded[0]?.chain,
    ids: { record: data['record'], transaction: data['id'], members: [beta?.member] },
    outcome: 'timeout'
  })
  const { record } = await transfers.call('record.send', send)
  const again = await dataOf(transfers.call('record.send', { to: ['Beta'], record }, leaving()))
  assert.equal(lastLine(transfers).ids, { record, transaction: again['id'], members: [beta?.member] })
  const recalled = await dataOf(transfers.call('record.recall', { record }, gone))
  assert.equal(lastLine(transfers).ids, { record, transaction: recalled['id'] })
})

test('a patient’s calls that ended too early have the alias, the record and the transaction', async () => {
  const patient = 'MRN 1'
  const opened = await dataOf(visits.call('alias.open', { patient }, gone))
  const { alias } = await visits.call('alias.find', { patient })
  assert.equal(opened, { chain: founded[2]?.chain, id: opened['id'], alias })
  await visits.call('alias.open', { patient })
  assert.equal(lastLine(visits).ids, { transaction: opened['id'], alias }, 'the same opening')
  assert.is(lastLine(visits).outcome, 'committed')
  const anchored = await dataOf(visits.call('record.anchor', { patient, content: base64('a record') }, gone))
  assert.equal(lastLine(visits).ids, { record: anchored['record'], transaction: anchored['id'], alias })
  assert.type(anchored['record'], 'string')
  const terms = { patient, grantee: { member: 'Beta' }, purposes: ['treatment'] } as const
  const granted = await dataOf(visits.call('grant.create', terms, gone))
  const members = [founded[2]?.places[1]?.member]
  assert.equal(lastLine(visits).ids, { transaction: granted['id'], alias, members })
})

test('what becomes of an alias that is opened is the outcome; where none is needed it is `ok`', async () => {
  const { alias, opening } = await visits.call('alias.open', { patient: 'MRN 2', wait: 'accepted' })
  assert.equal(lastLine(visits), {
    method: 'alias.open',
    chain: founded[2]?.chain,
    ids: { transaction: opening?.id, alias },
    outcome: 'accepted'
  })
  await alliance.call('alias.open', { patient: 'MRN 2' })
  assert.is(lastLine(alliance).outcome, 'ok')
})

test('a grant is named when it is taken back, and when it cannot be', async () => {
  const { alias } = await visits.call('alias.open', { patient: 'MRN 3' })
  const grantee = { member: 'Beta' }
  const { grant } = await visits.call('grant.create', { alias, grantee, purposes: ['treatment'] })
  const { id } = await visits.call('grant.revoke', { grant })
  assert.equal(lastLine(visits).ids, { transaction: id, alias, grant })
  assert.is(await codeOf(visits.call('grant.revoke', { grant })), 'already-revoked')
  assert.equal(lastLine(visits).ids, { alias, grant })
  assert.is(await codeOf(visits.call('grant.revoke', { grant: X as TransactionId })), 'unknown-grant')
  assert.equal(lastLine(visits).ids, { grant: X })
  const other = await visits.call('grant.create', { alias, grantee, purposes: ['treatment'] })
  const late = await dataOf(visits.call('grant.revoke', { grant: other.grant }, gone))
  assert.equal(lastLine(visits).ids, { transaction: late['id'], alias, grant: other.grant })
})

test('a version that is asked for, or amended, is named, whatever becomes of the call', async () => {
  const doctor = await doctorAt(alliance, 'Dr. Roe')
  const alias = await enrolledAt(alliance, 'MRN 4')
  const content = base64('first')
  const doctors = ['Dr. Roe']
  const lost = await dataOf(alliance.call('record.publish', { patient: 'MRN 4', content, doctors }, gone))
  assert.equal(lastLine(alliance).ids, {
    record: lost['record'],
    transaction: lost['id'],
    alias,
    members: [doctor]
  })
  const unknown = alliance.call('record.publish', { patient: 'MRN 4', content, doctors: ['Alpha'] })
  assert.is(await codeOf(unknown), 'not-a-doctor')
  assert.is(lastLine(alliance).ids.alias, alias)
  const first = await publish(alliance, alias, 'Dr. Roe', 'first')
  const { access } = await alliance.call('record.open', { transaction: first.id })
  assert.equal(lastLine(alliance).ids, { record: first.record, transaction: access, version: first.id, alias })
  const look = await dataOf(alliance.call('record.open', { record: first.record, reader: 'Dr. Roe' }, leaving()))
  assert.equal(lastLine(alliance).ids, { record: first.record, transaction: look['id'], alias, members: [doctor] })
  const amended = { record: first.record, supersedes: first.id, content: base64('second'), doctors }
  const second = await alliance.call('record.amend', amended)
  assert.is(lastLine(alliance).ids.version, first.id)
  assert.is(await codeOf(alliance.call('record.amend', amended)), 'not-latest-version')
  const { members: _, ...ids } = lastLine(alliance).ids
  assert.equal(ids, { record: first.record, version: first.id, alias })
  await alliance.call('patient.withdraw', { patient: 'MRN 4' })
  await level([alliance, elsewhere])
  assert.is(await codeOf(elsewhere.call('record.open', { transaction: second.id })), 'enrolment-ended')
  assert.equal(lastLine(elsewhere), {
    method: 'record.open',
    chain: founded[1]?.chain,
    ids: { record: first.record, version: second.id, alias },
    outcome: 'enrolment-ended'
  })
})

test('members whose registration is under way, and one that is to be revoked', async () => {
  const made = await dataOf(transfers.call('person.create', { name: 'Dr. Poe', role: 'doctor' }, gone))
  assert.equal(lastLine(transfers).ids, { transaction: made['id'], members: [made['member']] })
  assert.type(made['member'], 'string')
})

const record = X as RecordId
const alias = X as Alias
const transaction = X as TransactionId
const content = base64('x')
const grantee = { member: 'Nobody' }
/** The chain that each method means where the caller names none, and what it answers. */
const MEANT: readonly (readonly [MethodName, object, string | null, string])[] = [
  ['record.send', { to: ['Nobody'], content }, 'transfers', 'not-found'],
  ['record.recall', { record }, 'transfers', 'unknown-record'],
  ['record.ack', { via: transaction }, 'transfers', 'not-found'],
  ['record.envelope', { via: transaction }, 'transfers', 'not-found'],
  ['consent.note', { consent: X as Hash }, 'transfers', 'none'],
  ['consent.remove', { consent: X as Hash }, 'transfers', 'none'],
  ['record.publish', { alias, content, doctors: ['Nobody'] }, 'alliance', 'not-found'],
  ['record.amend', { record, content, doctors: ['Nobody'] }, 'alliance', 'not-found'],
  ['patient.enrol', { patient: 'nobody' }, 'alliance', 'not-found'],
  ['patient.withdraw', { patient: 'nobody' }, 'alliance', 'not-found'],
  ['patient.timeline', { patient: 'nobody' }, 'alliance', 'not-found'],
  ['record.anchor', { patient: 'nobody', content }, 'visits', 'not-found'],
  ['record.request', { owner: 'Nobody', alias, records: [record] }, 'visits', 'not-found'],
  ['grant.create', { patient: 'nobody', grantee, purposes: ['treatment'] }, 'visits', 'not-found'],
  ['grant.revoke', { grant: transaction }, 'visits', 'unknown-grant'],
  ['grant.list', { patient: 'nobody' }, 'visits', 'not-found'],
  ['audit.patient', { patient: 'nobody' }, 'visits', 'not-found'],
  ['alias.find', { patient: 'nobody' }, null, 'ambiguous'],
  ['record.open', { record }, null, 'ambiguous'],
  ['member.revoke', { member: X }, null, 'ambiguous'],
  ['chain.add', { label: 'visits' }, 'visits', 'chain-exists']
]

test('a call that names no chain has the line of the one that its method took', async () => {
  const { start, genesis } = createManyChains()
  const alder = await start('Alder', ['transfers', 'alliance', 'visits'])
  for (const [method, params, label, code] of MEANT) {
    assert.is(await codeOf(alder.call(method, params as never)), code, method)
    const entry = parseAuditLine(alder.audit().at(-1) as string)
    assert.equal([entry?.method, entry?.chain], [method, label === null ? null : chainIdOf(genesis(label))])
    if ('consent' in params) assert.equal(entry?.ids, { consent: X })
  }
})

test('and one about a record, or an alias where one chain has any, the line of the chain that knows it', async () => {
  const { start, genesis, during } = createManyChains()
  const names = ['Birch', 'Cedar', 'Dogwood'] as const
  const alder = await start('Alder', ['transfers', 'visits'])
  for (const name of names) await start(name, ['transfers', 'visits'])
  const transfersId = chainIdOf(genesis('transfers'))
  const { record: sent } = await during(alder.call('record.send', { to: ['Birch'], content }))
  await during(alder.call('record.recall', { record: sent }))
  for (const [method, params, chain] of [
    ['record.open', { record: sent }, transfersId],
    ['alias.find', { patient: 'nobody' }, chainIdOf(genesis('visits'))]
  ] as const) {
    assert.is.not(await codeOf(alder.call(method, params as never)), 'none')
    assert.is(parseAuditLine(alder.audit().at(-1) as string)?.chain, chain)
  }
})

test.run()
