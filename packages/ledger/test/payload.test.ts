/** Whether bytes are the payload that a transaction names: asked by who keeps, hands out or votes for it, never by a rule. */
import { type CborValue, encodeCbor, height, limits, type RecordId } from '@wardline/codec'
import { type Content, commitContent, encodeContent } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeFence } from '../src/fence.ts'
import {
  type Descriptor,
  encodeDescriptor,
  envelopeCommitment,
  execute,
  isPayloadHolder,
  type ParsedTransaction,
  parseTransaction,
  payloadCommitment,
  payloadFault,
  payloadHolders,
  readFence,
  recordIdOf,
  type StateView
} from '../src/index.ts'
import { stateKeys } from '../src/state-keys.ts'
import { after, chain as alliance, anna, enrol, recordBody } from './dss/world.ts'
import {
  alpha,
  beta,
  CREATED,
  chain,
  delta,
  gamma,
  genesisState,
  hash,
  ministry,
  nextNonce,
  parent,
  receivers,
  secret,
  sendBody,
  signed,
  transaction
} from './world.ts'

const test = suite('ledger/payload')

function contentOf(descriptor: Descriptor): Content {
  return { salt: secret('salt'), descriptor: encodeDescriptor(descriptor), bytes: new TextEncoder().encode('a record') }
}

function recordWith(content: Content, commits = commitContent(content)): [ParsedTransaction, Uint8Array] {
  const payload = encodeContent(content)
  const nonce = nextNonce()
  const body = recordBody(alpha, anna, nonce, { content: commits })
  const named = { commitment: payloadCommitment(payload), size: payload.length }
  const result = parseTransaction(
    signed(alpha, 'dss.record', body, { chain: alliance, nonce, payload: named }),
    alliance
  )
  if (result.kind === 'reject') throw new Error(result.code)
  return [result.transaction, payload]
}

function sendWith(payload: Uint8Array): ParsedTransaction {
  const nonce = nextNonce()
  const body = sendBody({ recordId: recordIdOf(chain, alpha.member, nonce), to: receivers(beta, gamma) })
  const named = { commitment: envelopeCommitment(payload), size: payload.length }
  const result = parseTransaction(signed(alpha, 'stt.send', body, { nonce, payload: named }), chain)
  if (result.kind === 'reject') throw new Error(result.code)
  return result.transaction
}

const enrolled = after([enrol(anna)])
const fence = readFence(enrolled)
const excludedLabels = ['hiv', 'psychotherapy', 'sexual-health']
const encoded = fence && encodeFence({ ...fence, excludedLabels })
const state: StateView = { get: (key) => (key === stateKeys.fence ? encoded : enrolled.get(key)) }

test('a record’s payload is the content that its body commits to', () => {
  const [transaction, payload] = recordWith(contentOf({ mediaType: 'application/fhir+json', category: 'laboratory' }))
  assert.is(payloadFault(state, transaction, payload), undefined)
})

test('other bytes are not the payload, whatever their size', () => {
  const [transaction, payload] = recordWith(contentOf({}))
  const flipped = new Uint8Array(payload)
  flipped[5] = (flipped[5] as number) ^ 1
  for (const bytes of [flipped, payload.subarray(1), new Uint8Array(0), new Uint8Array(limits.payloadBytesMax + 1)]) {
    assert.is(payloadFault(state, transaction, bytes), 'payload-mismatch')
  }
})

test('a payload that holds another content than the doctors signed is the author’s fault', () => {
  const [transaction, payload] = recordWith(contentOf({}), hash('what the doctors signed'))
  assert.is(payloadFault(state, transaction, payload), 'content-mismatch')
})

