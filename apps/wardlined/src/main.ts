#!/usr/bin/env node
/** The daemon of one hospital: reads its config, builds the parts, starts, and stops on SIGTERM or SIGINT. */
import { stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { AssertionError, WardlineError } from '@wardline/codec'
import { type Config, loadConfig } from '@wardline/config'
import { lockFolder } from '@wardline/store-level'
import { run } from './run.ts'
import { version } from './version.ts'

const USAGE = `wardlined: the daemon of one hospital

Usage: wardlined [--home DIR] [--passphrase-file FILE] [--run-folder DIR] [--log-level LEVEL] [--restored]

Runs in the foreground until SIGTERM or Ctrl-C. Prepare the home first with "wardline init", "wardline id export" and
"wardline genesis install". Settings: flag, then WARDLINE_*, then HOME/wardline.yaml, then default ("wardline config show --origin").

--restored: the home was put back from a backup. Then, and whenever a vote journal is missing or damaged, the daemon does not
know what it has signed since: it asks the other validators, follows the chains, and votes again only when it is past every
view in which it may have voted ("wardline status" says which). For one start; left in, it is done at every start.

Exit codes: 0 stopped, 1 cannot start or had to stop, 2 usage or settings, 4 a chain is forked.`

const EXIT = { stopped: 0, failed: 1, usage: 2, forked: 4 } as const

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) return EXIT.usage
  if (flags.help) {
    process.stdout.write(`${USAGE}\n`)
    return EXIT.stopped
  }
  if (flags.version) {
    process.stdout.write(`${version}\n`)
    return EXIT.stopped
  }
  const loaded = loadConfig(flags)
  if (loaded.kind === 'problems') {
    for (const problem of loaded.problems) process.stderr.write(`wardlined: ${problem}\n`)
    return EXIT.usage
  }
  const { config } = loaded.settings
  await requireHome(config.home)
  const lock = await lockFolder(config.home)
  try {
    await run(config, { reload: () => reloaded(flags), isRestored: flags.restored })
  } finally {
    await lock.release()
  }
  return EXIT.stopped
}

/** @throws WardlineError `config-unreadable` */
function reloaded(flags: Parameters<typeof loadConfig>[0]): Config {
  const loaded = loadConfig(flags)
  if (loaded.kind === 'ok') return loaded.settings.config
  throw new WardlineError('config-unreadable', loaded.problems.join(' '))
}

/** A misspelt home must not come into being by being started on. */
async function requireHome(home: string): Promise<void> {
  const found = await stat(home).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) {
    const why = found.code === 'ENOENT' ? 'there is no such folder; make one with "wardline init"' : found.code
    throw new WardlineError('home-unusable', `the home ${home} cannot be used: ${why}`)
  }
  if (!found.isDirectory()) throw new WardlineError('home-unusable', `the home ${home} is not a folder`)
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        home: { type: 'string' },
        'passphrase-file': { type: 'string' },
        'run-folder': { type: 'string' },
        'log-level': { type: 'string' },
        restored: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' }
      }
    })
    return {
      home: values.home,
      passphraseFile: values['passphrase-file'],
      runFolder: values['run-folder'],
      logLevel: values['log-level'],
      restored: values.restored ?? false,
      help: values.help ?? false,
      version: values.version ?? false
    }
  } catch (error) {
    process.stderr.write(`wardlined: ${(error as Error).message}\n\n${USAGE}\n`)
    return undefined
  }
}

/** Says in one sentence why the process ends; what it prints names codes and causes, never content. */
function report(error: unknown): number {
  if (error instanceof WardlineError) {
    process.stderr.write(`wardlined: ${error.message}${causeOf(error)} (${error.code})\n`)
    return exitOf(error.code)
  }
  const what = error instanceof AssertionError ? 'an assertion failed' : 'an unexpected error'
  process.stderr.write(
    `wardlined: ${what}; this is a fault of the program: ${(error as Error).stack ?? String(error)}\n`
  )
  return EXIT.failed
}

function exitOf(code: string): number {
  switch (code) {
    case 'config-unreadable':
      return EXIT.usage
    case 'conflicting-finalization':
      return EXIT.forked
    default:
      return EXIT.failed
  }
}

/** What the operating system said, where the message does not have it. */
function causeOf(error: WardlineError): string {
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== undefined && /^E[A-Z]+$/.test(code)) return error.message.includes(code) ? '' : ` [${code}]`
  }
  return ''
}

const end = (error: unknown) => process.exit(report(error))
process.on('unhandledRejection', end)
process.on('uncaughtException', end)

process.exitCode = await main().catch(report)
// Handles of native libraries must not keep a stopped daemon alive.
process.exit()
