import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits, WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serveDispatch } from '../src/index.ts'
import { exampleDispatch, nothingToFollow, post, recordingLog, sayRaw, waitUntil, withServer } from './fixture.ts'

const test = suite('socket/serve')

const call = (method: string, params: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id })

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}

test('a call by POST is answered with JSON', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const { status, text, headers } = await post(path, call('sum', [1, 2]))
    assert.is(status, 200)
    assert.is(headers['content-type'], 'application/json')
    assert.equal(JSON.parse(text), { jsonrpc: '2.0', result: 3, id: 1 })
  })
})

test('a notification is answered with 204 and nothing', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const { status, text } = await post(path, '{"jsonrpc":"2.0","method":"update"}')
    assert.is(status, 204)
    assert.is(text, '')
  })
})

for (const [method, url, status] of [
  ['GET', '/', 405],
  ['DELETE', '/', 405],
  ['OPTIONS', '/', 405],
  ['POST', '/rpc', 404],
  ['GET', '/metrics', 404],
  ['POST', '/?x', 404]
] as const) {
  test(`${method} ${url} is answered ${status} with one clear error`, async () => {
    await withServer(exampleDispatch, async ({ path }) => {
      const given = await post(path, '', { method, url })
      assert.is(given.status, status)
      assert.is(JSON.parse(given.text).error.data.code, 'invalid-request')
      if (status === 405) assert.is(given.headers['allow'], 'POST')
    })
  })
}

test('a body at the limit is read, one byte more is refused, with or without a length', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const frame = call('echo', [''])
    const fits = call('echo', ['a'.repeat(limits.rpcBodyBytesMax - frame.length)])
    assert.is(fits.length, limits.rpcBodyBytesMax)
    assert.is((await post(path, fits)).status, 200)
    const over = await post(path, `${fits} `)
    assert.is(over.status, 413)
    assert.is(JSON.parse(over.text).error.data.code, 'too-large')
    const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
    const chunked = await sayRaw(
      path,
      `POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(33)}0\r\n\r\n`
    )
    assert.match(chunked.text, /^HTTP\/1\.1 413 /)
    const announced = await sayRaw(path, 'POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 9007199254740993\r\n\r\n')
    assert.match(announced.text, /^HTTP\/1\.1 413 /)
  })
})

test('a batch of a million is refused', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const { text } = await post(path, `[${'1,'.repeat(999_999)}1]`)
    assert.is(JSON.parse(text).error.data.code, 'too-large')
  })
})

test('the file has its mode from the start, whatever the umask', async () => {
  const before = process.umask(0)
  try {
    await withServer(exampleDispatch, async ({ folder, server }) => {
      assert.is(statSync(join(folder, 'admin.sock')).mode & 0o777, 0o600)
      assert.is(process.umask(), 0)
      await server.close()
      const three = await serveDispatch({
        subscribe: nothingToFollow,
        dispatch: exampleDispatch,
        log: recordingLog([]),
        sockets: [
          { path: join(folder, 'run/ehr.sock'), role: 'ehr' },
          { path: join(folder, 'run/read.sock'), role: 'read' },
          { path: join(folder, 'run/odd.sock'), role: 'read', mode: 0o666 }
        ]
      })
      assert.is(statSync(join(folder, 'run')).mode & 0o777, 0o750)
      assert.is(statSync(join(folder, 'run/ehr.sock')).mode & 0o777, 0o660)
      assert.is(statSync(join(folder, 'run/read.sock')).mode & 0o777, 0o660)
      assert.is(statSync(join(folder, 'run/odd.sock')).mode & 0o777, 0o666)
      await three.close()
      assert.not(existsSync(join(folder, 'run/ehr.sock')))
    })
  } finally {
    process.umask(before)
  }
})

test('each socket has its own role', async () => {
  await withServer(
    async (_method, _params, { role }) => role,
    async ({ folder, server }) => {
      await server.close()
      const sockets = (['admin', 'ehr', 'read'] as const).map((role) => ({ role, path: join(folder, `${role}.sock`) }))
      const all = await serveDispatch({
        subscribe: nothingToFollow,
        dispatch: async (_m, _p, { role }) => role,
        log: recordingLog([]),
        sockets
      })
      for (const { role, path } of sockets) assert.is(JSON.parse((await post(path, call('x', []))).text).result, role)
      await all.close()
    }
  )
})

