import type { Journal, KeyValueStore, StoreWrite } from '@wardline/ports'
import type { MemoryDiskImage } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Mutant } from '../src/world/daemon.ts'
import type { Profile } from '../src/world/profile.ts'
import { runSeed } from '../src/world/run-seed.ts'
import type { ViolationCode } from '../src/world/watch.ts'

const test = suite('simulator/world-mutants')

const SEEDS = 12

type Hunt = {
  readonly nodes: number
  readonly profile?: Partial<Profile>
  /** These invariants alone must catch it. */
  readonly only?: readonly ViolationCode[]
}

/** The codes of what the first of some seeds that catches the mutant found. `mutant` is made anew for each seed. */
async function hunt(mutant: () => Mutant, { nodes, profile = {}, only }: Hunt): Promise<readonly string[]> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations } = await runSeed({
      seed,
      nodes,
      mutant: mutant(),
      profile: (drawn) => ({ ...drawn, writesPerFault: null, ...profile }),
      ...(only === undefined ? {} : { only })
    })
    if (violations.length > 0) return [...new Set(violations.map(({ code }) => code))]
  }
  return []
}

const OFTEN: Partial<Profile> = { crashEveryMs: 1500, awayMs: [10, 1000], outputsPerCrash: 100, actionEveryMs: 50 }

/** Answers at once, and writes when the disk has time: a power cut takes what it had acknowledged. */
function hastyJournal(journal: Journal): Journal {
  let appends = 0
  let last = 0
  let writing: Promise<void> = Promise.resolve()
  const writeLater = async (before: Promise<void>, bytes: Uint8Array): Promise<void> => {
    await before
    last = await journal.append(bytes)
  }
  return {
    ...journal,
    async append(bytes) {
      appends += 1
      // Opening reads back what it has just written.
      if (appends === 1) {
        last = await journal.append(bytes)
        return last
      }
      writing = writeLater(writing, bytes.slice())
      return last
    }
  }
}

function withWrites(change: (writes: readonly StoreWrite[]) => readonly StoreWrite[], sync?: false) {
  return (store: KeyValueStore): KeyValueStore => ({
    ...store,
    write: (writes, options) => store.write(change(writes), { sync: sync ?? options.sync })
  })
}

test('a journal that acknowledges before it writes: said before durable', async () => {
  assert.equal(await hunt(() => ({ journal: hastyJournal }), { nodes: 4 }), ['I8'])
})

test('a journal that acknowledges before it writes: two votes after a power cut', async () => {
  const slow = { ...OFTEN, diskLatencyMs: [20, 60] } as const
  assert.equal(await hunt(() => ({ journal: hastyJournal }), { nodes: 4, profile: slow, only: ['I6'] }), ['I6'])
})

test('a store that does not sync: announced before durable', async () => {
  const codes = await hunt(() => ({ store: withWrites((writes) => writes, false) }), { nodes: 4 })
  assert.ok(codes.includes('I8'), codes.join())
})

test('a store that does not sync: final blocks vanish in a power cut', async () => {
  const lazy = () => ({ store: withWrites((writes) => writes, false) })
  assert.equal(await hunt(lazy, { nodes: 4, profile: OFTEN, only: ['I2'] }), ['I2'])
})

test('a store that forgets what was accepted: the client was promised too much', async () => {
  const forgetful = () => ({ store: withWrites((writes) => writes.filter(({ key }) => !key.startsWith('mempool/'))) })
  assert.equal(await hunt(forgetful, { nodes: 4 }), ['I8'])
  const codes = await hunt(forgetful, { nodes: 4, profile: OFTEN, only: ['I3', 'I10'] })
  assert.equal(codes, ['I10'])
})

test('a store that keeps no body: a vote without the block', async () => {
  const hollow = () => ({ store: withWrites((writes) => writes.filter(({ key }) => !key.startsWith('blocks/body/'))) })
  const codes = await hunt(hollow, { nodes: 4 })
  assert.ok(codes.includes('I8'), codes.join())
})

test('two daemons with one vote key sign against each other', async () => {
  const twins: Mutant = {
    self: (hospital, { hospitals }) => {
      const [first = hospital, second] = hospitals
      const acts = hospital === second ? first : hospital
      return { hospital: acts, voteSigner: acts.voteSigner }
    }
  }
  assert.equal(await hunt(() => twins, { nodes: 4, only: ['I6'] }), ['I6'])
})

test('a backup put back after a crash signs again what it has forgotten', async () => {
  const restored = (): Mutant => {
    const backups = new Map<string, MemoryDiskImage>()
    return {
      beforeRestart: (disk, node) => {
        const backup = backups.get(node)
        if (backup === undefined) backups.set(node, disk.image())
        else disk.restore(backup)
      }
    }
  }
  assert.equal(await hunt(restored, { nodes: 1, profile: OFTEN, only: ['I6'] }), ['I6'])
  const codes = await hunt(restored, { nodes: 1, profile: OFTEN, only: ['I2'] })
  assert.equal(codes, ['I2'])
})

test('one seed gives one trace', async () => {
  for (const seed of [3, 5, 8, 13]) {
    const [once, again] = [await runSeed({ seed }), await runSeed({ seed })]
    assert.is(once.traceHash, again.traceHash, `seed ${seed}`)
    assert.is(once.events, again.events, `seed ${seed}`)
  }
  assert.is.not((await runSeed({ seed: 3 })).traceHash, (await runSeed({ seed: 5 })).traceHash)
})

test.run()
