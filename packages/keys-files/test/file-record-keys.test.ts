import { mkdtemp, open as openFile, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { name32, nameBytes, type TransactionId, toHex, WardlineError } from '@wardline/codec'
import { recordKeysCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openFileRecordKeys } from '../src/index.ts'
import { countingRandom } from './counting-random.ts'

const storageKey = new Uint8Array(32).fill(42)
const FILE = 'alliance.payload-keys.1'
const HEADER = 36
const SLOT = 100

recordKeysCompliance('keys-files/file-record-keys compliance', async () => {
  const directory = await temporary()
  return { open: () => open(directory), cleanup: () => rm(directory, { recursive: true }) }
}).run()

type Context = { directory: string; path: string }
const test = suite<Context>('keys-files/file-record-keys', { directory: '', path: '' })

test.before.each(async (context) => {
  context.directory = await temporary()
  context.path = join(context.directory, FILE)
})

test.after.each(async ({ directory }) => {
  await rm(directory, { recursive: true })
})

function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'wardline-record-keys-'))
}

function open(directory: string, key = storageKey, label = 'alliance') {
  return openFileRecordKeys({ directory, label, storageKey: key, random: countingRandom() })
}

function idOf(number: number): TransactionId {
  return name32<TransactionId>(new Uint8Array(32).fill(number))
}

/** A file with keys for the ids 1 to `count`, each synced by itself or all together, closed; and those keys. */
async function written(directory: string, count: number, how: 'one by one' | 'together'): Promise<Uint8Array[]> {
  const keys = await open(directory)
  const made: Uint8Array[] = []
  if (how === 'together') made.push(...(await Promise.all(numbers(count).map((number) => keys.create(idOf(number))))))
  else for (const number of numbers(count)) made.push(await keys.create(idOf(number)))
  await keys.close()
  return made
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

/** Which of the ids 1 to `count` have a key after opening; those that do have the one that was made. */
async function present(directory: string, made: readonly Uint8Array[]): Promise<number[]> {
  const keys = await open(directory)
  const found = numbers(made.length).filter((number) => keys.get(idOf(number)) !== undefined)
  for (const number of found) assert.equal(keys.get(idOf(number)), made[number - 1])
  await keys.close()
  return found
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[offset] = (bytes[offset] as number) ^ 1
  await writeFile(path, bytes)
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    assert.instance(error, WardlineError)
    return (error as WardlineError).code
  }
  return 'none'
}

test("the file is its owner's alone, and no key is to be seen in it", async ({ directory, path }) => {
  const made = await written(directory, 3, 'one by one')
  assert.is((await stat(path)).mode & 0o777, 0o600)
  assert.is((await stat(path)).size, HEADER + 3 * SLOT)
  const bytes = toHex(await readFile(path))
  for (const key of made) assert.not.ok(bytes.includes(toHex(key)))
  assert.ok(bytes.includes(toHex(nameBytes(idOf(1)))))
})

test('keys that are made at once share their syncs', async ({ directory, path }) => {
  const handle = await openFile(directory, 'r')
  const prototype = Object.getPrototypeOf(handle) as { datasync(): Promise<void> }
  await handle.close()
  const { datasync } = prototype
  let syncs = 0
  const keys = await open(directory)
  prototype.datasync = function () {
    syncs += 1
    return datasync.call(this)
  }
  try {
    await Promise.all(numbers(200).map((number) => keys.create(idOf(number))))
  } finally {
    prototype.datasync = datasync
  }
  assert.ok(syncs >= 1 && syncs <= 2, `${syncs} syncs for 200 keys`)
  await keys.close()
  assert.is((await stat(path)).size, HEADER + 200 * SLOT)
})

test('what a power cut left unfinished at the end is cut off, the rest is there, and new keys are kept', async ({
  directory,
  path
}) => {
  for (const cut of [1, 4, 50, 99, 100]) {
    await rm(path, { force: true })
    const made = await written(directory, 3, 'one by one')
    await truncate(path, (await stat(path)).size - cut)
    assert.equal(await present(directory, made), [1, 2], `cut by ${cut}`)
    const keys = await open(directory)
    const anew = await keys.create(idOf(3))
    await keys.close()
    assert.equal(await present(directory, [...made.slice(0, 2), anew]), [1, 2, 3])
  }
})

test('of slots that were written together any part may be missing, and none of it is damage', async ({
  directory,
  path
}) => {
  for (const hole of [0, 3, 9]) {
    await rm(path, { force: true })
    const first = await written(directory, 2, 'one by one')
    const keys = await open(directory)
    const group = await Promise.all(numbers(10).map((number) => keys.create(idOf(100 + number))))
    await keys.close()
    const bytes = await readFile(path)
    const at = HEADER + (2 + hole) * SLOT
    // The first slot of a group is written alone when nothing else waits; the other nine share one sync.
    await writeFile(path, bytes.fill(0, at, at + SLOT))
    const isAlone = hole === 0
    if (isAlone) {
      assert.is(await codeOf(open(directory)), 'record-keys-corrupt')
      continue
    }
    const again = await open(directory)
    assert.equal(again.get(idOf(1)), first[0])
    for (const [index, key] of group.entries()) {
      assert.equal(again.get(idOf(101 + index)), index < hole ? key : undefined, `key ${index} with hole ${hole}`)
    }
    await again.close()
  }
})

