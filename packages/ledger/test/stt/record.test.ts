import { height, type MemberId, type TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  envelopeCommitment,
  execute,
  isHolder,
  type Outcome,
  type Overlay,
  type ParsedTransaction,
  readAcknowledgement,
  readAttestation,
  readRecall,
  readRecord,
  readTransmission
} from '../../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  delta,
  firstSend,
  gamma,
  genesisState,
  hash,
  type Person,
  parent,
  receivers,
  sendBody,
  sent,
  transaction
} from '../world.ts'

const test = suite('ledger/stt/record')
const NOW = CREATED + 1

function commit(state: Overlay, at: number, ...transactions: readonly ParsedTransaction[]): void {
  const result = execute(state, { height: height(at), time: NOW + at, parent, transactions })
  if (result.kind === 'invalid') throw new Error(`${result.index}: ${result.code}`)
  for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
}

function acknowledge(who: Person, via: TransactionId, outcome: Outcome = 'opened') {
  return transaction(who, 'stt.ack', { acks: [{ via, outcome }] })
}

function forward(from: Person, tx: ParsedTransaction<'stt.send'>, to: Person, via: TransactionId | null = tx.id) {
  const { recordId, content } = tx.body
  return sent(transaction(from, 'stt.send', sendBody({ recordId, content, to: receivers(to), via })))
}

test('a send, its record and its acknowledgement are remembered', () => {
  const state = genesisState()
  const send = firstSend(alpha, [beta, gamma])
  const ack = acknowledge(beta, send.id, 'broken-path')
  commit(state, 3, send)
  commit(state, 4, ack)
  const { recordId, content, to } = send.body
  assert.equal(readRecord(state, recordId), { origin: alpha.member, content, first: send.id })
  assert.equal(readTransmission(state, send.id), {
    record: recordId,
    author: alpha.member,
    to: to.map(({ member }) => member),
    height: 3,
    time: NOW + 3
  })
  const acknowledgement = { outcome: 'broken-path', id: ack.id, height: 4, time: NOW + 4 }
  assert.equal(readAcknowledgement(state, send.id, beta.member), acknowledgement)
  assert.is(readAcknowledgement(state, send.id, gamma.member), undefined)
})

test('a record travels to those who open it, also in a circle, and each hop says by which transmission', () => {
  const state = genesisState()
  const first = firstSend(alpha, [beta])
  const second = forward(beta, first, gamma)
  const third = forward(gamma, second, alpha)
  const fourth = forward(alpha, first, beta, third.id)
  commit(state, 1, first, acknowledge(beta, first.id), second, acknowledge(gamma, second.id))
  commit(state, 2, third, acknowledge(alpha, third.id), fourth)
  const { recordId } = first.body
  const holds = (member: MemberId, via: TransactionId | null) => isHolder(state, recordId, member, via)
  assert.ok(holds(alpha.member, null) && holds(alpha.member, third.id))
  assert.ok(holds(beta.member, first.id) && holds(gamma.member, second.id))
  assert.not.ok(holds(beta.member, fourth.id), 'not opened yet')
  assert.not.ok(holds(gamma.member, first.id), 'not its receiver')
  assert.not.ok(holds(beta.member, null), 'not the origin')
  assert.not.ok(holds(delta.member, second.id), 'never received')
})

test('nobody holds a recalled record, and the chain remembers who said that it is destroyed', () => {
  const state = genesisState()
  const first = firstSend(alpha, [beta, gamma])
  const { recordId } = first.body
  const recall = transaction(alpha, 'stt.recall', { recordId, subject: null })
  const attestation = transaction(beta, 'stt.attest', { recordId, via: first.id })
  commit(state, 1, first, acknowledge(beta, first.id))
  assert.ok(isHolder(state, recordId, beta.member, first.id))
  commit(state, 2, recall, attestation)
  assert.not.ok(isHolder(state, recordId, alpha.member, null))
  assert.not.ok(isHolder(state, recordId, beta.member, first.id))
  assert.equal(readRecall(state, recordId), { id: recall.id, height: 2, time: NOW + 2 })
  assert.equal(readAttestation(state, recordId, beta.member), { id: attestation.id, height: 2, time: NOW + 2 })
  assert.is(readAttestation(state, recordId, gamma.member), undefined)
})

for (const outcome of ['mismatch', 'broken-path', 'refused', 'lost-key'] as const) {
  test(`who acknowledged ${outcome} is no holder`, () => {
    const state = genesisState()
    const first = firstSend(alpha, [beta])
    commit(state, 1, first, acknowledge(beta, first.id, outcome))
    assert.not.ok(isHolder(state, first.body.recordId, beta.member, first.id))
  })
}

test('the commitment of an envelope follows every byte of it', () => {
  const commitments = [[], [0], [0, 0], [1]].map((bytes) => envelopeCommitment(Uint8Array.from(bytes)))
  assert.is(new Set(commitments).size, 4)
  assert.is.not(commitments[0], hash(''))
})

test.run()
