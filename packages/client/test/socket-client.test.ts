import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CallError, connectSocket } from '../src/index.ts'

const test = suite('client/socket-client')

const folder = mkdtempSync(join(tmpdir(), 'wardline-client-'))
test.after(() => rmSync(folder, { recursive: true }))
let sockets = 0

/** Serves the raw `listener`, so that answers can be as wrong as wanted. */
async function withListener(listener: RequestListener, body: (path: string) => Promise<void>): Promise<void> {
  const path = join(folder, `${sockets++}.sock`)
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    await body(path)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

type Request = { readonly id: number; readonly method: string; readonly params: unknown }

function answering(answer: (request: Request) => unknown): RequestListener {
  return (incoming, response) => {
    let text = ''
    incoming.on('data', (chunk) => {
      text += chunk
    })
    incoming.on('end', () => {
      const given = answer(JSON.parse(text))
      response.end(typeof given === 'string' ? given : JSON.stringify(given))
    })
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
  return 'none'
}

test('a call goes out as JSON-RPC and comes back as its result; connections are kept', async () => {
  let connections = 0
  const listener = answering(({ id, method, params }) => ({ jsonrpc: '2.0', id, result: { method, params } }))
  await withListener(
    (incoming, response) => {
      if (incoming.socket.listenerCount('seen') === 0) {
        incoming.socket.on('seen', () => {})
        connections += 1
      }
      listener(incoming, response)
    },
    async (path) => {
      const client = connectSocket(path)
      for (let i = 0; i < 5; i++) {
        assert.equal(await client.callAny('chain.list', {}), { method: 'chain.list', params: {} })
      }
      assert.is(connections, 1)
      client.close()
    }
  )
})

test('the daemon’s no comes as a CallError with its code and data', async () => {
  const error = { code: -32000, message: 'not a holder', data: { code: 'not-a-holder', record: 'r' } }
  await withListener(
    answering(({ id }) => ({ jsonrpc: '2.0', id, error })),
    async (path) => {
      const client = connectSocket(path)
      try {
        await client.call('status', {})
        assert.unreachable()
      } catch (thrown) {
        assert.instance(thrown, CallError)
        assert.is((thrown as CallError).code, 'not-a-holder')
        assert.is((thrown as CallError).message, 'not a holder')
        assert.is((thrown as CallError).data['record'], 'r')
      }
      client.close()
    }
  )
})

test('no daemon: the socket is absent, dead, or not a socket', async () => {
  assert.is(await codeOf(connectSocket(join(folder, 'none.sock')).call('status', {})), 'daemon-not-running')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  assert.is(await codeOf(connectSocket(file).call('status', {})), 'daemon-not-running')
  assert.is(await codeOf(connectSocket(join(file, 'x.sock')).call('status', {})), 'daemon-not-running')
})

const testAsUser = process.getuid?.() === 0 ? test.skip : test
testAsUser('a socket whose mode does not let this user in (not for root)', async () => {
  await withListener(
    answering(({ id }) => ({ jsonrpc: '2.0', id, result: 1 })),
    async (path) => {
      chmodSync(path, 0)
      assert.is(await codeOf(connectSocket(path).call('status', {})), 'socket-forbidden')
    }
  )
})

test('a path too long is refused at once', () => {
  assert.throws(() => connectSocket(`/${'x'.repeat(107)}`), /longer than 107 bytes/)
})

test('deadlines: its own, and one from outside', async () => {
  await withListener(
    () => {},
    async (path) => {
      const client = connectSocket(path)
      assert.is(await codeOf(client.call('status', {}, { timeoutMs: 50 })), 'call-timeout')
      assert.is(await codeOf(client.call('status', {}, { signal: AbortSignal.timeout(50) })), 'call-timeout')
      client.close()
    }
  )
})

test('a daemon that dies within a call', async () => {
  await withListener(
    (incoming) => incoming.socket.destroy(),
    async (path) => {
      assert.is(await codeOf(connectSocket(path).call('status', {})), 'daemon-gone')
    }
  )
  await withListener(
    (_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"jsonrpc"', () => response.socket?.destroy())
    },
    async (path) => {
      assert.is(await codeOf(connectSocket(path).call('status', {})), 'daemon-gone')
    }
  )
})

for (const [name, answer] of [
  ['not JSON', '<html>'],
  ['nothing', ''],
  ['another id', '{"jsonrpc":"2.0","id":99,"result":1}'],
  ['neither result nor error', '{"jsonrpc":"2.0","id":1}'],
  ['null', 'null'],
  ['a number', '7']
] as const) {
  test(`an answer of ${name} is unreadable`, async () => {
    await withListener(
      answering(() => answer),
      async (path) => {
        const client = connectSocket(path)
        assert.is(await codeOf(client.call('status', {})), 'answer-unreadable')
        client.close()
      }
    )
  })
}

test.run()