test('damage to a key that was durable when a later one was written is refused, and the file stays as it is', async ({
  directory,
  path
}) => {
  for (const [what, offset] of [
    ['the count', 0],
    ['the id', 4],
    ['the key', 40],
    ['the sum', 99]
  ] as const) {
    await rm(path, { force: true })
    await written(directory, 3, 'one by one')
    await flip(path, HEADER + SLOT + offset)
    const before = await readFile(path)
    assert.is(await codeOf(open(directory)), 'record-keys-corrupt', what)
    assert.equal(await readFile(path), before)
  }
})

test('slots that changed places, were left out or come twice are refused', async ({ directory, path }) => {
  const edits: readonly (readonly [string, (slots: readonly Uint8Array[]) => readonly (Uint8Array | undefined)[]])[] = [
    ['left out', ([a, , c]) => [a, c]],
    ['twice', ([a, b, c]) => [a, b, c, c]]
  ]
  for (const [what, edit] of edits) {
    await rm(path, { force: true })
    await written(directory, 3, 'one by one')
    const bytes = await readFile(path)
    const slots = [0, 1, 2].map((i) => bytes.subarray(HEADER + i * SLOT, HEADER + (i + 1) * SLOT))
    const edited = edit(slots).filter((slot) => slot !== undefined)
    await writeFile(path, Buffer.concat([bytes.subarray(0, HEADER), ...edited]))
    assert.is(await codeOf(open(directory)), 'record-keys-corrupt', what)
  }
})

test('a key in the place of another opens nowhere', async ({ directory, path }) => {
  await written(directory, 4, 'together')
  const bytes = await readFile(path)
  const slot = (i: number) => bytes.subarray(HEADER + i * SLOT, HEADER + (i + 1) * SLOT)
  await writeFile(path, Buffer.concat([bytes.subarray(0, HEADER), slot(0), slot(2), slot(1), slot(3)]))
  const keys = await open(directory)
  assert.throws(
    () => keys.get(idOf(2)),
    (error: unknown) => error instanceof WardlineError && error.code === 'record-keys-corrupt'
  )
  assert.is(await codeOf(keys.create(idOf(3))), 'record-keys-corrupt')
  await keys.close()
})

test('another storage key, another chain, a beginning that was altered or cut: refused', async ({
  directory,
  path
}) => {
  await written(directory, 3, 'one by one')
  assert.is(await codeOf(open(directory, new Uint8Array(32))), 'record-keys-corrupt')
  await rename(path, join(directory, 'other.payload-keys.1'))
  assert.is(await codeOf(open(directory, storageKey, 'other')), 'record-keys-corrupt')
  await rename(join(directory, 'other.payload-keys.1'), path)
  await flip(path, 20)
  assert.is(await codeOf(open(directory)), 'record-keys-corrupt')
  await flip(path, 20)
  const keys = await open(directory)
  await keys.close()
  for (const size of [0, 3, HEADER - 1]) {
    await truncate(path, size)
    assert.is(await codeOf(open(directory)), 'record-keys-corrupt')
  }
})

test('what a crash left of a file that was being begun is passed over', async ({ directory, path }) => {
  await writeFile(`${path}.new-0011223344556677`, 'half of a hea', { mode: 0o600 })
  const made = await written(directory, 1, 'one by one')
  assert.equal(await present(directory, made), [1])
})

test('a full disk fails every call that must write, and the keys that were there stay', async ({ directory, path }) => {
  const made = await written(directory, 2, 'one by one')
  const keys = await open(directory)
  const handle = await openFile(path, 'r')
  const prototype = Object.getPrototypeOf(handle) as { write(...rest: unknown[]): Promise<unknown> }
  await handle.close()
  const { write } = prototype
  let left = 1
  prototype.write = async function (...rest) {
    if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    left -= 1
    // Part of it is written, as on a disk that has little room.
    return write.call(this, rest[0], rest[1], 30, rest[3])
  }
  try {
    const codes = await Promise.all([3, 4, 3].map((number) => codeOf(keys.create(idOf(number)))))
    assert.equal(codes, Array(3).fill('record-keys-failed'))
  } finally {
    prototype.write = write
  }
  assert.is(await codeOf(keys.create(idOf(5))), 'record-keys-failed')
  assert.equal(keys.get(idOf(1)), made[0])
  assert.equal(await keys.create(idOf(2)), made[1])
  assert.is(keys.get(idOf(3)), undefined)
  await keys.close()
  assert.equal(await present(directory, [...made, new Uint8Array(), new Uint8Array()]), [1, 2])
})

test('no keys are put where a file should not be', async ({ path }) => {
  await writeFile(path, '')
  assert.is(await codeOf(open(join(path, 'below'))), 'record-keys-failed')
})

test.run()
