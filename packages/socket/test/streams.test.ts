/** Connections that stay: the same promises by WebSocket and on the raw stream. */
import { connect } from 'node:net'
import type { Dispatch } from '@wardline/api'
import { limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  countingFeed,
  exampleDispatch,
  type Fixture,
  failingFeed,
  frame,
  post,
  UPGRADE,
  waitUntil,
  withServer
} from './fixture.ts'
import { openRaw, openWebSocket, type Stream } from './streams.ts'

const test = suite('socket/streams')

const call = (method: string, params: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id })

const TRANSPORTS = [
  ['raw', openRaw],
  ['WebSocket', openWebSocket]
] as const

/** `over`: there is no daemon any more. */
type Check = (stream: Stream, fixture: Fixture) => Promise<unknown>

/** The same on both. */
function onBoth(
  name: string,
  check: Check,
  options: Parameters<typeof withServer>[2] = {},
  dispatch = exampleDispatch
) {
  for (const [transport, open] of TRANSPORTS) {
    test(`${transport}: ${name}`, async () => {
      await withServer(
        dispatch,
        async (fixture) => {
          const stream = await open(fixture.path)
          try {
            // Whatever one client did, the others are served.
            if ((await check(stream, fixture)) !== 'over')
              assert.is(JSON.parse((await post(fixture.path, call('sum', [1, 2]))).text).result, 3)
          } finally {
            stream.destroy()
          }
        },
        options
      )
    })
  }
}

onBoth('a call is answered', async (stream) => {
  stream.send(call('sum', [1, 2], 'a'))
  assert.equal(await stream.next(), { jsonrpc: '2.0', result: 3, id: 'a' })
})

onBoth('a batch of one is answered with an array', async (stream) => {
  stream.send(`[${call('sum', [1, 2])}]`)
  assert.equal(await stream.next(), [{ jsonrpc: '2.0', result: 3, id: 1 }])
})

onBoth('a notification is not answered, the next call is', async (stream) => {
  stream.send('{"jsonrpc":"2.0","method":"update"}')
  stream.send(call('sum', [1, 2]))
  assert.is((await stream.next()).id, 1)
})

for (const [name, text, code, number] of [
  ['half a message within brackets', '{"jsonrpc":}', 'parse-error', -32700],
  ['an unknown method', call('nothing', []), 'method-not-found', -32601],
  ['an empty batch', '[]', 'invalid-request', -32600],
  ['a batch of a million', `[${'1,'.repeat(999_999)}1]`, 'too-large', -32009],
  ['depth 100,000', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'invalid-request', -32600],
  ['__proto__', '{"jsonrpc":"2.0","method":"echo","params":{"__proto__":1},"id":1}', 'invalid-request', -32600],
  ['duplicate keys', '{"jsonrpc":"2.0","method":"echo","method":"sum","id":1}', 'invalid-request', -32600],
  ['a lone surrogate', '{"jsonrpc":"2.0","method":"echo","params":["\\udead"],"id":1}', 'invalid-request', -32600],
  ['2^53 + 1', '{"jsonrpc":"2.0","method":"echo","params":[9007199254740993],"id":1}', 'invalid-request', -32600]
] as const) {
  onBoth(`${name} is answered ${code}, and the connection goes on`, async (stream) => {
    stream.send(text)
    const { error } = await stream.next()
    assert.is(error?.data.code, code)
    assert.is(error?.code, number)
    stream.send(call('sum', [1, 2]))
    assert.is((await stream.next()).result, 3)
  })
}

onBoth('a message at the limit is read', async (stream) => {
  const frameOf = call('echo', [''])
  stream.send(call('echo', ['a'.repeat(limits.rpcBodyBytesMax - frameOf.length)]))
  assert.is((await stream.next()).result.length, 1)
})

onBoth('a message above the limit ends the connection', async (stream) => {
  stream.send(call('echo', ['a'.repeat(limits.rpcBodyBytesMax)]))
  await stream.closed
  assert.ok(stream.closeCode === 1009 || stream.rest().includes('"code":"too-large"'))
})

onBoth(
  'half a message, then silence: told, and closed',
  async (stream) => {
    stream.sendPart('{"jsonrpc":"2.0",')
    const { error } = await stream.next()
    assert.is(error?.data.code, 'invalid-request')
    assert.match(error?.message, /took too long/)
    await stream.closed
  },
  { timeouts: { requestMs: 200 } }
)

