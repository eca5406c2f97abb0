/** Who is told which names: staff's, and which patient an alias is, stay off the read socket. */
import type { MethodName, ParamsInput } from '@wardline/api'
import { type Alias, height, type MemberId, type TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { base64, codeOf, type Daemon, found, startAll, stopAll } from '../hospitals.ts'

const test = suite('hospital/api/lookup')

const JANE = 'Dr. Jane Roe'

const founded = await found(['Alpha', 'Beta'], { mode: 'SPV' })
let alpha: Daemon
let beta: Daemon
let jane: MemberId
let alias: Alias
let entry: TransactionId

test.before(async () => {
  ;[alpha, beta] = (await startAll(founded)) as [Daemon, Daemon]
  jane = (await beta.call('person.create', { name: JANE, role: 'doctor' })).member
  alias = (await alpha.call('alias.open', { patient: 'MRN 4711' })).alias
  const { record } = await alpha.call('record.anchor', { patient: 'MRN 4711', content: base64('secret') })
  const grantee = { member: JANE }
  await beta.call('alias.open', { patient: 'MRN 1' })
  await beta.call('grant.create', { patient: 'MRN 1', grantee, purposes: ['treatment'] })
  entry = (await beta.call('record.request', { owner: 'Alpha', alias, records: [record], accessor: JANE })).entry
})

test.after(async () => {
  await stopAll([alpha, beta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

const read = <M extends MethodName>(daemon: Daemon, method: M, params: ParamsInput<M>) =>
  daemon.call(method, params, { role: 'read' })

test('who reads with admin or ehr sees staff by name, the read socket sees their ids and hospitals by name', async () => {
  for (const role of ['admin', 'ehr', 'read'] as const) {
    const { members } = await beta.call('member.list', {}, { role })
    const names = new Map(members.map(({ member, name }) => [member, name]))
    const shown = role === 'read' ? null : JANE
    assert.equal(
      [alpha.place.member, beta.place.member, jane].map((id) => names.get(id)),
      ['Alpha', 'Beta', shown]
    )
    const own = await beta.call('alias.find', { patient: 'MRN 1' })
    const [grant] = (await beta.call('grant.list', { alias: own.alias }, { role })).grants
    const [granted] = (await beta.call('audit.patient', { alias: own.alias, limit: 1 }, { role })).entries
    for (const terms of [grant, granted?.terms]) {
      assert.equal([terms?.grantee, terms?.members], [{ member: jane }, [{ member: jane, name: shown }]])
    }
    const [access] = (await beta.call('audit.patient', { alias, limit: 1 }, { role })).entries
    assert.equal([access?.transaction, access?.accessor], [entry, { member: jane, name: shown }])
  }
})

test('no name of staff is anywhere else on the read socket', async () => {
  const { height: head } = await read(beta, 'chain.info', {})
  const answers: unknown[] = [await read(beta, 'status', {}), await read(beta, 'peers.list', {})]
  answers.push(await read(beta, 'chain.info', {}), await read(beta, 'tx.get', { id: entry }))
  for (let at = 1; at <= head; at++) answers.push(await read(beta, 'chain.block', { height: height(at) }))
  assert.not.match(JSON.stringify(answers), /Jane Roe/)
})

test('nor on a transfer chain: not by an answer, and not by asking for a name', async () => {
  const transfers = await found(['Alpha', 'Beta'])
  const daemons = (await startAll(transfers)) as [Daemon, Daemon]
  try {
    const [one] = daemons
    const { member } = await one.call('person.create', { name: JANE, role: 'doctor' })
    const held = await read(one, 'record.held', { member })
    assert.equal([held.member, held.name], [member, null])
    assert.is((await one.call('record.held', { member: JANE }, { role: 'ehr' })).member, member)
    assert.is(await codeOf(read(one, 'record.held', { member: JANE })), 'not-found')
    assert.is(await codeOf(read(one, 'handoff.between', { from: JANE, to: 'Beta' })), 'not-found')
    assert.is(await codeOf(read(one, 'handoff.list', { member: JANE })), 'not-found')
  } finally {
    await stopAll(daemons)
  }
  for (const { failures } of transfers.places) assert.equal(failures, [])
})

test('a patient has no reference on the read socket, whether or not there is such a patient', async () => {
  for (const patient of ['MRN 4711', 'MRN 4712']) {
    assert.is(await codeOf(read(alpha, 'audit.patient', { patient })), 'not-permitted')
    assert.is(await codeOf(read(alpha, 'grant.list', { patient })), 'not-permitted')
  }
  assert.is((await read(alpha, 'audit.patient', { alias })).alias, alias)
  for (const role of ['admin', 'ehr'] as const) {
    assert.is((await alpha.call('audit.patient', { patient: 'MRN 4711' }, { role })).alias, alias)
    assert.is(await codeOf(alpha.call('audit.patient', { patient: 'MRN 4712' }, { role })), 'not-found')
  }
})

test.run()
