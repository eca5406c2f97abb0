/** What stays of the demo: a record's graph, as a hospital draws it, and a receipt that proves one hand-off. */
import { writeFile } from 'node:fs/promises'
import { WardlineError } from '@wardline/codec'
import type { Site } from '../local-network/network.ts'
import { TRANSFERS } from './chains.ts'
import type { Trail } from './courier.ts'
import type { Screen } from './screen.ts'

export type ShownGraph = {
  readonly drawing: string
  readonly holders: number
  readonly edges: number
  /** Every delivery of the trail is an edge that was opened, and there is no other edge. */
  readonly isAsReplayed: boolean
}

const MARGIN = 2

export async function traceTrail(site: Site, trail: Trail, { unicode, width }: Screen): Promise<ShownGraph> {
  const { edges, holders, drawing } = await site.daemon.ehr.call('record.trace', {
    chain: TRANSFERS,
    record: trail.record,
    draw: unicode ? 'terminal' : 'ascii',
    width: Math.max(40, width - MARGIN)
  })
  const opened = new Set(edges.filter(({ state }) => state === 'opened').map(({ transmission }) => transmission))
  const replayed = trail.deliveries.every(({ transmission }) => opened.has(transmission))
  return {
    drawing: (drawing ?? '').replaceAll(/^(?=.)/gm, ' '.repeat(MARGIN)),
    holders: holders.length,
    edges: edges.length,
    isAsReplayed: replayed && edges.length === trail.deliveries.length
  }
}

/** Writes the receipt of the trail's last transmission. @throws WardlineError `no-receipt` */
export async function keepReceipt(site: Site, trail: Trail, path: string): Promise<void> {
  const id = trail.deliveries.at(-1)?.transmission
  const receipt = id && (await site.daemon.ehr.call('tx.get', { chain: TRANSFERS, id, receipt: true })).receipt
  if (receipt === undefined) throw new WardlineError('no-receipt', 'a final transmission has no receipt')
  await writeFile(path, `${receipt}\n`, { flag: 'wx' })
}