const excluded: readonly (readonly [name: string, descriptor: Descriptor])[] = [
  ['a label', { labels: ['cardiology', 'psychotherapy'] }],
  ['a label in capitals', { labels: ['HIV'] }],
  ['a label as people write it', { labels: [' Psychotherapy '] }],
  ['the category', { category: 'psychotherapy' }],
  ['a label with a typographic dash', { labels: ['Sexual\u2011Health'] }],
  ['a label with several separators', { labels: ['sexual -- health.'] }],
  ['a label with a slash', { labels: ['sexual/health'] }],
  ['a label in full-width letters', { labels: ['\uff28\uff29\uff36'] }],
  ['a label with characters that nobody sees', { labels: ['psycho\u200btherapy\u00ad'] }]
]
for (const [name, descriptor] of excluded) {
  test(`the fence excludes a record by ${name}`, () => {
    const [transaction, payload] = recordWith(contentOf(descriptor))
    assert.is(payloadFault(state, transaction, payload), 'excluded-label')
  })
}

const misshapen: readonly (readonly [name: string, descriptor: CborValue])[] = [
  ['a label of 65 characters beside an excluded one', { labels: ['a'.repeat(65), 'psychotherapy'] }],
  ['17 labels, one of them excluded', { labels: [...Array.from({ length: 16 }, (_, i) => `label ${i}`), 'hiv'] }],
  ['an empty label beside an excluded one', { labels: ['', 'hiv'] }],
  ['labels that are no list', { labels: 'psychotherapy' }],
  ['labels that are null', { labels: null }],
  ['a label that is no text', { labels: [1, 'hiv'] }],
  ['a category of 65 characters', { category: `psychotherapy${' '.repeat(52)}` }],
  ['a category that is a list', { category: ['psychotherapy'] }],
  ['a descriptor that is no map', ['psychotherapy']]
]
for (const [name, descriptor] of misshapen) {
  test(`the fence does not look past ${name}`, () => {
    const content = { ...contentOf({}), descriptor: encodeCbor(descriptor) }
    const [transaction, payload] = recordWith(content)
    assert.is(payloadFault(state, transaction, payload), 'bad-descriptor')
  })
}

test('a descriptor that is no canonical CBOR is refused, and as many labels of full length as there may be are not', () => {
  const [broken, payload] = recordWith({ ...contentOf({}), descriptor: Uint8Array.of(0xff) })
  assert.is(payloadFault(state, broken, payload), 'bad-descriptor')
  const labels = Array.from({ length: 16 }, (_, i) => String(i).padEnd(64, 'x'))
  const [full, fullPayload] = recordWith(contentOf({ labels, category: 'y'.repeat(64) }))
  assert.is(payloadFault(state, full, fullPayload), undefined)
})

test('an envelope is its transmission’s payload by its own hash alone', () => {
  const envelope = secret('envelope')
  const transaction = sendWith(envelope)
  assert.is(payloadFault(genesisState(), transaction, envelope), undefined)
  assert.is(payloadFault(genesisState(), transaction, secret('another')), 'payload-mismatch')
})

test('the envelope of a recalled record is kept by nobody', () => {
  const envelope = secret('called back')
  const send = sendWith(envelope)
  const recalled = genesisState()
  const recall = (recordId: RecordId) => transaction(alpha, 'stt.recall', { recordId, subject: null })
  const other = sendWith(secret('another record'))
  if (send.kind !== 'stt.send' || other.kind !== 'stt.send') throw new Error('not a send')
  const transactions = [send, other, recall(other.body.recordId)]
  const before = execute(recalled, { height: height(1), time: CREATED + 1, parent, transactions })
  if (before.kind === 'invalid') throw new Error(before.code)
  for (const { key, value } of before.changes) recalled.set(key, value)
  assert.is(payloadFault(recalled, send, envelope), undefined)
  assert.is(payloadFault(recalled, other, secret('another record')), 'recalled')
  assert.is(payloadFault(recalled, other, envelope), 'payload-mismatch')
})

test('an alliance’s records are for all its hospitals, an envelope for its author and receivers', () => {
  const [record] = recordWith(contentOf({}))
  assert.is(payloadHolders(record), 'everyone')
  const send = sendWith(secret('envelope'))
  for (const [who, ofRecord, ofSend] of [
    [alpha, true, true],
    [beta, true, true],
    [delta, true, false],
    [ministry, false, false]
  ] as const) {
    assert.is(isPayloadHolder(state, record, who.member), ofRecord)
    assert.is(isPayloadHolder(genesisState(), send, who.member), ofSend)
  }
})

test.run()
