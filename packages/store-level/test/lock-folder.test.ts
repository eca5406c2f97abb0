import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lockFolder } from '../src/index.ts'
import { startChild } from './child-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const test = suite('store-level/lock-folder')

async function failure(work: Promise<unknown>): Promise<WardlineError> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error
    throw error
  }
  throw new Error('expected a failure')
}

test('a second daemon is refused and told which process has the home; kill -9 leaves no stale lock', async () => {
  const folder = await temporaryFolder()
  const home = join(folder.path, `a long name ${'x'.repeat(150)}`, 'home')
  try {
    for (let round = 0; round < 3; round++) {
      const child = await startChild('lock', home)
      try {
        const error = await failure(lockFolder(home))
        assert.is(error.code, 'folder-locked')
        assert.ok(error.message.includes(`(process ${child.pid})`), error.message)
      } finally {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
    }
    const lock = await lockFolder(home)
    assert.is((await failure(lockFolder(home))).code, 'folder-locked')
    await lock.release()
    await (await lockFolder(home)).release()
  } finally {
    await folder.remove()
  }
})

test('a home that cannot be made is no locked home', async () => {
  const folder = await temporaryFolder()
  try {
    await writeFile(join(folder.path, 'file'), 'x')
    assert.is((await failure(lockFolder(join(folder.path, 'file')))).code, 'folder-lock-failed')
  } finally {
    await folder.remove()
  }
})

test.run()
