/** Forks that validators made by running twice: their names are on the disk of who finds it, and no other is. */
import { limits, WardlineError } from '@wardline/codec'
import { signersOfFork } from '@wardline/consensus'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, type Hospital, registered } from './chain-world.ts'
import { changed, nextVoteKey } from './epochs.ts'
import { accusedBy, equivocations, forkedWorld, rowsOf } from './fork-worlds.ts'

const test = suite('node/fork-offenders')

const at = (it: ChainWorld, index: number): Hospital => it.hospitals[index] as Hospital

let doctors = 0

async function more(it: ChainWorld, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    doctors += 1
    await it.commit(2, { transaction: registered(it.genesis, at(it, 2), `doctor ${doctors}`) })
  }
}

/** What each side does beyond the other: blocks, and whether the epoch ends first. */
type Course = { readonly blocks: readonly [number, number]; readonly ends?: boolean }

async function expectNamed(count: number, { blocks, ends = false }: Course): Promise<void> {
  const it = await forkedWorld(
    count,
    [0, 1],
    (whole) => more(whole, 2),
    async (side, here) => {
      if (ends) {
        await side.commit(2, { transaction: changed(side, 2, 'rotate', at(side, here), nextVoteKey(at(side, here))) })
      }
      await more(side, blocks[here as 0 | 1])
    }
  )
  await it.run(20_000)
  const twice = [...Array(count).keys()].slice(2)
  assert.ok(twice.length >= signersOfFork(count))
  for (const index of [0, 1]) {
    const error = it.failures.get(at(it, index).name)
    const what = `${count} validators, ${blocks.join()}, hospital ${index}`
    assert.ok(error instanceof WardlineError && error.code === 'conflicting-finalization', what)
    const accused = accusedBy(it, index)
    assert.ok(accused.length >= signersOfFork(count), `${what}: ${accused.join()}`)
    assert.ok(
      accused.every((one) => twice.includes(one)),
      `${what}: ${accused.join()}`
    )
    for (const one of accused) assert.match(error.message, at(it, one).member)
  }
}

for (const count of [3, 4, 5]) {
  test(`of ${count} validators`, async () => {
    for (const more of [1, 3]) {
      for (const blocks of [
        [1, 1 + more],
        [1 + more, 1]
      ] as const) {
        await expectNamed(count, { blocks })
      }
    }
  })

  test(`of ${count} validators, at the block that ends an epoch`, async () => {
    for (const blocks of [
      [1, 2],
      [4, 1]
    ] as const) {
      await expectNamed(count, { blocks, ends: true })
    }
  })
}

/** Beyond all that the two sides reach. */
const ELSEWHERE_VIEW = 900

/** The hospitals that a chain's last error names, by their place. */
function namedBy(it: ChainWorld, index: number): readonly number[] {
  const error = it.failures.get(at(it, index).name)
  assert.ok(error instanceof WardlineError && error.code === 'conflicting-finalization', String(error))
  return it.hospitals.flatMap(({ member }, place) => (error.message.includes(member) ? [place] : []))
}

/** The hospitals against which there is evidence of a view that the fork has, by their place. */
function accusedOfFork(it: ChainWorld, index: number): readonly number[] {
  const keys = [...rowsOf(it, index).keys()]
  const isAccused = (member: string) =>
    keys.some((key) => {
      const view = new RegExp(`^evidence/${member}/[0-9]+/([0-9]+)/`).exec(key)?.[1]
      return view !== undefined && Number(view) < ELSEWHERE_VIEW
    })
  return it.hospitals.flatMap(({ member }, place) => (isAccused(member) ? [place] : []))
}

for (const blocks of [
  [1, 2],
  [4, 1]
] as const) {
  test(`whoever signed twice elsewhere, a fork of ${blocks.join(' and ')} blocks names those who made it, and nobody else`, async () => {
    const it = await forkedWorld(
      4,
      [0, 1],
      (whole) => more(whole, 2),
      (side, here) => more(side, blocks[here as 0 | 1]),
      async (joined) =>
        new Map([
          ...(await equivocations(joined, 0, ELSEWHERE_VIEW, 1)),
          ...(await equivocations(joined, 1, ELSEWHERE_VIEW, 1)),
          ...(await equivocations(joined, 2, ELSEWHERE_VIEW, limits.evidencePerOffenderMax))
        ])
    )
    await it.run(20_000)
    for (const index of [0, 1]) {
      assert.equal(namedBy(it, index), [2, 3], `hospital ${index}`)
      assert.equal(accusedOfFork(it, index), [2, 3], `hospital ${index}`)
    }
    for (const index of [0, 1]) it.crash(index)
    it.start(0)
    await it.run(1_000)
    assert.equal(namedBy(it, 0), [2, 3], 'and so it says when it is started again')
  })
}

test.run()
