/** The promises of `LineLog`. */
import { WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import { LINE_LENGTH_MAX, type LineLog } from '../line-log.ts'

export type LineLogSubject = {
  /** Opens the same log again after it was closed. */
  open(): Promise<LineLog>
  /** Everything that is on the disk. */
  text(): Promise<string>
  /** Adds bytes as a crash in the middle of a write leaves them; while the log is closed. */
  tear(bytes: string): Promise<void>
  cleanup(): Promise<void>
}

/** The suite `name` against logs on disks made by `make`. */
export function lineLogCompliance(name: string, make: () => Promise<LineLogSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (log: LineLog, subject: LineLogSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        const log = await subject.open()
        await run(log, subject)
        await log.close()
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('a new log is empty', async (log, subject) => {
    assert.is(log.last, undefined)
    assert.is(await subject.text(), '')
  })

  check('an appended line is on the disk, whole', async (log, subject) => {
    await log.append('first')
    assert.is(await subject.text(), 'first\n')
    await log.append('{"second":"ä"}')
    assert.is(await subject.text(), 'first\n{"second":"ä"}\n')
  })

  check('lines that wait together land in the order of their calls', async (log, subject) => {
    const lines = Array.from({ length: 200 }, (_, i) => `line ${i}`)
    await Promise.all(lines.map((line) => log.append(line)))
    assert.is(await subject.text(), `${lines.join('\n')}\n`)
  })

  check('after opening it goes on behind the last line', async (log, subject) => {
    await log.append('one')
    await log.append('two')
    await log.close()
    const again = await subject.open()
    assert.is(again.last, 'two')
    await again.append('three')
    await again.close()
    assert.is(await subject.text(), 'one\ntwo\nthree\n')
  })

  check('the last line is found however long it is', async (log, subject) => {
    const long = 'x'.repeat(LINE_LENGTH_MAX)
    await log.append('y'.repeat(LINE_LENGTH_MAX))
    await log.append(long)
    await log.close()
    const again = await subject.open()
    assert.is(again.last, long)
    await again.close()
  })

  for (const torn of ['t', 'torn line', 'z'.repeat(LINE_LENGTH_MAX - 1)]) {
    check(`a torn last line of ${torn.length} bytes is cut off`, async (log, subject) => {
      await log.append('whole')
      await log.close()
      await subject.tear(torn)
      const again = await subject.open()
      assert.is(again.last, 'whole')
      assert.is(await subject.text(), 'whole\n')
      await again.append('next')
      await again.close()
      assert.is(await subject.text(), 'whole\nnext\n')
    })
  }

  check('a log of nothing but a torn line is empty', async (log, subject) => {
    await log.close()
    await subject.tear('half a li')
    const again = await subject.open()
    assert.is(again.last, undefined)
    assert.is(await subject.text(), '')
    await again.close()
  })

  check('what is no line is refused and nothing is written', async (log, subject) => {
    for (const line of ['', 'a\nb', 'x'.repeat(LINE_LENGTH_MAX + 1)]) {
      let refused = false
      await log.append(line).catch((error: unknown) => {
        refused = error instanceof RangeError
      })
      assert.ok(refused)
    }
    await log.append('fine')
    assert.is(await subject.text(), 'fine\n')
  })

  check('closing waits for the appends under way; later ones fail', async (log, subject) => {
    const appended = log.append('before')
    await log.close()
    await appended
    await log.close()
    let code = 'none'
    await log.append('after').catch((error: unknown) => {
      code = error instanceof WardlineError ? error.code : 'other'
    })
    assert.is(code, 'line-log-failed')
    assert.is(await subject.text(), 'before\n')
  })

  return test
}
