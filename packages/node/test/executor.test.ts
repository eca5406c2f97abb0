import { limits, type MemberId, name32, nameBytes, view } from '@wardline/codec'
import type { Header } from '@wardline/consensus'
import { chainIdOf, type ParsedTransaction } from '@wardline/ledger'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createExecutor, type Roots } from '../src/executor.ts'
import { createFinalState } from '../src/final-state.ts'
import { openStore } from '../src/open.ts'
import { doctorOf, enrolled, recorded } from './alliance.ts'
import { founded, type Hospital, registered } from './chain-world.ts'

const test = suite('node/executor')

const { genesis, hospitals } = founded(2)
const [alpha] = hospitals as [Hospital, Hospital]
const chain = chainIdOf(genesis)

async function setUp(world = { genesis, chain }) {
  const store = await createMemoryDisk().openStore('chain')
  const { head } = await openStore(store, world.chain, world.genesis)
  const executor = createExecutor(createFinalState(store), () => head)
  let views = 0
  /** A block on the head of these candidates. */
  const build = (candidates: readonly ParsedTransaction[], parent = head.digest, isOver = () => false) => {
    const timeMs = (executor.headOf(parent)?.time ?? 0) + 1
    views += 1
    const complete = (roots: Roots) => ({
      ...blank,
      chain: world.chain,
      view: view(views),
      height: ((executor.headOf(parent)?.height ?? 0) + 1) as Header['height'],
      parent,
      time: timeMs,
      ...roots
    })
    return executor.build(parent, timeMs, candidates, complete, isOver)
  }
  return { executor, head, build }
}

const blank: Omit<Header, 'view' | 'height' | 'parent' | 'time' | keyof Roots> = {
  version: 1,
  chain,
  proposer: name32<MemberId>(nameBytes(alpha.member))
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

test('a leader stops when its time is over, with what it has, but never before it has looked at one', async () => {
  const { build, head } = await setUp()
  const candidates = Array.from({ length: 10 }, (_, i) => registered(genesis, alpha, `slow ${i}`))
  let looks = 0
  // Asked before each but the first.
  const third = () => {
    looks += 1
    return looks === 3
  }
  const built = build(candidates, head.digest, third)
  assert.equal([built.count, built.refused.length, built.isWhole], [3, 0, false])
  const one = build(candidates, head.digest, () => true)
  assert.equal([one.count, one.isWhole], [1, false])
})

test('who has filled the payloads of a block keeps nobody out, and leaves no room unused', async () => {
  const alliance = founded(2, 'test', 'DSS')
  const [author, other] = alliance.hospitals as [Hospital, Hospital]
  const { build } = await setUp({ genesis: alliance.genesis, chain: chainIdOf(alliance.genesis) })
  const people = [author, other].map((one) => registered(alliance.genesis, one, doctorOf(one)))
  const begun = build([enrolled(alliance.genesis, author), ...people]).block
  assert.is(begun?.transactions.length, 3)
  const text = 'x'.repeat(limits.payloadBytesMax - 1024)
  const large = (by: Hospital, at: number) => recorded(alliance.genesis, by, { text: text + at }).transaction
  const flood = Array.from({ length: 20 }, (_, at) => large(author, at))
  const late = large(other, 20)
  const small = registered(alliance.genesis, other, 'behind the flood')
  const built = build([...flood, late, small], begun?.digest).block?.transactions ?? []
  assert.ok(built.includes(late) && built.includes(small))
  const payloads = built.filter(({ kind }) => kind === 'dss.record')
  assert.is(payloads.length, limits.blockPayloadBytesMax / limits.payloadBytesMax)
  assert.equal(
    payloads.filter((one) => one !== late),
    flood.slice(0, payloads.length - 1),
    'in order of arrival'
  )
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
