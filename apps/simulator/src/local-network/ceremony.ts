/**
 * The founding ceremony, as people would do it: every step is the operator's command line, run in a
 * process and on a home of that hospital's own. What passes between the homes are files: cards, signatures, the genesis.
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseCard } from '@wardline/ledger'
import { runWardline } from './wardline.ts'

export type Founded = {
  readonly label: string
  /** The genesis that all founders signed. */
  readonly genesis: string
  /** The founders' homes, in the order of their names. */
  readonly homes: readonly string[]
}

export type CeremonyStep = 'identities' | 'cards' | 'genesis' | 'signatures' | 'installing'

type Place = { readonly name: string; readonly home: string; readonly card: string; readonly signed: string }

/**
 * Founds a chain of new hospitals. Homes are made at `FOLDER/<place>`, the documents that travel in `FOLDER/ceremony`, the
 * whole genesis at `FOLDER/genesis.json`.
 * @throws WardlineError `command-failed`
 */
export async function foundNetwork(options: {
  readonly folder: string
  readonly label: string
  readonly founders: readonly { readonly name: string; readonly place: string }[]
  readonly onStep?: (step: CeremonyStep) => void
}): Promise<Founded> {
  const { folder, label, founders } = options
  const step = (name: CeremonyStep) => options.onStep?.(name)
  const documents = join(folder, 'ceremony')
  const draft = join(documents, 'genesis.draft.json')
  const genesis = join(folder, 'genesis.json')
  const places: readonly Place[] = founders.map(({ name, place }) => ({
    name,
    home: join(folder, place),
    card: join(documents, `${place}.card`),
    signed: join(documents, `${place}.signed.json`)
  }))
  const first = places[0]
  if (first === undefined) throw new RangeError('a network has at least one hospital')
  await mkdir(documents, { recursive: true, mode: 0o700 })

  const makeIdentity = ({ home, name }: Place) => runWardline(home, ['init', `--name=${name}`])
  const makeCard = ({ home, card }: Place) => runWardline(home, ['id', 'export', '--chain', label, '--out', card])
  step('identities')
  await Promise.all(places.map(makeIdentity))
  step('cards')
  await Promise.all(places.map(makeCard))
  for (let again = await sharingAddress(places); again !== undefined; again = await sharingAddress(places)) {
    await Promise.all([rm(again.home, { recursive: true }), rm(again.card)])
    await makeIdentity(again)
    await makeCard(again)
  }
  step('genesis')
  const cards = places.map(({ card }) => card)
  await runWardline(first.home, ['genesis', 'draft', ...cards, '--chain', label, '--out', draft])
  step('signatures')
  await Promise.all(places.map(({ home, signed }) => runWardline(home, ['genesis', 'sign', draft, '--out', signed])))
  const copies = places.map(({ signed }) => signed)
  await runWardline(first.home, ['genesis', 'join', ...copies, '--out', genesis])
  step('installing')
  await Promise.all(places.map(({ home }) => runWardline(home, ['genesis', 'install', genesis])))
  return { label, genesis, homes: places.map(({ home }) => home) }
}

/**
 * A hospital whose card names the address of another one: each took a port that was free, on the machine that they share.
 */
async function sharingAddress(places: readonly Place[]): Promise<Place | undefined> {
  const taken = new Set<string>()
  for (const place of places) {
    const parsed = parseCard(await readFile(place.card, 'utf8'))
    const address = parsed.kind === 'ok' ? parsed.card.addresses[0] : undefined
    if (address === undefined) continue
    if (taken.has(address)) return place
    taken.add(address)
  }
  return undefined
}
