/** What contradicts the final chain of an epoch that has ended. */
import { type Digest, height, name32, WardlineError } from '@wardline/codec'
import type { Certificate } from '@wardline/consensus'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, chainWorld, type Hospital, registered, secret } from './chain-world.ts'
import { changed, nextVoteKey } from './epochs.ts'
import { accusedBy, finalization, forkedWorld, rowsOf, say } from './fork-worlds.ts'

const test = suite('node/fork-epochs')
const OTHER = name32<Digest>(secret('another block'))

const at = (it: ChainWorld, index: number): Hospital => it.hospitals[index] as Hospital

const codeOf = (it: ChainWorld, index: number): string | undefined => {
  const error = it.failures.get(at(it, index).name)
  assert.ok(error === undefined || error instanceof WardlineError, String(error))
  return error?.code
}

const staff = (it: ChainWorld, by: number, name: string) =>
  it.commit(by, { transaction: registered(it.genesis, at(it, by), name) })

/** Hospital 0 changes its vote key, and with that an epoch ends. */
async function endEpoch(it: ChainWorld): Promise<void> {
  const { epoch } = it.chain(0).status()
  await it.commit(0, {
    transaction: changed(it, 0, 'rotate', at(it, 0), epoch % 2 === 0 ? nextVoteKey(at(it, 0)) : at(it, 0).vote)
  })
  assert.ok(await it.run(10_000, () => [0, 1, 2].every((index) => it.chain(index).status().epoch === epoch + 1)))
}

/** A chain that is in this epoch, and the view in which its first epoch was closed. Hospital 3 is down. */
async function inEpoch(
  epoch: number
): Promise<{ readonly it: ChainWorld; readonly closing: { view: number; height: number } }> {
  const it = await chainWorld(4)
  await staff(it, 0, 'first')
  await endEpoch(it)
  const closing = it.chain(0).query.block(height(2))
  assert.is(closing?.header.epoch, 0)
  for (let next = 2; next <= epoch; next++) await endEpoch(it)
  await staff(it, 0, 'last')
  it.crash(3)
  return { it, closing: { view: closing?.header.view ?? 0, height: 2 } }
}

for (const [where, of] of [
  ['in the view of the closing block', 0],
  ['in an earlier view', -1],
  ['in a later view', 3]
] as const) {
  test(`a finalization of the epoch that ended last, ${where}, halts every daemon with the proof on disk`, async () => {
    const { it, closing } = await inEpoch(1)
    say(it, 3, finalization(it, { view: closing.view + of, digest: OTHER }))
    await it.run(2_000)
    for (const index of [0, 1, 2]) {
      assert.is(codeOf(it, index), 'conflicting-finalization', `${index}`)
      assert.ok(rowsOf(it, index).has('meta/fork'))
      // Who signed both in one view is named, and nobody else.
      const accused = accusedBy(it, index)
      assert.ok(of > 0 || accused.length >= 2, accused.join())
      assert.not.ok(accused.includes(0))
    }
    it.start(0)
    await it.run(1_000)
    assert.is(codeOf(it, 0), 'conflicting-finalization')
  })
}

test('a finalization of the next epoch, in a view that the last one had reached, stops nobody who is behind', async () => {
  const it = await chainWorld(4)
  for (const name of ['a', 'b', 'c']) await staff(it, 0, name)
  await endEpoch(it)
  // The closing block is the head: the first view of the epoch after it is lower than the head's.
  it.crash(3)
  const newKeys = new Map([1, 2].map((index) => [index, at(it, index).vote]))
  say(it, 3, finalization(it, { epoch: 1, view: 1, digest: OTHER }, newKeys.set(0, nextVoteKey(at(it, 0)))))
  await it.run(2_000)
  assert.equal([...it.failures], [])
})

test('one of an epoch before that stops nobody, is kept, and is told of after a restart too', async () => {
  const { it, closing } = await inEpoch(2)
  const certificate = finalization(it, { view: closing.view, digest: OTHER })
  say(it, 3, certificate)
  await it.run(2_000)
  it.crash(3)
  say(it, 3, finalization(it, { view: closing.view + 1, digest: OTHER }))
  await it.run(2_000)
  const told = (index: number): readonly Certificate[] => it.chain(index).oldForks()
  for (const index of [0, 1, 2]) {
    assert.equal(told(index), [certificate], 'one of each epoch')
    const accused = accusedBy(it, index)
    assert.ok(accused.length >= 2 && !accused.includes(0), accused.join())
  }
  it.crash(0)
  it.start(0)
  await it.run(2_000)
  assert.equal(told(0), [certificate])
  await staff(it, 0, 'goes on')
  assert.equal([...it.failures], [])
})

