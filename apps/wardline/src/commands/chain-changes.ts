/** Chains that come and go: first the settings and files of this home, then the daemon, if one runs. */
import type { Result } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import { WardlineError } from '@wardline/codec'
import { homePaths, labelProblem, type Settings, withoutChain } from '@wardline/config'
import type { Genesis } from '@wardline/ledger'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { readText, readTextIfPresent, replaceFile } from '../files.ts'
import { loadChainSigners, openKeys } from '../keys.ts'
import { type Common, emit, say } from '../output.ts'
import { settingsOf, withDaemon } from '../settings.ts'
import { putGenesis, readSignedGenesis } from './genesis.ts'
import { checkAddresses, ensureChain } from './id.ts'

export type AddOptions = {
  readonly genesis?: string
  readonly listen?: string
  readonly address: readonly string[]
}

export async function addChain(common: Common, label: string, options: AddOptions): Promise<void> {
  const problem = labelProblem(label)
  if (problem !== undefined) throw usage(`The label ${problem}.`)
  checkAddresses(options)
  const genesis = options.genesis === undefined ? undefined : await genesisOf(options.genesis, label)
  const before = await settingsOf(common)
  const wasConfigured = before.config.chains[label] !== undefined
  if (wasConfigured || options.listen !== undefined) {
    await requireKeys(before, label)
    await ensureChain(before, label, options)
  } else {
    const message = `This home has no chain ${label}: run \`wardline id export --chain ${label}\` first, or, if it had it before, give --listen and --address as they were.`
    throw new CommandFailure(EXIT.error, 'chain-not-configured', message)
  }
  try {
    const settings = await settingsOf(common)
    if (genesis === undefined) await requireGenesis(settings, label)
    else await putGenesis(settings, genesis)
    const added = await ofDaemon(common, (client) => client.call('chain.add', { label }))
    emit(common, { label, running: added !== undefined, ...added }, () => label)
    if (!common.json) say(addedText(label, added))
  } catch (error) {
    // The settings do not name a chain that has never run.
    if (!wasConfigured) await forget(before.file, label)
    throw error
  }
}

export async function removeChain(common: Common, label: string): Promise<void> {
  const { config, file } = await settingsOf(common)
  const chain = config.chains[label]
  const removed = await ofDaemon(common, (client) => client.call('chain.remove', { label })).catch(unlessUnknown)
  if (chain === undefined && removed === undefined) {
    throw new CommandFailure(EXIT.error, 'chain-unknown', `This home has no chain ${label}; nothing was changed.`)
  }
  if (chain !== undefined) await forget(file, label)
  const { folder } = homePaths(config.home).chain(label)
  emit(common, { label, chain: removed?.chain ?? null, folder, listen: chain?.listen ?? null }, () => label)
  if (common.json) return
  say(
    `This hospital runs ${label} no more. Its folder ${folder} and its keys stay as they are; its membership ends only when the registrar revokes it.`
  )
  if (chain === undefined) return
  const addresses = chain.announce.map((address) => ` --address ${address}`).join('')
  say(`To take it up again: wardline chain add ${label} --listen ${chain.listen}${addresses}`)
}

async function genesisOf(file: string, label: string): Promise<Genesis> {
  const genesis = await readSignedGenesis(file)
  if (genesis.label === label) return genesis
  const message = `${file} is the genesis of a chain with the label ${genesis.label}, not of ${label}.`
  throw new CommandFailure(EXIT.error, 'different-genesis', message)
}

async function requireKeys(settings: Settings, label: string): Promise<void> {
  if ((await loadChainSigners(await openKeys(settings), label)) !== undefined) return
  const message = `This home has no keys for ${label}: run \`wardline id export --chain ${label}\` first.`
  throw new CommandFailure(EXIT.error, 'no-chain-keys', message)
}

/** @throws CommandFailure unless a genesis that all founders signed is where the settings want it */
async function requireGenesis({ config }: Settings, label: string): Promise<void> {
  const path = config.chains[label]?.genesis
  if (path !== undefined && (await readTextIfPresent(path)) !== undefined) {
    await readSignedGenesis(path)
    return
  }
  const message = `This home has no genesis of ${label} yet: give it with --genesis FILE.`
  throw new CommandFailure(EXIT.error, 'genesis-absent', message)
}

async function forget(file: string, label: string): Promise<void> {
  await replaceFile(file, withoutChain(await readText(file), label))
}

/** What the daemon answers; undefined where none runs. */
async function ofDaemon<T>(common: Common, ask: (client: SocketClient) => Promise<T>): Promise<T | undefined> {
  try {
    return await withDaemon(common, ask)
  } catch (error) {
    if (error instanceof WardlineError && error.code === 'daemon-not-running') return undefined
    throw error
  }
}

/** The daemon does not run what the settings have: it failed to open it, or was started before. */
function unlessUnknown(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'not-found') return undefined
  throw error
}

function addedText(label: string, added: Result<'chain.add'> | undefined): string {
  if (added === undefined) return `No daemon runs on this home: it takes part in ${label} from its next start.`
  return `The daemon takes part in ${label} now, from block ${added.height}: ${added.chain}`
}
