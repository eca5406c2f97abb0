/** The graphs of all records as a stopped home keeps them in its database, read without any daemon. */
import { readFile } from 'node:fs/promises'
import type { MemberId, RecordId } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { handOffs, heldRecords, type Rows, traceRecord } from '@wardline/custody'
import { memberIdOf, parseGenesis } from '@wardline/ledger'
import { openLevelStore } from '@wardline/store-level'
import type { Trail } from './sample-alliance.ts'

/** The members of these hospitals by the genesis that the home follows, in the order of the names. */
export async function membersOf(home: string, label: string, names: readonly string[]): Promise<readonly MemberId[]> {
  const parsed = parseGenesis(await readFile(homePaths(home).chain(label).genesis, 'utf8'))
  if (parsed.kind === 'failed') throw new Error(`the genesis of ${home} cannot be read`)
  return names.map((name) => {
    const founder = parsed.genesis.founders.find((card) => card.name === name)
    if (founder === undefined) throw new Error(`no founder is called ${name}`)
    return memberIdOf(founder.sign)
  })
}

/** @param members of the alliance's hospitals, in their order */
export async function keptTrails(home: string, label: string, members: readonly MemberId[]): Promise<readonly Trail[]> {
  const store = await openLevelStore(homePaths(home).chain(label).store)
  try {
    const trails: Trail[] = []
    for (const record of await recordsOf(store, members)) trails.push(await trailOf(store, record, members))
    return trails
  } finally {
    await store.close()
  }
}

async function recordsOf(rows: Rows, members: readonly MemberId[]): Promise<ReadonlySet<RecordId>> {
  const held = await Promise.all(members.map((member) => heldRecords(rows, member, { limit: 100_000 })))
  return new Set(held.flat().map(({ recordId }) => recordId))
}

async function trailOf(rows: Rows, record: RecordId, members: readonly MemberId[]): Promise<Trail> {
  const graph = await traceRecord(rows, record)
  if (graph?.complete !== true) throw new Error(`the graph of ${record} is not whole`)
  const numbers = new Map(graph.transmissions.map(({ id }, number) => [id, number]))
  return handOffs(graph).map(({ transmission: { sender, via }, delivery: { member, state } }) => {
    if (state !== 'opened') throw new Error(`a hand-off of ${record} is ${state}`)
    const brought = via === null ? null : (numbers.get(via) ?? -1)
    return { from: members.indexOf(sender), to: members.indexOf(member), via: brought }
  })
}
