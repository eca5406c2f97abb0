/** Chains whose validators change while they run: real blocks, real votes, one thread. */
import { type Epoch, epoch, height } from '@wardline/codec'
import { isRecovery, scanJournal, setHash } from '@wardline/consensus'
import { verifySignature } from '@wardline/crypto'
import { validatorsIn, verifyReceipt } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { snapshotOf, verifyChain } from '../src/index.ts'
import { type ChainWorld, chainWorld, type Hospital, registered } from './chain-world.ts'
import { admitted, changed, nextVoteKey } from './epochs.ts'

const test = suite('node/epochs')

const at = (it: ChainWorld, index: number): Hospital => it.hospitals[index] as Hospital
const isOpen = (it: ChainWorld, index: number): boolean => {
  try {
    return it.chain(index).head() !== undefined
  } catch {
    // It is being opened.
    return false
  }
}
const epochOf = (it: ChainWorld, index: number): number => (isOpen(it, index) ? it.chain(index).status().epoch : -1)
const restart = async (it: ChainWorld, ...indexes: readonly number[]): Promise<void> => {
  for (const index of indexes) it.start(index)
  assert.ok(await it.run(10_000, () => indexes.every((index) => isOpen(it, index))))
}
const inEpoch = (it: ChainWorld, epoch: number, indexes: readonly number[]) =>
  it.run(60_000, () => indexes.every((index) => epochOf(it, index) === epoch))
const registrarOf = (it: ChainWorld): number => it.hospitals.findIndex(({ name }) => name === 'h0')
const staff = (it: ChainWorld, index: number, name: string) => ({
  transaction: registered(it.genesis, at(it, index), name)
})

/** Who signed the finalization of the head, by its place in `it.hospitals`. */
async function signersOfHead(it: ChainWorld, index: number): Promise<readonly number[]> {
  const { query, state, head } = it.chain(index)
  const covering = await query.certificateFor(head().height)
  const { validators } = validatorsIn(state)
  return (covering?.certificate.signers ?? []).map((signer) =>
    it.hospitals.findIndex(({ member }) => member === validators[signer]?.member)
  )
}

/** Four founders, and a fifth hospital that follows. */
async function five(): Promise<ChainWorld> {
  const it = await chainWorld(4, undefined, 'STT', 1)
  const registrar = registrarOf(it)
  await it.commit(registrar, { transaction: admitted(it.genesis, at(it, registrar), at(it, 4)) })
  assert.ok(await it.run(30_000, () => it.chain(4).head().height === it.chain(0).head().height))
  return it
}

const everybody = [0, 1, 2, 3, 4]

test('a follower is added, votes within the epoch, and is needed; then another is removed, and the chain goes on', async () => {
  const it = await five()
  await it.commit(0, { transaction: changed(it, 0, 'add', at(it, 4)) })
  assert.ok(await inEpoch(it, 1, everybody))
  await it.commit(4, staff(it, 4, 'first of the guest'))
  // Four of five must agree: with one of the founders away, the added one is needed.
  it.crash(1)
  await it.commit(4, staff(it, 4, 'second of the guest'))
  assert.ok((await signersOfHead(it, 4)).includes(4))
  await restart(it, 1)
  await it.commit(0, { transaction: changed(it, 0, 'remove', at(it, 2)) })
  assert.ok(await inEpoch(it, 2, everybody))
  await it.commit(2, staff(it, 2, 'of the removed'))
  assert.not.ok((await signersOfHead(it, 0)).includes(2))
  assert.is(validatorsIn(it.chain(0).state).validators.length, 4)
  assert.equal([...it.failures], [])
})

test('what a follower accepted becomes final although the validators never heard it and sleep', async () => {
  const it = await five()
  await it.run(60_000)
  const { transaction } = staff(it, 4, 'unheard')
  it.world.setFaults({ dropRate: 1 })
  const answer = await it.act(() => it.chain(4).submit(transaction.bytes))
  assert.is(answer.kind, 'accepted')
  await it.run(1_000)
  it.world.setFaults({ dropRate: 0 })
  const isFinal = (): boolean => it.chain(0).query.place(transaction.id) !== undefined
  assert.ok(await it.run(4 * 60_000, isFinal), 'well before the next heartbeat and the end of the transaction')
})

