/**
 * A reader without manners: somebody with the keys of a hospital asks for a patient's records without a grant, and fetches
 * them in spite of the refusal. What comes over the streams is counted where it arrives.
 */
import type { TransactionId } from '@wardline/codec'
import { memberOn, type Site } from '../local-network/network.ts'
import { startAdversary } from './adversary.ts'
import type { AnchoredFile } from './anchorer.ts'
import { PERMISSIONS } from './chains.ts'

export type Prying = {
  readonly file: AnchoredFile
  /** The owner's entry about the request. */
  readonly entry: TransactionId
  /** Why it was refused; null where it was not, or where not every fetch was. */
  readonly code: string | null
  /** Streams after the first, on which records were fetched. */
  readonly fetches: number
  readonly contentBytes: number
  /** All that came over the streams. */
  readonly streamBytes: number
}

const READER = 'adversary-reader-process.ts'
const RECORDS_MAX = 4
/** The map around an entry of the chain, and a refusal with the longest of the codes, bytes. */
const ENTRY_FRAME_BYTES = 16
const REFUSAL_BYTES_MAX = 48

/** @param owner of the file; `culprit`'s daemon does not run. @throws WardlineError where no attempt could be made */
export async function attemptReading(culprit: Site, owner: Site, file: AnchoredFile): Promise<Prying> {
  const records = file.records.slice(0, RECORDS_MAX).map(({ record }) => record)
  const wanted = { owner: memberOn(owner, PERMISSIONS), alias: file.alias, records: records.sort() }
  const reader = await startAdversary(READER, [culprit.home, PERMISSIONS, JSON.stringify(wanted)])
  try {
    const { id, decision, code, refusals, contentBytes, streamBytes } = await reader.says('read')
    const isRefused = decision === 'deny' && !refusals.includes(null)
    return { file, entry: id, code: isRefused ? code : null, fetches: refusals.length, contentBytes, streamBytes }
  } finally {
    await reader.stop()
  }
}

/** Whether what came over the streams is the entry, of this size on the chain, and one refusal for each fetch, and nothing beside. */
export function isBareRefusal({ fetches, streamBytes }: Prying, entryBytes: number): boolean {
  return streamBytes > entryBytes && streamBytes <= entryBytes + ENTRY_FRAME_BYTES + fetches * REFUSAL_BYTES_MAX
}
