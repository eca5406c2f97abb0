import { limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMessageCache } from '../src/message-cache.ts'
import { gossipMessageId, gossipMessageName } from '../src/message-id.ts'

const test = suite('network-libp2p/message-cache')
const TOPIC = '/t'

function put(cache: ReturnType<typeof createMessageCache>, byte: number, sizeBytes: number, validated = true): string {
  const message = { topic: TOPIC, data: new Uint8Array(sizeBytes).fill(byte) }
  const msgId = gossipMessageId(message)
  const msgIdStr = gossipMessageName(msgId)
  cache.put({ msgId, msgIdStr }, message as never, validated)
  return msgIdStr
}

test('a message is named by 20 bytes of SHA-256 over topic and data', () => {
  const id = gossipMessageId({ topic: 'ab', data: new TextEncoder().encode('c') })
  // SHA-256("abc"), FIPS 180-4 example.
  assert.is(Buffer.from(id).toString('hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a3')
  assert.is(gossipMessageName(id).length, 20)
})

test('a validated message is announced exactly once, after one full heartbeat', () => {
  const cache = createMessageCache(4)
  put(cache, 1, 10)
  put(cache, 2, 10, false)
  const announced = (): number => cache.getGossipIDs(new Set([TOPIC])).get(TOPIC)?.length ?? 0
  const counts: number[] = []
  for (let beat = 0; beat < 4; beat += 1) {
    counts.push(announced())
    cache.shift()
  }
  assert.equal(counts, [0, 1, 0, 0])
  assert.is(cache.size, 0)
})

test('before its verdict a message is handed to nobody, and who sent it is remembered', () => {
  const cache = createMessageCache(4)
  const id = put(cache, 1, 10, false)
  cache.observeDuplicate(id, 'early')
  assert.is(cache.getWithIWantCount(id, 'curious'), null)
  assert.equal([...(cache.validate(id)?.originatingPeers ?? [])], ['early'])
  cache.observeDuplicate(id, 'late')
  assert.equal([...(cache.validate(id)?.originatingPeers ?? [])], [])
  assert.ok(cache.remove(id))
  assert.is(cache.validate(id), null)
})

test('one peer is handed out no more per heartbeat than fits one frame', () => {
  const cache = createMessageCache(4)
  const size = limits.gossipMessageBytesMax / 2
  const ids = [1, 2, 3].map((byte) => put(cache, byte, size))
  const handedOut = (peer: string): number => ids.filter((id) => cache.getWithIWantCount(id, peer) !== null).length
  assert.is(handedOut('greedy'), 2)
  assert.is(handedOut('greedy'), 0)
  assert.is(handedOut('other'), 2)
  cache.shift()
  assert.is(handedOut('greedy'), 2)
})

test('the oldest messages leave when the memory is used up', () => {
  const cache = createMessageCache(4)
  const ids = Array.from({ length: 20 }, (_, byte) => put(cache, byte, 1024 * 1024))
  assert.is(cache.size, 16)
  assert.is(cache.remove(ids[0] as string), null)
  assert.ok(cache.remove(ids[19] as string))
  assert.is(cache.size, 15)
})

test.run()
