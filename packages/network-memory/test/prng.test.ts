import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPrng } from '../src/index.ts'
import { xoshiro128 } from '../src/prng.ts'

const test = suite('network-memory/prng')

test('gives the values of the reference C code for the state 1 2 3 4', () => {
  const next = xoshiro128([1, 2, 3, 4])
  assert.equal(
    Array.from({ length: 10 }, next),
    [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]
  )
})

test('equal seeds give equal draws, other seeds and labels others', () => {
  const draws = (seed: number, label?: string): string => createPrng(seed, label).bytes(32).toString()
  assert.is(draws(7), draws(7))
  assert.is.not(draws(7), draws(8))
  assert.is.not(draws(7), draws(7, 'a'))
  assert.is(createPrng(7).fork('a').bytes(8).toString(), createPrng(7).fork('a').bytes(8).toString())
})

test('a fork does not depend on how far its parent has run', () => {
  const parent = createPrng(1)
  const early = parent.fork('x').bytes(16).toString()
  parent.bytes(100)
  assert.is(parent.fork('x').bytes(16).toString(), early)
})

test('draws stay within their bounds and reach them', () => {
  const prng = createPrng(3)
  const seen = new Set<number>()
  for (let i = 0; i < 1000; i++) {
    seen.add(prng.below(5))
    const value = prng.between(2, 3)
    assert.ok(value >= 2 && value <= 3)
    assert.is((value * 1024) % 1, 0)
  }
  assert.equal(
    [...seen].sort((a, b) => a - b),
    [0, 1, 2, 3, 4]
  )
  assert.is(prng.between(4, 4), 4)
  assert.not(prng.chance(0))
  assert.ok(prng.chance(1))
  assert.throws(() => prng.pick([]), /empty/)
})

test.run()
