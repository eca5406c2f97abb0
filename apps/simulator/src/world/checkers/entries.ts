/**
 * M1, for both modes that keep entries of patients: what is said of an alias is complete and in order. The entries are
 * collected and linked here from the blocks alone, by code that shares nothing with the ledger, and held against the
 * ledger's state and the derived rows. In an alliance every member has the record behind every entry, too.
 */
import { type CborValue, decodeCbor, fromHex, height, sha256, toHex } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Report } from '../watch.ts'

const TAG = new TextEncoder().encode('wardline/entry/1')

export async function checkEntries(chains: readonly Chain[], report: Report): Promise<void> {
  const [first] = chains
  if (first === undefined || first.genesis.mode === 'STT') return
  const transactions = transactionsOf(first)
  const entries = new Map<string, string[]>()
  for (const transaction of transactions) {
    const alias = aliasOf(transaction)
    if (alias === undefined) continue
    const ids = entries.get(alias) ?? []
    ids.push(transaction.id)
    entries.set(alias, ids)
  }
  for (const [alias, ids] of entries) {
    await checkState(first, alias, ids, report)
    await checkRows(first, alias, ids, report)
  }
  if (first.genesis.mode !== 'DSS') return
  for (const chain of chains) {
    for (const transaction of transactions) {
      if (transaction.payload !== undefined && chain.payloads.read(transaction).kind !== 'here') {
        report('M1', `${chain.self} does not have the record of ${transaction.id}`)
      }
    }
  }
}

function transactionsOf(chain: Chain): readonly ParsedTransaction[] {
  const all: ParsedTransaction[] = []
  for (let at = 1; at <= chain.head().height; at++) all.push(...(chain.query.block(height(at))?.transactions ?? []))
  return all
}

function aliasOf({ author, body }: ParsedTransaction): string | undefined {
  if ('alias' in author) return author.alias
  if ('alias' in body) return body.alias
  return 'request' in body ? body.request.request.alias : undefined
}

async function checkState(chain: Chain, alias: string, ids: readonly string[], report: Report): Promise<void> {
  let head: Uint8Array = new Uint8Array(32)
  for (const [index, id] of ids.entries()) {
    const number = new Uint8Array(8)
    new DataView(number.buffer).setBigUint64(0, BigInt(index + 1))
    head = sha256(TAG, fromHex(chain.id), fromHex(alias), number, head, fromHex(id))
  }
  const stored = fieldsOf(chain.store.get(`state/entry/${alias}`))
  if (stored['count'] !== ids.length) report('M1', `${alias} has ${ids.length} entries, and the state counts others`)
  if (hexOf(stored['head']) !== toHex(head)) report('M1', `the entries of ${alias} are linked otherwise`)
}

async function checkRows(chain: Chain, alias: string, ids: readonly string[], report: Report): Promise<void> {
  const view = chain.genesis.mode === 'DSS' ? 'timeline' : 'access'
  const prefix = `views/${view}/entry/${alias}/`
  const listed: string[] = []
  for await (const [, value] of chain.store.range({ from: prefix, to: `${prefix.slice(0, -1)}0` })) {
    listed.push(hexOf(fieldsOf(value)['id']))
  }
  if (listed.join() !== ids.join()) report('M1', `the ${view} of ${alias} lists other entries than the chain has`)
}

function fieldsOf(bytes: Uint8Array | undefined): Readonly<Record<string, CborValue>> {
  const value = bytes === undefined ? undefined : decodeCbor(bytes)
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isMap ? (value as Readonly<Record<string, CborValue>>) : {}
}

function hexOf(value: CborValue | undefined): string {
  return value instanceof Uint8Array ? toHex(value) : ''
}
