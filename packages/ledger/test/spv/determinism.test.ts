/**
 * Random histories of an SPV chain, of valid and invalid transactions: whoever executes them comes to the same state, and a
 * permanent refusal stays one.
 */
import { type Digest, type Hash, height, name32 } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appHash,
  type Change,
  createBlock,
  createOverlay,
  execute,
  genesisAppHash,
  genesisChanges,
  judge,
  layered,
  type ParsedTransaction,
  type Position,
  parseTransaction,
  readAnsweredRequest,
  readEntries,
  requestIdOf,
  type StateView
} from '../../src/index.ts'
import { alpha, beta, CREATED, gamma, type Person, secret, stateOf, transaction } from '../world.ts'
import {
  access,
  aliasOf,
  anchorRecord,
  anna,
  bruno,
  chain,
  grantTo,
  openAlias,
  region,
  requestOf,
  staff,
  surgeon,
  takeBack
} from './world.ts'

const test = suite('ledger/spv/determinism')

const BLOCK_MS = 4 * 60 * 1000
const hospitals = [alpha, beta, gamma]
const wallets = [anna, bruno]

type Step = {
  readonly act: number
  readonly who: number
  readonly of: number
  readonly ref: number
  readonly flag: number
}
const anyStep: fc.Arbitrary<Step> = fc.record({
  act: fc.nat(19),
  who: fc.nat(hospitals.length - 1),
  of: fc.nat(wallets.length - 1),
  ref: fc.nat(20),
  flag: fc.nat(9)
})
const anyHistory = fc.array(fc.array(anyStep, { maxLength: 8 }), { minLength: 2, maxLength: 8 })

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)]
}

function digestAt(at: number): Digest {
  return at === 0 ? name32<Digest>(chain) : name32<Digest>(secret(`block ${at}`))
}

function timeAt(at: number): number {
  return CREATED + BLOCK_MS * at
}

function positionOf(at: number): Position {
  return { height: height(at), time: timeAt(at), parent: { digest: digestAt(at - 1), time: timeAt(at - 1) } }
}

/** A transaction at this height that may well be against the rules; `tried` are all before it. */
function transactionOf(
  { act, who, of, ref, flag }: Step,
  tried: readonly ParsedTransaction[],
  at: number
): ParsedTransaction | undefined {
  const hospital = hospitals[who] as Person
  const wallet = wallets[of] as typeof anna
  const records = tried.flatMap((tx) => (tx.kind === 'spv.anchor' ? [tx.body.recordId] : []))
  const grants = tried.flatMap((tx) => (tx.kind === 'spv.grant' ? [tx] : []))
  const entries = tried.flatMap((tx) => (tx.kind === 'spv.access' ? [tx] : []))
  if (act < 2) return openAlias(wallet, hospital)
  if (act < 5) return anchorRecord(wallet, { owner: flag < 7 ? alpha : hospital })
  if (act < 9) {
    const record = pick(records, ref)
    const scope = flag < 3 && record !== undefined ? { scope: { kind: 'records' as const, records: [record] } } : {}
    return grantTo(wallet, flag % 2 === 0 ? surgeon : hospital, { to: timeAt(at + 1 + flag), ...scope })
  }
  if (act < 11) {
    const grant = pick(grants, ref)
    return grant && takeBack(wallet, grant.id, hospital)
  }
  if (act < 17) {
    const again = pick(entries, ref)
    const record = pick(records, ref)
    if (flag === 9 && again !== undefined) {
      const author = hospitals.find(({ member }) => member === again.author.member) as Person
      return access(again.body.request, { decidedAt: again.body.decidedAt }, { author })
    }
    if (record === undefined) return undefined
    const decided = Math.max(0, at - 1 - (ref % 6))
    const decidedAt = { height: decided, digest: digestAt(flag === 8 ? decided + 1 : decided) }
    const owner = flag === 7 ? hospital : alpha
    const request = requestOf(surgeon, wallet, [record], { owner: owner.member })
    return access(request, { decidedAt, decision: flag % 3 === 0 ? 'deny' : 'permit' }, { author: owner })
  }
  if (act === 17) return staff(surgeon, beta)
  return act === 18 && flag > 6 ? transaction(beta, 'member.revoke', { member: surgeon.member }, { chain }) : undefined
}

function genesisMap(): { readonly map: Map<string, Uint8Array>; readonly view: StateView } {
  const map = new Map<string, Uint8Array>()
  for (const { key, value } of genesisChanges(region)) if (value !== null) map.set(key, value)
  return { map, view: { get: (key) => map.get(key) } }
}

function commit(map: Map<string, Uint8Array>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === null) map.delete(key)
    // A copy, so that nothing is shared with the one who executed.
    else map.set(key, new Uint8Array(value))
  }
}

/**
 * A history that ends in each status an access can have, for random ones may miss one: an anchor and a grant to the
 * surgeon, then accesses that the grant permits, that are denied, that nothing permitted yet at the height they name, and
 * that come long after their decision.
 */
function everyStatus(): Step[][] {
  const step = (act: number, ref: number, flag: number): Step => ({ act, who: 0, of: 0, ref, flag })
  const anchored = [step(2, 0, 0), step(5, 0, 8)]
  const permitted = step(11, 0, 1)
  const denied = step(11, 0, 3)
  const beforeTheGrant = step(11, 1, 1)
  const longAgo = step(11, 3, 1)
  return [anchored, [permitted, denied, beforeTheGrant], [], [], [longAgo]]
}

