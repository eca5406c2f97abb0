/** What clients make the daemon hold, over real sockets: many that send and stop, and many that ask and do not read. */
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Dispatch, Subscribe } from '@wardline/api'
import { limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type SocketServer, serveDispatch } from '../src/index.ts'
import {
  countingFeed,
  exampleDispatch,
  frame,
  nothingToFollow,
  post,
  recordingLog,
  UPGRADE,
  waitUntil,
  withServer
} from './fixture.ts'
import { openRaw, openWebSocket } from './streams.ts'

const test = suite('socket/memory')

const MIB = 1024 * 1024

const call = (method: string, params: unknown = [], id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id })

const asPost = (body: string) => `POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${body.length}\r\n\r\n${body}`

type Held = { readonly pendingBytes: number; readonly unreadBytes: number }

type Two = {
  readonly admin: string
  readonly read: string
  readonly server: SocketServer
  /** Of `read`, now. */
  held(): Held
}

/** Runs `body` with a server on `admin.sock` and `read.sock`, and sees to it that nothing stays held. */
async function withTwo(
  dispatch: Dispatch,
  body: (two: Two) => Promise<void>,
  subscribe = nothingToFollow
): Promise<void> {
  await withServer(exampleDispatch, async ({ folder }) => {
    const [admin, read] = [join(folder, 'two-admin.sock'), join(folder, 'read.sock')]
    const server = await serveDispatch({
      dispatch,
      subscribe,
      log: recordingLog([]),
      // Nothing ends here because the machine is slow.
      timeouts: { requestMs: 60_000, stalledAnswerMs: 60_000 },
      sockets: [
        { path: admin, role: 'admin' },
        { path: read, role: 'read' }
      ]
    })
    try {
      const held = () => server.held().find(({ role }) => role === 'read') as Held
      await body({ admin, read, server, held })
      await waitUntil(async () => (await server.connections()) === 0)
      assert.equal(
        server.held().map(({ pendingBytes, unreadBytes }) => [pendingBytes, unreadBytes]),
        [
          [0, 0],
          [0, 0]
        ]
      )
    } finally {
      await server.close(0)
    }
  })
}

/** A client that says `bytes`, and reads only when it is told to. Its text leaves out each `x`, of which answers are full. */
function lazyClient(path: string, bytes: string | Buffer) {
  const socket: Socket = connect(path)
  let text = ''
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1').replaceAll(/x+/g, '')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  socket.pause()
  socket.write(bytes)
  return { socket, text: () => text, isClosed: () => isClosed }
}

/** The greatest of what `read` gives from now until it is asked for. */
function greatest(read: () => number) {
  let most = 0
  const look = () => {
    most = Math.max(most, read())
  }
  const timer = setInterval(look, 1)
  return () => {
    clearInterval(timer)
    look()
    return most
  }
}

async function isAnswered(path: string): Promise<void> {
  const { text } = await post(path, call('sum', [1, 2]))
  assert.is(JSON.parse(text).result, 3)
}

/** With a large body. */
async function isAnsweredAtLength(path: string): Promise<void> {
  const { text } = await post(path, call('echo', ['x'.repeat(BODY.length)]))
  assert.is(JSON.parse(text).result?.[0].length, BODY.length)
}

const BODY = Buffer.alloc(limits.rpcBodyBytesMax - 1_024, 0x20)
const HEAD = Buffer.from(`POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${limits.rpcBodyBytesMax}\r\n\r\n`)

