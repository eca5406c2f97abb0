/**
 * A network that is kept in a folder. The homes in it are all there is to know: nothing is written down that could disagree
 * with them, so any shell may act on the network at any time.
 *
 *     DIR/<place>/               one hospital's home
 *     DIR/<label>.genesis.json   each chain's genesis, with every founder's signature
 *     DIR/ceremony/              what passed between the homes: cards, drafts, signatures
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { homePaths, namesIn } from '@wardline/config'
import { type Mode, parseGenesis } from '@wardline/ledger'
import { type ChainMode, foundNetwork } from '../local-network/ceremony.ts'
import { prepareFolder } from '../local-network/folder.ts'
import { chainsOf, settingsOf } from '../local-network/homes.ts'
import { UsageError } from '../usage-error.ts'

export type KeptSite = {
  readonly name: string
  /** The name of its folder, by which commands may call it too. */
  readonly place: string
  readonly home: string
}

export type KeptChain = { readonly label: string; readonly mode: Mode; readonly genesis: string }

export type KeptNetwork = {
  readonly folder: string
  /** In the order of their places. */
  readonly sites: readonly KeptSite[]
  readonly chains: readonly KeptChain[]
}

export const LABELS: Readonly<Record<ChainMode, string>> = { dss: 'alliance', stt: 'transfers', spv: 'permissions' }

const NAMES =
  'Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau Upsilon Phi Chi Psi Omega'.split(
    ' '
  )
/** Daemons that one machine is asked to run. */
export const HOSPITALS_MAX = NAMES.length

const GENESIS = '.genesis.json'

/** Undefined where there is none. @throws WardlineError `network-incomplete` if a home in it has no genesis */
export async function readNetwork(folder: string): Promise<KeptNetwork | undefined> {
  const entries = await namesIn(folder)
  const places = entries.filter((place) => existsSync(homePaths(join(folder, place)).config))
  if (places.length === 0) return undefined
  const chains: KeptChain[] = []
  for (const file of entries.filter((name) => name.endsWith(GENESIS))) {
    const genesis = join(folder, file)
    const parsed = parseGenesis(await readFile(genesis, 'utf8'))
    if (parsed.kind === 'failed') throw incomplete(folder, `${genesis} is no genesis`)
    chains.push({ label: parsed.genesis.label, mode: parsed.genesis.mode, genesis })
  }
  if (chains.length === 0) throw incomplete(folder, 'its founding did not come to an end')
  const sites = places.map((place) => {
    const home = join(folder, place)
    const lacking = Object.values(chainsOf(home)).find(({ genesis }) => !existsSync(genesis))
    if (lacking !== undefined) throw incomplete(folder, `the home ${home} has no ${lacking.genesis}`)
    return { name: settingsOf(home).name, place, home }
  })
  return { folder, sites, chains }
}

/** Founds a network by the ceremony. @throws WardlineError `command-failed`; UsageError for a folder that is in use or cannot be made */
export async function foundIn(
  folder: string,
  options: { readonly hospitals: number; readonly modes: readonly ChainMode[] }
): Promise<KeptNetwork> {
  const founders = NAMES.slice(0, options.hospitals).map((name) => ({ name, place: placeOf(name) }))
  const places = founders.map(({ place }) => place)
  await prepareFolder(folder, places)
  await foundNetwork({ folder, chains: options.modes.map((mode) => ({ label: LABELS[mode], mode })), founders })
  const network = await readNetwork(folder)
  if (network === undefined) throw incomplete(folder, 'it has no homes')
  return network
}

/** The sites that are meant; without a name, all. @throws UsageError for a name that none has */
export function sitesNamed({ sites, folder }: KeptNetwork, names: readonly string[]): readonly KeptSite[] {
  if (names.length === 0) return sites
  return names.map((name) => {
    const site = sites.find(({ name: own, place }) => own === name || place === placeOf(name))
    if (site !== undefined) return site
    throw new UsageError(`No hospital in ${folder} is called ${name}; there are ${sites.map(nameOf).join(', ')}.`)
  })
}

/** A name that none of them has yet. @throws UsageError if there is no room for another */
export function nextName({ sites, folder }: KeptNetwork): string {
  const name = NAMES.find((one) => !sites.some(({ place }) => place === placeOf(one)))
  if (name !== undefined && sites.length < HOSPITALS_MAX) return name
  throw new UsageError(`${folder} has ${sites.length} hospitals, and that is as many as one machine is asked to run.`)
}

/** The folder of a hospital of this name. @throws UsageError if the name gives none */
export function placeOf(name: string): string {
  const place = name.toLowerCase().replaceAll(' ', '-')
  if (/^[a-z0-9](?:[a-z0-9-]{0,30})$/.test(place) && place !== 'ceremony') return place
  throw new UsageError(`A hospital here is called by up to 31 letters, digits, spaces and hyphens, not ${name}.`)
}

function nameOf({ name }: KeptSite): string {
  return name
}

function incomplete(folder: string, why: string): WardlineError {
  return new WardlineError('network-incomplete', `${folder} holds no whole network: ${why}; remove it and begin again`)
}
