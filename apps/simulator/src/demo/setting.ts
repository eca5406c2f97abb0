/** Everything that is settled before the first key is made. */
import { join } from 'node:path'
import { placesOf, prepareFolder } from '../local-network/folder.ts'
import { loadReplay, type Replay } from './journeys.ts'
import type { DemoOptions } from './options.ts'

export type Setting = Replay & {
  readonly folder: string
  /** Where the sample receipt goes. */
  readonly receipt: string
  /** In the order of `choice.hospitals`, as all lists of hospitals here: ids, display names, folders. */
  readonly hospitals: readonly { readonly id: string; readonly name: string; readonly place: string }[]
}

/** @throws UsageError */
export async function prepareSetting(options: DemoOptions): Promise<Setting> {
  const replay = await loadReplay(options)
  const ids = replay.choice.hospitals
  const places = placesOf(ids.map((id) => nameIn(replay, id)))
  const folder = await prepareFolder(options.data, places)
  const hospitals = ids.map((id, index) => ({ id, name: nameIn(replay, id), place: places[index] ?? id }))
  return { ...replay, folder, receipt: join(folder, 'receipt.json'), hospitals }
}

function nameIn({ names }: Replay, id: string): string {
  return names.get(id) ?? id
}
