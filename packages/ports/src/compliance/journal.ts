/** The promises of `Journal`. */
import { WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Journal } from '../journal.ts'

/** One disk: `open` opens the same journal again after it was closed. Segments must be `segmentBytes` long. */
export type JournalSubject = { open(): Promise<Journal>; cleanup(): Promise<void>; readonly segmentBytes: number }

/** The suite `name` against journals on disks made by `make`; small segments (256 to 4,096 bytes) make it fast. */
export function journalCompliance(name: string, make: () => Promise<JournalSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (journal: Journal, subject: JournalSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        const journal = await subject.open()
        await run(journal, subject)
        await journal.close()
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('a new journal holds nothing', async (journal) => {
    assert.equal(await written(journal), [])
  })

  check('appends follow each other in one segment, zeros behind them', async (journal, { segmentBytes }) => {
    const first = await journal.append(bytes(10, 1))
    const second = await journal.append(bytes(20, 2))
    assert.is(first, second)
    const segments = await journal.read()
    assert.is(segments.length, 1)
    assert.is(segments[0]?.number, first)
    assert.is(segments[0]?.bytes.length, segmentBytes)
    assert.equal(await written(journal), [[...Array(10).fill(1), ...Array(20).fill(2)]])
  })

  check('what does not fit goes whole to a new segment with the next number', async (journal, { segmentBytes }) => {
    const size = Math.floor(segmentBytes * 0.6)
    const numbers: number[] = []
    for (let i = 1; i <= 4; i++) numbers.push(await journal.append(bytes(size, i)))
    assert.equal(
      numbers.map((number) => number - (numbers[0] as number)),
      [0, 1, 2, 3]
    )
    assert.equal(
      await written(journal),
      [1, 2, 3, 4].map((value) => Array(size).fill(value))
    )
    assert.equal(
      (await journal.read()).map((segment) => segment.number),
      numbers
    )
  })

  check(
    'a segment fills exactly; a larger append gets a segment of its own size',
    async (journal, { segmentBytes }) => {
      const first = await journal.append(bytes(segmentBytes, 1))
      const second = await journal.append(bytes(1, 2))
      const third = await journal.append(bytes(segmentBytes + 5, 3))
      const fourth = await journal.append(bytes(2, 4))
      assert.equal([second - first, third - second, fourth - third], [1, 1, 1])
      assert.equal(
        (await written(journal)).map((segment) => segment.length),
        [segmentBytes, 1, segmentBytes + 5, 2]
      )
    }
  )

  check('concurrent appends land in the order of their calls', async (journal, { segmentBytes }) => {
    const size = Math.floor(segmentBytes / 8)
    await Promise.all(Array.from({ length: 30 }, (_, i) => journal.append(bytes(size, i + 1))))
    const all = (await written(journal)).flat()
    assert.equal(all, Array.from({ length: 30 }, (_, i) => Array(size).fill(i + 1)).flat())
  })

  check('the caller may reuse its buffer', async (journal) => {
    const buffer = bytes(8, 5)
    const appended = journal.append(buffer)
    buffer.fill(9)
    await appended
    assert.equal(await written(journal), [Array(8).fill(5)])
  })

  check('after opening, appends begin a new segment: the old end is unknown', async (journal, subject) => {
    const first = await journal.append(new Uint8Array([1, 2, 0, 0]))
    await journal.close()
    const again = await subject.open()
    const second = await again.append(bytes(3, 7))
    assert.is(second, first + 1)
    assert.equal(await written(again), [
      [1, 2],
      [7, 7, 7]
    ])
    await again.close()
  })

  check('after opening, truncate says where the last segment goes on', async (journal, subject) => {
    const first = await journal.append(new Uint8Array([1, 2, 0, 0]))
    await journal.append(bytes(5, 9))
    await journal.close()
    const again = await subject.open()
    await again.truncate(first, 4)
    assert.equal(await written(again), [[1, 2]])
    assert.is(await again.append(bytes(2, 7)), first)
    assert.equal(await written(again), [[1, 2, 0, 0, 7, 7]])
    await again.close()
    const third = await subject.open()
    await third.truncate(first, 6)
    assert.is(await third.append(bytes(1, 8)), first)
    await third.close()
    const last = await subject.open()
    assert.equal(await written(last), [[1, 2, 0, 0, 7, 7, 8]])
    await last.close()
  })

  check('a segment with nothing in it is used again after opening', async (journal, subject) => {
    const first = await journal.append(bytes(4, 1))
    await journal.truncate(first, 0)
    await journal.close()
    const again = await subject.open()
    assert.is(await again.append(bytes(4, 2)), first)
    await again.close()
  })

  check('dropBelow removes older segments, never the last, and numbers go on', async (journal, subject) => {
    const size = subject.segmentBytes
    const numbers: number[] = []
    for (let i = 1; i <= 4; i++) numbers.push(await journal.append(bytes(size, i)))
    await journal.dropBelow(numbers[2] as number)
    assert.equal(
      (await journal.read()).map((segment) => segment.number),
      numbers.slice(2)
    )
    await journal.dropBelow((numbers[3] as number) + 100)
    assert.equal(
      (await journal.read()).map((segment) => segment.number),
      numbers.slice(3)
    )
    await journal.close()
    const again = await subject.open()
    assert.is(await again.append(bytes(1, 9)), (numbers[3] as number) + 1)
    await again.close()
  })

  check('what is set aside is read no more, and the next append begins a new journal', async (journal, subject) => {
    for (let round = 1; round <= 2; round++) {
      for (let i = 1; i <= 3; i++) await journal.append(bytes(subject.segmentBytes, i))
      await journal.setAside()
      assert.equal(await written(journal), [])
    }
    await journal.append(bytes(5, 7))
    await journal.close()
    const again = await subject.open()
    assert.equal(await written(again), [Array(5).fill(7)])
    await again.setAside()
    assert.equal(await written(again), [])
    await again.close()
  })

  check('closing waits for the appends under way; later calls fail', async (journal, subject) => {
    const appended = journal.append(bytes(6, 3))
    await journal.close()
    await appended
    await journal.close()
    assert.is(await failure(journal.append(bytes(1, 1))), 'journal-failed')
    const again = await subject.open()
    assert.equal(await written(again), [Array(6).fill(3)])
    await again.close()
  })

  return test
}

function bytes(size: number, value: number): Uint8Array {
  return new Uint8Array(size).fill(value)
}

/** Every segment up to its last byte that is not zero. */
async function written(journal: Journal): Promise<number[][]> {
  return (await journal.read()).map((segment) =>
    Array.from(segment.bytes.subarray(0, segment.bytes.findLastIndex((byte) => byte !== 0) + 1))
  )
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