type Block = {
  readonly transactions: readonly ParsedTransaction[]
  readonly app: Hash
}

/** Leads the chain: each block takes what is accepted of its steps. */
function lead(steps: readonly (readonly Step[])[]): readonly Block[] {
  const state = createOverlay(stateOf(genesisChanges(region)))
  const tried: ParsedTransaction[] = []
  let app = genesisAppHash(region)
  return [[{ act: 0, who: 0, of: 0, ref: 0, flag: 0 }], ...steps].map((blockSteps, index) => {
    const at = index + 1
    const block = createBlock(state, positionOf(at))
    const transactions: ParsedTransaction[] = []
    if (at === 1)
      for (const tx of [staff(surgeon, beta), openAlias(bruno)])
        if (block.add(tx).kind === 'accept') transactions.push(tx)
    for (const step of blockSteps) {
      const tx = transactionOf(step, tried, at)
      if (tx === undefined) continue
      tried.push(tx)
      if (block.add(tx).kind === 'accept') transactions.push(tx)
    }
    const { changes, seen } = block.changes()
    for (const { key, value } of [...changes, ...seen]) state.set(key, value)
    app = appHash(app, changes)
    return { transactions, app }
  })
}

test('replaying from bytes, or on stacked overlays, gives every appHash again, and every entry is counted', () => {
  const statuses = new Set<string>()
  const property = fc.property(anyHistory, (steps) => {
    const blocks = lead(steps)
    const { map, view } = genesisMap()
    const base = genesisMap().view
    const layers: (readonly Change[])[] = []
    let app = genesisAppHash(region)
    const entries = new Map<string, number>()
    for (const [index, block] of blocks.entries()) {
      const transactions = block.transactions.map(({ bytes }) => {
        const result = parseTransaction(new Uint8Array(bytes), chain)
        if (result.kind === 'reject') throw new Error(result.code)
        return result.transaction
      })
      const position = positionOf(index + 1)
      const replayed = execute(view, { ...position, transactions })
      const stacked = execute(layered(base, layers), { ...position, transactions })
      if (replayed.kind === 'invalid') throw new Error(`${index}: ${replayed.code}`)
      assert.equal(stacked, replayed)
      app = appHash(app, replayed.changes)
      assert.is(app, block.app)
      commit(map, [...replayed.changes, ...replayed.seen])
      layers.push(replayed.changes, replayed.seen)
      for (const tx of transactions) {
        const alias = touched(tx)
        if (alias !== undefined) entries.set(alias, (entries.get(alias) ?? 0) + 1)
        if (tx.kind !== 'spv.access') continue
        const row = readAnsweredRequest(view, requestIdOf(tx.body.request.request))
        assert.is(row?.access, tx.id)
        statuses.add(row?.status as string)
      }
    }
    for (const wallet of wallets) {
      assert.is(readEntries(view, aliasOf(wallet))?.count ?? 0, entries.get(aliasOf(wallet)) ?? 0)
    }
  })
  fc.assert(property, { numRuns: 60, examples: [[everyStatus()]] })
  assert.equal([...statuses].sort(), ['covered', 'denied', 'late', 'violation'])
})

function touched(tx: ParsedTransaction): string | undefined {
  if (tx.kind === 'spv.access') return tx.body.request.request.alias
  if (tx.kind === 'spv.anchor') return tx.body.alias
  return 'alias' in tx.author ? tx.author.alias : undefined
}

test('judging changes nothing and says what executing does; a permanent refusal stays one', () => {
  let permanent = 0
  const property = fc.property(anyHistory, (steps) => {
    const { map, view } = genesisMap()
    const tried: ParsedTransaction[] = []
    const doomed: ParsedTransaction[] = []
    for (const [index, step] of steps.flat().entries()) {
      const at = index + 1
      const { time } = positionOf(at)
      for (const tx of doomed)
        assert.is(judge(view, tx, time).kind, 'refuse', 'a permanently refused transaction was accepted')
      const tx = transactionOf(step, tried, at)
      const before = new Map<string, Uint8Array>(map)
      const empty = execute(view, { ...positionOf(at), transactions: [] })
      if (tx === undefined) {
        if (empty.kind === 'ok') commit(map, empty.changes)
        continue
      }
      tried.push(tx)
      // As a leader sees it: the parent block is noted before the first transaction.
      const judged = empty.kind === 'ok' ? layered(view, [empty.changes]) : view
      const verdict = judge(judged, tx, time)
      assert.equal(judge(judged, tx, time), verdict)
      assert.equal(map, before)
      if (verdict.kind === 'refuse' && verdict.permanent) {
        doomed.push(tx)
        permanent += 1
      }
      const result = execute(view, { ...positionOf(at), transactions: [tx] })
      assert.is(result.kind, verdict.kind === 'accept' ? 'ok' : 'invalid')
      commit(map, result.kind === 'ok' ? [...result.changes, ...result.seen] : empty.kind === 'ok' ? empty.changes : [])
    }
  })
  fc.assert(property, { numRuns: 40 })
  assert.ok(permanent > 20, String(permanent))
})

test.run()
