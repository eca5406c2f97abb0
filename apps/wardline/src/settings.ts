/** Finds the settings of this call, and the daemon they lead to. */
import { accessSync, constants } from 'node:fs'
import type { SocketClient } from '@wardline/client'
import type { Settings } from '@wardline/config'
import { CommandFailure, EXIT, usage } from './exit.ts'
import type { Common } from './output.ts'

/** @throws CommandFailure with every problem of the settings, one per line */
export async function settingsOf(common: Common): Promise<Settings> {
  const { loadConfig } = await import('@wardline/config')
  const { home, name, passphraseFile, runFolder, logLevel } = common
  const parsed = loadConfig({ home, name, passphraseFile, runFolder, logLevel })
  if (parsed.kind === 'ok') return parsed.settings
  throw new CommandFailure(EXIT.usage, 'bad-settings', parsed.problems.join('\n'))
}

/** Runs `use` with a client of the control socket: the one asked for, or the strongest that this user may open. */
export async function withDaemon<T>(common: Common, use: (client: SocketClient) => Promise<T>): Promise<T> {
  const [{ connectSocket }, { socketPaths }, { config }] = await Promise.all([
    import('@wardline/client'),
    import('@wardline/config'),
    settingsOf(common)
  ])
  const paths = socketPaths(config.runFolder)
  const { socket } = common
  if (socket !== undefined && socket !== 'admin' && socket !== 'ehr' && socket !== 'read') {
    throw usage('--socket must be admin, ehr or read.')
  }
  const path = socket === undefined ? strongest([paths.admin, paths.ehr, paths.read]) : paths[socket]
  const client = connectSocket(path)
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

function strongest(paths: readonly [string, ...string[]]): string {
  return paths.find((path) => mayOpen(path)) ?? paths[0]
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    // Absent or forbidden; which of the two is told by the call itself.
    return false
  }
}
