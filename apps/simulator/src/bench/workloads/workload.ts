/** What all workloads have in common. */
import { randomBytes } from 'node:crypto'
import type { TransactionId } from '@wardline/codec'
import type { Site } from '../../local-network/network.ts'

export type Workload = {
  /** One transaction by client `client` (from 0), until it is final. @returns its id */
  call(client: number): Promise<TransactionId>
  /** Bytes beside signed transactions that all hospitals together must keep of one call; asked after a load. */
  keptBytes(): Promise<number>
}

/** Where a workload runs: the network's sites, the chain's label there, and how many clients there will be at most. */
export type Ground = { readonly sites: readonly Site[]; readonly label: string; readonly clients: number }

export const RECORD_BYTES = 1024
export const LARGE_RECORD_BYTES = 10_000
export const TIMEOUT_MS = 120_000

/** A new record that no compression makes smaller, Base64. */
export function newRecord(sizeBytes: number): string {
  return randomBytes(sizeBytes).toString('base64')
}

/** The site of a client, or one further on: they go round. */
export function siteAt(sites: readonly Site[], index: number): Site {
  const site = sites[index % sites.length]
  if (site === undefined) throw new RangeError('a network has sites')
  return site
}

/** What each client has, prepared for all at once. */
export async function forEachClient<T>(clients: number, prepare: (client: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: clients }, (_, client) => prepare(client)))
}

/** The patient of a client's calls, as the client's hospital calls it. */
export function patientOf(client: number): string {
  return `patient ${client}`
}

/** @throws RangeError for a client that nothing was prepared for */
export function ofClient<T>(prepared: readonly T[], client: number): T {
  const own = prepared[client]
  if (own === undefined) throw new RangeError('every client was prepared for')
  return own
}
