/**
 * Ports for daemons that tests run. A port that was free when a test chose it must not be another's when its daemon starts,
 * or starts again. So they lie below those that the system gives to outgoing connections and those that `wardline init`
 * chooses from, and each test process claims a row of its own, by listening on the first of it for as long as it runs.
 */
import { createServer, type Server } from 'node:net'

const PORT_MIN = 10_000
const ROWS = 100
const ROW_PORTS = 100

let claimed: Promise<number> | undefined
let given = 0

/** Each is given once. */
export async function freePort(): Promise<number> {
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
  throw new Error(`a test process has ${ROW_PORTS - 1} ports, and wanted more`)
}

async function claimRow(): Promise<number> {
  for (let turn = 0; turn < ROWS; turn++) {
    const first = PORT_MIN + ((process.pid + turn) % ROWS) * ROW_PORTS
    const claim = await listenOn(first)
    if (claim === undefined) continue
    claim.unref()
    return first
  }
  throw new Error(`all ports from ${PORT_MIN} to ${PORT_MIN + ROWS * ROW_PORTS - 1} are claimed`)
}

/** Undefined where something else listens. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
