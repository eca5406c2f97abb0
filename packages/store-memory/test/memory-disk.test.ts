import { WardlineError } from '@wardline/codec'
import type { Clock, KeyValueStore } from '@wardline/ports'
import { journalCompliance, storeCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryDisk, type WriteFault } from '../src/index.ts'

const test = suite('store-memory/memory-disk')

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
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** A draw that must be asked for with this bound. */
function exactly(expected: number, value: number): (bound: number) => number {
  return (bound) => {
    assert.is(bound, expected)
    return value
  }
}

function put(key: string, value: number): { key: string; value: Uint8Array } {
  return { key, value: new Uint8Array([value]) }
}

function values(store: KeyValueStore, keys: string): string {
  return [...keys].map((key) => store.get(key)?.[0] ?? '-').join('')
}

test('a damaged row is never read as if it were whole, until it is written again', async () => {
  const disk = createMemoryDisk()
  const store = await disk.openStore('s')
  await store.write([put('a', 1), put('b', 2), put('c', 3)], { sync: true })
  disk.damageKey('s', 'b')
  disk.damageKey('s', 'absent')
  assert.is(disk.damagedKeys('s'), 1)
  const isCorrupt = (error: Error) => error instanceof WardlineError && error.code === 'store-corrupt'
  assert.throws(() => store.get('b'), isCorrupt)
  assert.is(values(store, 'ac'), '13')
  const read: string[] = []
  try {
    for await (const [key] of store.range({ from: 'a', to: 'z' })) read.push(key)
    assert.unreachable('the range ends at the damaged row')
  } catch (error) {
    assert.ok(isCorrupt(error as Error))
  }
  assert.equal(read, ['a'])
  await store.write([put('b', 4)], { sync: true })
  assert.is(values(store, 'abc'), '143')
  assert.is(disk.damagedKeys('s'), 0)
})

test('a store that was dropped is a new one', async () => {
  const disk = createMemoryDisk()
  const store = await disk.openStore('s')
  await store.write([put('a', 1)], { sync: true })
  assert.throws(() => disk.dropStore('s'), 'not open')
  await store.close()
  disk.dropStore('s')
  assert.is((await disk.openStore('s')).get('a'), undefined)
})

test('a crash takes back what was not synced, from the end', async () => {
  for (const [kept, expected] of [
    [0, '1---'],
    [1, '12--'],
    [2, '-23-'],
    [3, '-24-']
  ] as const) {
    const disk = createMemoryDisk()
    const store = await disk.openStore('s')
    await store.write([put('a', 1)], { sync: true })
    await store.write([put('b', 2)], { sync: false })
    await store.write([{ key: 'a', value: null }, put('c', 3)], { sync: false })
    await store.write([put('c', 4)], { sync: false })
    disk.crash({ keep: 'prefix', below: exactly(4, kept) })
    assert.is(values(await disk.openStore('s'), 'abcd'), expected)
  }
})

test('a synced write makes all before it durable', async () => {
  const disk = createMemoryDisk()
  const store = await disk.openStore('s')
  await store.write([put('a', 1)], { sync: false })
  await store.write([put('b', 2)], { sync: true })
  await store.write([put('c', 3)], { sync: false })
  disk.crash()
  assert.is(values(await disk.openStore('s'), 'abc'), '12-')
})

test('a write under way when the power goes is there whole or not at all', async () => {
  for (const [kept, expected] of [
    [0, '---'],
    [1, '11-'],
    [2, '112']
  ] as const) {
    const { clock } = handClock()
    const disk = createMemoryDisk({ clock, latencyMs: () => 1 })
    const store = await disk.openStore('s')
    let resolved = 0
    for (const writes of [[put('a', 1), put('b', 1)], [put('c', 2)]]) {
      void store.write(writes, { sync: true }).then(() => {
        resolved += 1
      })
    }
    await turn()
    assert.is(values(store, 'abc'), '---')
    disk.crash({ keep: 'prefix', below: () => kept })
    await turn()
    assert.is(values(await disk.openStore('s'), 'abc'), expected)
    assert.is(resolved, 0)
  }
})

test('a write takes its time, one after another', async () => {
  const { clock, tick } = handClock()
  const store = await createMemoryDisk({ clock, latencyMs: () => 1 }).openStore('s')
  const done: number[] = []
  for (const n of [1, 2, 3]) void store.write([put('k', n)], { sync: false }).then(() => done.push(n))
  await turn()
  assert.equal(done, [])
  await tick()
  assert.equal(done, [1])
  assert.is(values(store, 'k'), '1')
  await tick()
  await tick()
  assert.equal(done, [1, 2, 3])
})

test('the append under way may be torn, those before it never', async () => {
  const tails: string[] = []
  for (const cut of [0, 1, 3, 5]) {
    const { clock, tick } = handClock()
    const disk = createMemoryDisk({ clock, latencyMs: () => 1, segmentBytes: 16 })
    const journal = await disk.openJournal('v')
    void journal.append(new Uint8Array([1, 1, 1]))
    await turn()
    await tick()
    void journal.append(new Uint8Array([2, 2, 2, 2, 2]))
    void journal.append(new Uint8Array([3]))
    await turn()
    disk.crash({ keep: 'prefix', below: exactly(6, cut) })
    const segments = await (await disk.openJournal('v')).read()
    tails.push([...(segments[0]?.bytes.subarray(0, 9) ?? [])].join(''))
  }
  assert.equal(tails, ['111000000', '111200000', '111222000', '111222220'])
})

