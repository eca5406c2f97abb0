import { epoch, type Hash, limits, type MemberId, name32, nameBytes, view } from '@wardline/codec'
import type { Header } from '@wardline/consensus'
import { chainIdOf, type ParsedTransaction } from '@wardline/ledger'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createExecutor, type Roots } from '../src/executor.ts'
import { createFinalState } from '../src/final-state.ts'
import { openStore } from '../src/open.ts'
import { founded, type Hospital, registered } from './chain-world.ts'

const test = suite('node/executor')

const { genesis, hospitals } = founded(2)
const [alpha] = hospitals as [Hospital, Hospital]
const chain = chainIdOf(genesis)

async function setUp() {
  const store = await createMemoryDisk().openStore('chain')
  const { head } = await openStore(store, chain, genesis)
  const executor = createExecutor(createFinalState(store), () => head)
  let views = 0
  /** A block on the head of these candidates. */
  const build = (candidates: readonly ParsedTransaction[], parent = head.digest) => {
    const timeMs = (executor.headOf(parent)?.time ?? 0) + 1
    views += 1
    return executor.build(parent, timeMs, candidates, (roots: Roots) => ({
      ...blank,
      view: view(views),
      height: ((executor.headOf(parent)?.height ?? 0) + 1) as Header['height'],
      parent,
      time: timeMs,
      ...roots
    }))
  }
  return { executor, head, build }
}

const blank: Omit<Header, 'view' | 'height' | 'parent' | 'time' | keyof Roots> = {
  version: 1,
  chain,
  epoch: epoch(0),
  proposer: name32<MemberId>(nameBytes(alpha.member)),
  nextSetHash: name32<Hash>(new Uint8Array(32))
}

test('a leader stops after so many refusals, and says that it has not looked at all', async () => {
  const { build } = await setUp()
  const twins = Array.from({ length: limits.buildRefusalsMax + 10 }, () => registered(genesis, alpha, 'twin'))
  const behind = registered(genesis, alpha, 'behind')
  const built = build([...twins, behind])
  assert.equal([built.count, built.refused.length, built.isWhole], [1, limits.buildRefusalsMax, false])
  const refused = new Set(built.refused)
  const rest = [...twins.filter((one) => !refused.has(one)), behind]
  const second = build(rest)
  assert.ok(second.block?.transactions.includes(behind))
  assert.is(second.isWhole, true)
})

test('a leader takes so many into one block, and leaves the rest to the next', async () => {
  const { build } = await setUp()
  const built = build(
    Array.from({ length: limits.buildTransactionsMax + 5 }, (_, i) => registered(genesis, alpha, `${i}`))
  )
  assert.equal([built.count, built.refused.length, built.isWhole], [limits.buildTransactionsMax, 0, true])
})

test('only so many unfinalised blocks are kept, never without the block that another one follows', async () => {
  const { executor, head, build } = await setUp()
  const first = build([]).block
  assert.ok(first !== undefined)
  const siblings = Array.from({ length: 2 * limits.unfinalisedBlocksMax }, () => build([]).block?.digest ?? head.digest)
  const kept = siblings.filter((digest) => executor.knows(digest))
  assert.ok(kept.length <= limits.unfinalisedBlocksMax)
  assert.ok(executor.knows(siblings.at(-1) ?? head.digest))
  // The oldest that is left is followed by a new one, and both stay.
  const oldest = kept[0] ?? head.digest
  const child = build([], oldest).block
  assert.ok(child !== undefined && executor.knows(oldest) && executor.knows(child.digest))
  for (let more = 0; more < 2 * limits.unfinalisedBlocksMax; more++) build([], child.digest)
  assert.ok(executor.knows(oldest) && executor.knows(child.digest))
  assert.not.ok(executor.knows(first.digest))
})

test.run()
