/** A hospital is admitted, gets a vote, replaces its key and loses its vote, all while the daemons run. */
import { cardText } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { base64, codeOf, type Daemon, found, level, makePlace, start, startAll, stopAll, until } from './hospitals.ts'

const test = suite('hospital/validators')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let daemons: Daemon[]
let alpha: Daemon
let epsilon: Daemon

test.before(async () => {
  daemons = await startAll(founded)
  alpha = daemons[0] as Daemon
  const place = await makePlace('Epsilon', { chain: founded.chain, by: alpha.place.member })
  await alpha.call('member.register', { card: cardText(place.card), role: 'hospital' })
  epsilon = await start(founded, place)
  daemons.push(epsilon)
  await until('it is connected', async () => (await epsilon.call('status', {})).chains[0]?.peers.connected.length === 4)
  await inEpoch(0)
})

test.after(async () => {
  await stopAll(daemons)
  for (const { place } of daemons) assert.equal(place.failures, [])
})

const epochOf = async (daemon: Daemon): Promise<number> => (await daemon.call('validator.list', {})).epoch

async function inEpoch(epoch: number): Promise<void> {
  await until(`all have the same head, in epoch ${epoch}`, async () => {
    const statuses = await Promise.all(daemons.map(({ call }) => call('status', {})))
    const chains = statuses.map(({ chains }) => chains[0])
    return chains.every((chain) => chain?.epoch === epoch && chain.height === chains[0]?.height)
  })
}

async function approvalsOf(draft: string, approvers: readonly Daemon[]): Promise<string[]> {
  return Promise.all(approvers.map(async ({ call }) => (await call('validator.approve', { draft })).approval))
}

/** Drafts at `by`, has `approvers` approve, and submits. */
async function change(by: Daemon, params: Parameters<Daemon['call']>[1], approvers: readonly Daemon[]) {
  const { draft, fingerprint } = await by.call('validator.propose', params as never)
  await level(daemons)
  const reviews = await Promise.all(approvers.map(({ call }) => call('validator.review', { draft })))
  for (const review of reviews) assert.equal([review.fingerprint, review.problems], [fingerprint, []])
  return by.call('validator.submit', { draft, approvals: await approvalsOf(draft, approvers) })
}

test('a hospital that follows gets a vote with the approvals of a quorum, and uses it', async () => {
  assert.is(
    await codeOf(alpha.call('validator.propose', { action: 'add', member: epsilon.place.member })),
    'invalid-params'
  )
  const { draft } = await epsilon.call('validator.propose', { action: 'add' })
  const two = await approvalsOf(draft, daemons.slice(0, 2))
  assert.is(await codeOf(epsilon.call('validator.submit', { draft, approvals: two })), 'too-few-approvals')
  assert.is(await codeOf(epsilon.call('validator.approve', { draft })), 'not-a-validator')
  const answer = await change(epsilon, { action: 'add' }, daemons.slice(0, 3))
  assert.is(answer.state, 'committed')
  await inEpoch(1)
  const list = await epsilon.call('validator.list', {})
  assert.equal([list.validators, list.quorum, list.crashesTolerated, list.faultsTolerated], [5, 4, 1, 1])
  assert.is(list.list.find(({ self }) => self)?.member, epsilon.place.member)
  // Four of five must agree.
  await (daemons[1] as Daemon).stop()
  const sent = await alpha.call('record.send', { to: [epsilon.place.member], content: base64('needs the fifth') })
  assert.is(sent.state, 'committed')
  daemons[1] = await start(founded, founded.places[1] as (typeof founded.places)[0])
  await inEpoch(1)
  assert.ok(epsilon.place.log.some((line) => line.includes('the validators have changed') && line.includes('4 of 5')))
})

test('a draft of another epoch, of another chain, or over a block that is not on the chain is not approved', async () => {
  const { draft } = await epsilon.call('validator.propose', { action: 'remove', member: 'Delta' })
  const edited = (from: RegExp, to: string) => draft.replace(from, to)
  const rotation = (await epsilon.call('validator.propose', { action: 'rotate' })).draft
  await level(daemons)
  const rows: readonly (readonly [code: string, draft: string])[] = [
    ['epoch-ended', edited(/"epoch": 1/, '"epoch": 0')],
    ['wrong-epoch', edited(/"epoch": 1/, '"epoch": 2')],
    ['approvals-expired', edited(/"expires": \d+/, '"expires": 1')],
    ['wrong-chain', edited(/"chain": "[0-9a-f]{64}"/, `"chain": "${'ab'.repeat(32)}"`)],
    ['unknown-member', edited(/"member": "[0-9a-f]{64}"/, `"member": "${'ab'.repeat(32)}"`)],
    ['bad-signature', rotation.replace(/"digest": "[0-9a-f]{64}"/, `"digest": "${'ab'.repeat(32)}"`)],
    ['invalid-params', `${draft}{}`]
  ]
  for (const [code, given] of rows) assert.is(await codeOf(alpha.call('validator.approve', { draft: given })), code)
  const other = await alpha.call('validator.review', { draft: rotation.replace(/"height": \d+/, '"height": 9999') })
  assert.equal(
    other.problems.map(({ code }) => code),
    ['bad-signature', 'block-unknown']
  )
  const foreign = await approvalsOf(draft, [alpha])
  assert.is(await codeOf(epsilon.call('validator.submit', { draft: rotation, approvals: foreign })), 'invalid-params')
})

test('a vote key is replaced by one that the daemon made, and kept over a restart of the chain', async () => {
  const before = (await alpha.call('validator.list', {})).list
  await change(epsilon, { action: 'rotate' }, daemons.slice(0, 4))
  await inEpoch(2)
  const after = (await alpha.call('validator.list', {})).list
  const keyOf = (list: typeof before) => list.find(({ member }) => member === epsilon.place.member)?.key
  assert.not.equal(keyOf(after), keyOf(before))
  await (daemons[1] as Daemon).stop()
  const sent = await alpha.call('record.send', { to: [epsilon.place.member], content: base64('with the new key') })
  assert.is(sent.state, 'committed')
  daemons[1] = await start(founded, founded.places[1] as (typeof founded.places)[0])
  await inEpoch(2)
})

test('a validator is removed, goes on as a follower, and can be expelled then', async () => {
  assert.is(await codeOf(alpha.call('member.revoke', { member: epsilon.place.member })), 'is-validator')
  await change(alpha, { action: 'remove', member: epsilon.place.member }, daemons.slice(0, 4))
  await inEpoch(3)
  assert.is(await epochOf(epsilon), 3)
  const { chains } = await epsilon.call('status', {})
  assert.is(chains[0]?.validator, false)
  const sent = await epsilon.call('record.send', { to: ['Gamma'], content: base64('of a follower') })
  assert.is(sent.state, 'committed')
  const { certificate } = await epsilon.call('chain.block', sent.height === null ? {} : { height: sent.height })
  assert.not.ok(certificate?.signers.some(({ member }) => member === epsilon.place.member))
  assert.is((await alpha.call('member.revoke', { member: epsilon.place.member })).state, 'committed')
})

test.run()
