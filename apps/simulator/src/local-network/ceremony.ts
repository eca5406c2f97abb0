/**
 * The founding ceremony, as people would do it: every step is the operator's command line, run in a
 * process and on a home of that hospital's own. What passes between the homes are files: cards, signatures, the genesis.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { localPort } from './ports.ts'
import { runWardline } from './wardline.ts'

export type ChainMode = 'dss' | 'stt' | 'spv'

export type FoundedChain = {
  readonly label: string
  readonly mode: ChainMode
  /** The genesis that all founders signed. */
  readonly genesis: string
}

export type Founded = {
  /** In the order asked for. */
  readonly chains: readonly FoundedChain[]
  /** The founders' homes, in the order of their names. */
  readonly homes: readonly string[]
}

export type Founder = {
  readonly name: string
  /** Its home's folder. */
  readonly place: string
  /** Under which others reach it, by the chain's label, as a multiaddr; left out: where it listens. */
  readonly announce?: Readonly<Record<string, string>>
}

export type CeremonyStep = 'identities' | 'cards' | 'genesis' | 'signatures' | 'installing'

/** A hospital, and the folder of the documents that it makes. */
type Place = Founder & { readonly home: string; readonly documents: string }

/**
 * Founds chains of new hospitals, all of them on each. Homes are made at `FOLDER/<place>`, the documents that travel in
 * `FOLDER/ceremony`, each whole genesis at `FOLDER/<label>.genesis.json`.
 * @throws WardlineError `command-failed`, `no-free-port`
 */
export async function foundNetwork(options: {
  readonly folder: string
  readonly chains: readonly { readonly label: string; readonly mode: ChainMode }[]
  readonly founders: readonly Founder[]
  readonly onStep?: (step: CeremonyStep) => void
}): Promise<Founded> {
  const { folder, founders } = options
  const step = (name: CeremonyStep) => options.onStep?.(name)
  const ceremony = join(folder, 'ceremony')
  const places: readonly Place[] = founders.map((founder) => ({
    ...founder,
    home: join(folder, founder.place),
    documents: join(ceremony, founder.place)
  }))
  const [first] = places
  if (first === undefined) throw new RangeError('a network has at least one hospital')
  const chains = options.chains.map((chain) => ({ ...chain, genesis: join(folder, `${chain.label}.genesis.json`) }))
  const labels = chains.map(({ label }) => label)
  await Promise.all(places.map(({ documents }) => mkdir(documents, { recursive: true, mode: 0o700 })))

  const makeIdentity = ({ home, name }: Place) => runWardline(home, ['init', `--name=${name}`])
  const makeCards = async (place: Place) => {
    for (const label of labels) {
      const listen = ['--listen', `/ip4/127.0.0.1/tcp/${await localPort()}`]
      const announced = place.announce?.[label]
      const address = announced === undefined ? [] : ['--address', announced]
      const where = [...listen, ...address]
      await runWardline(place.home, ['id', 'export', '--chain', label, ...where, '--out', cardOf(place, label)])
    }
  }
  step('identities')
  await Promise.all(places.map(makeIdentity))
  step('cards')
  await Promise.all(places.map(makeCards))
  step('genesis')
  const drafts = await Promise.all(
    chains.map(async ({ label, mode }) => {
      const draft = join(ceremony, `${label}.draft.json`)
      const cards = places.map((place) => cardOf(place, label))
      await runWardline(first.home, ['genesis', 'draft', ...cards, '--chain', label, '--mode', mode, '--out', draft])
      return { label, draft }
    })
  )
  step('signatures')
  await Promise.all(
    places.map(async (place) => {
      for (const { label, draft } of drafts) {
        await runWardline(place.home, ['genesis', 'sign', draft, '--out', signedOf(place, label)])
      }
    })
  )
  await Promise.all(
    chains.map(({ label, genesis }) => {
      const copies = places.map((place) => signedOf(place, label))
      return runWardline(first.home, ['genesis', 'join', ...copies, '--out', genesis])
    })
  )
  step('installing')
  await Promise.all(
    places.map(async ({ home }) => {
      for (const { genesis } of chains) await runWardline(home, ['genesis', 'install', genesis])
    })
  )
  return { chains, homes: places.map(({ home }) => home) }
}

function cardOf({ documents }: Place, label: string): string {
  return join(documents, `${label}.card`)
}

function signedOf({ documents }: Place, label: string): string {
  return join(documents, `${label}.signed.json`)
}