test('what nobody signed, what is final, and what an epoch’s other keys signed halts nobody', async () => {
  const { it, closing } = await inEpoch(1)
  const genuine = finalization(it, { view: closing.view, digest: OTHER })
  const final = it.chain(0).query.block(height(1))
  const newKeys = new Map([0, 1, 2].map((index) => [index, index === 0 ? nextVoteKey(at(it, 0)) : at(it, index).vote]))
  say(
    it,
    3,
    { ...genuine, view: (genuine.view + 1) as typeof genuine.view },
    { ...genuine, signers: genuine.signers.slice(1), signatures: genuine.signatures.slice(1) },
    finalization(it, { view: closing.view, digest: OTHER }, newKeys),
    finalization(it, { view: final?.header.view ?? 0, digest: final?.digest ?? OTHER }),
    finalization(it, { epoch: 2, view: 1, digest: OTHER })
  )
  await it.run(2_000)
  await staff(it, 0, 'goes on')
  assert.equal([...it.failures], [])
  for (const index of [0, 1, 2]) assert.equal([it.chain(index).oldForks(), accusedBy(it, index)], [[], []])
})

/** Hospitals 0 and 1 apart, each with 2 and 3, after a block that both have. */
function forked(act: (side: ChainWorld, here: number) => Promise<void>): Promise<ChainWorld> {
  return forkedWorld(4, [0, 1], (it) => staff(it, 2, 'before'), act)
}

async function more(side: ChainWorld, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await staff(side, 2, `more ${i}`)
}

const rotated = (side: ChainWorld, of: number) =>
  side.commit(2, { transaction: changed(side, 2, 'rotate', at(side, of), nextVoteKey(at(side, of))) })

const COUNTS = [
  [1, 2],
  [2, 1],
  [1, 4],
  [4, 1]
] as const

for (const [parted, act] of [
  ['at the block which ends an epoch', (side, here) => rotated(side, here)],
  [
    'before the blocks that end an epoch on both',
    async (side, here) => {
      await staff(side, 2, 'alone')
      await rotated(side, here)
    }
  ],
  [
    'in an epoch that only one of them ended',
    async (side, here) => {
      if (here === 0) await rotated(side, 2)
      else await staff(side, 2, 'instead')
    }
  ],
  [
    'two epochs ago, with the same validators ever since',
    async (side) => {
      await staff(side, 2, 'alone')
      for (const who of [2, 3]) await rotated(side, who)
    }
  ]
] as const satisfies readonly (readonly [string, (side: ChainWorld, here: 0 | 1) => Promise<void>])[]) {
  test(`two chains that parted ${parted} halt where they meet`, async () => {
    for (const counts of COUNTS) {
      const it = await forked(async (side, here) => {
        await act(side, here as 0 | 1)
        await more(side, counts[here as 0 | 1])
      })
      await it.run(10_000)
      for (const index of [0, 1]) {
        assert.is(codeOf(it, index), 'conflicting-finalization', `${counts.join()}, hospital ${index}`)
        assert.not.ok(accusedBy(it, index).some((accused) => accused < 2))
      }
    }
  })
}

test('two chains that parted two epochs ago, with other validators since, tell of it and follow neither', async () => {
  const it = await forked(async (side, here) => {
    await staff(side, 2, 'alone')
    for (const who of [here, 2]) await rotated(side, who)
    await more(side, here + 1)
  })
  await it.run(100)
  const heads = [0, 1].map((index) => it.chain(index).head().digest)
  await it.run(10_000)
  assert.equal([...it.failures], [])
  assert.equal(
    it
      .chain(0)
      .oldForks()
      .map(({ epoch }) => epoch),
    [0]
  )
  assert.equal(
    [0, 1].map((index) => it.chain(index).head().digest),
    heads
  )
})

test.run()
