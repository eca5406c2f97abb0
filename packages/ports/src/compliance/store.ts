/** The promises of `KeyValueStore`. */
import { WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KeyValueStore, RangeOptions, StoreWrite } from '../store.ts'

/** One disk: `open` opens the same store again after it was closed. */
export type StoreSubject = { open(): Promise<KeyValueStore>; cleanup(): Promise<void> }

/** The suite `name` against stores on disks made by `make`. */
export function storeCompliance(name: string, make: () => Promise<StoreSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (store: KeyValueStore, subject: StoreSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        const store = await subject.open()
        await run(store, subject)
        await store.close()
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('an absent key is undefined, a written one is its bytes', async (store) => {
    assert.is(store.get('state/a'), undefined)
    await store.write([put('state/a', 1, 2, 3), put('state/empty')], { sync: true })
    assert.equal(plain(store.get('state/a')), [1, 2, 3])
    assert.equal(plain(store.get('state/empty')), [])
    assert.equal(store.get('state/a'), new Uint8Array([1, 2, 3]))
    assert.is(store.get('state'), undefined)
    assert.is(store.get('state/aa'), undefined)
  })

  check('a resolved write is visible at once, synced or not', async (store) => {
    for (let i = 0; i < 50; i++) {
      await store.write([put('k', i)], { sync: i % 2 === 0 })
      assert.equal(plain(store.get('k')), [i])
    }
  })

  check('null deletes; of two writes to one key the later counts', async (store) => {
    await store.write([put('a', 1), put('b', 1), put('c', 1)], { sync: false })
    await store.write([remove('a'), put('b', 2), put('b', 3), put('c', 4), remove('c'), remove('never')], {
      sync: false
    })
    assert.is(store.get('a'), undefined)
    assert.equal(plain(store.get('b')), [3])
    assert.is(store.get('c'), undefined)
    assert.equal(await entries(store, { from: 'a', to: 'z' }), [['b', [3]]])
  })

  check('what is purged is gone, after closing and opening too, and nothing else is', async (store, subject) => {
    await store.write([put('a', 1), put('b', 2), put('c', 3)], { sync: false })
    await store.purge(['b', 'never', 'c'])
    assert.equal(await entries(store, { from: 'a', to: 'z' }), [['a', [1]]])
    await store.write([put('c', 4)], { sync: true })
    await store.close()
    const again = await subject.open()
    assert.equal(await entries(again, { from: 'a', to: 'z' }), [
      ['a', [1]],
      ['c', [4]]
    ])
    await again.close()
  })

  check('what is wanted again at the moment of deleting is not purged', async (store) => {
    await store.write([put('a', 1), put('b', 2)], { sync: false })
    await store.purge(['a', 'b'], (key) => key === 'b')
    assert.equal(await entries(store, { from: 'a', to: 'z' }), [['b', [2]]])
  })

  check('writes take effect in the order of their calls', async (store) => {
    const all: Promise<void>[] = []
    for (let i = 0; i < 200; i++) all.push(store.write([put('k', i)], { sync: i % 7 === 0 }))
    await Promise.all(all)
    assert.equal(plain(store.get('k')), [199])
  })

  check('the caller may reuse its buffer and its list', async (store) => {
    const value = new Uint8Array([1, 2, 3])
    const writes: StoreWrite[] = [{ key: 'k', value }]
    const written = store.write(writes, { sync: false })
    value.fill(9)
    writes.length = 0
    await written
    assert.equal(plain(store.get('k')), [1, 2, 3])
  })

  check('an empty write resolves', async (store) => {
    await store.write([], { sync: true })
    assert.equal(await entries(store, { from: ' ', to: '~' }), [])
  })

  check('a range is half open, sorted by bytes, either way, and limited', async (store) => {
    const keys = ['blocks/', 'blocks/0', 'blocks/00', 'blocks/A', 'blocks/a', 'blocks/~', 'blocks0', 'a', 'z']
    await store.write(
      keys.map((key, index) => put(key, index)),
      { sync: false }
    )
    const inside = ['blocks/', 'blocks/0', 'blocks/00', 'blocks/A', 'blocks/a', 'blocks/~']
    assert.equal(await keysOf(store, { from: 'blocks/', to: 'blocks0' }), inside)
    assert.equal(await keysOf(store, { from: 'blocks/', to: 'blocks0', reverse: true }), inside.toReversed())
    assert.equal(await keysOf(store, { from: 'blocks/', to: 'blocks0', limit: 2 }), inside.slice(0, 2))
    assert.equal(await keysOf(store, { from: 'blocks/', to: 'blocks0', limit: 2, reverse: true }), [
      'blocks/~',
      'blocks/a'
    ])
    assert.equal(await keysOf(store, { from: 'blocks/', to: 'blocks0', limit: 0 }), [])
    assert.equal(await keysOf(store, { from: 'blocks/0', to: 'blocks/00' }), ['blocks/0'])
    assert.equal(await keysOf(store, { from: 'blocks/x', to: 'blocks/x' }), [])
    assert.equal(await keysOf(store, { from: 'z', to: 'a' }), [])
    assert.equal(await entries(store, { from: 'a', to: 'b' }), [['a', [7]]])
  })

  check('a long range crosses pages without loss, and may be left early', async (store) => {
    const writes: StoreWrite[] = []
    for (let i = 0; i < 3000; i++) writes.push({ key: numbered(i), value: new Uint8Array(100).fill(i) })
    await store.write(writes, { sync: false })
    assert.equal(
      await keysOf(store, { from: 'n/', to: 'n0' }),
      writes.map((write) => write.key)
    )
    let count = 0
    for await (const [key] of store.range({ from: 'n/', to: 'n0' })) {
      assert.is(key, numbered(count))
      count += 1
      if (count === 700) break
    }
    assert.is(count, 700)
  })

  check('a range is a snapshot of the moment of its first entry', async (store) => {
    const writes: StoreWrite[] = []
    for (let i = 0; i < 1500; i++) writes.push(put(numbered(i), 1))
    await store.write(writes, { sync: false })
    const seen: string[] = []
    for await (const [key, value] of store.range({ from: 'n/', to: 'n0' })) {
      if (seen.length === 0) {
        await store.write(
          [...writes.map((write, i) => (i % 2 === 0 ? remove(write.key) : put(write.key, 2))), put('n/zz', 1)],
          { sync: false }
        )
      }
      assert.equal(plain(value), [1])
      seen.push(key)
    }
    assert.is(seen.length, 1500)
    assert.is((await keysOf(store, { from: 'n/', to: 'n0' })).length, 751)
  })

  check('what was written is there after closing and opening', async (store, subject) => {
    await store.write([put('a', 1), put('b', 2)], { sync: true })
    await store.write([remove('a'), put('c', 3)], { sync: false })
    await store.close()
    const again = await subject.open()
    assert.equal(await entries(again, { from: 'a', to: 'z' }), [
      ['b', [2]],
      ['c', [3]]
    ])
    await again.close()
  })

  check('closing waits for the writes under way; later calls fail with store-closed', async (store, subject) => {
    const written = store.write([put('late', 7)], { sync: true })
    await store.close()
    await written
    await store.close()
    assert.throws(() => store.get('late'), hasCode('store-closed'))
    assert.is(await failure(store.write([put('x', 1)], { sync: true })), 'store-closed')
    assert.is(await failure(keysOf(store, { from: 'a', to: 'z' })), 'store-closed')
    const again = await subject.open()
    assert.equal(plain(again.get('late')), [7])
    await again.close()
  })

  check('a second opener is refused with store-locked while the first is open', async (store, subject) => {
    await store.write([put('a', 1)], { sync: true })
    assert.is(await failure(subject.open()), 'store-locked')
    assert.equal(plain(store.get('a')), [1])
  })

  check('values up to a few MiB', async (store) => {
    const value = new Uint8Array(3 * 1024 * 1024).map((_, index) => index * 31)
    await store.write([{ key: 'big', value }], { sync: true })
    assert.ok(Buffer.compare(store.get('big') as Uint8Array, value) === 0)
  })

  check('keys that are not printable ASCII are our bug', async (store) => {
    for (const key of ['', 'é', 'a\n', 'k'.repeat(513)]) {
      let thrown: unknown
      try {
        await store.write([put(key, 1)], { sync: false })
      } catch (error) {
        thrown = error
      }
      assert.is((thrown as Error | undefined)?.name, 'AssertionError', JSON.stringify(key.slice(0, 8)))
    }
    await store.write([put('k'.repeat(512), 1)], { sync: false })
  })

  return test
}

function put(key: string, ...bytes: readonly number[]): StoreWrite {
  return { key, value: new Uint8Array(bytes) }
}

function remove(key: string): StoreWrite {
  return { key, value: null }
}

function numbered(index: number): string {
  return `n/${String(index).padStart(6, '0')}`
}

function plain(bytes: Uint8Array | undefined): number[] | undefined {
  return bytes === undefined ? undefined : [...bytes]
}

async function entries(store: KeyValueStore, options: RangeOptions): Promise<[string, number[]][]> {
  const found: [string, number[]][] = []
  for await (const [key, value] of store.range(options)) found.push([key, [...value]])
  return found
}

async function keysOf(store: KeyValueStore, options: RangeOptions): Promise<string[]> {
  return (await entries(store, options)).map(([key]) => key)
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof WardlineError && error.code === code
}

/** The code of the WardlineError that `work` fails with. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}
