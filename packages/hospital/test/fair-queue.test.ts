/** Turns, shares and bounds of work that many senders cause. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createFairQueue } from '../src/fair-queue.ts'

const test = suite('hospital/fair-queue')

const limits = { itemsMax: 10, runningMax: 4, runningPerSenderMax: 2 }

function taken(queue: { next(): string | undefined }): string[] {
  const ids: string[] = []
  for (let id = queue.next(); id !== undefined; id = queue.next()) ids.push(id)
  return ids
}

test('senders take turns, each in its own order, up to the limits', () => {
  const queue = createFairQueue<string, string>(limits)
  for (const id of ['a1', 'a2', 'a3']) queue.add('a', id)
  for (const id of ['b1', 'b2']) queue.add('b', id)
  queue.add('c', 'c1')
  assert.equal(taken(queue), ['a1', 'b1', 'c1', 'a2'])
  queue.done('c1')
  assert.equal(taken(queue), ['b2'])
  queue.done('a1')
  assert.equal(taken(queue), ['a3'])
})

test('who blocks all its turns blocks nobody else', () => {
  const queue = createFairQueue<string, string>(limits)
  for (let i = 0; i < 8; i++) queue.add('hostile', `h${i}`)
  assert.equal(taken(queue), ['h0', 'h1'])
  queue.add('honest', 'x')
  assert.equal(taken(queue), ['x'])
})

test('what rests keeps its room and comes back when it is ready', () => {
  const queue = createFairQueue<string, string>(limits)
  queue.add('a', 'a1')
  assert.is(queue.next(), 'a1')
  queue.rest('a1')
  assert.is(queue.size, 1)
  assert.is(queue.next(), undefined)
  queue.add('a', 'a1')
  assert.is(queue.next(), undefined)
  queue.ready('a1')
  assert.is(queue.next(), 'a1')
  queue.done('a1')
  assert.is(queue.size, 0)
})

test('when it is full, the sender that has most gives way; it gains nothing by adding more', () => {
  const dropped: string[] = []
  const queue = createFairQueue<string, string>(limits, (id) => dropped.push(id))
  for (let i = 0; i < 9; i++) assert.ok(queue.add('hostile', `h${i}`))
  assert.ok(queue.add('honest', 'x0'))
  assert.not(queue.add('hostile', 'h9'))
  assert.not(queue.has('h9'))
  for (let i = 1; i <= 4; i++) assert.not(queue.add('honest', `x${i}`))
  assert.equal(dropped, ['h8', 'h7', 'h6', 'h5'])
  assert.is(queue.size, 10)
  for (let i = 0; i <= 4; i++) assert.ok(queue.has(`x${i}`))
  queue.ready('h8')
  queue.rest('h8')
  queue.done('h8')
  assert.is(queue.size, 10)
})

test('what runs is never dropped', () => {
  const queue = createFairQueue<string, string>({ itemsMax: 2, runningMax: 4, runningPerSenderMax: 2 })
  queue.add('a', 'a1')
  queue.add('a', 'a2')
  assert.equal(taken(queue), ['a1', 'a2'])
  assert.not(queue.add('b', 'b1'))
  assert.not(queue.has('b1'))
  queue.done('a1')
  assert.ok(queue.add('b', 'b1'))
})

test('random work: bounds hold, nothing runs twice, everything kept comes to an end', () => {
  let seed = 7
  const below = (bound: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % bound
  }
  for (let round = 0; round < 50; round++) {
    const dropped = new Set<number>()
    const queue = createFairQueue<number, number>(limits, (id) => dropped.add(id))
    const running = new Set<number>()
    const resting = new Set<number>()
    const kept = new Set<number>()
    for (let step = 0; step < 300; step++) {
      const id = step
      if (below(3) === 0) {
        queue.add(below(4), id)
        if (queue.has(id)) kept.add(id)
      }
      const next = below(2) === 0 ? queue.next() : undefined
      if (next !== undefined) {
        assert.not(running.has(next))
        running.add(next)
        resting.delete(next)
      }
      assert.ok(running.size <= limits.runningMax && queue.size <= limits.itemsMax)
      const [one] = running
      if (one === undefined || below(2) === 0) continue
      running.delete(one)
      if (below(3) > 0) queue.done(one)
      else {
        queue.rest(one)
        resting.add(one)
      }
      const [rested] = resting
      if (rested !== undefined && below(2) === 0) {
        resting.delete(rested)
        queue.ready(rested)
      }
    }
    for (const id of [...running]) queue.done(id)
    for (const id of resting) queue.ready(id)
    for (let id = queue.next(); id !== undefined; id = queue.next()) queue.done(id)
    assert.is(queue.size, 0)
    assert.ok(kept.size > 0)
  }
})

test.run()
