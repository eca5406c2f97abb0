/** Receipts from later epochs: what leads there from the genesis, and everything that breaks the way. */
import { appendLeaf, emptyFrontier, frontierRoot, type Hash, height, name32, nameBytes, view } from '@wardline/codec'
import {
  type Certificate,
  type Header,
  headerDigest,
  quorum,
  setHash,
  type ValidatorSet,
  voteBytes
} from '@wardline/consensus'
import type { VoteSigner } from '@wardline/crypto'
import { createVoteSigner } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appHash,
  encodeJointReceipt,
  encodeReceipt,
  execute,
  genesisAppHash,
  isJointReceipt,
  leafPath,
  type ParsedTransaction,
  parseReceipt,
  type Receipt,
  type ReceiptFailure,
  txRoot,
  validatorsIn,
  verifyJointReceipt,
  verifyReceipt
} from '../src/index.ts'
import { changeBody } from './membership/changes.ts'
import {
  alpha,
  beta,
  CREATED,
  chain,
  delta,
  firstSend,
  founders,
  gamma,
  genesis,
  genesisState,
  hash,
  parent,
  secret,
  transaction
} from './world.ts'

const test = suite('ledger/receipt-epochs')

const newVote = createVoteSigner(secret('new vote of alpha'))
const signers: readonly VoteSigner[] = [...founders.map(({ vote }) => vote), newVote]

const state = genesisState()
let frontier = appendLeaf(emptyFrontier, nameBytes(chain))
let app = genesisAppHash(genesis)
let digest = name32<Hash>(chain) as string

type Made = { readonly header: Header; readonly set: ValidatorSet; readonly transaction: ParsedTransaction }

/** The next block of the chain, with one transaction. */
function block(at: number, tx: ParsedTransaction): Made {
  const set = validatorsIn(state)
  const position = { height: height(at), time: CREATED + 1000 * at, parent }
  const result = execute(state, { ...position, transactions: [tx] })
  if (result.kind === 'invalid') throw new Error(result.code)
  for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
  app = appHash(app, result.changes)
  const header: Header = {
    version: 1,
    chain,
    epoch: set.epoch,
    view: view(at + 3),
    height: position.height,
    time: position.time,
    parent: digest as Header['parent'],
    proposer: alpha.member,
    txRoot: txRoot([tx.leaf]),
    history: name32<Hash>(frontierRoot(frontier)),
    appHash: app,
    nextSetHash: setHash(validatorsIn(state).validators)
  }
  digest = headerDigest(header)
  frontier = appendLeaf(frontier, nameBytes(headerDigest(header)))
  return { header, set, transaction: tx }
}

function finalize({ header, set }: Made, count = quorum(set.validators.length), at: number = header.view): Certificate {
  const named = headerDigest(header)
  const message = voteBytes('finalize', chain, header.epoch, view(at), named)
  const chosen = set.validators.slice(0, count)
  const signatures = chosen.map(({ key }) =>
    (signers.find(({ publicKey }) => publicKey === key) as VoteSigner).sign(message)
  )
  const statement = { kind: 'finalize', epoch: header.epoch, view: view(at), digest: named } as const
  return { ...statement, signers: chosen.map((_, index) => index), signatures }
}

const rotation = changeBody('rotate', alpha, { key: newVote })
const removal = changeBody('remove', delta, { epoch: 1, approvers: [{ ...alpha, vote: newVote }, beta, gamma] })
const [one, two, three] = [
  block(1, transaction(beta, 'validator.change', rotation)),
  block(2, transaction(beta, 'validator.change', removal)),
  block(3, firstSend(alpha, [beta]))
]
const ends = [
  { header: one.header, certificate: finalize(one), change: rotation },
  // Proposed again, and finalized in a later view than its own.
  { header: two.header, certificate: finalize(two, 3, two.header.view + 2), change: removal }
]

function receiptOf(made: Made, epochs: Receipt['epochs']): Receipt {
  const { header, transaction: tx } = made
  const base = { chain, transaction: tx.bytes, path: leafPath([tx.leaf], 0), header, anchor: null, ancestor: null }
  return { ...base, epochs, certificate: finalize(made) }
}

