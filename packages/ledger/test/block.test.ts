import { decodeCbor, encodeCbor, type Hash, height, limits, name32, sha256 } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  appHash,
  createBlock,
  createOverlay,
  decodeBlockBody,
  encodeBlockBody,
  execute,
  NO_APP_HASH,
  type ParsedTransaction,
  stateKeys,
  txRoot
} from '../src/index.ts'
import { alpha, beta, CREATED, firstSend, gamma, genesisState, hash, parent, transaction } from './world.ts'

const test = suite('ledger/block')
const position = { height: height(1), time: CREATED + 1, parent }

function opened(who: typeof beta, tx: ParsedTransaction) {
  return transaction(who, 'stt.ack', { acks: [{ via: tx.id, outcome: 'opened' }] })
}

test('a transaction is judged after the ones before it', () => {
  const send = firstSend(alpha, [beta])
  const ack = opened(beta, send)
  const forward = transaction(beta, 'stt.send', { ...send.body, to: firstSend(alpha, [gamma]).body.to, via: send.id })
  const state = genesisState()
  assert.is(execute(state, { ...position, transactions: [send, ack, forward] }).kind, 'ok')
  const early = execute(state, { ...position, transactions: [send, forward, ack] })
  assert.equal(early, { kind: 'invalid', index: 1, code: 'not-a-holder' })
})

test('an id is used once in a block, however it is signed', () => {
  const send = firstSend(alpha, [beta])
  const result = execute(genesisState(), {
    ...position,
    transactions: [send, { ...send, leaf: name32(hash('other')) }]
  })
  assert.equal(result, { kind: 'invalid', index: 1, code: 'id-used' })
})

test('executing does not write to the state it is given', () => {
  const state = createOverlay(genesisState())
  execute(state, { ...position, transactions: [firstSend(alpha, [beta])] })
  assert.equal(state.changes(), [])
})

test('a first send changes two keys, a later one and an acknowledgement one; used ids are apart and sorted', () => {
  const send = firstSend(alpha, [beta])
  const transactions = [send, opened(beta, send)]
  const result = execute(genesisState(), { ...position, transactions })
  if (result.kind === 'invalid') throw new Error(result.code)
  const keys = result.changes.map(({ key }) => key)
  assert.equal(keys, [
    stateKeys.acknowledgement(send.id, beta.member),
    stateKeys.record(send.body.recordId),
    stateKeys.transmission(send.id)
  ])
  const seen = transactions.map(({ expires, id }) => stateKeys.seen(expires, id)).sort()
  assert.equal(
    result.seen.map(({ key }) => key),
    seen
  )
})

test('every stored value is canonical', () => {
  const result = execute(genesisState(), { ...position, transactions: [firstSend(alpha, [beta])] })
  if (result.kind === 'invalid') throw new Error(result.code)
  for (const { value } of [...result.changes, ...result.seen]) {
    assert.ok(value !== null && decodeCbor(value) !== undefined)
  }
})

test('a leader that leaves out what is refused has the block that voters execute', () => {
  const state = genesisState()
  const send = firstSend(alpha, [beta])
  const offered = [opened(beta, send), send, send, opened(beta, send), opened(gamma, send)]
  const block = createBlock(state, position)
  const included = offered.filter((tx) => block.add(tx).kind === 'accept')
  assert.equal(included, [offered[1], offered[3]])
  const executed = execute(state, { ...position, transactions: included })
  assert.equal(executed, { kind: 'ok', ...block.changes() })
})

test('appHash is what the design says', () => {
  const changes = [
    { key: 'a', value: encodeCbor(1) },
    { key: 'bb', value: null }
  ]
  const text = (value: string) => new TextEncoder().encode(value)
  const valueHash = sha256(text('wardline/value/1'), encodeCbor(1))
  const left = sha256(Uint8Array.of(0, 0, 1), text('a'), valueHash)
  const right = sha256(Uint8Array.of(0, 0, 2), text('bb'))
  const root = sha256(Uint8Array.of(1), left, right)
  const expected = sha256(text('wardline/app/1'), Buffer.from(NO_APP_HASH, 'hex'), root, new Uint8Array(32))
  assert.is(appHash(NO_APP_HASH, changes), name32(expected))
})

test('appHash follows every key, value and removal, and what came before', () => {
  const one = encodeCbor(1)
  const variants = [
    appHash(NO_APP_HASH, []),
    appHash(NO_APP_HASH, [{ key: 'a', value: one }]),
    appHash(NO_APP_HASH, [{ key: 'b', value: one }]),
    appHash(NO_APP_HASH, [{ key: 'a', value: encodeCbor(2) }]),
    appHash(NO_APP_HASH, [{ key: 'a', value: null }]),
    appHash(hash('previous'), [{ key: 'a', value: one }])
  ]
  assert.is(new Set<Hash>(variants).size, variants.length)
})

test('txRoot of an empty block is the empty tree', () => {
  assert.is(txRoot([]), name32(sha256(new Uint8Array(0))))
})

test('a block body is read back as it was written', () => {
  for (const count of [0, 1, 5]) {
    const transactions = Array.from({ length: count }, () => firstSend(alpha, [beta]).bytes)
    assert.equal(decodeBlockBody(encodeBlockBody(transactions)), transactions)
  }
})

test('a body that is cut, padded, or lies about a size is refused', () => {
  const body = encodeBlockBody([firstSend(alpha, [beta]).bytes, firstSend(alpha, [beta]).bytes])
  for (let size = 1; size < body.length; size++) {
    const cut = decodeBlockBody(body.subarray(0, size))
    assert.ok(cut === undefined || cut.length === 1)
  }
  assert.is(decodeBlockBody(Uint8Array.of(...body, 0)), undefined)
  assert.is(decodeBlockBody(Uint8Array.of(0, 0, 0, 0)), undefined)
  assert.is(decodeBlockBody(Uint8Array.of(255, 255, 255, 255, 1)), undefined)
  assert.is(decodeBlockBody(encodeBlockBody([new Uint8Array(limits.transactionBytesMax + 1)])), undefined)
  const tooMany = Array.from({ length: limits.blockTransactionsMax + 1 }, () => Uint8Array.of(1))
  assert.is(decodeBlockBody(encodeBlockBody(tooMany)), undefined)
})

test.run()
