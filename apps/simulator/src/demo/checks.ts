/** What must hold at the end of a demo. Each check asks the daemons, or the operator's command line. */
import { CallError } from '@wardline/client'
import { type TransactionId, WardlineError } from '@wardline/codec'
import type { Site } from '../local-network/network.ts'
import { askWardline } from '../local-network/wardline.ts'
import { TRANSFERS } from './chains.ts'

export type ChainSummary = {
  readonly label: string
  readonly mode: string
  readonly chainId: string
  readonly height: number
  /** The last block of each hospital, in their order. */
  readonly heads: readonly string[]
  readonly transactions: number
}

const SETTLED_MS_MAX = 60_000
const POLL_MS = 50

/** Waits until all hospitals are at rest on one head of this chain; what they are at after a minute otherwise. */
export async function settledChain(sites: readonly Site[], label: string): Promise<ChainSummary> {
  for (const untilMs = performance.now() + SETTLED_MS_MAX; ; ) {
    const states = await Promise.all(sites.map(({ daemon }) => daemon.admin.call('status', {})))
    const chains = states.flatMap(({ chains }) => chains.filter((chain) => chain.label === label))
    const heads = chains.map(({ head }) => head)
    const isAtRest = chains.every(
      ({ mempool, duties, payloads }) => mempool.transactions === 0 && duties.pending === 0 && payloads.missing === 0
    )
    const [first] = chains
    if (first === undefined) throw new WardlineError('no-chain', `no hospital has the chain ${label}`)
    if ((isAtRest && new Set(heads).size === 1) || performance.now() > untilMs) {
      const { mode, chain: chainId, height, transactions } = first
      return { label, mode, chainId, height, heads, transactions }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Whether no hospital knows the transaction on the chain of transfers: not in a block, and not waiting for one. */
export async function isNowhere(sites: readonly Site[], id: TransactionId): Promise<boolean> {
  const found = await Promise.all(
    sites.map(async ({ daemon }) => {
      try {
        return (await daemon.ehr.call('tx.get', { chain: TRANSFERS, id })).state
      } catch (error) {
        if (error instanceof CallError && error.code === 'not-found') return null
        throw error
      }
    })
  )
  return found.every((state) => state === null)
}

/** Whether `wardline verify` accepts the receipt, with nothing but the genesis. */
export async function receiptHolds(home: string, receipt: string, genesis: string): Promise<boolean> {
  const { exit } = await askWardline(home, ['verify', receipt, '--genesis', genesis])
  return exit === 0
}

/** Whether `wardline chain verify` on the stopped home finds all of the chain up to `head` as it was agreed. */
export async function homeHolds(home: string, label: string, head: string | undefined): Promise<boolean> {
  const { exit, output } = await askWardline(home, ['chain', 'verify', label, '--json'])
  if (exit !== 0) return false
  const verified = JSON.parse(output) as { readonly ok?: unknown; readonly head?: unknown }
  return verified.ok === true && verified.head === head
}