test('a path above 107 bytes is refused with the setting that helps, and 107 bytes work', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  const serveAt = (path: string) =>
    serveDispatch({
      subscribe: nothingToFollow,
      dispatch: exampleDispatch,
      log: recordingLog([]),
      sockets: [{ path, role: 'admin' }]
    })
  const fits = join(folder, 'é'.repeat(20)).padEnd(107 - 20, 'x')
  assert.is(Buffer.byteLength(fits), 107)
  assert.is(await codeOf(serveAt(`${fits}x`)), 'socket-path-too-long')
  const server = await serveAt(fits)
  assert.is((await post(fits, call('sum', [1]))).status, 200)
  await server.close()
  try {
    await serveAt(`${fits}x`)
  } catch (error) {
    assert.match((error as Error).message, /108 bytes .* 107: set runFolder/)
  }
  rmSync(folder, { recursive: true })
})

test('a live socket is not taken over', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const second = serveDispatch({
      subscribe: nothingToFollow,
      dispatch: exampleDispatch,
      log: recordingLog([]),
      sockets: [{ path, role: 'admin' }]
    })
    assert.is(await codeOf(second), 'socket-in-use')
    assert.is((await post(path, call('sum', [1]))).status, 200)
  })
})

test('a stale socket of a killed daemon is replaced', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  const path = join(folder, 'admin.sock')
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
  assert.ok(statSync(path).isSocket())
  const server = await serveDispatch({
    subscribe: nothingToFollow,
    dispatch: exampleDispatch,
    log: recordingLog([]),
    sockets: [{ path, role: 'admin' }]
  })
  assert.is((await post(path, call('sum', [1]))).status, 200)
  await server.close()
  rmSync(folder, { recursive: true })
})

test('a file or a link that is not a socket is left alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  const path = join(folder, 'admin.sock')
  const link = join(folder, 'ehr.sock')
  writeFileSync(path, 'precious')
  symlinkSync(path, link)
  for (const taken of [path, link]) {
    const refused = serveDispatch({
      subscribe: nothingToFollow,
      dispatch: exampleDispatch,
      log: recordingLog([]),
      sockets: [{ path: taken, role: 'ehr' }]
    })
    assert.is(await codeOf(refused), 'socket-path-taken')
    assert.ok(existsSync(taken))
  }
  rmSync(folder, { recursive: true })
})

test('if one socket cannot be had, none stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  writeFileSync(join(folder, 'ehr.sock'), '')
  const refused = serveDispatch({
    subscribe: nothingToFollow,
    dispatch: exampleDispatch,
    log: recordingLog([]),
    sockets: [
      { path: join(folder, 'admin.sock'), role: 'admin' },
      { path: join(folder, 'ehr.sock'), role: 'ehr' }
    ]
  })
  assert.is(await codeOf(refused), 'socket-path-taken')
  assert.not(existsSync(join(folder, 'admin.sock')))
  rmSync(folder, { recursive: true })
})

test('a folder that cannot be written to is one clear error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  writeFileSync(join(folder, 'run'), '')
  const path = join(folder, 'run', 'admin.sock')
  const refused = serveDispatch({
    subscribe: nothingToFollow,
    dispatch: exampleDispatch,
    log: recordingLog([]),
    sockets: [{ path, role: 'admin' }]
  })
  assert.is(await codeOf(refused), 'socket-failed')
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

test('garbage instead of HTTP is answered once and closed', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    for (const bytes of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n'
    ]) {
      const { text, closed } = await sayRaw(path, bytes)
      assert.match(text, /^HTTP\/1\.1 4\d\d /)
      assert.is(text.split('HTTP/1.1').length, 2)
      assert.ok(closed)
    }
    const headers = await sayRaw(path, `POST / HTTP/1.1\r\nx: ${'a'.repeat(9_000)}\r\n\r\n`)
    assert.match(headers.text, /^HTTP\/1\.1 431 /)
    assert.is((await post(path, call('sum', [1]))).status, 200)
  })
})

test('a client that sends too slowly is cut with 408', async () => {
  await withServer(
    exampleDispatch,
    async ({ path }) => {
      const { text, closed } = await sayRaw(path, 'POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\n{', 60_000)
      assert.match(text, /^HTTP\/1\.1 408 /)
      assert.ok(closed)
    },
    { timeouts: { requestMs: 200 } }
  )
})

test('a silent connection is closed', async () => {
  await withServer(
    exampleDispatch,
    async ({ path }) => {
      const { text, closed } = await sayRaw(path, '', 60_000)
      assert.is(text, '')
      assert.ok(closed)
    },
    { timeouts: { idleMs: 200 } }
  )
})

