import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { height } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { connectSocket, type Standing } from '../src/index.ts'

const test = suite('client/follow')

const folder = mkdtempSync(join(tmpdir(), 'wardline-follow-'))
test.after(() => rmSync(folder, { recursive: true }))
let sockets = 0

type Asked = { readonly topic: string; readonly chain?: string; readonly from?: number }
/** What the daemon does on one connection after another. */
type Play = (socket: Socket, asked: Asked) => void

const line = (value: object) => `${JSON.stringify({ jsonrpc: '2.0', ...value })}\n`
const subscribed = (at: number) => line({ id: 1, result: { subscription: 1, topic: 'blocks', chain: 'c', height: at } })
const event = (at: number) => line({ method: 'event', params: { subscription: 1, height: at, events: [at] } })
const ended = (code: string) => line({ method: 'ended', params: { subscription: 1, code, message: 'why' } })

/** Serves these plays, then refuses; gives what each connection asked for. */
async function withDaemon(
  plays: readonly Play[],
  body: (path: string, asked: Asked[]) => Promise<void>
): Promise<void> {
  const path = join(folder, `${sockets++}.sock`)
  const asked: Asked[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.once('data', (chunk) => {
      const { params } = JSON.parse(String(chunk))
      asked.push(params)
      const play = plays[asked.length - 1]
      if (play === undefined) socket.end(line({ id: 1, error: { message: 'no', data: { code: 'not-found' } } }))
      else play(socket, params)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    await body(path, asked)
  } finally {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** The heights that are told until `count` of them are, or it ends; and with which code it ended. */
async function told(path: string, count: number, from?: number, onStanding?: (standing: Standing) => void) {
  const ending = new AbortController()
  const heights: number[] = []
  const params = { topic: 'blocks', ...(from !== undefined && { from: height(from) }) } as const
  try {
    const options = { signal: ending.signal, ...(onStanding !== undefined && { onStanding }) }
    for await (const notice of connectSocket(path).follow(params, options)) {
      assert.equal(notice.events, [notice.height])
      heights.push(notice.height)
      if (heights.length === count) ending.abort()
    }
  } catch (error) {
    return { heights, code: String((error as { code?: unknown }).code) }
  }
  return { heights, code: 'none' }
}

const BREAKS: readonly (readonly [name: string, end: (socket: Socket) => void])[] = [
  ['the connection breaks', (socket) => socket.destroy()],
  ['the connection breaks within an event', (socket) => socket.write(event(9).slice(0, 20), () => socket.destroy())],
  ['the daemon ends it orderly', (socket) => socket.end()],
  ['the daemon stops', (socket) => socket.end(ended('unavailable'))],
  [
    'it was too slow',
    (socket) => socket.end(line({ id: null, error: { message: 'x', data: { code: 'slow-reader' } } }))
  ]
]

for (const [name, end] of BREAKS) {
  test(`${name}: it goes on above the last height that was told`, async () => {
    const plays: Play[] = [
      (socket) => socket.write(subscribed(5) + event(6) + event(8), () => end(socket)),
      (socket) => socket.write(subscribed(8) + event(9))
    ]
    await withDaemon(plays, async (path, asked) => {
      const standings: string[] = []
      const found = await told(path, 3, undefined, ({ kind }) => standings.push(kind))
      assert.equal(found, { heights: [6, 8, 9], code: 'none' })
      assert.equal(standings, ['subscribed', 'broken', 'subscribed'])
      assert.equal(asked, [{ topic: 'blocks' }, { topic: 'blocks', chain: 'c', from: 8 }])
    })
  })
}

test('a break before the first event goes on from where it was subscribed', async () => {
  const plays: Play[] = [
    (socket) => socket.write(subscribed(5), () => socket.destroy()),
    (socket) => socket.write(subscribed(5) + event(6))
  ]
  await withDaemon(plays, async (path, asked) => {
    assert.equal(await told(path, 1, 3), { heights: [6], code: 'none' })
    assert.is(asked[1]?.from, 5)
  })
})

test('events that come in pieces, and several at once, are told one by one', async () => {
  const bytes = Buffer.from(subscribed(0) + [1, 2, 3, 4].map(event).join(''))
  const plays: Play[] = [
    async (socket) => {
      for (let at = 0; at < bytes.length; at += 50) {
        socket.write(bytes.subarray(at, at + 50))
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
  ]
  await withDaemon(plays, async (path) => assert.equal(await told(path, 4, 0), { heights: [1, 2, 3, 4], code: 'none' }))
})

for (const [name, play, code] of [
  [
    'refused',
    (socket) => socket.write(line({ id: 1, error: { message: 'x', data: { code: 'height-ahead' } } })),
    'height-ahead'
  ],
  ['busy at first', (socket) => socket.write(line({ id: 1, error: { message: 'x', data: { code: 'busy' } } })), 'busy'],
  ['gone at first', (socket) => socket.destroy(), 'daemon-gone'],
  ['not JSON', (socket) => socket.write('<html>\n'), 'answer-unreadable'],
  ['no answer to this', (socket) => socket.write('{"jsonrpc":"2.0","id":2,"result":1}\n'), 'answer-unreadable'],
  ['ended for good', (socket) => socket.write(subscribed(0) + ended('wrong-mode')), 'wrong-mode'],
  ['the chain is not there after a restart', (socket) => socket.end(subscribed(0)), 'not-found']
] as readonly (readonly [string, Play, string])[]) {
  test(`${name}: it ends with ${code}`, async () => {
    await withDaemon([play], async (path) => assert.equal(await told(path, 1), { heights: [], code }))
  })
}

test('no daemon at first is daemon-not-running', async () => {
  assert.equal(await told(join(folder, 'none.sock'), 1), { heights: [], code: 'daemon-not-running' })
})

test('a signal ends it while it waits, and while it tries again', async () => {
  for (const [end, standing] of [
    [() => {}, 'subscribed'],
    [(socket: Socket) => socket.destroy(), 'broken']
  ] as const) {
    await withDaemon([(socket) => socket.write(subscribed(0), () => end(socket))], async (path) => {
      const ending = new AbortController()
      const { signal } = ending
      const onStanding = ({ kind }: Standing): void => {
        if (kind === standing) setTimeout(() => ending.abort(), 50)
      }
      for await (const _ of connectSocket(path).follow({ topic: 'blocks' }, { signal, onStanding }))
        assert.unreachable()
      assert.ok(signal.aborted)
    })
  }
})

test.run()
