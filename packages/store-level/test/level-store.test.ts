import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import type { KeyValueStore } from '@wardline/ports'
import { storeCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openLevelStore } from '../src/index.ts'
import { startChild } from './child-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const test = suite('store-level/level-store')

async function failure(work: Promise<unknown>): Promise<WardlineError> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error
    throw error
  }
  throw new Error('expected a failure')
}

/** A closed store of `count` entries of 200 bytes that lie in a table file, not in the log. */
async function filled(path: string, count: number): Promise<void> {
  const store = await openLevelStore(path, { writeBufferBytes: 64 * 1024 })
  for (let i = 0; i < count; i += 100) {
    const writes = Array.from({ length: 100 }, (_, j) => ({ key: `k/${i + j}`, value: valueNumber(i + j) }))
    await store.write(writes, { sync: true })
  }
  await store.close()
}

function valueNumber(index: number): Uint8Array {
  return new Uint8Array(200).map((_, at) => (index * 167 + at * at * 31) & 0xff)
}

const purges: readonly (readonly [name: string, before: (store: KeyValueStore) => Promise<void>])[] = [
  ['in the log only', async () => {}],
  ['in a table', (store) => fill(store, 2000)],
  [
    'in a table below others',
    async (store) => {
      await fill(store, 2000)
      await store.purge(['k/5'])
      await fill(store, 2000)
    }
  ],
  [
    'written twice, in two tables',
    async (store) => {
      await fill(store, 2000)
      await store.write([{ key: 'secret/1', value: marked(1) }], { sync: true })
      await fill(store, 2000)
    }
  ]
]
for (const [name, before] of purges) {
  test(`no file of the database holds what was purged: ${name}`, async () => {
    const folder = await temporaryFolder()
    const path = join(folder.path, 'chain')
    try {
      const store = await openLevelStore(path, { writeBufferBytes: 64 * 1024 })
      const secrets = [1, 2, 3].map((i) => ({ key: `secret/${i}`, value: marked(i) }))
      await store.write(secrets, { sync: true })
      await before(store)
      assert.ok(await holds(path, 'SECRET'), 'the scan finds what is there')
      await store.purge(secrets.map(({ key }) => key))
      assert.not.ok(await holds(path, 'SECRET'))
      await store.close()
      assert.not.ok(await holds(path, 'SECRET'), 'closing writes nothing back')
    } finally {
      await folder.remove()
    }
  })
}

test('no file holds what was purged while ranges are opened without end, or what was being written', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    const store = await openLevelStore(path, { writeBufferBytes: 64 * 1024 })
    await store.write([{ key: 'secret/1', value: marked(1) }], { sync: true })
    await fill(store, 2000)
    let isReading = true
    const readers = [1, 2, 3].map(async () => {
      while (isReading) for await (const [key] of store.range({ from: '', to: '~' })) assert.ok(key.length > 0)
    })
    const late = store.write([{ key: 'secret/2', value: marked(2) }], { sync: true })
    await store.purge(['secret/1', 'secret/2'])
    assert.not.ok(await holds(path, 'SECRET'))
    isReading = false
    await Promise.all([...readers, late])
    assert.not.ok(await holds(path, 'SECRET'))
    await store.close()
  } finally {
    await folder.remove()
  }
})

test('what a range still reads is purged once it has ended', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    const store = await openLevelStore(path)
    await store.write(
      [
        { key: 'a', value: valueNumber(1) },
        { key: 'secret', value: marked(2) }
      ],
      { sync: true }
    )
    const rows = store.range({ from: 'a', to: 'z' })[Symbol.asyncIterator]()
    await rows.next()
    const purged = store.purge(['secret'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal((await rows.next()).value, ['secret', new Uint8Array(marked(2))], 'a range is a snapshot')
    await rows.next()
    await purged
    assert.not.ok(await holds(path, 'SECRET'))
    await store.close()
  } finally {
    await folder.remove()
  }
})

/** Random bytes around a word, for LevelDB compresses. */
function marked(index: number): Uint8Array {
  return Buffer.concat([valueNumber(index), Buffer.from('SECRET'), valueNumber(index + 7)])
}

async function fill(store: KeyValueStore, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    const writes = Array.from({ length: 100 }, (_, j) => ({ key: `k/${i + j}`, value: valueNumber(i + j) }))
    await store.write([...writes, { key: `z/${i}`, value: valueNumber(i) }], { sync: false })
  }
}

async function holds(path: string, word: string): Promise<boolean> {
  for (const name of await readdir(path)) if ((await readFile(join(path, name))).includes(word)) return true
  return false
}

test('another process that has the store open is named as the reason', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  const child = await startChild('store', path)
  try {
    const error = await failure(openLevelStore(path))
    assert.is(error.code, 'store-locked')
    assert.match(error.message, /Another process/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await openLevelStore(path)
    await store.close()
  } finally {
    child.kill('SIGKILL')
    await folder.remove()
  }
})