test('a vote key is replaced while the daemon runs, and the old one has no vote any more', async () => {
  const it = await five()
  await it.commit(0, { transaction: changed(it, 0, 'rotate', at(it, 3), nextVoteKey(at(it, 3))) })
  assert.ok(await inEpoch(it, 1, everybody))
  it.crash(1)
  await it.commit(0, staff(it, 0, 'with the new key'))
  assert.ok((await signersOfHead(it, 0)).includes(3))
  it.crash(3)
  await restart(it, 3, 1)
  await it.commit(3, staff(it, 3, 'after a restart'))
})

test('a daemon that was away across two epochs catches up, votes again, and its receipts verify from the genesis alone', async () => {
  const it = await five()
  it.crash(1)
  await it.commit(0, { transaction: changed(it, 0, 'add', at(it, 4)) })
  await it.commit(0, staff(it, 0, 'in epoch 1'))
  await it.commit(0, { transaction: changed(it, 0, 'rotate', at(it, 4), nextVoteKey(at(it, 4))) })
  const late = staff(it, 0, 'in epoch 2')
  await it.commit(0, late)
  await restart(it, 1)
  assert.ok(await inEpoch(it, 2, everybody))
  await it.commit(1, staff(it, 1, 'of the returned'))
  it.crash(2)
  await it.commit(1, staff(it, 1, 'needs the returned'))
  assert.ok((await signersOfHead(it, 1)).includes(1))

  const receipt = await it.act(() => it.chain(1).query.receipt(late.transaction.id))
  const verdict = verifyReceipt(receipt ?? '', it.genesis)
  assert.is(verdict.kind, 'verified')
  const verification = await verifyChain({ store: it.chain(1).store, genesis: it.genesis, verify: verifySignature })
  if (verification.kind === 'failed') throw new Error(verification.what)
  assert.is(verification.height, it.chain(1).head().height)
  assert.equal(
    verification.sets,
    [0, 1, 2].map((each) => it.chain(1).setOf(epoch(each)))
  )
})

test('a chain is verified as it is at one moment, though its epoch ends meanwhile', async () => {
  const it = await five()
  await it.commit(0, staff(it, 0, 'before'))
  const { chain, genesis } = { chain: it.chain(0), genesis: it.genesis }
  const store = await it.act(() => snapshotOf(chain))
  const { height: then } = chain.head()
  await it.commit(0, { transaction: changed(it, 0, 'add', at(it, 4)) })
  await it.commit(0, staff(it, 0, 'in epoch 1'))
  const verification = await verifyChain({ store, genesis, verify: verifySignature })
  if (verification.kind === 'failed') throw new Error(verification.what)
  assert.equal([verification.height, verification.sets.length], [then, 1])
  assert.ok(chain.head().height > then)
  const now = await it.act(() => snapshotOf(chain))
  assert.equal((await verifyChain({ store: now, genesis, verify: verifySignature })).height, chain.head().height)
})

test('a loss of a journal that is long past silences nobody when the validators change', async () => {
  const it = await five()
  await it.commit(0, staff(it, 0, 'before the loss'))
  it.crash(3)
  const { disk } = it.world.node(at(it, 3).name)
  disk.restore({ stores: disk.image().stores, journals: new Map() })
  await restart(it, 3)
  await it.run(3_000)
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) await it.commit(0, staff(it, 0, `after ${name}`))
  assert.is(it.chain(3).status().voting.kind, 'voting')
  const dead = [1, 2].find((index) => index !== registrarOf(it)) as number
  it.crash(dead)
  // Four of five must agree from the first view on: everybody who is left.
  const left = everybody.filter((index) => index !== dead)
  const asked = left[0] as number
  await it.commit(asked, { transaction: changed(it, asked, 'add', at(it, 4)) })
  assert.ok(await inEpoch(it, 1, left))
  await it.commit(asked, staff(it, asked, 'in epoch 1'))
  assert.ok((await signersOfHead(it, asked)).includes(3))
  assert.equal([...it.failures], [])
})

