import { epoch, type Height, height, name32, nameBytes, view } from '@wardline/codec'
import type { Header } from '@wardline/consensus'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  encodeReceipt,
  type Genesis,
  leafPath,
  type ParsedTransaction,
  type Pin,
  parseReceipt,
  RECEIPT_TEXT_MAX,
  type Receipt,
  type ReceiptFailure,
  txRoot,
  verifyReceipt
} from '../src/index.ts'
import { blockAt, blocks, digestAt, finalize, historyProof, leavesOf, pinAt } from './finalized.ts'
import { beta, CREATED, chain, firstSend, gamma, genesis, hash } from './world.ts'

const test = suite('ledger/receipt')

type Options = { readonly anchor?: number; readonly ancestor?: number; readonly signers?: readonly number[] }

function receiptFor(at: number, index: number, { anchor, ancestor, signers = [0, 1, 3] }: Options = {}): Receipt {
  const block = blockAt(at)
  const final = anchor ?? at
  return {
    chain,
    transaction: (block.transactions[index] as ParsedTransaction).bytes,
    path: leafPath(leavesOf(block), index),
    header: block.header,
    anchor: anchor === undefined ? null : { header: blockAt(anchor).header, proof: historyProof(at, anchor) },
    ancestor:
      ancestor === undefined
        ? null
        : { height: height(ancestor), digest: digestAt(ancestor), proof: historyProof(ancestor, final) },
    epochs: [],
    certificate: finalize(blockAt(final).header, signers)
  }
}

/** `verified`, or the code of the failure, for a receipt in which every part is right but what `change` made wrong. */
function check(receipt: Receipt, options: { pin?: Pin; genesis?: Genesis } = {}): ReceiptFailure | 'verified' {
  const { pin } = options
  const verdict = verifyReceipt(encodeReceipt(receipt), options.genesis ?? genesis, pin === undefined ? {} : { pin })
  return verdict.kind === 'failed' ? verdict.code : 'verified'
}

test('every transaction of every block has a receipt, anchored anywhere above', () => {
  for (const { header, transactions } of blocks) {
    for (const [i, tx] of transactions.entries()) {
      const verdict = verifyReceipt(encodeReceipt(receiptFor(header.height, i)), genesis)
      assert.is(verdict.kind, 'verified')
      if (verdict.kind === 'verified') {
        assert.is(verdict.id, tx.id)
        assert.is(verdict.height, header.height)
        assert.is(verdict.time, header.time)
      }
      for (let anchor = header.height + 1; anchor <= blocks.length; anchor++) {
        assert.is(check(receiptFor(header.height, i, { anchor })), 'verified')
      }
    }
  }
})

test('a receipt is one line, with or without its line end', () => {
  const text = encodeReceipt(receiptFor(1, 0))
  assert.not.match(text, '\n')
  assert.is(verifyReceipt(`${text}\n`, genesis).kind, 'verified')
  assert.is(verifyReceipt(`${text}\n\n`, genesis).kind, 'failed')
  assert.is(verifyReceipt(`${text} `, genesis).kind, 'failed')
  const parsed = parseReceipt(text)
  if (parsed.kind === 'failed') throw new Error(parsed.code)
  assert.is(encodeReceipt(parsed.receipt), text)
})

test('every changed byte is found', () => {
  const text = Buffer.from(`${encodeReceipt(receiptFor(3, 2, { anchor: 5, ancestor: 1 }))}\n`)
  assert.is(verifyReceipt(text.toString(), genesis).kind, 'verified')
  for (let at = 0; at < text.length; at++) {
    for (const flip of [1, 2, 4, 8, 16, 32, 64, 128]) {
      const changed = Buffer.from(text)
      changed[at] = (changed[at] as number) ^ flip
      if (verifyReceipt(changed.toString('latin1'), genesis).kind !== 'failed') {
        assert.unreachable(`byte ${at} flipped by ${flip}`)
      }
    }
  }
})

test('a byte more or less is found', () => {
  const text = encodeReceipt(receiptFor(1, 0))
  for (let at = 0; at < text.length; at += 7) {
    const cut = text.slice(0, at) + text.slice(at + 1)
    assert.is(verifyReceipt(cut, genesis).kind, 'failed')
    assert.is(verifyReceipt(`${text.slice(0, at)} ${text.slice(at)}`, genesis).kind, 'failed')
  }
})

