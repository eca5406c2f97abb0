/** The only part that touches the world: reads the environment's home and the file. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { WardlineError } from '@wardline/codec'
import { type ConfigSources, locateHome, type ParsedConfig, parseConfig } from './config.ts'

const CONFIG_BYTES_MAX = 1024 * 1024

/**
 * Finds the home, reads its `wardline.yaml` if there is one, and parses everything.
 * @throws WardlineError `config-unreadable` when the file is there and cannot be read
 */
export function loadConfig(
  flags: NonNullable<ConfigSources['flags']> = {},
  environment: NonNullable<ConfigSources['environment']> = process.env
): ParsedConfig {
  const sources = { flags, environment, userHome: homedir(), workingFolder: process.cwd() }
  return parseConfig({ ...sources, file: readIfPresent(locateHome(sources).file) })
}

function readIfPresent(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.length <= CONFIG_BYTES_MAX) return text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new WardlineError('config-unreadable', `cannot read ${file}: ${code}`, { cause: error })
  }
  throw new WardlineError('config-unreadable', `${file} is larger than ${CONFIG_BYTES_MAX} bytes`)
}
