/** What the state of an SPV chain knows of the blocks before, and that no other chain pays for it. */
import { type Digest, height, name32 } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { draftGenesis, execute, genesisChanges, readBlockAt, withLastBlock } from '../src/index.ts'
import { alpha, CREATED, cardOf, founders, secret, stateOf } from './world.ts'

const test = suite('ledger/past-blocks')

function genesisStateOf(mode: 'STT' | 'SPV') {
  const registrar = { kind: 'founder', member: alpha.member } as const
  const facts = { label: 'region', created: CREATED, random: secret('random'), registrar }
  return stateOf(genesisChanges(draftGenesis({ ...facts, mode, founders: founders.map((one) => cardOf(one)) })))
}

const blocks = [0, 1, 2].map((at) => ({ digest: name32<Digest>(secret(`block ${at}`)), time: CREATED + at * 1000 }))

type Block = (typeof blocks)[number]

for (const mode of ['STT', 'SPV'] as const) {
  test(`${mode}: after block 2 the state knows blocks 0 and 1: ${mode === 'SPV'}`, () => {
    const state = genesisStateOf(mode)
    for (const [at, parent] of blocks.slice(0, 2).entries()) {
      const position = { height: height(at + 1), time: CREATED + (at + 1) * 1000, parent }
      const result = execute(state, { ...position, transactions: [] })
      if (result.kind === 'invalid') return assert.unreachable(result.code)
      for (const { key, value } of result.changes) state.set(key, value)
    }
    for (const at of [0, 1]) assert.equal(readBlockAt(state, height(at)), mode === 'SPV' ? blocks[at] : undefined)
    assert.is(readBlockAt(state, height(2)), undefined)
  })
}

test('between two blocks the last one can be named as the next block will know it', () => {
  const [genesis, first, second] = blocks as [Block, Block, Block]
  const state = genesisStateOf('SPV')
  const position = { height: height(1), time: first.time, parent: genesis }
  const result = execute(state, { ...position, transactions: [] })
  if (result.kind === 'invalid') return assert.unreachable(result.code)
  for (const { key, value } of result.changes) state.set(key, value)
  const judged = withLastBlock(state, () => ({ ...first, height: height(1) }))
  const next = execute(state, { height: height(2), time: second.time, parent: first, transactions: [] })
  if (next.kind === 'invalid') return assert.unreachable(next.code)
  for (const { key, value } of next.changes) assert.equal(judged.get(key), value)
  assert.equal(
    [0, 1, 2].map((at) => readBlockAt(judged, height(at))),
    [genesis, first, undefined]
  )
})

test.run()
