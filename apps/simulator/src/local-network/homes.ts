/** What a home says of itself, by the settings in it alone: no variable of this program's environment changes the answer. */
import { WardlineError } from '@wardline/codec'
import { type ChainConfig, type Config, loadConfig } from '@wardline/config'

/** @throws WardlineError `config-unreadable` */
export function settingsOf(home: string): Config {
  const loaded = loadConfig({ home }, {})
  if (loaded.kind === 'ok') return loaded.settings.config
  throw new WardlineError('config-unreadable', loaded.problems.join(' '))
}

/** By label. @throws WardlineError `config-unreadable` */
export function chainsOf(home: string): Readonly<Record<string, ChainConfig>> {
  return settingsOf(home).chains
}