onBoth(
  'half a message behind a whole one has its own deadline, whatever comes between',
  async (stream) => {
    for (let turn = 0; turn < 4; turn++) {
      stream.send(call('sum', [turn], turn))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    stream.sendPart('{"jsonrpc":"2.0",')
    for (let turn = 0; turn < 4; turn++) assert.is((await stream.next()).id, turn)
    assert.is((await stream.next()).error?.data.code, 'invalid-request')
    await stream.closed
  },
  { timeouts: { requestMs: 200 } }
)

let answered = 0
onBoth(
  'half a message has no deadline while the daemon does not read, and all of its time after',
  async (stream) => {
    stream.pause()
    const before = answered
    stream.send(call('late', []))
    stream.sendPart('{"jsonrpc":"2.0",')
    await waitUntil(() => answered > before)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    stream.resume()
    const readOnAt = performance.now()
    assert.is((await stream.next()).result.length, 1_000_000)
    assert.match((await stream.next()).error?.message, /took too long/)
    assert.ok(performance.now() - readOnAt > 300)
    await stream.closed
  },
  { timeouts: { requestMs: 400 } },
  async (method, params, caller) => {
    if (method !== 'late') return exampleDispatch(method, params, caller)
    await new Promise((resolve) => setTimeout(resolve, 200))
    answered += 1
    return 'x'.repeat(1_000_000)
  }
)

onBoth(
  'many slow calls at once are all answered, however long they keep the next from being read',
  async (stream) => {
    for (let id = 0; id < 200; id++) stream.send(call('slow', ['x'.repeat(1_000)], id))
    const ids = new Set<number>()
    for (let turn = 0; turn < 200; turn++) ids.add((await stream.next()).id)
    assert.is(ids.size, 200)
  },
  { timeouts: { requestMs: 400 } },
  async (method, params, caller) =>
    method === 'slow' ? new Promise((resolve) => setTimeout(resolve, 600)) : exampleDispatch(method, params, caller)
)

onBoth(
  'one that is idle is closed, one that follows something is not',
  async (stream, { path }) => {
    const followers = await Promise.all([openRaw(path), openWebSocket(path)])
    for (const follower of followers) {
      follower.send(call('subscribe', {}))
      await follower.next()
    }
    await stream.closed
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    for (const follower of followers) {
      assert.not(follower.isClosed())
      follower.destroy()
    }
  },
  { timeouts: { idleMs: 1_000 }, subscribe: countingFeed(0) }
)

onBoth(
  'events come after the answer that names them, in order, from above the height',
  async (stream) => {
    stream.send(`[${call('sum', [1], 'x')},${call('subscribe', { from: 7 }, 'y')}]`)
    const answers = await stream.next()
    assert.equal(answers[1].result, { subscription: 1, topic: 'blocks', chain: '00', height: 7 })
    for (const height of [8, 9, 10]) {
      assert.equal(await stream.next(), {
        jsonrpc: '2.0',
        method: 'event',
        params: { subscription: 1, height, events: ['x'] }
      })
    }
  },
  { subscribe: countingFeed(10) }
)

onBoth(
  'nothing is said of a subscription that was ended, and its number is not used again',
  async (stream) => {
    stream.send(call('subscribe', { from: 10 }))
    await stream.next()
    stream.send(call('unsubscribe', { subscription: 1 }, 2))
    assert.equal((await stream.next()).result, { subscription: 1 })
    stream.send(call('unsubscribe', { subscription: 1 }, 3))
    assert.is((await stream.next()).error?.data.code, 'not-found')
    stream.send(call('subscribe', { from: 9 }, 4))
    assert.is((await stream.next()).result.subscription, 2)
    assert.is((await stream.next()).params.height, 10)
  },
  { subscribe: countingFeed(10) }
)

for (const params of [
  {},
  [],
  { subscription: '1' },
  { subscription: -1 },
  { subscription: 1.5 },
  { subscription: 1, x: 1 }
]) {
  onBoth(`unsubscribe with ${JSON.stringify(params)} is invalid-params`, async (stream) => {
    stream.send(call('unsubscribe', params))
    assert.is((await stream.next()).error?.data.code, 'invalid-params')
  })
}

onBoth(
  'a flood of subscriptions is bounded, and room is given back',
  async (stream) => {
    const many = Array.from({ length: limits.rpcBatchMax }, (_, id) => call('subscribe', { from: 0 }, id))
    stream.send(`[${many.join(',')}]`)
    const answers = (await stream.next()) as unknown as {
      result?: { subscription: number }
      error?: { data: { code: string } }
    }[]
    assert.is(answers.filter(({ result }) => result !== undefined).length, limits.rpcSubscriptionsMax)
    assert.ok(answers.every(({ result, error }) => result !== undefined || error?.data.code === 'busy'))
    stream.send(call('unsubscribe', { subscription: 3 }))
    await stream.next()
    stream.send(call('subscribe', {}))
    assert.is((await stream.next()).result.subscription, limits.rpcSubscriptionsMax + 1)
  },
  { subscribe: countingFeed(0) }
)

onBoth(
  'a feed that fails ends with its code, and shows nothing of an unexpected error',
  async (stream, { logged }) => {
    for (const [from, code] of [
      [1, 'unavailable'],
      [2, 'internal-error']
    ] as const) {
      stream.send(call('subscribe', { from }))
      await stream.next()
      const { method, params } = await stream.next()
      assert.is(method, 'ended')
      assert.is(params.code, code)
      assert.not.match(JSON.stringify([params, logged]), /Jane/)
    }
  },
  { subscribe: failingFeed }
)

const ends: ((result: string) => void)[] = []
onBoth(
  'the daemon’s end is told to who follows, and running calls are answered first',
  async (stream, { server }) => {
    const before = ends.length
    stream.send(call('subscribe', {}))
    await stream.next()
    stream.send(call('late', []))
    await waitUntil(() => ends.length > before)
    const closing = server.close()
    assert.is((await stream.next()).params.code, 'unavailable')
    ends.at(-1)?.('late')
    assert.is((await stream.next()).result, 'late')
    await closing
    await stream.closed
    return 'over'
  },
  { subscribe: countingFeed(0) },
  async (method, params, caller) => {
    if (method !== 'late') return exampleDispatch(method, params, caller)
    return new Promise((resolve) => ends.push(resolve))
  }
)

onBoth(
  'a client that never reads its events is cut, told why if it looks, and costs little meanwhile',
  async (stream, { server, logged }) => {
    stream.pause()
    const before = process.memoryUsage().arrayBuffers
    for (let id = 0; id < 4; id++) stream.send(call('subscribe', { from: 0 }, id))
    await waitUntil(() => logged.some(({ message }) => message.includes('does not read')))
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024)
    stream.resume()
    await stream.closed
    assert.match(stream.rest(), /"code":"slow-reader"/)
    await waitUntil(async () => (await server.connections()) === 0)
  },
  { timeouts: { stalledAnswerMs: 300 }, subscribe: countingFeed(1_000_000, 'x'.repeat(100_000)) }
)