test('a call that takes longer than the idle time is still answered', async () => {
  await withServer(
    async () => new Promise((resolve) => setTimeout(resolve, 1_500, 'late')),
    async ({ path }) => {
      assert.is(JSON.parse((await post(path, call('x', []))).text).result, 'late')
    },
    { timeouts: { idleMs: 500 } }
  )
})

test('a client that never reads its answer is cut, and others are served meanwhile', async () => {
  const big = 'x'.repeat(8 * 1024 * 1024)
  let begun = 0
  await withServer(
    async (method) => {
      if (method !== 'big') return 1
      begun += 1
      return big
    },
    async ({ path, server }) => {
      const body = call('big', [])
      const lazy = connect(path)
      lazy.pause()
      lazy.on('error', () => {})
      lazy.write(`POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      await waitUntil(() => begun > 0)
      assert.is((await post(path, call('small', []))).status, 200)
      // The lazy one's alone, when the other has ended.
      await waitUntil(async () => (await server.connections()) === 1)
      await waitUntil(async () => (await server.connections()) === 0)
      lazy.destroy()
    },
    { timeouts: { stalledAnswerMs: 2_000 } }
  )
})

test('the caller’s hanging up is told to the implementation', async () => {
  let begun = false
  let aborted = false
  await withServer(
    (_method, _params, { signal }) =>
      new Promise((answer) => {
        begun = true
        signal?.addEventListener('abort', () => {
          aborted = true
          answer(null)
        })
      }),
    async ({ path }) => {
      const socket = connect(path)
      const body = call('x', [])
      socket.write(`POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      await waitUntil(() => begun)
      assert.not(aborted)
      socket.destroy()
      await waitUntil(async () => aborted)
    }
  )
})

test('pipelined calls above the limit are refused, the others answered in order', async () => {
  await withServer(
    async (_method, params) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return params
    },
    async ({ path }) => {
      const one = (id: number) => {
        const body = call('x', [], id)
        return `POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      }
      const many = limits.rpcPipelineMax + 20
      const { text } = await sayRaw(path, Array.from({ length: many }, (_, id) => one(id)).join(''), 3_000)
      const ids = [...text.matchAll(/"result":\[\],"id":(\d+)/g)].map((match) => Number(match[1]))
      assert.equal(
        ids,
        [...ids].sort((a, b) => a - b)
      )
      assert.is(ids.length, limits.rpcPipelineMax)
      assert.match(text, /"code":"busy"/)
    }
  )
})

test('a thousand connections are served, the next is turned away, and all is well afterwards', async () => {
  await withServer(exampleDispatch, async ({ path, server }) => {
    const sockets: Socket[] = []
    for (let i = 0; i < limits.rpcConnectionsMax; i++) {
      const socket = connect(path)
      socket.on('error', () => {})
      sockets.push(socket)
      // The backlog of a listening socket is shorter than a thousand.
      if (i % 50 === 49) await waitUntil(async () => (await server.connections()) === i + 1)
    }
    await waitUntil(async () => (await server.connections()) === limits.rpcConnectionsMax)
    const extra = await sayRaw(path, 'POST / HTTP/1.1\r\n').catch(() => ({ text: '', closed: true }))
    assert.equal(extra, { text: '', closed: true })
    const body = call('sum', [1, 2])
    const answered = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<string>((resolve) => {
            socket.once('data', (chunk) => resolve(String(chunk)))
            socket.write(`POST / HTTP/1.1\r\nhost: w\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
          })
      )
    )
    assert.ok(answered.every((text) => text.includes('"result":3')))
    for (const socket of sockets) socket.destroy()
    await waitUntil(async () => (await server.connections()) === 0)
    assert.is((await post(path, call('sum', [1]))).status, 200)
  })
})

test('closing lets running calls end', async () => {
  let end: ((result: string) => void) | undefined
  await withServer(
    async () =>
      new Promise((resolve) => {
        end = resolve
      }),
    async ({ path, server }) => {
      const running = post(path, call('x', []))
      await waitUntil(() => end !== undefined)
      const closing = server.close()
      end?.('done')
      await closing
      assert.is(JSON.parse((await running).text).result, 'done')
      assert.not(existsSync(path))
    }
  )
})

test('a server that is not ours is not removed either', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wardline-socket-'))
  const path = join(folder, 'admin.sock')
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(path, resolve))
  const refused = serveDispatch({
    subscribe: nothingToFollow,
    dispatch: exampleDispatch,
    log: recordingLog([]),
    sockets: [{ path, role: 'admin' }]
  })
  assert.is(await codeOf(refused), 'socket-in-use')
  other.close()
  rmSync(folder, { recursive: true })
})

test.run()
