/** The proxy between daemons: who dials is known, and a link holds back, delays, breaks and heals in one direction alone. */
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { portOf } from '@wardline/config'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inodeOf } from '../../src/chaos/dialler.ts'
import { createFaultProxy } from '../../src/chaos/fault-proxy.ts'

const test = suite('simulator/chaos/fault-proxy')

const [DIALLER, ECHO] = [0, 1]
const HELD = { held: true, delayMs: 0 }

/** Daemon 1 answers what it gets with the same in capitals; this process is daemon 0, and dials. */
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (piece) => socket.write(piece.toString().toUpperCase()))
})
server.listen({ port: 0, host: '127.0.0.1' })
await once(server, 'listening')
const proxy = await createFaultProxy(2)
proxy.setDaemon(DIALLER, { port: 1, pid: process.pid })
proxy.setDaemon(ECHO, { port: (server.address() as AddressInfo).port, pid: 1 })
const sockets: Socket[] = []
test.after(() => {
  for (const socket of sockets) socket.destroy()
  proxy.close()
  server.close()
})
test.before.each(() => proxy.heal())

function dial(): { readonly socket: Socket; read(): string } {
  const socket = createConnection({ port: portOf(proxy.address(ECHO)), host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => undefined)
  let got = ''
  socket.on('data', (piece) => {
    got += piece.toString()
  })
  return { socket, read: () => got }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Long enough for what is not held back to arrive; what is held back must not, however long this is. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 150))

const linux = process.platform === 'linux' ? test : test.skip

linux('what is said passes, both ways', async () => {
  const { socket, read } = dial()
  socket.write('hello')
  await until(() => read() === 'HELLO')
})

for (const [what, from, to] of [
  ['the way there', DIALLER, ECHO],
  ['the way back', ECHO, DIALLER]
] as const) {
  linux(`held on ${what}: nothing arrives until it heals, and then all does`, async () => {
    const { socket, read } = dial()
    socket.write('a')
    await until(() => read() === 'A')
    proxy.setLink(from, to, HELD)
    socket.write('b')
    await pause()
    assert.is(read(), 'A')
    proxy.heal()
    await until(() => read() === 'AB')
  })
}

linux('a connection that begins while the way is held comes about when it heals', async () => {
  proxy.setLink(DIALLER, ECHO, HELD)
  const { socket, read } = dial()
  socket.write('c')
  await pause()
  assert.is(read(), '')
  proxy.heal()
  await until(() => read() === 'C')
})

linux('a slow link takes its time', async () => {
  proxy.setLink(DIALLER, ECHO, { held: false, delayMs: 200 })
  const { socket, read } = dial()
  const startedMs = performance.now()
  socket.write('d')
  await until(() => read() === 'D')
  assert.ok(performance.now() - startedMs >= 190)
})

linux('a reset breaks what there is between the two, and nothing else', async () => {
  const { socket, read } = dial()
  socket.write('e')
  await until(() => read() === 'E')
  assert.is(proxy.reset(ECHO, ECHO), 0)
  assert.ok(proxy.reset(ECHO, DIALLER) >= 1)
  await until(() => socket.destroyed)
})

linux('who is no daemon gets nowhere', async () => {
  proxy.setDaemon(DIALLER, undefined)
  const { socket, read } = dial()
  socket.write('f')
  await until(() => socket.destroyed)
  assert.is(read(), '')
  assert.is(proxy.counts().unknown, 1)
  proxy.setDaemon(DIALLER, { port: 1, pid: process.pid })
})

linux('a daemon that does not listen refuses', async () => {
  proxy.setDaemon(ECHO, undefined)
  const { socket } = dial()
  await until(() => socket.destroyed)
})

test('the line of /proc/net/tcp is found by both ports', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20 4 30 10 -1
   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1`
  assert.is(inodeOf(table, { dialler: 0xc001, listener: 8080 }), '222')
  assert.is(inodeOf(table, { dialler: 0xc002, listener: 8080 }), undefined)
})

test.run()
