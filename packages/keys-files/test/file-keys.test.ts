import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex, WardlineError } from '@wardline/codec'
import { keysCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createFileKeys } from '../src/index.ts'

const random = { bytes: (size: number) => new Uint8Array(randomBytes(size)) }
const passphrase = new TextEncoder().encode('correct horse')

const compliance = keysCompliance('keys-files/file-keys compliance', async () => {
  const home = await mkdtemp(join(tmpdir(), 'wardline-keys-'))
  const directory = join(home, 'deep', 'keys')
  return {
    open: async () => createFileKeys({ directory, passphrase, random }),
    cleanup: () => rm(home, { recursive: true })
  }
})
compliance.run()

type Context = { home: string; directory: string; path: string }
const test = suite<Context>('keys-files/file-keys', { home: '', directory: '', path: '' })

const secrets = { sign: new Uint8Array(32).fill(7), seal: new Uint8Array(32).fill(9) }

test.before.each(async (context) => {
  context.home = await mkdtemp(join(tmpdir(), 'wardline-keys-'))
  context.directory = join(context.home, 'keys')
  context.path = join(context.directory, 'identity.key')
  await createFileKeys({ directory: context.directory, passphrase, random }).create('identity', secrets)
})

test.after.each(async ({ home }) => {
  await rm(home, { recursive: true })
})

const load = (directory: string, words = passphrase) =>
  createFileKeys({ directory, passphrase: words, random }).load('identity')

test("the file is the owner's alone, in a folder that is too, and nothing else is left there", async (context) => {
  assert.is((await stat(context.path)).mode & 0o777, 0o600)
  assert.is((await stat(context.directory)).mode & 0o777, 0o700)
  assert.equal(await readdir(context.directory), ['identity.key'])
  const bytes = toHex(await readFile(context.path))
  for (const secret of Object.values(secrets)) assert.not(bytes.includes(toHex(secret)))
})

test('a file that others may touch is refused, with what to do', async ({ directory, path }) => {
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777]) {
    await chmod(path, mode)
    await fails(load(directory), 'keys-unreadable', /open to other users \(mode 0\d\d\d\): chmod 600/)
  }
  for (const mode of [0o600, 0o400]) {
    await chmod(path, mode)
    assert.equal(await load(directory), secrets)
  }
})

test('a wrong passphrase is told from a file that is no key file', async ({ directory, path }) => {
  await fails(load(directory, new TextEncoder().encode('wrong horse')), 'keys-passphrase', /passphrase is wrong/)
  const { size } = await stat(path)
  await truncate(path, size - 1)
  await fails(load(directory), 'keys-unreadable', /not a key file/)
  await writeFile(path, '')
  await fails(load(directory), 'keys-unreadable', /not a key file/)
  await writeFile(path, new Uint8Array(200_000))
  await fails(load(directory), 'keys-unreadable', /too large/)
})

test('what is not a file, or lies below a file, is unreadable rather than absent', async ({ directory, path }) => {
  await rm(path)
  await mkdir(path, { mode: 0o700 })
  await fails(load(directory), 'keys-unreadable', /cannot be read/)
  await rm(path, { recursive: true })
  await writeFile(path, '', { mode: 0o600 })
  await fails(load(path), 'keys-unreadable', /cannot be opened/)
})

test('no keys are put where others could replace them', async ({ directory }) => {
  await chmod(directory, 0o770)
  const create = createFileKeys({ directory, passphrase, random }).create('other', secrets)
  await fails(create, 'keys-failed', /written by other users \(mode 0770\): chmod 700/)
  assert.equal(await readdir(directory), ['identity.key'])
})

test('a place that cannot be written is told, and nothing is left behind', async ({ home, path }) => {
  await fails(
    createFileKeys({ directory: path, passphrase, random }).create('other', secrets),
    'keys-failed',
    /cannot be/
  )
  assert.equal(await readdir(home), ['keys'])
})

test('a left-over of a crash harms nothing', async ({ directory }) => {
  await writeFile(join(directory, '.other.key.0011223344556677'), 'half of a fi', { mode: 0o600 })
  const keys = createFileKeys({ directory, passphrase, random })
  assert.is(await keys.load('other'), undefined)
  await keys.create('other', secrets)
  assert.equal(await keys.load('other'), secrets)
})

async function fails(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  try {
    await work
  } catch (error) {
    assert.instance(error, WardlineError)
    assert.is((error as WardlineError).code, code)
    assert.match((error as WardlineError).message, message)
    return
  }
  assert.unreachable('nothing failed')
}

test.run()
