import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createEventQueue, type EventQueue, type WorldEvent } from '../src/event-queue.ts'
import { createPrng } from '../src/index.ts'
import type { Life } from '../src/life.ts'

const test = suite('network-memory/event-queue')

function event(atMs: number, sequence: number, life?: Life): WorldEvent {
  return { atMs, sequence, kind: 'test', life, detail: '', run: () => true, cancelled: false }
}

function popAll(queue: EventQueue): WorldEvent[] {
  const all: WorldEvent[] = []
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) all.push(next)
  return all
}

test('gives events by time, and those of one time in the order of scheduling', () => {
  const prng = createPrng(1)
  for (let round = 0; round < 50; round++) {
    const queue = createEventQueue()
    const events = Array.from({ length: prng.below(200) }, (_, sequence) => event(prng.below(20), sequence))
    for (const one of events) queue.push(one)
    assert.equal(
      popAll(queue),
      events.toSorted((a, b) => a.atMs - b.atMs || a.sequence - b.sequence)
    )
    assert.is(queue.peek(), undefined)
  }
})

test('leaves out cancelled events, however many', () => {
  const prng = createPrng(2)
  const queue = createEventQueue()
  const kept: WorldEvent[] = []
  for (let sequence = 0; sequence < 20_000; sequence++) {
    const one = event(prng.below(1000), sequence)
    queue.push(one)
    if (prng.chance(0.9)) {
      queue.cancel(one)
      queue.cancel(one)
    } else kept.push(one)
  }
  assert.ok(queue.size() < 6000, `${queue.size()} events are kept for ${kept.length} that will happen`)
  assert.equal(
    popAll(queue),
    kept.toSorted((a, b) => a.atMs - b.atMs || a.sequence - b.sequence)
  )
})

test('leaves out the events of ended processes', () => {
  const queue = createEventQueue()
  const life: Life = { node: 'a', incarnation: 1, alive: true }
  queue.push(event(1, 1, life))
  queue.push(event(2, 2))
  assert.is(queue.peek()?.sequence, 1)
  life.alive = false
  assert.is(queue.peek()?.sequence, 2)
})

test.run()
