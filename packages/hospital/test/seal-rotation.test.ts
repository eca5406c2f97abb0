/** A hospital's sealing keys replace each other: what is sealed to any of them is opened, and others seal to the one in force. */
import { randomBytes } from 'node:crypto'
import type { TransactionId } from '@wardline/codec'
import { publicSealKey } from '@wardline/crypto'
import { sealContextOf } from '@wardline/custody'
import { parseTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Between,
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  level,
  open,
  start,
  startAll,
  stopAll,
  until,
  untilState
} from './hospitals.ts'

const test = suite('hospital/seal-rotation')

/** Nothing here takes as long: a new key is in force when the clocks are put forward by it, and not before. */
const DELAY_MS = 10 * 60_000
const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'STT' }, { rotationDelayMs: DELAY_MS })
let daemons: Daemon[]
let alpha: Daemon
let beta: Daemon
/** By how much everybody's clock is ahead. */
let aheadMs = 0
const clockMs = () => aheadMs

test.before(async () => {
  daemons = await startAll(founded, { clockMs })
  ;[alpha, beta] = daemons as [Daemon, Daemon]
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

async function startBeta(between: Between = {}): Promise<void> {
  beta = await start(founded, beta.place, { clockMs, ...between })
  daemons[1] = beta
  await connected(daemons)
}

/** To which key of Beta a transmission is sealed. */
async function sealedTo(id: TransactionId): Promise<string | undefined> {
  const { transaction } = await alpha.call('tx.get', { id })
  const parsed = parseTransaction(Buffer.from(transaction as string, 'hex'), founded.chain)
  if (parsed.kind !== 'ok' || parsed.transaction.kind !== 'stt.send') return undefined
  return parsed.transaction.body.to.find(({ member }) => member === beta.place.member)?.sealingKey
}

/** To which key Beta sealed its own copy of what it sent. */
async function ownCopySealedTo(id: TransactionId): Promise<string | undefined> {
  const { transaction } = await beta.call('tx.get', { id })
  const parsed = parseTransaction(Buffer.from(transaction as string, 'hex'), founded.chain)
  if (parsed.kind !== 'ok' || parsed.transaction.kind !== 'stt.send') return undefined
  const envelope = beta.place.disk.image().stores.get('db')?.get(`payloads/bytes/${id}`)
  return envelope && sealContextOf(parsed.transaction, envelope)?.receivers.at(-1)?.key
}

/** Puts the clocks forward, and waits until everybody's head is past the time at which Beta's new key is in force. */
async function inForce(fromMs: number | null): Promise<void> {
  aheadMs += DELAY_MS
  await until('the new key is in force', async () => {
    // Blocks carry the time on.
    await alpha.call('record.send', { to: ['Gamma'], content: base64('time goes by') })
    return (await alpha.call('chain.block', {})).timeMs > (fromMs as number)
  })
  await level(daemons)
}

async function betaOf(daemon: Daemon) {
  const { members } = await daemon.call('member.list', {})
  return members.find(({ member }) => member === beta.place.member)
}

test('a new key is in force after the delay; what was sealed to the old one is opened before, across and after', async () => {
  const old = publicSealKey(beta.place.keys['seal'] as Uint8Array)
  const before = await alpha.call('record.send', { to: ['Beta'], content: base64('before') })
  await untilState(alpha, before, beta, 'opened')
  const rotated = await beta.call('member.rotate', {})
  assert.is(rotated.state, 'committed')
  assert.not.equal(rotated.sealKey, old)
  await level(daemons)
  assert.equal([(await betaOf(alpha))?.sealKey, (await betaOf(alpha))?.nextKeysFromMs], [old, rotated.fromMs])
  assert.is(await codeOf(beta.call('member.rotate', {})), 'rotation-pending')
  // On its way while the keys change: Beta is away, and comes back when the new key is in force.
  await beta.crash()
  const across = await alpha.call('record.send', { to: ['Beta'], content: base64('across') })
  assert.is(await sealedTo(across.id), old)
  daemons = daemons.filter((one) => one !== beta)
  await inForce(rotated.fromMs)
  assert.is((await alpha.call('record.trace', { record: across.record })).edges[0]?.state, 'sent')
  daemons.splice(1, 0, beta)
  await startBeta()
  await untilState(alpha, across, beta, 'opened')
  assert.equal([(await betaOf(alpha))?.sealKey, (await betaOf(alpha))?.nextKeysFromMs], [rotated.sealKey, null])
  const after = await alpha.call('record.send', { to: ['Beta'], content: base64('after') })
  assert.is(await sealedTo(after.id), rotated.sealKey)
  await untilState(alpha, after, beta, 'opened')
  for (const [sent, text] of [
    [before, 'before'],
    [across, 'across'],
    [after, 'after']
  ] as const) {
    assert.is(await open(beta, { via: sent.id }), text)
  }
  // What it got under the old key goes on, and its own copies of what it sends are sealed to a key that it has.
  const on = await beta.call('record.send', { to: ['Gamma'], via: before.id })
  assert.is(await open(beta, { via: on.id }), 'before')
})

test('a hospital that lost its keys says so, announces a new one, and is sent to again', async () => {
  await beta.crash()
  beta.place.sealKeys.length = 0
  // The key files are gone, and what stands in their place is not on the chain.
  const lost = { keys: (keys: Daemon['place']['keys']) => ({ ...keys, seal: lostKey }) }
  await startBeta(lost)
  const missing = async () => (await beta.call('status', {})).problems.filter(({ code }) => code === 'seal-key-missing')
  assert.equal(
    (await missing()).map(({ severity }) => severity),
    ['fail']
  )
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('to a lost key') })
  await until('it waits for a person', async () => {
    const { pending } = await beta.call('record.pending', {})
    return pending.some(({ transmission, standing }) => transmission === sent.id && standing === 'lost-key')
  })
  await beta.call('record.ack', { via: sent.id })
  await untilState(alpha, sent, beta, 'lost-key')
  const rotated = await beta.call('member.rotate', {})
  await inForce(rotated.fromMs)
  assert.equal(await missing(), [])
  const again = await alpha.call('record.send', { to: ['Beta'], record: sent.record })
  await untilState(alpha, again, beta, 'opened')
  assert.is(await open(beta, { via: again.id }), 'to a lost key')
})

const lostKey = new Uint8Array(randomBytes(32))

test('an announcement that is taken back comes never into force: by the hospital or the registrar, by nobody else', async () => {
  const present = (await betaOf(alpha))?.sealKey
  const vetoed = await beta.call('member.rotate', {})
  await level(daemons)
  assert.is(await codeOf((daemons[2] as Daemon).call('member.veto', { member: 'Beta' })), 'not-permitted')
  assert.is((await alpha.call('member.veto', { member: 'Beta' })).state, 'committed')
  assert.equal([(await betaOf(alpha))?.sealKey, (await betaOf(alpha))?.nextKeysFromMs], [present, null])
  await level(daemons)
  const own = await beta.call('record.send', { to: ['Gamma'], content: base64('to myself too') })
  assert.is(await ownCopySealedTo(own.id), present, 'and not to the key that was taken back')
  const answers = await Promise.allSettled([beta.call('member.rotate', {}), beta.call('member.rotate', {})])
  const rotated = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
  assert.equal([rotated.map(({ state }) => state), refused], [['committed'], ['rotation-pending']])
  assert.not.equal(rotated[0]?.sealKey, vetoed.sealKey, 'who took it back does not get it again')
  assert.is((await beta.call('member.veto', {})).state, 'committed')
  assert.is(await codeOf(beta.call('member.veto', {})), 'no-rotation-pending')
})

test.run()
