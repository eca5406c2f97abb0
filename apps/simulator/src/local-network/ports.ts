/**
 * Where the daemons of a local network listen. A port that is free when it is chosen may be another's before its daemon
 * starts, if two networks are founded on one machine at once. So each program claims a row of ports, by listening on the
 * first of it for as long as it runs. They lie below those that the system gives to outgoing connections.
 */
import { createServer, type Server } from 'node:net'
import { WardlineError } from '@wardline/codec'

const PORT_MIN = 20_000
const ROWS = 99
/** The largest network has 72. */
const ROW_PORTS = 128

let claimed: Promise<number> | undefined
let given = 0

/** A port that nothing listens on now, and that no other program takes from here. @throws WardlineError `no-free-port` */
export async function localPort(): Promise<number> {
  claimed ??= claimRow()
  const first = await claimed
  while (given < ROW_PORTS - 1) {
    given += 1
    const port = first + given
    const probe = await listenOn(port)
    if (probe === undefined) continue
    await new Promise((resolve) => probe.close(resolve))
    return port
  }
  throw new WardlineError('no-free-port', `no port from ${first} to ${first + ROW_PORTS - 1} is free any more`)
}

async function claimRow(): Promise<number> {
  for (let turn = 0; turn < ROWS; turn++) {
    const first = PORT_MIN + ((process.pid + turn) % ROWS) * ROW_PORTS
    const claim = await listenOn(first)
    if (claim === undefined) continue
    claim.unref()
    return first
  }
  throw new WardlineError('no-free-port', `other programs have all ports from ${PORT_MIN} on`)
}

/** Undefined where something else listens. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