test('what kill -9 interrupts: every resolved write is there, later ones whole or not', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    let written = -1
    for (let round = 0; round < 5; round++) {
      const child = await startChild('write-store', path, String(written + 1))
      let output = ''
      child.stdout?.on('data', (chunk) => {
        output += chunk
      })
      // Some writes more than that, at any moment of the next one.
      while (output.split('\n').length < 6) await new Promise((resolve) => setTimeout(resolve, 1))
      await new Promise((resolve) => setTimeout(resolve, 10 + round))
      child.kill('SIGKILL')
      await once(child, 'close')
      const reported = Number(output.trimEnd().split('\n').at(-1) || written)
      const store = await openLevelStore(path)
      const head = store.get('head')
      written = head === undefined ? -1 : Number(new TextDecoder().decode(head))
      assert.ok(written >= reported, `${reported} was reported, ${written} is there`)
      for (let i = 0; i <= written; i++) {
        assert.ok(store.get(`block/${i}`), `block ${i}`)
        assert.ok(store.get(`state/${i}`), `state ${i}`)
      }
      assert.is(store.get(`block/${written + 1}`), undefined)
      await store.close()
    }
    assert.ok(written > 20, `${written} writes in all`)
  } finally {
    await folder.remove()
  }
})

test('a bit that rots in a table is never served: the read fails with store-corrupt', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    await filled(path, 2000)
    const table = (await readdir(path)).find((name) => name.endsWith('.ldb'))
    assert.ok(table, 'the values are in a table')
    const bytes = await readFile(join(path, table))
    let noticed = 0
    for (let at = 100; at < bytes.length / 2; at += Math.floor(bytes.length / 20)) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] as number) ^ 0x10
      await writeFile(join(path, table), damaged)
      const store = await openLevelStore(path)
      for (let i = 0; i < 2000; i++) {
        try {
          const value = store.get(`k/${i}`)
          if (value !== undefined)
            assert.ok(Buffer.compare(value, valueNumber(i)) === 0, `a wrong value of ${i} was served`)
        } catch (error) {
          assert.ok(error instanceof WardlineError && error.code === 'store-corrupt', String(error))
          noticed += 1
        }
      }
      await store.close()
    }
    assert.ok(noticed > 0)
  } finally {
    await folder.remove()
  }
})

test('damaged database files are refused at opening, and a lost CURRENT does not empty the store', async () => {
  const damages: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['no CURRENT', (path) => rm(join(path, 'CURRENT'))],
    ['empty CURRENT', (path) => truncate(join(path, 'CURRENT'), 0)],
    ['CURRENT names a missing file', (path) => writeFile(join(path, 'CURRENT'), 'MANIFEST-999999\n')],
    ['no manifest', async (path) => rm(join(path, await nameLike(path, /^MANIFEST/)))],
    ['cut manifest', async (path) => truncate(join(path, await nameLike(path, /^MANIFEST/)), 5)],
    ['no table', async (path) => rm(join(path, await nameLike(path, /\.ldb$/)))]
  ]
  for (const [what, damage] of damages) {
    const folder = await temporaryFolder()
    const path = join(folder.path, 'chain')
    try {
      await filled(path, 1000)
      const before = (await readdir(path)).filter((name) => name.endsWith('.ldb')).length
      await damage(path)
      const error = await failure(openLevelStore(path))
      assert.ok(error.code === 'store-corrupt' || error.code === 'store-failed', `${what}: ${error.code}`)
      const after = (await readdir(path)).filter((name) => name.endsWith('.ldb')).length
      assert.ok(after >= before - 1, `${what}: ${before} tables became ${after}`)
    } finally {
      await folder.remove()
    }
  }
})

async function nameLike(path: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(path)).find((one) => pattern.test(one))
  if (name === undefined) throw new Error(`no file like ${pattern}`)
  return name
}

test('an interrupted first creation is no damage', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    await mkdir(path)
    for (const name of ['LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']) await writeFile(join(path, name), '')
    const store = await openLevelStore(path)
    await store.close()
  } finally {
    await folder.remove()
  }
})

test('a path that is no folder fails with store-failed', async () => {
  const folder = await temporaryFolder()
  try {
    await writeFile(join(folder.path, 'file'), 'x')
    assert.is((await failure(openLevelStore(join(folder.path, 'file')))).code, 'store-failed')
    assert.is((await failure(openLevelStore(join(folder.path, 'file', 'inside')))).code, 'store-failed')
  } finally {
    await folder.remove()
  }
})

test('a failed write poisons the store: nothing is tried again', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'chain')
  try {
    const store = await openLevelStore(path, { writeBufferBytes: 64 * 1024 })
    await store.write([{ key: 'a', value: new Uint8Array([1]) }], { sync: true })
    await rm(path, { recursive: true })
    // The write buffer overflows into a new file, and there is no folder for it any more.
    let failed: WardlineError | undefined
    for (let i = 0; i < 200 && failed === undefined; i++) {
      const value = new Uint8Array(16 * 1024).map((_, at) => (at * i * 7919) >>> 3)
      try {
        await store.write([{ key: `b/${i}`, value }], { sync: true })
      } catch (error) {
        failed = error as WardlineError
      }
    }
    assert.is(failed?.code, 'store-failed')
    await mkdir(path)
    assert.is(await failure(store.write([{ key: 'c', value: null }], { sync: true })), failed)
    assert.equal([...(store.get('a') ?? [])], [1])
    await store.close()
  } finally {
    await folder.remove()
  }
})

test.run()

storeCompliance('store-level/level-store compliance', async () => {
  const folder = await temporaryFolder()
  return { open: () => openLevelStore(join(folder.path, 'chain')), cleanup: folder.remove }
}).run()