onBoth(
  'a reader that is slow, and reads in the end, has everything once and in order',
  async (stream) => {
    stream.send(call('subscribe', { from: 0 }))
    await stream.next()
    stream.pause()
    await new Promise((resolve) => setTimeout(resolve, 200))
    stream.resume()
    for (let at = 1; at <= 100; at++) assert.is((await stream.next()).params.height, at)
  },
  { subscribe: countingFeed(100, 'x'.repeat(100_000)) }
)

onBoth(
  'a client that piles up calls and reads no answer is not read any more, and then cut',
  async (stream, { server }) => {
    stream.pause()
    const big = call('echo', ['x'.repeat(100_000)])
    for (let turn = 0; turn < 200; turn++) stream.send(big)
    await waitUntil(async () => (await server.connections()) === 0)
  },
  { timeouts: { stalledAnswerMs: 300 } }
)

for (const [transport, open] of TRANSPORTS) {
  test(`${transport}: no call begins while all clients together leave too much unread, and all do after`, async () => {
    const answer = 'x'.repeat(16 * 1024 * 1024)
    const begun = { big: 0, sum: 0 }
    const dispatch: Dispatch = async (method, params, caller) => {
      if (method !== 'big' && method !== 'sum') return exampleDispatch(method, params, caller)
      begun[method] += 1
      return method === 'big' ? answer : exampleDispatch(method, params, caller)
    }
    await withServer(dispatch, async ({ path }) => {
      const greedy = await open(path)
      greedy.pause()
      const bigs = Math.ceil((limits.rpcUnreadBytesOfAllMax - limits.rpcAnswerBytesMax) / answer.length)
      for (let id = 0; id < bigs; id++) greedy.send(call('big', [], id))
      await waitUntil(() => begun.big === bigs)
      const modest = await open(path)
      for (let id = 0; id < 3; id++) modest.send(call('sum', [id], id))
      await new Promise((resolve) => setTimeout(resolve, 200))
      assert.is(begun.sum, 0)
      greedy.destroy()
      for (let id = 0; id < 3; id++) assert.is((await modest.next()).result, id)
      modest.destroy()
    })
  })
}

onBoth('many calls at once are all answered', async (stream) => {
  for (let id = 0; id < 1_000; id++) stream.send(call('sum', [id], id))
  const ids = new Set<number>()
  for (let turn = 0; turn < 1_000; turn++) ids.add((await stream.next()).id as number)
  assert.is(ids.size, 1_000)
})