test('with pages, each page of the append under way is there or not', async () => {
  const { clock } = handClock()
  const disk = createMemoryDisk({ clock, latencyMs: () => 1, segmentBytes: 4 * 4096 })
  const journal = await disk.openJournal('v')
  void journal.append(new Uint8Array(3 * 4096).fill(5))
  await turn()
  const coins = [0, 1, 0]
  disk.crash({ keep: 'pages', below: () => coins.shift() ?? 0 })
  const bytes = (await (await disk.openJournal('v')).read())[0]?.bytes as Uint8Array
  assert.equal([bytes[0], bytes[4096], bytes[8191], bytes[8192]], [0, 5, 5, 0])
})

test('a dead process changes nothing and gets no answer, and its name is free at once', async () => {
  const disk = createMemoryDisk()
  const [store, journal] = [await disk.openStore('s'), await disk.openJournal('v')]
  disk.crash()
  const [newStore, newJournal] = [await disk.openStore('s'), await disk.openJournal('v')]
  let settled = 0
  const count = (): void => {
    settled += 1
  }
  void store.write([put('a', 1)], { sync: true }).then(count, count)
  void journal.append(new Uint8Array([1])).then(count, count)
  void store.close().then(count, count)
  void journal.close().then(count, count)
  await turn()
  assert.is(settled, 0)
  await newStore.write([put('b', 2)], { sync: true })
  disk.crash({ keep: 'prefix', below: (bound) => bound - 1 })
  assert.is(values(await disk.openStore('s'), 'ab'), '-2')
  assert.equal(await (await disk.openJournal('v')).read(), [])
  assert.is(await newJournal.read().then((segments) => segments.length), 0)
})

test('a failed write poisons its handle, persisted or not', async () => {
  const rows: readonly (readonly [WriteFault, string])[] = [
    [{ error: 'ENOSPC', persisted: false }, '1--'],
    [{ error: 'EIO', persisted: true }, '12-']
  ]
  for (const [fault, expected] of rows) {
    const disk = createMemoryDisk({ fault: ({ count }) => (count === 2 ? fault : undefined) })
    const store = await disk.openStore('s')
    const results = await Promise.allSettled(
      ['a', 'b', 'c'].map((key, index) => store.write([put(key, index + 1)], { sync: true }))
    )
    assert.equal(
      results.map((result) => (result.status === 'rejected' ? (result.reason as WardlineError).code : 'done')),
      ['done', 'store-failed', 'store-failed']
    )
    assert.is(((results[1] as PromiseRejectedResult).reason as { cause: { code: string } }).cause.code, fault.error)
    disk.crash()
    assert.is(values(await disk.openStore('s'), 'abc'), expected)
  }
})

test('a failed append poisons the journal', async () => {
  for (const persisted of [false, true]) {
    const disk = createMemoryDisk({
      segmentBytes: 8,
      fault: ({ target, count }) => (target === 'journal' && count === 2 ? { error: 'EIO', persisted } : undefined)
    })
    const journal = await disk.openJournal('v')
    await journal.append(new Uint8Array([1]))
    for (const byte of [2, 3]) {
      const error = await journal.append(new Uint8Array([byte])).catch((reason: unknown) => reason)
      assert.ok(error instanceof WardlineError && error.code === 'journal-failed')
    }
    disk.crash()
    const segments = await (await disk.openJournal('v')).read()
    assert.equal([...(segments[0]?.bytes ?? [])].slice(0, 3), persisted ? [1, 2, 0] : [1, 0, 0])
  }
})

test('an image is a backup: later changes do not reach it, and it can be restored', async () => {
  const disk = createMemoryDisk({ segmentBytes: 8 })
  const store = await disk.openStore('s')
  const journal = await disk.openJournal('v')
  await store.write([put('a', 1)], { sync: false })
  await journal.append(new Uint8Array([1]))
  const image = disk.image()
  await store.write([put('a', 2)], { sync: true })
  await journal.append(new Uint8Array([2]))
  disk.crash()
  disk.restore(image)
  const [restored, votes] = [await disk.openStore('s'), await disk.openJournal('v')]
  assert.is(values(restored, 'a'), '1')
  assert.equal([...((await votes.read())[0]?.bytes ?? [])].slice(0, 2), [1, 0])
  await restored.write([put('a', 3)], { sync: true })
  assert.is(image.stores.get('s')?.get('a')?.[0], 1)
})

test('damage: a bit turns over, a key vanishes', async () => {
  const disk = createMemoryDisk({ segmentBytes: 8 })
  const [store, journal] = [await disk.openStore('s'), await disk.openJournal('v')]
  const number = await journal.append(new Uint8Array([0, 0b100]))
  await store.write([put('a', 1), put('b', 2)], { sync: true })
  disk.flipJournalBit('v', number, 8)
  disk.flipJournalBit('v', number, 10)
  disk.loseKey('s', 'a')
  assert.equal([...((await journal.read())[0]?.bytes ?? [])].slice(0, 2), [0, 0b001])
  assert.is(values(store, 'ab'), '-2')
  assert.is(disk.storeSize('s'), 1)
})

test.run()

storeCompliance('store-memory/memory-store compliance', async () => {
  const disk = createMemoryDisk()
  return { open: () => disk.openStore('chain'), cleanup: async () => {} }
}).run()

journalCompliance('store-memory/memory-journal compliance', async () => {
  const segmentBytes = 1000
  const disk = createMemoryDisk({ segmentBytes })
  return { segmentBytes, open: () => disk.openJournal('votes'), cleanup: async () => {} }
}).run()