const good = receiptOf(three, ends)
const verdictOf = (receipt: Receipt) => {
  const verdict = verifyReceipt(encodeReceipt(receipt), genesis)
  return verdict.kind === 'verified' ? 'verified' : verdict.code
}

test('a receipt of epoch 2 verifies with the genesis alone, and so does that of a block that ends an epoch', () => {
  assert.is(verdictOf(good), 'verified')
  assert.match(encodeReceipt(good), /^\{"v":2,/)
  assert.is(verdictOf(receiptOf(one, [])), 'verified')
  assert.match(encodeReceipt(receiptOf(one, [])), /^\{"v":1,/)
  assert.is(
    verdictOf({ ...receiptOf(two, ends.slice(0, 1)), certificate: ends[1]?.certificate as Certificate }),
    'verified'
  )
  const text = encodeReceipt(good)
  const parsed = parseReceipt(text)
  assert.is(parsed.kind === 'ok' && encodeReceipt(parsed.receipt), text)
})

const [first, second] = ends as [(typeof ends)[0], (typeof ends)[0]]
const broken: readonly (readonly [code: ReceiptFailure, name: string, receipt: Receipt])[] = [
  ['epochs-missing', 'no ends', { ...good, epochs: [] }],
  ['epochs-missing', 'one end too few', { ...good, epochs: [first] }],
  ['epochs-broken', 'one end left out', { ...good, epochs: [second] }],
  ['epochs-broken', 'an end twice', { ...good, epochs: [first, first, second] }],
  ['epochs-broken', 'ends in another order', { ...good, epochs: [second, first] }],
  [
    'epochs-broken',
    'another change than the block made',
    { ...good, epochs: [first, { ...second, change: rotation }] }
  ],
  [
    'epochs-broken',
    'another key than the block names',
    { ...good, epochs: [{ ...first, change: { ...rotation, vote: beta.vote.publicKey } }, second] }
  ],
  [
    'epochs-broken',
    'a block that ends nothing',
    { ...good, epochs: [first, second, { header: three.header, certificate: finalize(three), change: removal }] }
  ],
  [
    'epochs-broken',
    'an end of another chain',
    { ...good, epochs: [{ ...first, header: { ...first.header, chain: name32(hash('x')) } }, second] }
  ],
  [
    'epochs-broken',
    'a finalization of an earlier view',
    { ...good, epochs: [{ ...first, certificate: finalize(one, 3, one.header.view - 1) }, second] }
  ],
  [
    'epoch-not-final',
    'an end with two of four',
    { ...good, epochs: [{ ...first, certificate: finalize(one, 2) }, second] }
  ],
  [
    'epoch-not-final',
    'signatures of another view than they say',
    { ...good, epochs: [{ ...first, certificate: { ...finalize(one), view: view(one.header.view + 1) } }, second] }
  ],
  [
    'certificate-mismatch',
    'a later view of a block that ends nothing',
    { ...good, certificate: finalize(three, 2, 99) }
  ],
  ['not-final', 'a block of epoch 2 with one of three', { ...good, certificate: finalize(three, 1) }]
]
for (const [code, name, receipt] of broken) test(`${code}: ${name}`, () => assert.is(verdictOf(receipt), code))

test('a version that does not fit is not canonical', () => {
  const text = encodeReceipt(good)
  const verdict = verifyReceipt(text.replace('{"v":2', '{"v":1'), genesis)
  assert.is(verdict.kind === 'failed' && verdict.code, 'not-canonical')
})

test('a joint receipt leads over the same ends', () => {
  const { header, certificate, ancestor, transaction: bytes, path } = good
  const placed = { transaction: bytes, path, header, proof: null }
  const joint = { chain, transactions: [placed], final: { header, ancestor, epochs: ends, certificate } }
  const text = encodeJointReceipt(joint)
  assert.ok(isJointReceipt(text))
  assert.is(verifyJointReceipt(text, genesis).kind, 'verified')
  const without = verifyJointReceipt(encodeJointReceipt({ ...joint, final: { ...joint.final, epochs: [] } }), genesis)
  assert.is(without.kind === 'failed' && without.code, 'epochs-missing')
})

test.run()
