/** At rest every node has the same state and the same derived views, row by row. */
import type { SignKey } from '@wardline/codec'
import { type Chain, verifyChain } from '@wardline/node'
import type { Report } from '../watch.ts'

const COMPARED = ['state/', 'views/', 'blocks/header/', 'blocks/transaction/', 'blocks/height/'] as const

export async function compareTables(chains: readonly Chain[], report: Report): Promise<void> {
  const [first, ...others] = chains
  if (first === undefined) return
  const expected = await rowsOf(first)
  for (const chain of others) {
    const rows = await rowsOf(chain)
    const different = [...new Set([...rows.keys(), ...expected.keys()])].filter(
      (key) => rows.get(key) !== expected.get(key)
    )
    if (different.length > 0) report('I1', `${different.length} rows differ, such as ${different[0]}`)
  }
}

async function rowsOf(chain: Chain): Promise<ReadonlyMap<string, string>> {
  const rows = new Map<string, string>()
  for (const prefix of COMPARED) {
    // What is over may be removed at any time, so it is not compared.
    const isSeen = (key: string): boolean => key.startsWith('state/seen/')
    for await (const [key, value] of chain.store.range({ from: prefix, to: `${prefix.slice(0, -1)}0` })) {
      if (!isSeen(key)) rows.set(key, Buffer.from(value).toString('hex'))
    }
  }
  return rows
}

/** I4 and I5: one node's disk verifies from genesis on, by code that shares nothing with the loop. */
export async function checkChain(chain: Chain, verify: Verify, report: Report): Promise<void> {
  const verified = await verifyChain({ store: chain.store, genesis: chain.genesis, verify })
  if (verified.kind === 'failed')
    report('I5', `${chain.self} at ${verified.height}: ${verified.code}: ${verified.what}`)
  else if (verified.digest !== chain.head().digest) report('I5', `${chain.self} verifies to another head`)
}

type Verify = (key: SignKey, message: Uint8Array, signature: Uint8Array) => boolean