for (const [transport, bytes] of [
  ['HTTP', Buffer.concat([HEAD, BODY])],
  ['raw', Buffer.concat([Buffer.from('['), BODY])]
] as const) {
  test(`${transport}: many clients that send most of a large body and stop fill their budget, hear busy above it, and hold up no other role`, async () => {
    await withTwo(exampleDispatch, async ({ admin, read, held }) => {
      const most = greatest(() => held().pendingBytes)
      const clients = Array.from({ length: 100 }, () => lazyClient(read, bytes))
      for (const { socket } of clients) socket.resume()
      // Each holds what it sent at least, so that no more than this many fit.
      const fit = Math.floor(limits.rpcPendingBytesMax / BODY.length)
      const refused = () => clients.filter(({ isClosed }) => isClosed())
      await waitUntil(() => refused().length >= clients.length - fit)
      for (const client of refused()) assert.match(client.text(), /"code":"busy"/)
      await isAnsweredAtLength(admin)
      assert.ok(held().pendingBytes > limits.rpcPendingBytesMax / 2)
      for (const { socket } of clients) socket.destroy()
      await waitUntil(() => held().pendingBytes === 0)
      assert.ok(most() <= limits.rpcPendingBytesMax)
      await isAnswered(read)
    })
  })
}

test('HTTP: a body that comes in tiny pieces is read', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const body = call('echo', ['Zoë '.repeat(5_000)])
    const pieces = [...Buffer.from(body)].map((byte) => Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]))
    const said = Buffer.concat([
      Buffer.from('POST / HTTP/1.1\r\nhost: w\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n'),
      ...pieces,
      Buffer.from('0\r\n\r\n')
    ])
    const client = lazyClient(path, said)
    client.socket.resume()
    await waitUntil(client.isClosed)
    assert.ok(client.text().includes(Buffer.from('Zoë '.repeat(5_000)).toString('latin1')))
  })
})

const ANSWER = 'x'.repeat(4 * MIB)

/** `big` is answered with 4 MiB once `many` of them run. */
function bigTogether(many: number) {
  let begun = 0
  let begin = () => {}
  const all = new Promise<void>((resolve) => {
    begin = resolve
  })
  const dispatch: Dispatch = async (method, params, caller) => {
    if (method !== 'big') return exampleDispatch(method, params, caller)
    begun += 1
    if (begun === many) begin()
    await all
    return ANSWER
  }
  return { dispatch, all }
}

/** How many of the answers in `text` are whole, and how many say busy. */
function countAnswers(text: string): { whole: number; busy: number } {
  return { whole: text.split('"result":""').length - 1, busy: text.split('"code":"busy"').length - 1 }
}

test('HTTP: of many clients that never read their large answers, as many are given one as fit, and others are answered', async () => {
  const many = 60
  const { dispatch, all } = bigTogether(many)
  await withTwo(dispatch, async ({ admin, read, held }) => {
    const most = greatest(() => held().unreadBytes)
    const clients = Array.from({ length: many }, () => lazyClient(read, asPost(call('big'))))
    await all
    await isAnswered(admin)
    await isAnswered(read)
    assert.ok(held().unreadBytes > limits.rpcUnreadBytesOfAllMax / 2)
    for (const { socket } of clients) socket.resume()
    const sum = () => clients.map(({ text }) => countAnswers(text()))
    await waitUntil(() => held().unreadBytes === 0)
    await waitUntil(() => sum().every(({ whole, busy }) => whole + busy === 1))
    assert.ok(sum().some(({ busy }) => busy === 1))
    assert.ok(most() <= limits.rpcUnreadBytesOfAllMax)
    await isAnswered(read)
    for (const { socket } of clients) socket.destroy()
  })
})

for (const [transport, say] of [
  ['HTTP', asPost],
  ['raw', (body: string) => body]
] as const) {
  test(`${transport}: a burst of large answers on one connection that is not read is bounded, and each call is answered`, async () => {
    const many = limits.rpcPipelineMax
    const { dispatch, all } = bigTogether(many)
    await withTwo(dispatch, async ({ read, held }) => {
      const most = greatest(() => held().unreadBytes)
      const client = lazyClient(read, say(call('big')).repeat(many))
      await all
      await waitUntil(() => held().unreadBytes > limits.rpcUnreadBytesOfAllMax / 2)
      client.socket.resume()
      await waitUntil(() => held().unreadBytes === 0)
      await waitUntil(() => {
        const { whole, busy } = countAnswers(client.text())
        return whole > 0 && busy > 0 && whole + busy === many
      })
      assert.ok(most() <= limits.rpcUnreadBytesOfAllMax)
      client.socket.destroy()
    })
  })

  test(`${transport}: what a client leaves unread is given back when it goes, its answers that wait for others too`, async () => {
    const { dispatch, all } = bigTogether(4)
    await withTwo(dispatch, async ({ read, held }) => {
      const client = lazyClient(read, say(call('big')).repeat(4))
      await all
      await waitUntil(() => held().unreadBytes > 4 * ANSWER.length)
      client.socket.destroy()
      await waitUntil(() => held().unreadBytes === 0)
    })
  })
}