test('who lost its journal as the epoch ended signs no first view of the next, whenever it crashes', async () => {
  /** Recoveries of a lost journal that the disk of the fourth tells of, by epoch. */
  const recovered = (it: ChainWorld): readonly number[] => {
    const scan = scanJournal(it.world.node(at(it, 3).name).disk.image().journals.get('votes') ?? [])
    return scan.kind === 'ok' ? scan.entries.flatMap((entry) => (isRecovery(entry) ? [entry.epoch] : [])) : []
  }
  for (const crash of ['before it is known there', 'after it is known there'] as const) {
    const it = await chainWorld(4)
    await it.commit(0, staff(it, 0, 'before the loss'))
    it.crash(3)
    const { disk } = it.world.node(at(it, 3).name)
    disk.restore({ stores: disk.image().stores, journals: new Map() })
    await restart(it, 3)
    assert.ok(await it.run(3_000, () => recovered(it).includes(0)))
    const { bytes } = changed(it, 0, 'rotate', at(it, 0), nextVoteKey(at(it, 0)))
    await it.act(() => it.chain(0).submit(bytes))
    const isThere = (): boolean =>
      crash === 'before it is known there' ? validatorsIn(it.chain(3).state).epoch === 1 : recovered(it).includes(1)
    assert.ok(await it.run(10_000, isThere))
    it.crash(3)
    assert.equal(recovered(it), crash === 'before it is known there' ? [0] : [0, 1])
    await restart(it, 3)
    await it.run(2_000)
    assert.equal(it.chain(3).status().voting, { kind: 'waiting', fromView: 3 }, crash)
    assert.equal(recovered(it), [0, 1], crash)
    for (const name of ['one', 'two', 'three', 'four']) await it.commit(0, staff(it, 0, `${crash} ${name}`))
    assert.is(it.chain(3).status().voting.kind, 'voting')
    assert.equal([...it.failures], [])
  }
})

test('every daemon crashes at once around the block that ends the epoch, and all end in the next one', async () => {
  for (const afterMs of [1, 5, 10, 20, 40]) {
    const it = await five()
    const { bytes } = changed(it, 0, 'add', at(it, 4))
    await it.act(() => it.chain(0).submit(bytes))
    await it.run(afterMs)
    for (const index of everybody) it.crash(index)
    await restart(it, ...everybody)
    assert.ok(await inEpoch(it, 1, everybody), `crashed after ${afterMs} ms`)
    await it.commit(4, staff(it, 4, `after ${afterMs}`))
    assert.equal([...it.failures], [])
  }
})

test('two validators of four: neither side of a partition ends the epoch alone', async () => {
  const it = await chainWorld(4)
  const names = it.hospitals.map(({ name }) => name)
  it.world.partition([names.slice(0, 2), names.slice(2)])
  const { bytes } = changed(it, 0, 'remove', at(it, 3))
  await it.act(() => it.chain(0).submit(bytes))
  await it.run(20_000)
  assert.equal(
    [0, 1, 2, 3].map((index) => epochOf(it, index)),
    [0, 0, 0, 0]
  )
  it.world.heal()
  assert.ok(await inEpoch(it, 1, [0, 1, 2, 3]))
})

test('a block names the epoch and the validators that its parent leaves, and no others', async () => {
  const it = await five()
  const before = it.chain(0).head()
  await it.commit(0, { transaction: changed(it, 0, 'add', at(it, 4)) })
  assert.ok(await inEpoch(it, 1, everybody))
  await it.commit(0, staff(it, 0, 'one more'))
  const closing = it.chain(0).query.block(height(before.height + 1))
  const next = it.chain(0).query.block(height(before.height + 2))
  const set = validatorsIn(it.chain(0).state)
  assert.equal([closing?.header.epoch, next?.header.epoch, set.epoch], [0, 1, 1 as Epoch])
  assert.is(closing?.header.nextSetHash, setHash(set.validators))
  assert.not.equal(before.header?.nextSetHash, closing?.header.nextSetHash)
  assert.is(closing?.certificate?.kind, 'finalize')
})

test.run()
