/** Forks that validators made by running twice: their names are on the disk of who finds it, and no other is. */
import { WardlineError } from '@wardline/codec'
import { signersOfFork } from '@wardline/consensus'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, type Hospital, registered } from './chain-world.ts'
import { changed, nextVoteKey } from './epochs.ts'
import { accusedBy, forkedWorld } from './fork-worlds.ts'

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

test.run()
