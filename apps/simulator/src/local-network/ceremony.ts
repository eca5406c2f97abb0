/**
 * The founding ceremony of DESIGN section 9, as people would do it: every step is the operator's command line, run in a
 * process and on a home of that hospital's own. What passes between the homes are files: cards, signatures, the genesis.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runWardline } from './wardline.ts'

export type Founded = {
  readonly label: string
  /** The genesis that all founders signed. */
  readonly genesis: string
  /** The founders' homes, in the order of their names. */
  readonly homes: readonly string[]
}

export type CeremonyStep = 'identities' | 'cards' | 'genesis' | 'signatures' | 'installing'

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
  const places = founders.map(({ name, place }) => ({
    name,
    home: join(folder, place),
    card: join(documents, `${place}.card`),
    signed: join(documents, `${place}.signed.json`)
  }))
  const first = places[0]
  if (first === undefined) throw new RangeError('a network has at least one hospital')
  await mkdir(documents, { recursive: true, mode: 0o700 })

  step('identities')
  await Promise.all(places.map(({ home, name }) => runWardline(home, ['init', '--name', name])))
  step('cards')
  // One after the other: each takes a port that is free, and on one machine two could take the same at the same time.
  for (const { home, card } of places) await runWardline(home, ['id', 'export', '--chain', label, '--out', card])
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
