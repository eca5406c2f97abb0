/** The promises of `Random`. */
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Random } from '../random.ts'

/** The suite `name` against a generator made by `make`. */
export function randomCompliance(name: string, make: () => Random): Test {
  const test = suite(name)

  test('gives as many bytes as asked for', () => {
    const random = make()
    for (const size of [0, 1, 3, 32, 4097, 65_536]) {
      const bytes = random.bytes(size)
      assert.ok(bytes instanceof Uint8Array)
      assert.is(bytes.length, size)
    }
  })

  test('refuses any other size', () => {
    const random = make()
    for (const size of [-1, 1.5, 65_537, Number.NaN]) assert.throws(() => random.bytes(size), /size/)
  })

  test('never repeats 16 bytes, and every byte value turns up', () => {
    const random = make()
    const seen = new Set<string>()
    const values = new Set<number>()
    for (let i = 0; i < 4096; i++) {
      const bytes = random.bytes(16)
      seen.add(bytes.toString())
      for (const byte of bytes) values.add(byte)
    }
    assert.is(seen.size, 4096)
    assert.is(values.size, 256)
  })

  test('the caller owns what it got', () => {
    const random = make()
    const first = random.bytes(32)
    const kept = first.toString()
    random.bytes(32)
    assert.is(first.toString(), kept)
    assert.is(first.buffer.byteLength >= 32, true)
    first.fill(0)
    assert.is.not(random.bytes(32).toString(), first.toString())
  })

  return test
}
