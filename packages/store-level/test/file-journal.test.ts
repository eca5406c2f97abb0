import { once } from 'node:events'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { journalCompliance } from '@wardline/ports/compliance'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openFileJournal } from '../src/index.ts'
import { recordOf, startChild } from './child-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

const test = suite('store-level/file-journal')

/** The numbers of the whole records, in order; what follows the last of a segment must be nothing, or the torn one. */
function recordsIn(segments: readonly { readonly bytes: Uint8Array }[]): number[] {
  const numbers: number[] = []
  for (const [index, { bytes }] of segments.entries()) {
    let at = 0
    while (bytes[at] !== undefined && bytes[at] !== 0) {
      const number = Number(new TextDecoder().decode(bytes.subarray(at, at + 8)))
      const expected = recordOf(number)
      if (Buffer.compare(bytes.subarray(at, at + expected.length), expected) !== 0) {
        assert.is(index, segments.length - 1, 'only the last segment may end in a torn record')
        break
      }
      numbers.push(number)
      at += expected.length
    }
  }
  return numbers
}

test('what kill -9 interrupts: every reported record is there, in order, over many segments', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'journal')
  try {
    let next = 0
    for (let round = 0; round < 10; round++) {
      const child = await startChild('write-journal', path, String(next))
      let output = ''
      child.stdout?.on('data', (chunk) => {
        output += chunk
      })
      // Some records more than that, at any moment of the next one.
      while (output.split('\n').length < 12) await new Promise((resolve) => setTimeout(resolve, 1))
      await new Promise((resolve) => setTimeout(resolve, round))
      child.kill('SIGKILL')
      await once(child, 'close')
      const reported = Number(output.trimEnd().split('\n').at(-1) || next - 1)
      const journal = await openFileJournal(path, { segmentBytes: 4096 })
      const numbers = recordsIn(await journal.read())
      await journal.close()
      assert.equal(
        numbers,
        numbers.map((_, index) => index)
      )
      assert.ok(numbers.length > reported, `record ${reported} was reported, ${numbers.length} are there`)
      next = numbers.length
    }
    assert.ok(next > 100, `${next} records in all`)
  } finally {
    await folder.remove()
  }
})

test('segments are preallocated and private, and only the next one is made ready', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'journal')
  try {
    const journal = await openFileJournal(path, { segmentBytes: 1000 })
    await journal.append(new Uint8Array(100).fill(1))
    assert.equal(await readdir(path), ['00000001.journal'])
    const { size, mode } = await stat(join(path, '00000001.journal'))
    assert.is(size, 1000)
    assert.is(mode & 0o777, 0o600)
    await journal.append(new Uint8Array(500).fill(1))
    await journal.close()
    assert.equal((await readdir(path)).sort(), ['00000001.journal', 'spare.tmp'])
    const again = await openFileJournal(path, { segmentBytes: 1000 })
    assert.is((await again.read()).length, 1)
    await again.truncate(1, 600)
    assert.is(await again.append(new Uint8Array(600).fill(2)), 2)
    assert.equal(
      [...((await again.read())[1]?.bytes ?? [])].map((byte, index) => byte === (index < 600 ? 2 : 0)).includes(false),
      false
    )
    await again.close()
  } finally {
    await folder.remove()
  }
})

test('a failed append poisons the journal: nothing is tried again', async () => {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'journal')
  try {
    const journal = await openFileJournal(path, { segmentBytes: 100 })
    await journal.append(new Uint8Array(40).fill(1))
    await rm(path, { recursive: true })
    for (const size of [100, 1]) {
      const error = await journal.append(new Uint8Array(size).fill(1)).catch((reason: unknown) => reason)
      assert.ok(error instanceof WardlineError && error.code === 'journal-failed')
    }
    await journal.close()
  } finally {
    await folder.remove()
  }
})

test('asking for what is not there is our bug', async () => {
  const folder = await temporaryFolder()
  try {
    const journal = await openFileJournal(folder.path, { segmentBytes: 100 })
    assert.throws(() => journal.append(new Uint8Array(0)), /at least one byte/)
    const error = await journal.truncate(7, 0).catch((reason: unknown) => reason)
    assert.is((error as Error).name, 'AssertionError')
    await journal.close()
  } finally {
    await folder.remove()
  }
})

test.run()

journalCompliance('store-level/file-journal compliance', async () => {
  const folder = await temporaryFolder()
  const segmentBytes = 1000
  return {
    segmentBytes,
    open: () => openFileJournal(join(folder.path, 'journal'), { segmentBytes }),
    cleanup: folder.remove
  }
}).run()
