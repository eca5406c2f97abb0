/** What happens when: a binary heap by time, events of one time in the order in which they were scheduled. */
import type { Life } from './life.ts'

export type WorldEvent = {
  /** Virtual milliseconds since the world began, in steps of 1/1024. */
  readonly atMs: number
  readonly sequence: number
  /** `timer`, `gossip`, `frame`, … */
  readonly kind: string
  /** The process that it happens to: if that has ended, the event does not happen. Undefined: the world itself. */
  readonly life: Life | undefined
  /** For the trace: what is particular to this event. */
  readonly detail: string
  /** Returns false if nothing happened after all, so that no code of a node ran. */
  readonly run: () => boolean
  cancelled: boolean
}

export type EventQueue = {
  push(event: WorldEvent): void
  /** The next event that will happen; events that will not are thrown away on the way. */
  peek(): WorldEvent | undefined
  pop(): WorldEvent | undefined
  /** Marks the event as one that will not happen. */
  cancel(event: WorldEvent): void
  size(): number
}

export function createEventQueue(): EventQueue {
  let heap: WorldEvent[] = []
  let cancelled = 0

  const siftUp = (start: number): void => {
    const event = heap[start] as WorldEvent
    let index = start
    while (index > 0) {
      const parent = (index - 1) >>> 1
      if (!isBefore(event, heap[parent] as WorldEvent)) break
      heap[index] = heap[parent] as WorldEvent
      index = parent
    }
    heap[index] = event
  }

  const siftDown = (start: number): void => {
    const event = heap[start] as WorldEvent
    let index = start
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as WorldEvent, heap[child] as WorldEvent)) child += 1
      if (!isBefore(heap[child] as WorldEvent, event)) break
      heap[index] = heap[child] as WorldEvent
      index = child
    }
    heap[index] = event
  }

  const takeFirst = (): WorldEvent | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first !== undefined && last !== undefined && first !== last) {
      heap[0] = last
      siftDown(0)
    }
    return first
  }

  const isDead = (event: WorldEvent): boolean => event.cancelled || event.life?.alive === false

  const peek = (): WorldEvent | undefined => {
    for (;;) {
      const first = heap[0]
      if (first === undefined || !isDead(first)) return first
      if (first.cancelled) cancelled -= 1
      takeFirst()
    }
  }

  return {
    push(event) {
      heap.push(event)
      siftUp(heap.length - 1)
    },
    peek,
    pop() {
      const first = peek()
      if (first !== undefined) takeFirst()
      return first
    },
    cancel(event) {
      if (event.cancelled) return
      event.cancelled = true
      cancelled += 1
      // Long deadlines that are nearly always cancelled would otherwise pile up behind the events that happen.
      if (cancelled > 1000 && cancelled * 2 > heap.length) {
        heap = heap.filter((one) => !isDead(one))
        cancelled = 0
        for (let index = (heap.length >>> 1) - 1; index >= 0; index--) siftDown(index)
      }
    },
    size: () => heap.length
  }
}

function isBefore(a: WorldEvent, b: WorldEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}
