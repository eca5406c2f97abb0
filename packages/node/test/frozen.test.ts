/** A hash for each row that the node encodes by itself: changing one means that older homes cannot be read. */
import {
  appendLeaf,
  type Digest,
  emptyFrontier,
  encodeFrontier,
  type Frontier,
  type Hash,
  height,
  name32,
  sha256,
  toHex
} from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeHead, parseHead } from '../src/head.ts'

const test = suite('node/frozen')

const name = (text: string) => sha256(new TextEncoder().encode(text))
const history = ['genesis', 'one', 'two'].reduce<Frontier>((edge, leaf) => appendLeaf(edge, name(leaf)), emptyFrontier)
const head = {
  digest: name32<Digest>(name('two')),
  height: height(2),
  time: 5,
  appHash: name32<Hash>(name('app')),
  transactions: 7,
  history,
  header: null
}

const rows: readonly (readonly [name: string, frozen: string, bytes: Uint8Array])[] = [
  ['meta/head', '7707f5c806843eb54c99d03c2c32ee5f4603050f93897f7079eeaff423bc98ba', encodeHead(head)],
  [
    'the right edge of the history tree',
    '12872ffe3374cd0b03b890432fded333fce8ef3699992c0ffde873f7c5b420f9',
    encodeFrontier(history)
  ]
]

for (const [row, frozen, bytes] of rows) {
  test(`${row} is written as ever`, () => assert.is(toHex(sha256(bytes)), frozen))
}

test('the head is read back as it was written', () => {
  const { digest, transactions } = head
  assert.equal(parseHead(encodeHead(head)), { digest, height: height(2), history, transactions })
})

test.run()
