/**
 * The network between daemons on one machine, with faults. Each daemon's card names an address of this proxy; whatever
 * dials it is passed on to the daemon. Who dialled is asked of the operating system, so a fault can be put on one direction
 * between two daemons, as it could be on a wire, and the daemons are none the wiser.
 *
 * What a link holds back is not lost: TCP sends it again once the network is whole, and so does the proxy. The end of a
 * connection is held back as its bytes are. Only a reset loses what was on its way.
 */
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import { diallerOf } from './dialler.ts'

/** One direction from one daemon to another. */
export type Link = {
  /** Nothing gets through. */
  readonly held: boolean
  /** What each piece of up to 64 KiB takes on its way. The next one waits for it, so this bounds the rate as well. */
  readonly delayMs: number
}

export type FaultProxy = {
  /** Under which the others reach daemon `index`, as a multiaddr. */
  address(index: number): string
  /** Where daemon `index` listens, and what process it is; undefined while it does not run. */
  setDaemon(index: number, daemon: { readonly port: number; readonly pid: number } | undefined): void
  setLink(from: number, to: number, link: Link): void
  /** Every link as it should be. */
  heal(): void
  /** Breaks every connection between the two, whoever dialled. @returns how many there were */
  reset(a: number, b: number): number
  counts(): { readonly connections: number; readonly resets: number; readonly unknown: number }
  close(): void
}

const WHOLE: Link = { held: false, delayMs: 0 }
/** Before a daemon is up its port refuses; who dialled must hear of that, and not wait. */
const CONNECT_MS_MAX = 5_000

type Pair = { readonly dialler: number; readonly target: number; readonly sockets: readonly Socket[] }

/** Listens for `size` daemons on free ports of 127.0.0.1. */
export async function createFaultProxy(size: number): Promise<FaultProxy> {
  const daemons: ({ readonly port: number; readonly pid: number } | undefined)[] = Array.from({ length: size })
  const links = new Map<string, Link>()
  const pairs = new Set<Pair>()
  const counts = { connections: 0, resets: 0, unknown: 0 }
  let changed = Promise.withResolvers<void>()

  const linkOf = (from: number, to: number): Link => links.get(`${from} ${to}`) ?? WHOLE
  const tellChange = (): void => {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  /** Resolves when the link lets something through, or `gone` is. */
  const passage = async (from: number, to: number, gone: Promise<unknown>): Promise<void> => {
    let isGone = false
    const left = gone.then(() => {
      isGone = true
    })
    while (linkOf(from, to).held && !isGone) await Promise.race([changed.promise, left])
    const { delayMs } = linkOf(from, to)
    if (delayMs > 0 && !isGone) await new Promise((resolve) => setTimeout(resolve, delayMs))
  }

  const carry = async (from: number, to: number, source: Socket, sink: Socket, gone: Promise<unknown>) => {
    try {
      for await (const piece of source) {
        await passage(from, to, gone)
        if (sink.destroyed) return
        if (!sink.write(piece)) await Promise.race([once(sink, 'drain'), once(sink, 'close')])
      }
      await passage(from, to, gone)
      sink.end()
    } catch {
      // The source broke, and so must the other end, once that can be heard there.
      await passage(from, to, gone)
      sink.resetAndDestroy()
    }
  }

  const pass = async (target: number, listener: number, socket: Socket): Promise<void> => {
    const pids = daemons.map((daemon) => daemon?.pid)
    const dialler = await diallerOf({ dialler: socket.remotePort ?? 0, listener }, pids)
    if (dialler === undefined) {
      counts.unknown += 1
      socket.resetAndDestroy()
      return
    }
    const left = new Promise((resolve) => socket.once('close', resolve))
    await passage(dialler, target, left)
    const port = daemons[target]?.port
    if (socket.destroyed || port === undefined) {
      socket.resetAndDestroy()
      return
    }
    const onward = createConnection({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    onward.on('error', () => undefined)
    const timer = setTimeout(() => onward.destroy(), CONNECT_MS_MAX)
    const isThere = await Promise.race([
      once(onward, 'connect').then(
        () => true,
        () => false
      ),
      new Promise<false>((resolve) => onward.once('close', () => resolve(false)))
    ])
    clearTimeout(timer)
    if (!isThere || socket.destroyed) {
      socket.resetAndDestroy()
      onward.destroy()
      return
    }
    counts.connections += 1
    const pair: Pair = { dialler, target, sockets: [socket, onward] }
    pairs.add(pair)
    const arrived = new Promise((resolve) => onward.once('close', resolve))
    await Promise.all([
      // Each direction is over when its sink is gone: there is nobody left to hold anything back from.
      carry(dialler, target, socket, onward, arrived),
      carry(target, dialler, onward, socket, left)
    ])
    pairs.delete(pair)
  }

  const servers = await Promise.all(
    Array.from({ length: size }, async (_, target) => {
      const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined)
        void pass(target, portOf(server), socket)
      })
      server.listen({ port: 0, host: '127.0.0.1' })
      await once(server, 'listening')
      return server
    })
  )

  const reset = (a: number, b: number): number => {
    let broken = 0
    for (const { dialler, target, sockets } of pairs) {
      if (!((dialler === a && target === b) || (dialler === b && target === a))) continue
      for (const socket of sockets) socket.resetAndDestroy()
      broken += 1
    }
    counts.resets += broken
    return broken
  }

  return {
    address: (index) => `/ip4/127.0.0.1/tcp/${portOf(servers[index] as Server)}`,
    setDaemon(index, daemon) {
      daemons[index] = daemon
    },
    setLink(from, to, link) {
      links.set(`${from} ${to}`, link)
      tellChange()
    },
    heal() {
      links.clear()
      tellChange()
    },
    reset,
    counts: () => ({ ...counts }),
    close() {
      for (const server of servers) server.close()
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy()
      links.clear()
      tellChange()
    }
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
