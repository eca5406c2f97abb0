import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { followFrames } from '../src/frames.ts'
import { frame } from './fixture.ts'

const test = suite('socket/frames')

const TEXT = 0x1
const CONTINUATION = 0x0
const PING = 0x9

test('between messages nothing is pending, within one everything since its first byte is', () => {
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 100_000]) {
    const bytes = frame(TEXT, Buffer.alloc(size))
    const follower = followFrames()
    follower.push(bytes.subarray(0, -1))
    assert.is(follower.pendingBytes(), bytes.length - 1)
    follower.push(bytes.subarray(-1))
    assert.is(follower.pendingBytes(), 0)
    assert.is(follower.begun(), 1)
  }
})

test('a message in fragments ends with the last of them, and a ping between them does not end it', () => {
  const follower = followFrames()
  follower.push(frame(TEXT, Buffer.from('ab'), { isLast: false }))
  follower.push(frame(PING, Buffer.from('p')))
  assert.is(follower.pendingBytes(), 8 + 7)
  follower.push(frame(CONTINUATION, Buffer.from('c'), { isLast: false }))
  assert.ok(follower.pendingBytes() > 0)
  follower.push(frame(CONTINUATION, Buffer.from('d')))
  assert.is(follower.pendingBytes(), 0)
  assert.is(follower.begun(), 1)
})

test('any frames, however they are cut: pending at the end is what has not ended', () => {
  const frames = fc.array(
    fc.record({ size: fc.constantFrom(0, 1, 3, 125, 126, 300), parts: fc.integer({ min: 1, max: 3 }) })
  )
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 40 }), fc.nat(20), (messages, step, missing) => {
      const parts = messages.map(({ size, parts: count }) =>
        Buffer.concat(
          Array.from({ length: count }, (_, index) =>
            frame(index === 0 ? TEXT : CONTINUATION, Buffer.alloc(size), { isLast: index === count - 1 })
          )
        )
      )
      const whole = Buffer.concat(parts)
      const last = parts.at(-1)?.length ?? 0
      const cut = Math.min(missing, last === 0 ? 0 : last - 1)
      const bytes = whole.subarray(0, whole.length - cut)
      const follower = followFrames()
      for (let at = 0; at < bytes.length; at += step) follower.push(bytes.subarray(at, at + step))
      assert.is(follower.pendingBytes(), cut === 0 ? 0 : last - cut)
      assert.is(follower.begun(), messages.length)
    })
  )
})

test.run()
