/** `Journal` in memory, over a file whose append under way a power cut can tear. */
import { assert, WardlineError } from '@wardline/codec'
import type { Journal } from '@wardline/ports'
import type { Operations } from './operations.ts'

export type JournalFileImage = readonly { readonly number: number; readonly bytes: Uint8Array }[]

type Segment = { readonly number: number; readonly bytes: Uint8Array }

/** The content of one journal. */
export type JournalFile = {
  /** Ascending by number. */
  segments: Segment[]
  /** The append that the disk is working on: what a power cut may have written in part. */
  inFlight: Append | undefined
  crash(keep: 'nothing' | 'prefix' | 'pages', below: (bound: number) => number): void
  flipBit(segment: number, bit: number): void
  image(): JournalFileImage
}

type Append = { readonly segment: Segment; readonly at: number; readonly bytes: Uint8Array }

const PAGE_BYTES = 4096

export function createJournalFile(initial: JournalFileImage = []): JournalFile {
  const file: JournalFile = {
    segments: initial.map(({ number, bytes }) => ({ number, bytes: bytes.slice() })),
    inFlight: undefined,
    crash(keep, below) {
      const append = file.inFlight
      file.inFlight = undefined
      if (append === undefined || keep === 'nothing') return
      if (!file.segments.includes(append.segment)) file.segments.push(append.segment)
      for (const [start, end] of keep === 'prefix' ? keptPrefix(append, below) : keptPages(append, below)) {
        append.segment.bytes.set(append.bytes.subarray(start, end), append.at + start)
      }
    },
    flipBit(number, bit) {
      const segment = file.segments.find((one) => one.number === number)
      assert(segment !== undefined && bit < segment.bytes.length * 8, 'the journal has no such bit')
      const byte = bit >>> 3
      segment.bytes[byte] = (segment.bytes[byte] as number) ^ (1 << (bit & 7))
    },
    image: () => file.segments.map(({ number, bytes }) => ({ number, bytes: bytes.slice() }))
  }
  return file
}

type Span = readonly [start: number, end: number]

function keptPrefix(append: Append, below: (bound: number) => number): Span[] {
  return [[0, below(append.bytes.length + 1)]]
}

function keptPages(append: Append, below: (bound: number) => number): Span[] {
  const spans: Span[] = []
  let start = 0
  while (start < append.bytes.length) {
    const end = Math.min(append.bytes.length, start + PAGE_BYTES - ((append.at + start) % PAGE_BYTES))
    if (below(2) === 1) spans.push([start, end])
    start = end
  }
  return spans
}

export function openMemoryJournal(
  file: JournalFile,
  operations: Operations,
  { name, segmentBytes }: { readonly name: string; readonly segmentBytes: number }
): Journal {
  /** Where the last segment ends; undefined until `truncate` or an append has made it known. */
  let end: number | undefined

  const error = (cause: Error): WardlineError =>
    new WardlineError('journal-failed', `The journal ${name} failed.`, { cause })
  let closing: Promise<void> | undefined
  const refuseClosed = (): void => {
    if (closing !== undefined) throw new WardlineError('journal-failed', `The journal ${name} is closed.`)
  }
  const last = (): Segment | undefined => file.segments.at(-1)

  const place = (bytes: Uint8Array): Append => {
    const segment = last()
    if (end === undefined && segment?.bytes.length === segmentBytes && segment.bytes.every((byte) => byte === 0))
      end = 0
    if (segment !== undefined && end !== undefined && end + bytes.length <= segment.bytes.length) {
      return { segment, at: end, bytes }
    }
    const size = Math.max(segmentBytes, bytes.length)
    return { segment: { number: (segment?.number ?? 0) + 1, bytes: new Uint8Array(size) }, at: 0, bytes }
  }

  const finish = (append: Append): number => {
    if (last() !== append.segment) file.segments.push(append.segment)
    append.segment.bytes.set(append.bytes, append.at)
    end = append.at + append.bytes.length
    return append.segment.number
  }

  /** Appends one after another, so that `inFlight` is the one being written when the power goes. */
  let turn: Promise<unknown> = Promise.resolve()

  return {
    async read() {
      refuseClosed()
      return file.image()
    },
    async truncate(number, size) {
      refuseClosed()
      await operations.enqueue({
        finish: () => {
          const segment = file.segments.find((one) => one.number === number)
          assert(segment !== undefined, `the journal has no segment ${number}`)
          assert(size >= 0 && size <= segment.bytes.length, 'a segment is cut within its size')
          segment.bytes.fill(0, size)
          if (segment === last()) end = size
        },
        abandon: () => {},
        error
      })
    },
    async append(bytes) {
      refuseClosed()
      assert(bytes.length > 0, 'an append holds at least one byte')
      const copy = bytes.slice()
      const done = turn.then(() => {
        const append = place(copy)
        if (operations.isAlive()) file.inFlight = append
        return operations.enqueue({
          finish: () => {
            file.inFlight = undefined
            return finish(append)
          },
          abandon: () => {
            file.inFlight = undefined
          },
          error
        })
      })
      turn = done.catch(() => {})
      return done
    },
    async setAside() {
      refuseClosed()
      await operations.enqueue({
        finish: () => {
          file.segments = []
          end = undefined
        },
        abandon: () => {},
        error
      })
    },
    async dropBelow(number) {
      refuseClosed()
      await operations.enqueue({
        finish: () => {
          file.segments = file.segments.filter((segment) => segment.number >= number || segment === last())
        },
        abandon: () => {},
        error
      })
    },
    close() {
      closing ??= turn.then(() => operations.close())
      return closing
    }
  }
}
