/** Builds a hospital's daemon from its config, and holds it until a signal or a failure ends it. */
import type { Config } from '@wardline/config'
import { homePaths, socketPaths } from '@wardline/config'
import { createVerifier } from '@wardline/crypto'
import { type ChainSetup, type Hospital, openHospital } from '@wardline/hospital'
import { peerNameOf } from '@wardline/network-libp2p'
import type { LineLog, Log } from '@wardline/ports'
import { type SocketServer, serveSockets } from '@wardline/socket'
import { createJsonLog, createSystemClock, createSystemRandom, openFileLineLog } from '@wardline/system'
import { closeSetup, openSetup } from './setup.ts'
import { version } from './version.ts'

/** Calls that wait get this long to end when the daemon stops, ms. */
const CALLS_GRACE_MS = 500
/** Stopping that takes longer is cut off, ms: every write is made so that an end at any point loses nothing. */
const STOP_MS_MAX = 1_800

const clock = createSystemClock()
const random = createSystemRandom()
const startedMs = clock.nowMs()

type Parts = { server?: SocketServer; hospital?: Hospital; audit?: LineLog; readonly setups: ChainSetup[] }

/** Runs until a signal asks it to stop; throws if something fails that it cannot go on with. */
export async function run(config: Config): Promise<void> {
  const log = createJsonLog({ level: config.logLevel, clock })
  let fail: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  // The race below hears of a failure; until it begins, a rejection must not count as unheard.
  failure.catch(() => undefined)
  const signalled = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  const parts: Parts = { setups: [] }
  try {
    // A signal that comes while the parts are being built is heard when they are.
    await build(config, parts, log, fail)
    log.info('ready', { chains: parts.setups.length, milliseconds: clock.nowMs() - startedMs })
    const signal = await Promise.race([signalled, failure])
    log.info('stopping', { signal })
  } finally {
    await stop(parts, log)
  }
  log.info('stopped')
}

async function build(config: Config, parts: Parts, log: Log, fail: (error: unknown) => void): Promise<void> {
  const labels = Object.keys(config.chains)
  if (labels.length === 0) log.warn('no chain is configured; see "wardline id export"')
  for (const label of labels) parts.setups.push(await openSetup(config, label, log, random))
  parts.audit = await openFileLineLog(homePaths(config.home).audit)
  parts.hospital = await openHospital(parts.setups, {
    clock,
    random,
    log,
    verifier: createVerifier(),
    peerNameOf,
    audit: parts.audit,
    facts: {
      name: config.name,
      version,
      startedMs,
      pid: process.pid,
      rssBytes: () => process.memoryUsage.rss(),
      nowMs: () => clock.nowMs()
    },
    onFailure: fail
  })
  const paths = socketPaths(config.runFolder)
  parts.server = await serveSockets({
    api: parts.hospital.api,
    sockets: [
      { path: paths.admin, role: 'admin' },
      { path: paths.ehr, role: 'ehr' },
      { path: paths.read, role: 'read' }
    ],
    log,
    onBug: fail
  })
}

/** Never throws: what ends the daemon is said by whoever called it, and a part that fails while stopping changes nothing. */
async function stop({ server, hospital, audit, setups }: Parts, log: Log): Promise<void> {
  const stopping = (async () => {
    await server?.close(CALLS_GRACE_MS)
    if (hospital === undefined) await Promise.all(setups.map(closeSetup))
    else await hospital.stop()
    await audit?.close()
  })()
  const cutOff = new Promise<'cut off'>((resolve) => {
    clock.after(STOP_MS_MAX, () => resolve('cut off'))
  })
  try {
    if ((await Promise.race([stopping, cutOff])) === 'cut off') log.warn('stopping took too long and was cut off')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    log.error('a part failed while stopping', { code })
  }
}
