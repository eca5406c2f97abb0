import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { lineLogCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openFileLineLog } from '../src/index.ts'

const test = suite('system/file-line-log')

async function subject() {
  const folder = await mkdtemp(join(tmpdir(), 'wardline-lines-'))
  const path = join(folder, 'audit.log')
  return {
    path,
    open: () => openFileLineLog(path),
    text: () => readFile(path, 'utf8'),
    tear: (bytes: string) => appendFile(path, bytes),
    cleanup: () => rm(folder, { recursive: true })
  }
}

lineLogCompliance('system/file-line-log compliance', subject).run()

test('only its owner may read the file', async () => {
  const { path, open, cleanup } = await subject()
  const log = await open()
  assert.is((await stat(path)).mode & 0o777, 0o600)
  await log.close()
  await cleanup()
})

test('a folder that is not there is said in one sentence with a code', async () => {
  try {
    await openFileLineLog('/nonexistent/folder/audit.log')
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof WardlineError)
    assert.is(error.code, 'line-log-failed')
    assert.match(error.message, /^The log .* cannot be opened \(ENOENT\)\.$/)
  }
})

test('after a failed write every append fails, those that waited too', async () => {
  // A device that answers every write with ENOSPC.
  const log = await openFileLineLog('/dev/full')
  const results = await Promise.allSettled([log.append('one'), log.append('two')])
  results.push(...(await Promise.allSettled([log.append('three')])))
  for (const result of results) {
    assert.is(result.status, 'rejected')
    assert.is((result as PromiseRejectedResult).reason.code, 'line-log-failed')
  }
  await log.close()
})

test.run()
