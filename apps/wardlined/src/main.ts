#!/usr/bin/env node
/** The daemon of one hospital: reads its config, builds the parts, starts, and stops on SIGTERM or SIGINT. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { AssertionError, WardlineError } from '@wardline/codec'
import { type Config, homePaths, loadConfig, socketPaths } from '@wardline/config'
import { createVerifier } from '@wardline/crypto'
import { type ChainSetup, type Hospital, openHospital } from '@wardline/hospital'
import { createFileKeys } from '@wardline/keys-files'
import { parseGenesis, verifyGenesis } from '@wardline/ledger'
import { createLibp2pNetwork, peerNameOf } from '@wardline/network-libp2p'
import type { LineLog, Log } from '@wardline/ports'
import { type SocketServer, serveSockets } from '@wardline/socket'
import { lockFolder, openFileJournal, openLevelStore } from '@wardline/store-level'
import { createJsonLog, createSystemClock, createSystemRandom, openFileLineLog } from '@wardline/system'
import { version } from './version.ts'

const USAGE = `wardlined: the daemon of one hospital

Usage: wardlined [--home DIR] [--passphrase-file FILE] [--run-folder DIR] [--log-level LEVEL]

Runs in the foreground until SIGTERM or Ctrl-C. Prepare the home first with "wardline init", "wardline id export" and
"wardline genesis install". Settings: flag, then WARDLINE_*, then HOME/wardline.yaml, then default ("wardline config show --origin").

Exit codes: 0 stopped, 1 cannot start or had to stop, 2 usage or settings.`

const clock = createSystemClock()
const random = createSystemRandom()
const startedMs = clock.nowMs()

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) return 2
  if (flags.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if (flags.version) {
    process.stdout.write(`${version}\n`)
    return 0
  }
  const loaded = loadConfig(flags)
  if (loaded.kind === 'problems') {
    for (const problem of loaded.problems) process.stderr.write(`wardlined: ${problem}\n`)
    return 2
  }
  const { config } = loaded.settings
  const log = createJsonLog({ level: config.logLevel, clock })
  const lock = await lockFolder(config.home)
  try {
    await run(config, log)
  } finally {
    await lock.release()
  }
  return 0
}

/** Runs until a signal asks it to stop; throws if something fails that it cannot go on with. */
async function run(config: Config, log: Log): Promise<void> {
  let fail: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  // The race below hears of a failure; until it begins, a rejection must not count as unheard.
  failure.catch(() => undefined)
  const stopSignal = new Promise<string>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  const setups: ChainSetup[] = []
  let audit: LineLog | undefined
  let hospital: Hospital | undefined
  let server: SocketServer | undefined
  try {
    for (const label of Object.keys(config.chains)) setups.push(await openSetup(config, label, log))
    if (setups.length === 0) log.warn('no chain is configured; see "wardline id export"')
    audit = await openFileLineLog(homePaths(config.home).audit)
    hospital = await openHospital(setups, {
      audit,
      clock,
      random,
      log,
      verifier: createVerifier(),
      peerNameOf,
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
    server = await serveSockets({
      api: hospital.api,
      sockets: [
        { path: paths.admin, role: 'admin' },
        { path: paths.ehr, role: 'ehr' },
        { path: paths.read, role: 'read' }
      ],
      log,
      onBug: fail
    })
    log.info('ready', { chains: setups.length, milliseconds: clock.nowMs() - startedMs })
    const signal = await Promise.race([stopSignal, failure])
    log.info('stopping', { signal })
  } finally {
    await server?.close()
    await hospital?.stop()
    if (hospital === undefined) for (const setup of setups) await closeSetup(setup)
    await audit?.close()
  }
  log.info('stopped')
}

async function openSetup(config: Config, label: string, log: Log): Promise<ChainSetup> {
  const chain = config.chains[label]
  if (chain === undefined) throw new WardlineError('config-unreadable', `the config has no chain ${label}`)
  const genesis = await readGenesis(chain.genesis, label)
  const passphrase = await readText(config.passphraseFile, 'the passphrase')
  const paths = homePaths(config.home)
  const keys = await createFileKeys({
    directory: paths.keys,
    passphrase: new TextEncoder().encode(passphrase.trim()),
    random
  }).load(label)
  if (keys === undefined)
    throw new WardlineError(
      'keys-absent',
      `there are no keys for chain ${label}; run "wardline id export --chain ${label}"`
    )
  const secretKey = keys['host']
  if (secretKey === undefined) throw new WardlineError('keys-incomplete', `the keys of chain ${label} have no host key`)
  const store = await openLevelStore(paths.chain(label).store)
  const journal = await openFileJournal(paths.chain(label).votes)
  const network = await createLibp2pNetwork({ secretKey, listen: [chain.listen], log: log.with({ chain: label }) })
  return { label, genesis, keys, store, journal, network }
}

async function closeSetup({ network, journal, store }: ChainSetup): Promise<void> {
  await network.close()
  await journal.close()
  await store.close()
}

/** A chain starts only from a genesis that every founder signed. */
async function readGenesis(path: string, label: string) {
  const text = await readText(path, `the genesis of chain ${label}`)
  const parsed = parseGenesis(text)
  const problems = parsed.kind === 'failed' ? parsed.problems : verifyGenesis(parsed.genesis)
  if (parsed.kind === 'failed' || problems.length > 0) {
    const sentences = problems.map(({ message }) => message).join(' ')
    throw new WardlineError('genesis-unacceptable', `the genesis of chain ${label} cannot be used: ${sentences}`)
  }
  return parsed.genesis
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new WardlineError(
      'file-unreadable',
      `cannot read ${what} at ${path}: ${(error as NodeJS.ErrnoException).code}`,
      {
        cause: error
      }
    )
  }
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        home: { type: 'string' },
        'passphrase-file': { type: 'string' },
        'run-folder': { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' }
      }
    })
    return {
      home: values.home,
      passphraseFile: values['passphrase-file'],
      runFolder: values['run-folder'],
      logLevel: values['log-level'],
      help: values.help ?? false,
      version: values.version ?? false
    }
  } catch (error) {
    process.stderr.write(`wardlined: ${(error as Error).message}\n\n${USAGE}\n`)
    return undefined
  }
}

/** The one place that ends the process; what it prints names codes and causes, never content. */
function report(error: unknown): number {
  if (error instanceof WardlineError) {
    process.stderr.write(`wardlined: ${error.message} (${error.code})\n`)
    return error.code === 'config-unreadable' ? 2 : 1
  }
  const what = error instanceof AssertionError ? 'an assertion failed' : 'an unexpected error'
  process.stderr.write(
    `wardlined: ${what}; this is a fault of the program: ${(error as Error).stack ?? String(error)}\n`
  )
  return 1
}

process.on('unhandledRejection', (error) => {
  process.exit(report(error))
})

process.exitCode = await main().catch(report)
// Handles of native libraries must not keep a stopped daemon alive.
process.exit()