const good = receiptFor(3, 2, { anchor: 5 })
const other = receiptFor(2, 0)
const failures: readonly (readonly [code: ReceiptFailure, name: string, receipt: Receipt])[] = [
  ['wrong-chain', 'another chain', { ...good, chain: name32(nameBytes(hash('chain'))) }],
  ['transaction-malformed', 'no transaction', { ...good, transaction: good.transaction.slice(1) }],
  ['transaction-signature', 'a flipped signature', { ...good, transaction: flipped(good.transaction) }],
  ['not-in-block', 'the transaction of another block', { ...good, transaction: other.transaction }],
  ['not-in-block', 'a shortened path', { ...good, path: good.path.slice(1) }],
  [
    'not-in-block',
    'a path with its sides swapped',
    { ...good, path: good.path.map((step) => ({ ...step, side: step.side === 'left' ? 'right' : 'left' })) }
  ],
  [
    'header-chain',
    "another chain's header",
    { ...good, header: { ...good.header, chain: name32(nameBytes(hash('chain'))) } }
  ],
  [
    'anchor-mismatch',
    'a changed block under a true anchor',
    { ...good, header: { ...good.header, time: good.header.time + 1 } }
  ],
  [
    'anchor-mismatch',
    'a history proof of another block',
    { ...good, anchor: { header: blockAt(5).header, proof: historyProof(2, 5) } }
  ],
  [
    'anchor-mismatch',
    'an anchor below the block',
    { ...good, anchor: { header: blockAt(2).header, proof: historyProof(1, 2) } }
  ],
  [
    'ancestor-mismatch',
    'an earlier block that is not there',
    { ...good, ancestor: { height: height(1), digest: digestAt(2), proof: historyProof(1, 5) } }
  ],
  ['epochs-missing', 'a later epoch without the end of the first', changedFinal({ epoch: epoch(1) })],
  [
    'certificate-mismatch',
    'the finalization of another view',
    { ...good, certificate: { ...good.certificate, view: view(99) } }
  ],
  ['not-final', 'two of four', receiptFor(3, 2, { signers: [0, 2] })],
  ['not-final', 'one signer twice', receiptFor(3, 2, { signers: [0, 0, 1] })],
  ['not-final', 'signers out of order', receiptFor(3, 2, { signers: [1, 0, 2] })],
  ['not-final', 'a fifth of four', { ...good, certificate: { ...good.certificate, signers: [0, 1, 4] } }],
  [
    'not-final',
    'one signature of four that does not verify',
    withBadSignature(receiptFor(3, 2, { signers: [0, 1, 2, 3] }))
  ],
  [
    'not-final',
    'the finalization of another block',
    { ...good, certificate: { ...finalize(blockAt(4).header, [0, 1, 2]), view: good.certificate.view } }
  ]
]

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = new Uint8Array(bytes)
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1
  return changed
}

/** A receipt whose block says something else, finalized by all. */
function changedFinal(change: Partial<Header>): Receipt {
  const header = { ...blockAt(3).header, ...change }
  return { ...receiptFor(3, 2), header, certificate: finalize(header, [0, 1, 2, 3]) }
}

function withBadSignature(receipt: Receipt): Receipt {
  const [first, ...rest] = receipt.certificate.signatures
  const signatures = [flipped(first as Uint8Array), ...rest]
  return { ...receipt, certificate: { ...receipt.certificate, signatures } }
}

for (const [code, name, receipt] of failures) {
  test(`${code}: ${name}`, () => assert.is(check(receipt), code))
}

test('malformed and oversized texts fail as such', () => {
  for (const text of ['', '{', 'null', '[]', '{"v":1}', '"', '['.repeat(100_000)]) {
    const verdict = verifyReceipt(text, genesis)
    assert.equal(verdict.kind === 'failed' && verdict.code, 'malformed')
  }
  const verdict = verifyReceipt('x'.repeat(RECEIPT_TEXT_MAX + 1), genesis)
  assert.equal(verdict.kind === 'failed' && verdict.code, 'too-large')
  assert.match(verdict.kind === 'failed' ? verdict.what : '', /1048576 characters for one transaction, 16777216 for/)
})

test('the same facts in another spelling are not canonical', () => {
  const text = encodeReceipt(good)
  const json = JSON.parse(text)
  const spellings = [
    JSON.stringify(json, null, 1),
    text.replace('"v":1', '"v":1.0'),
    text.replace('"v":1,', '"v":1,"v":1,'),
    text.replace('"chain"', '"\\u0063hain"')
  ]
  for (const spelling of spellings) {
    const verdict = verifyReceipt(spelling, genesis)
    assert.equal(verdict.kind === 'failed' && verdict.code, 'not-canonical')
  }
})

test('another genesis with the same validators is another chain', () => {
  assert.is(check(good, { genesis: { ...genesis, created: CREATED + 1 } }), 'wrong-chain')
})

test('a pin at the block, the anchor or the named ancestor decides', () => {
  const receipt = receiptFor(3, 2, { anchor: 5, ancestor: 1 })
  for (const at of [1, 3, 5]) {
    assert.is(check(receipt, { pin: pinAt(at) }), 'verified')
    assert.is(check(receipt, { pin: { height: height(at), digest: digestAt(2) } }), 'pin-mismatch')
  }
  for (const at of [2, 4, 6]) {
    const pin: Pin = { height: at as Height, digest: digestAt(3) }
    assert.is(check(receipt, { pin }), 'pin-not-covered')
  }
})

test('a pinned genesis must be the genesis', () => {
  assert.is(check(receiptFor(3, 2), { pin: pinAt(0) }), 'verified')
  assert.is(check(receiptFor(3, 2), { pin: { height: height(0), digest: digestAt(1) } }), 'pin-mismatch')
})

test('every pinned height of the chain can be covered', () => {
  for (let at = 1; at <= blocks.length; at++) {
    const receipt = at < 3 ? receiptFor(3, 0, { ancestor: at }) : receiptFor(3, 0, at === 3 ? {} : { anchor: at })
    assert.is(check(receipt, { pin: pinAt(at) }), 'verified')
  }
})

test('a path leads to the root for every leaf of every small block', () => {
  for (let size = 1; size <= 17; size++) {
    const transactions = Array.from({ length: size }, () => firstSend(gamma, [beta]))
    const leaves = transactions.map(({ leaf }) => leaf)
    const header = { ...blockAt(1).header, txRoot: txRoot(leaves) }
    const certificate = finalize(header, [0, 1, 2])
    for (const [i, tx] of transactions.entries()) {
      const path = leafPath(leaves, i)
      const receipt = { ...receiptFor(1, 0), transaction: tx.bytes, path, header, certificate }
      assert.is(check(receipt), 'verified')
    }
  }
})

test.run()
