/** What must hold at the end of a demo. Each check asks the daemons, or the operator's command line. */
import { CallError } from '@wardline/client'
import type { TransactionId } from '@wardline/codec'
import type { Site } from '../local-network/network.ts'
import { askWardline } from '../local-network/wardline.ts'

export type ChainSummary = {
  readonly mode: string
  readonly chainId: string
  readonly height: number
  /** The last block of each hospital, in their order. */
  readonly heads: readonly string[]
  readonly transactions: number
}

const SETTLED_MS_MAX = 20_000
const POLL_MS = 50

/** Waits until all hospitals are at rest on one head; what they are at after twenty seconds otherwise. */
export async function settledChain(sites: readonly Site[]): Promise<ChainSummary> {
  for (const untilMs = performance.now() + SETTLED_MS_MAX; ; ) {
    const states = await Promise.all(sites.map(({ daemon }) => daemon.admin.call('status', {})))
    const chains = states.flatMap(({ chains }) => chains.slice(0, 1))
    const heads = chains.map(({ head }) => head)
    const isAtRest = chains.every(({ mempool, duties }) => mempool.transactions === 0 && duties.pending === 0)
    const [first] = chains
    if (first !== undefined && ((isAtRest && new Set(heads).size === 1) || performance.now() > untilMs)) {
      const { mode, chain: chainId, height, transactions } = first
      return { mode, chainId, height, heads, transactions }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Whether no hospital knows the transaction: not in a block, and not waiting for one. */
export async function isNowhere(sites: readonly Site[], id: TransactionId): Promise<boolean> {
  const found = await Promise.all(
    sites.map(async ({ daemon }) => {
      try {
        return (await daemon.ehr.call('tx.get', { id })).state
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
export async function homeHolds(home: string, head: string | undefined): Promise<boolean> {
  const { exit, output } = await askWardline(home, ['chain', 'verify', '--json'])
  if (exit !== 0) return false
  const verified = JSON.parse(output) as { readonly ok?: unknown; readonly head?: unknown }
  return verified.ok === true && verified.head === head
}
