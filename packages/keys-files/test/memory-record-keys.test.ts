import { name32, type TransactionId, WardlineError } from '@wardline/codec'
import type { Clock } from '@wardline/ports'
import { recordKeysCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryRecordKeysDisk } from '../src/index.ts'
import { countingRandom } from './counting-random.ts'

recordKeysCompliance('keys-files/memory-record-keys compliance', async () => {
  const disk = createMemoryRecordKeysDisk()
  return { open: async () => disk.open(countingRandom()), cleanup: async () => {} }
}).run()

const test = suite('keys-files/memory-record-keys')

function idOf(number: number): TransactionId {
  return name32<TransactionId>(new Uint8Array(32).fill(number))
}

/** A clock whose timers run only when told to. */
function handClock(): { clock: Clock; tick(): Promise<void> } {
  let due: (() => void)[] = []
  return {
    clock: {
      nowMs: () => 0,
      elapsedMs: () => 0,
      after(_, run) {
        due.push(run)
        return { cancel: () => {} }
      }
    },
    async tick() {
      const now = due
      due = []
      for (const run of now) run()
      await turn()
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('a key is not to be had before it is durable, and those asked for meanwhile share the next sync', async () => {
  const { clock, tick } = handClock()
  const keys = createMemoryRecordKeysDisk({ clock, latencyMs: () => 1 }).open(countingRandom())
  const done: number[] = []
  for (const number of [1, 2, 3]) void keys.create(idOf(number)).then(() => done.push(number))
  await turn()
  assert.is(keys.get(idOf(1)), undefined)
  await tick()
  assert.equal(done, [1])
  assert.ok(keys.get(idOf(1)))
  assert.is(keys.get(idOf(2)), undefined)
  await tick()
  assert.equal(done, [1, 2, 3])
})

test('a crash keeps what was durable, and of what was being written as much as is drawn', async () => {
  for (const kept of [0, 1, 2]) {
    const { clock, tick } = handClock()
    const disk = createMemoryRecordKeysDisk({ clock, latencyMs: () => 1 })
    const keys = disk.open(countingRandom())
    let settled = 0
    const count = (): void => {
      settled += 1
    }
    const durable = keys.create(idOf(1))
    await turn()
    await tick()
    const made = await durable
    void keys.create(idOf(2)).then(count, count)
    void keys.create(idOf(3)).then(count, count)
    await turn()
    disk.crash({
      below(bound) {
        assert.is(bound, 2)
        return Math.min(kept, 1)
      }
    })
    await tick()
    await tick()
    void keys.create(idOf(4)).then(count, count)
    void keys.close().then(count, count)
    await turn()
    assert.is(settled, 0)
    const again = disk.open(countingRandom())
    assert.equal(again.get(idOf(1)), made)
    assert.is(again.get(idOf(2)) === undefined, kept === 0)
    for (const number of [3, 4]) assert.is(again.get(idOf(number)), undefined)
    assert.is(disk.size(), kept === 0 ? 1 : 2)
  }
})

test('after a failed sync nothing more is written', async () => {
  const disk = createMemoryRecordKeysDisk()
  const keys = disk.open(countingRandom())
  const made = await keys.create(idOf(1))
  disk.failNext()
  const results = await Promise.allSettled([2, 3].map((number) => keys.create(idOf(number))))
  results.push(...(await Promise.allSettled([keys.create(idOf(4))])))
  for (const result of results) {
    assert.ok(result.status === 'rejected' && result.reason instanceof WardlineError)
    assert.is(result.status === 'rejected' && result.reason.code, 'record-keys-failed')
  }
  assert.equal(keys.get(idOf(1)), made)
  disk.crash()
  const again = disk.open(countingRandom())
  assert.is(again.get(idOf(2)), undefined)
  assert.is((await again.create(idOf(2))).length, 32)
})

test('a key can be lost', async () => {
  const disk = createMemoryRecordKeysDisk()
  const keys = disk.open(countingRandom())
  const made = await keys.create(idOf(1))
  disk.lose(idOf(1))
  assert.is(keys.get(idOf(1)), undefined)
  assert.not.equal(await keys.create(idOf(1)), made)
})

test.run()
