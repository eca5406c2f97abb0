import { epoch, type Height, height, limits, name32, nameBytes, view } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  encodeJointReceipt,
  encodeReceipt,
  type Genesis,
  isJointReceipt,
  type JointReceipt,
  leafPath,
  type ParsedTransaction,
  type Pin,
  verifyJointReceipt
} from '../src/index.ts'
import { blockAt, digestAt, finalize, historyProof, leavesOf, pinAt } from './finalized.ts'
import { chain, genesis, hash } from './world.ts'

const test = suite('ledger/joint-receipt')

type Placed = JointReceipt['transactions'][number]

function placed(at: number, index: number, final: number): Placed {
  const block = blockAt(at)
  return {
    transaction: (block.transactions[index] as ParsedTransaction).bytes,
    path: leafPath(leavesOf(block), index),
    header: block.header,
    proof: at === final ? null : historyProof(at, final)
  }
}

function receiptOf(final: number, places: readonly (readonly [at: number, index: number])[]): JointReceipt {
  return {
    chain,
    transactions: places.map(([at, index]) => placed(at, index, final)),
    final: {
      header: blockAt(final).header,
      ancestor: null,
      epochs: [],
      certificate: finalize(blockAt(final).header, [0, 1, 3])
    }
  }
}

const good = receiptOf(5, [
  [1, 0],
  [3, 4],
  [5, 6]
])
const [first, second] = good.transactions as [Placed, Placed, Placed]

function verify(receipt: JointReceipt, options: { pin?: Pin; genesis?: Genesis } = {}) {
  const { pin } = options
  return verifyJointReceipt(encodeJointReceipt(receipt), options.genesis ?? genesis, pin === undefined ? {} : { pin })
}

/** `verified`, or the code and which transaction is at fault. */
function check(receipt: JointReceipt, options: { pin?: Pin; genesis?: Genesis } = {}) {
  const verdict = verify(receipt, options)
  return verdict.kind === 'failed' ? [verdict.code, verdict.at] : 'verified'
}

test('transactions of several blocks, the final one among them, are proven by one finalization', () => {
  const verdict = verify(good)
  if (verdict.kind === 'failed') throw new Error(verdict.code)
  assert.equal(
    verdict.transactions.map(({ transaction: { id }, height: at, timeMs }) => [id, at, timeMs]),
    [
      [1, 0],
      [3, 4],
      [5, 6]
    ].map(([at, index]) => {
      const { header, transactions } = blockAt(at as number)
      return [transactions[index as number]?.id, at, header.time]
    })
  )
  assert.equal(verdict.final, pinAt(5))
})

test('one text is a joint receipt, another a receipt of one transaction', () => {
  const { transactions, final } = good
  const { proof: _, ...alone } = transactions[2] as Placed
  const single = encodeReceipt({
    chain,
    ...alone,
    anchor: null,
    ancestor: null,
    epochs: [],
    certificate: final.certificate
  })
  assert.not(isJointReceipt(single))
  assert.ok(isJointReceipt(encodeJointReceipt(good)))
  const verdict = verifyJointReceipt(single, genesis)
  assert.is(verdict.kind === 'failed' && verdict.code, 'malformed')
})