test('raw: messages without line ends, cut anywhere, and the end of the client’s side', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const socket = connect({ path, allowHalfOpen: true })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    for (const part of [
      '{"jsonrpc":"2.0","method":"sum","para',
      'ms":[1,2],"id":1}{"jsonrpc":"2.0","method":"ec',
      'ho","params":["}"],"id":2}'
    ]) {
      socket.write(part)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    socket.end()
    await new Promise((resolve) => socket.once('end', resolve))
    assert.is(text, '{"jsonrpc":"2.0","result":3,"id":1}\n{"jsonrpc":"2.0","result":["}"],"id":2}\n')
  })
})

for (const [name, bytes] of [
  ['a scalar behind a message', '{}7'],
  ['a closing bracket', ' ]'],
  ['a zero byte', '\n\u0000']
] as const) {
  test(`raw: ${name} is a parse error and the end`, async () => {
    await withServer(exampleDispatch, async ({ path }) => {
      const stream = await openRaw(path)
      stream.sendPart(bytes)
      await stream.closed
      assert.match(stream.rest(), /"code":"parse-error"/)
    })
  })
}

/** Bytes of a client that is no library, after the connection has become a WebSocket. */
async function sayFrames(path: string, bytes: Buffer) {
  const socket = connect(path)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(UPGRADE)
  await waitUntil(() => Buffer.concat(chunks).includes('\r\n\r\n'))
  chunks.length = 0
  socket.write(bytes)
  await closed
  return Buffer.concat(chunks)
}

for (const [name, bytes, closeCode, word] of [
  ['a binary frame', frame(0x2, Buffer.from('{}')), 1003, 'invalid-request'],
  ['a frame that says it is compressed', frame(0x1, Buffer.alloc(100), { flags: 0x40 }), 1002, ''],
  ['text that is not UTF-8', frame(0x1, Buffer.from([0x7b, 0xff, 0x7d])), 1007, ''],
  ['a frame of eight exabytes', Buffer.from([0x81, 0xff, 0x7f, ...Array(7).fill(0xff), 0, 0, 0, 0]), 1009, ''],
  [
    'fragments that are too large together',
    Buffer.concat([
      frame(0x1, Buffer.alloc(limits.rpcBodyBytesMax, 0x20), { isLast: false }),
      frame(0x0, Buffer.alloc(1, 0x20))
    ]),
    1009,
    ''
  ],
  [
    'more fragments than one message may have',
    Buffer.concat([
      frame(0x1, Buffer.alloc(1, 0x20), { isLast: false }),
      ...Array.from({ length: limits.rpcFragmentsMax }, () => frame(0x0, Buffer.alloc(1, 0x20), { isLast: false }))
    ]),
    1008,
    ''
  ]
] as const) {
  test(`WebSocket: ${name} ends the connection with ${closeCode}`, async () => {
    await withServer(exampleDispatch, async ({ path }) => {
      const said = await sayFrames(path, bytes)
      const close = said.subarray(said.lastIndexOf(0x88))
      assert.is(close.readUInt16BE(2), closeCode)
      assert.ok(said.includes(word))
      assert.is((await post(path, call('sum', [1]))).status, 200)
    })
  })
}

test('WebSocket: compression is never agreed to', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const stream = await openWebSocket(path, { perMessageDeflate: true })
    assert.is(stream.extensions, '')
    stream.send(call('sum', [1, 2]))
    assert.is((await stream.next()).result, 3)
    stream.destroy()
  })
})

test('WebSocket: a flood of pings by a client that reads nothing piles up nothing', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const socket = connect(path)
    socket.on('error', () => {})
    socket.pause()
    socket.write(UPGRADE)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const before = process.memoryUsage()
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(0x9, Buffer.alloc(125))))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => socket.write(pings, resolve))
    const after = process.memoryUsage()
    assert.ok(after.arrayBuffers - before.arrayBuffers < 16 * 1024 * 1024)
    assert.is((await post(path, call('sum', [1]))).status, 200)
    socket.destroy()
  })
})

test('WebSocket: a call right behind the request for the upgrade is answered', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const socket = connect(path)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(Buffer.concat([Buffer.from(UPGRADE), frame(0x1, Buffer.from(call('sum', [1, 2])))]))
    await waitUntil(() => text.includes('"result":3'))
    socket.destroy()
  })
})

test('WebSocket: a ping is answered', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const stream = await openWebSocket(path)
    await stream.ping?.()
    stream.destroy()
  })
})

test('WebSocket: an upgrade to something else, or elsewhere, is answered as plain HTTP', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    for (const [from, to, status] of [
      ['upgrade: websocket', 'upgrade: h2c', 405],
      ['GET / ', 'GET /events ', 404],
      ['sec-websocket-version: 13', 'sec-websocket-version: 7', 400]
    ] as const) {
      const socket = connect(path)
      const text = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))))
      socket.write(UPGRADE.replace(from, to))
      assert.match(await text, new RegExp(`^HTTP/1.1 ${status} `))
      socket.destroy()
    }
  })
})

test.run()
