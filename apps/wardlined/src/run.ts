/** Builds a hospital's daemon from its config, and holds it until a signal or a failure ends it. */
import type { Config } from '@wardline/config'
import { homePaths, socketPaths } from '@wardline/config'
import { createVerifier } from '@wardline/crypto'
import { type Hospital, openHospital } from '@wardline/hospital'
import { peerNameOf } from '@wardline/network-libp2p'
import type { LineLog, Log } from '@wardline/ports'
import { type SocketServer, serveSockets } from '@wardline/socket'
import {
  createDiskSpace,
  createJsonLog,
  createSystemClock,
  createSystemRandom,
  openFileLineLog
} from '@wardline/system'
import { createOpenSetup } from './setup.ts'
import { version } from './version.ts'

/** Calls that wait get this long to end when the daemon stops, ms. */
const CALLS_GRACE_MS = 500
/** Stopping that takes longer is cut off, ms: every write is made so that an end at any point loses nothing. */
const STOP_MS_MAX = 1_800

const clock = createSystemClock()
const random = createSystemRandom()
const startedMs = clock.nowMs()

export type Start = {
  /** The settings as they are now, of which a chain that is added while this runs is taken. May throw WardlineError. */
  readonly reload: () => Config
  /** The home was put back from a backup: what it says of past votes is not to be relied on. */
  readonly isRestored: boolean
}

type Parts = { server?: SocketServer; hospital?: Hospital; audit?: LineLog }

/**
 * Runs until a signal asks it to stop; throws if something fails that it cannot go on with.
 */
export async function run(config: Config, { reload, isRestored }: Start): Promise<void> {
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
  const parts: Parts = {}
  try {
    // A signal that comes while the parts are being built is heard when they are.
    const chains = await build({ config, reload, isRestored, parts, log, fail })
    log.info('ready', { chains, milliseconds: clock.nowMs() - startedMs })
    const signal = await Promise.race([signalled, failure])
    log.info('stopping', { signal })
  } finally {
    await stop(parts, log)
  }
  log.info('stopped')
}

/** Fills `parts` as they come to be, and says how many chains run. */
async function build(options: {
  readonly config: Config
  readonly reload: () => Config
  readonly isRestored: boolean
  readonly parts: Parts
  readonly log: Log
  readonly fail: (error: unknown) => void
}): Promise<number> {
  const { config, reload, isRestored, parts, log, fail } = options
  const labels = Object.keys(config.chains)
  if (labels.length === 0) log.warn('no chain is configured; see "wardline id export"')
  parts.audit = await openFileLineLog(homePaths(config.home).audit)
  const hospital = await openHospital(labels, {
    openSetup: createOpenSetup({ reload, log, random, isRestored }),
    clock,
    random,
    log,
    verifier: createVerifier(),
    peerNameOf,
    audit: parts.audit,
    diskSpace: createDiskSpace(config.home),
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
  parts.hospital = hospital
  const paths = socketPaths(config.runFolder)
  parts.server = await serveSockets({
    api: hospital.api,
    denied: hospital.denied,
    openFeed: hospital.openFeed,
    sockets: [
      { path: paths.admin, role: 'admin' },
      { path: paths.ehr, role: 'ehr' },
      { path: paths.read, role: 'read' }
    ],
    log,
    onBug: fail
  })
  return hospital.chains()
}

/** Never throws: what ends the daemon is said by whoever called it, and a part that fails while stopping changes nothing. */
async function stop({ server, hospital, audit }: Parts, log: Log): Promise<void> {
  const stopping = (async () => {
    await server?.close(CALLS_GRACE_MS)
    await hospital?.stop()
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