test('the first thing that does not hold is named, and the transaction that it concerns', () => {
  const other = name32<typeof chain>(nameBytes(hash('chain')))
  const flipped = first.transaction.with(first.transaction.length - 1, (first.transaction.at(-1) as number) ^ 1)
  const { certificate } = good.final
  const final = (change: Partial<JointReceipt['final']>) => ({ ...good, final: { ...good.final, ...change } })
  const rows: readonly (readonly [what: string, receipt: JointReceipt, code: string, at: number | null])[] = [
    ['another chain', { ...good, chain: other }, 'wrong-chain', null],
    ['no transaction', swap(1, { transaction: second.transaction.slice(1) }), 'transaction-malformed', 1],
    ['a flipped signature', swap(0, { transaction: flipped }), 'transaction-signature', 0],
    ["another's transaction", swap(2, { transaction: second.transaction }), 'not-in-block', 2],
    ['a shortened path', swap(1, { path: second.path.slice(1) }), 'not-in-block', 1],
    ["another chain's block", swap(1, { header: { ...second.header, chain: other } }), 'header-chain', 1],
    ['a changed block', swap(1, { header: { ...second.header, time: 7 } }), 'anchor-mismatch', 1],
    ["another block's proof", swap(1, { proof: first.proof }), 'anchor-mismatch', 1],
    ['no proof', swap(0, { proof: null }), 'anchor-mismatch', 0],
    ['a proof of the final block by itself', swap(2, { proof: second.proof }), 'anchor-mismatch', 2],
    ['a final block of another chain', final({ header: { ...good.final.header, chain: other } }), 'header-chain', null],
    [
      'an earlier block that is not there',
      final({ ancestor: { height: height(1), digest: digestAt(2), proof: historyProof(1, 5) } }),
      'ancestor-mismatch',
      null
    ],
    [
      'an epoch that is not followed',
      final({ header: { ...good.final.header, epoch: epoch(1) } }),
      'epochs-missing',
      null
    ],
    ['another view', final({ certificate: { ...certificate, view: view(99) } }), 'certificate-mismatch', null],
    ['two of four', final({ certificate: finalize(blockAt(5).header, [0, 2]) }), 'not-final', null]
  ]
  for (const [what, receipt, code, at] of rows) assert.equal(check(receipt), [code, at], what)
})

function swap(at: number, change: Partial<Placed>): JointReceipt {
  return { ...good, transactions: good.transactions.map((one, i) => (i === at ? { ...one, ...change } : one)) }
}

test('a pin decides at every block that the receipt proves, the named ancestor among them', () => {
  const ancestor = { height: height(2), digest: digestAt(2), proof: historyProof(2, 5) }
  const receipt = { ...good, final: { ...good.final, ancestor } }
  for (const at of [0, 1, 2, 3, 5]) {
    assert.is(check(receipt, { pin: pinAt(at) }), 'verified')
    assert.equal(check(receipt, { pin: { height: height(at), digest: digestAt(4) } }), ['pin-mismatch', null])
  }
  assert.equal(check(receipt, { pin: { height: 4 as Height, digest: digestAt(4) } }), ['pin-not-covered', null])
})

test('what is too large, malformed, or spelt otherwise is refused as such', () => {
  const text = encodeJointReceipt(good)
  const rows: readonly (readonly [text: string, code: string])[] = [
    [' '.repeat(limits.jointReceiptBytesMax + 1), 'too-large'],
    ['', 'malformed'],
    ['null', 'malformed'],
    ['['.repeat(100_000), 'malformed'],
    [text.replace(/"transactions":\[.*\],"final"/, '"transactions":[],"final"'), 'malformed'],
    [`${text} `, 'not-canonical'],
    [`${text}\n\n`, 'not-canonical'],
    [JSON.stringify(JSON.parse(text), null, 1), 'not-canonical']
  ]
  for (const [changed, code] of rows) {
    const verdict = verifyJointReceipt(changed, genesis)
    assert.is(verdict.kind === 'failed' && verdict.code, code)
  }
  assert.is(verifyJointReceipt(`${text}\n`, genesis).kind, 'verified')
})

test('no bit can be changed', () => {
  const text = Buffer.from(
    `${encodeJointReceipt(
      receiptOf(3, [
        [1, 1],
        [3, 2]
      ])
    )}\n`
  )
  assert.is(verifyJointReceipt(text.toString(), genesis).kind, 'verified')
  for (let at = 0; at < text.length; at++) {
    const changed = Buffer.from(text)
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    if (verifyJointReceipt(changed.toString('latin1'), genesis).kind !== 'failed') assert.unreachable(`byte ${at}`)
  }
})

test.run()
