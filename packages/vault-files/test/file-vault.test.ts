import { randomBytes } from 'node:crypto'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { limits, toHex, WardlineError } from '@wardline/codec'
import { vaultCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openFileVault } from '../src/index.ts'

const storageKey = new Uint8Array(32).fill(42)
const random = { bytes: (size: number) => new Uint8Array(randomBytes(size)) }
const content = new TextEncoder().encode('what the hospital knows of somebody')

function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'wardline-vault-'))
}

function open(directory: string, key = storageKey, label = 'ward') {
  return openFileVault({ directory, label, storageKey: key, random })
}

vaultCompliance('vault-files/file-vault compliance', async () => {
  const home = await temporary()
  const directory = join(home, 'deep', 'ward')
  const pathOf = (name: string): string => join(directory, `${name}.sealed`)
  return {
    open: () => open(directory),
    damage: (name) => flip(pathOf(name), 20),
    async swapIn(from, to) {
      await mkdir(dirname(pathOf(to)), { recursive: true })
      await copyFile(pathOf(from), pathOf(to))
    },
    cleanup: () => rm(home, { recursive: true })
  }
}).run()

type Context = { directory: string; path: string }
const test = suite<Context>('vault-files/file-vault', { directory: '', path: '' })

test.before.each(async (context) => {
  context.directory = await temporary()
  context.path = join(context.directory, 'a.sealed')
})

test.after.each(async ({ directory }) => {
  await rm(directory, { recursive: true })
})

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

/** Runs `run` while no file takes more than `bytes` at once and then says that the disk is full. */
async function onFullDisk(directory: string, bytes: number, run: () => Promise<void>): Promise<void> {
  const handle = await openFile(directory, 'r')
  const prototype = Object.getPrototypeOf(handle) as { writeFile(data: Uint8Array): Promise<void> }
  await handle.close()
  const { writeFile: write } = prototype
  prototype.writeFile = async function (data) {
    await write.call(this, data.subarray(0, bytes))
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  try {
    await run()
  } finally {
    prototype.writeFile = write
  }
}

test("files are their owner's alone, and hold nothing that can be read", async ({ directory }) => {
  const home = join(directory, 'vault')
  const vault = await open(home)
  await vault.put('records/a', content)
  for (const folder of [home, join(home, 'records')]) assert.is((await stat(folder)).mode & 0o777, 0o700)
  const path = join(home, 'records/a.sealed')
  assert.is((await stat(path)).mode & 0o777, 0o600)
  assert.not.ok(toHex(await readFile(path)).includes(toHex(content)))
  assert.equal(await readdir(home), ['records'])
  assert.equal(await readdir(join(home, 'records')), ['a.sealed'])
})

test('every byte of a file counts, and so does its length', async ({ directory, path }) => {
  const vault = await open(directory)
  await vault.put('a', content)
  const whole = await readFile(path)
  for (let at = 0; at < whole.length; at++) {
    await flip(path, at)
    assert.equal(await vault.get('a'), { kind: 'damaged' }, `byte ${at}`)
    await flip(path, at)
  }
  for (let size = 0; size < whole.length; size += 9) {
    await writeFile(path, whole.subarray(0, size))
    assert.equal(await vault.get('a'), { kind: 'damaged' }, `${size} bytes`)
  }
  await writeFile(path, Buffer.concat([whole, Uint8Array.of(0)]))
  assert.equal(await vault.get('a'), { kind: 'damaged' })
  await writeFile(path, content)
  assert.equal(await vault.get('a'), { kind: 'damaged' })
  await truncate(path, limits.vaultBytesMax + 29)
  assert.equal(await vault.get('a'), { kind: 'damaged' })
  await writeFile(path, whole)
  assert.equal(await vault.get('a'), { kind: 'found', bytes: content })
})

test('a file of another chain, or under another storage key, is damaged', async ({ directory, path }) => {
  const [here, there] = [await open(directory), await open(join(directory, 'other'), storageKey, 'other')]
  await there.put('a', content)
  await copyFile(join(directory, 'other', 'a.sealed'), path)
  assert.equal(await here.get('a'), { kind: 'damaged' })
  await here.put('a', content)
  assert.equal(await (await open(directory, new Uint8Array(32))).get('a'), { kind: 'damaged' })
})

test('a full disk is told, leaves no half file, and what was there stays', async ({ directory }) => {
  const vault = await open(directory)
  await vault.put('a', content)
  await onFullDisk(directory, 10, async () => {
    assert.is(await codeOf(vault.put('a', new Uint8Array(100))), 'vault-failed')
    assert.is(await codeOf(vault.put('b', new Uint8Array(100))), 'vault-failed')
  })
  assert.equal(await vault.get('a'), { kind: 'found', bytes: content })
  assert.equal(await vault.get('b'), { kind: 'absent' })
  assert.equal(await readdir(directory), ['a.sealed'])
  await vault.put('b', content)
  assert.equal(await vault.names(''), ['a', 'b'])
})

test('what a crash left unfinished is nowhere to be seen, and removed at the next opening', async ({ directory }) => {
  await writeFile(join(directory, '.new-0011223344556677'), content)
  const vault = await open(directory)
  assert.equal(await vault.names(''), [])
  assert.equal(await readdir(directory), [])
})

test('what cannot be read is told from what is absent', async ({ directory, path }) => {
  const vault = await open(directory)
  await mkdir(path)
  assert.is(await codeOf(vault.get('a')), 'vault-unreadable')
  assert.equal(await vault.names(''), [])
  await writeFile(join(directory, 'records'), 'a file where a folder should be')
  assert.is(await codeOf(vault.put('records/b', content)), 'vault-failed')
  assert.is(await codeOf(vault.get('records/b')), 'vault-unreadable')
  assert.is(await codeOf(open(path.replace('a.sealed', 'records/below'))), 'vault-failed')
})

test('a vault that cannot be written says so', async ({ directory }) => {
  if (process.getuid?.() === 0) return console.log('skipped: root may write anywhere')
  const vault = await open(directory)
  await vault.put('a', content)
  await chmod(directory, 0o500)
  try {
    assert.is(await codeOf(vault.put('a', Uint8Array.of(1))), 'vault-failed')
    assert.is(await codeOf(vault.remove('a')), 'vault-failed')
    assert.equal(await vault.get('a'), { kind: 'found', bytes: content })
  } finally {
    await chmod(directory, 0o700)
  }
})

test.run()