for (const open of [openRaw, openWebSocket]) {
  test(`${open.name}: a batch counts what it has made of its answer while it waits for the rest`, async () => {
    let end = () => {}
    const late = new Promise<void>((resolve) => {
      end = resolve
    })
    const dispatch: Dispatch = async (method) => (method === 'late' ? late : ANSWER)
    await withTwo(dispatch, async ({ read, held }) => {
      const stream = await open(read)
      stream.send(`[${call('big')},${call('late')}]`)
      await waitUntil(() => held().unreadBytes > ANSWER.length)
      end()
      assert.is((await stream.next()).length, 2)
      await waitUntil(() => held().unreadBytes === 0)
      stream.destroy()
    })
  })
}

test('of a large event that many follow and do not read, as many are sent it as fit, and all in the end', async () => {
  const many = 40
  const waiting: (() => void)[] = []
  const subscribe: Subscribe = async (params, caller) => {
    const { notices, ...feed } = await countingFeed(1, ANSWER)(params, caller)
    async function* together() {
      await new Promise<void>((resolve) => waiting.push(resolve))
      yield* notices
    }
    return { ...feed, notices: together() }
  }
  const body = async ({ read, held }: Two) => {
    const most = greatest(() => held().unreadBytes)
    const clients = Array.from({ length: many }, () => lazyClient(read, call('subscribe', {})))
    await waitUntil(() => waiting.length === many)
    for (const resolve of waiting) resolve()
    await waitUntil(() => held().unreadBytes > limits.rpcUnreadBytesOfAllMax / 2)
    await isAnswered(read)
    for (const { socket } of clients) socket.resume()
    await waitUntil(() => clients.every(({ text }) => text().includes('"height":1,"events":[""]')))
    assert.ok(most() <= limits.rpcUnreadBytesOfAllMax)
    for (const { socket } of clients) socket.destroy()
  }
  await withTwo(exampleDispatch, body, subscribe)
})

/** Collects what can be, so that what is left is held. */
function arrayBufferBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

for (const [transport, greeting, said] of [
  ['raw', '', Buffer.from(call('late').padEnd(65_536))],
  [
    'WebSocket',
    UPGRADE,
    Buffer.concat([frame(0x1, Buffer.from(call('late'))), ...Array(500).fill(frame(0xa, Buffer.alloc(125)))])
  ]
] as const) {
  test(`${transport}: a call that waits does not hold what came with it and is no part of it`, async () => {
    let running = 0
    let end = () => {}
    const late = new Promise<void>((resolve) => {
      end = resolve
    })
    const dispatch: Dispatch = () => {
      running += 1
      return late
    }
    await withTwo(dispatch, async ({ read }) => {
      const before = arrayBufferBytes()
      const clients = Array.from({ length: 10 }, () => lazyClient(read, greeting))
      for (let turn = 1; turn <= limits.rpcPipelineMax; turn++) {
        for (const { socket } of clients) socket.write(said)
        await waitUntil(() => running === turn * clients.length)
      }
      // What has been collected is given back by another thread.
      await waitUntil(() => arrayBufferBytes() - before < 8 * MIB)
      end()
      for (const { socket } of clients) socket.destroy()
    })
  })
}

test('an answer is measured in bytes, not in letters', async () => {
  await withServer(
    async () => '€'.repeat(limits.rpcAnswerBytesMax / 2),
    async ({ path }) => {
      assert.is(JSON.parse((await post(path, call('big'))).text).error?.data.code, 'too-large')
    }
  )
})

test.run()
