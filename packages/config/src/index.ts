/** Where settings come from and where things lie in a home. */
export {
  addressProblem,
  type ChainConfig,
  type Config,
  type ConfigSources,
  labelProblem,
  type Origin,
  type ParsedConfig,
  parseConfig,
  portOf,
  type SettingName,
  type Settings
} from './config.ts'
export { initialConfigText, withChain, withoutChain } from './config-text.ts'
export { type ChainPaths, type HomePaths, homePaths, type SocketPaths, socketPaths } from './home.ts'
export { loadConfig } from './load.ts'
export { loadPassphrase } from './passphrase.ts'
export { hasRun, holdsSealed, namesIn } from './traces.ts'
