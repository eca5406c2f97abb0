import { height } from '@wardline/codec'
import { createSigner, publicSealKey } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  currentKey,
  execute,
  judge,
  type Overlay,
  type ParsedTransaction,
  readMember,
  readParameters
} from '../../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  delta,
  firstSend,
  gamma,
  genesisState,
  HOUR,
  ministry,
  type Person,
  parent,
  recoverBody,
  rotationProof,
  secret,
  sendBody,
  transaction
} from '../world.ts'

const test = suite('ledger/membership/rotate')
const NOW = CREATED + 1000
const DELAY = 24 * HOUR
const next = createSigner(secret('next sign'))
const thief = createSigner(secret('thief sign'))
const nextSeal = publicSealKey(secret('next seal'))

function announce(sign = next, seal: typeof nextSeal | null = nextSeal, who: Person = alpha) {
  const proof = rotationProof(who.member, sign, seal)
  const body = { action: 'announce', member: who.member, sign: sign.publicKey, seal, proof } as const
  return transaction(who, 'member.rotate', body, { expires: NOW + 40 * HOUR })
}

/** A transaction by alpha that only its key can spoil. */
function spoken(signer: Person['sign'], keyIndex: number) {
  return transaction(
    alpha,
    'member.revoke',
    { member: ministry.member },
    { signer, keyIndex, expires: NOW + 40 * HOUR }
  )
}

function commit(state: Overlay, tx: ParsedTransaction, time: number): void {
  const result = execute(state, { height: height(1), time, parent, transactions: [tx] })
  if (result.kind === 'invalid') throw new Error(result.code)
  for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
}

function codeOf(state: Overlay, tx: ParsedTransaction, time: number): string {
  const verdict = judge(state, tx, time)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

/** `spoken` is refused for what it says, not for its key: only the registrar may revoke. */
const PASSES = 'not-permitted'

test('the genesis gives a day of delay unless it says otherwise', () => {
  assert.is(readParameters(genesisState()).rotationDelayMs, DELAY)
})

test('announced keys come into force when the delay has passed, to the millisecond, and nothing has to run', () => {
  const state = genesisState()
  commit(state, announce(), NOW)
  assert.is(codeOf(state, spoken(alpha.sign, 0), NOW + DELAY - 1), PASSES)
  assert.is(codeOf(state, spoken(next, 1), NOW + DELAY - 1), 'key-not-yet')
  assert.is(codeOf(state, spoken(alpha.sign, 0), NOW + DELAY), 'key-revoked')
  assert.is(codeOf(state, spoken(next, 1), NOW + DELAY), PASSES)
  assert.is(codeOf(state, spoken(next, 0), NOW + DELAY), 'key-mismatch')
})

test('senders seal to the old key until the new one is in force', () => {
  const state = genesisState()
  commit(state, announce(), NOW)
  const send = (sealingKey: typeof nextSeal) => {
    const { nonce, body } = firstSend(beta, [alpha])
    const to = [{ member: alpha.member, sealingKey }]
    return transaction(beta, 'stt.send', sendBody({ ...body, to }), { nonce, expires: NOW + 40 * HOUR })
  }
  assert.is(codeOf(state, send(alpha.seal), NOW + DELAY - 1), 'accept')
  assert.is(codeOf(state, send(nextSeal), NOW + DELAY - 1), 'stale-sealing-key')
  assert.is(codeOf(state, send(alpha.seal), NOW + DELAY), 'stale-sealing-key')
  assert.is(codeOf(state, send(nextSeal), NOW + DELAY), 'accept')
})

for (const who of [alpha, ministry]) {
  test(`a veto by ${who.name} keeps the old keys for good`, () => {
    const state = genesisState()
    commit(state, announce(thief), NOW)
    commit(state, transaction(who, 'member.rotate', { action: 'veto', member: alpha.member }), NOW + 1)
    assert.is(codeOf(state, spoken(alpha.sign, 0), NOW + DELAY), PASSES)
    assert.is(codeOf(state, spoken(thief, 1), NOW + DELAY), 'key-mismatch')
    const member = readMember(state, alpha.member)
    assert.is(member?.keys.length, 1)
    assert.is(member?.seals.length, 1)
    commit(state, announce(next), NOW + 2)
    assert.is(codeOf(state, spoken(next, 1), NOW + 2 + DELAY), PASSES)
  })
}

test('a recovery is in force at once, and ends what a thief announced', () => {
  const state = genesisState()
  commit(state, announce(thief), NOW)
  const body = recoverBody(alpha.member, next, [beta, gamma, delta], { seal: nextSeal })
  commit(state, transaction(beta, 'member.rotate', body), NOW + 1)
  assert.is(codeOf(state, spoken(next, 1), NOW + 1), PASSES)
  assert.is(codeOf(state, spoken(alpha.sign, 0), NOW + 1), 'key-revoked')
  assert.is(codeOf(state, spoken(thief, 1), NOW + DELAY), 'key-mismatch')
  assert.is(currentKey(readMember(state, alpha.member)?.seals ?? [], NOW + 1)?.key, nextSeal)
})

test('the same approvals do not recover twice', () => {
  const state = genesisState()
  const body = recoverBody(alpha.member, next, [beta, gamma, delta])
  commit(state, transaction(beta, 'member.rotate', body), NOW)
  assert.is(codeOf(state, transaction(gamma, 'member.rotate', body), NOW + 1), 'key-in-use')
})

test('only the sealing key can be announced too, without a proof', () => {
  const state = genesisState()
  const body = { action: 'announce', member: alpha.member, sign: null, seal: nextSeal, proof: null } as const
  commit(state, transaction(alpha, 'member.rotate', body), NOW)
  assert.is(codeOf(state, spoken(alpha.sign, 0), NOW + DELAY), PASSES)
  assert.is(currentKey(readMember(state, alpha.member)?.seals ?? [], NOW + DELAY)?.index, 1)
})

test('the registrar can be recovered by the validators', () => {
  const state = genesisState()
  const body = recoverBody(ministry.member, next, [alpha, beta, gamma])
  commit(state, transaction(alpha, 'member.rotate', body), NOW)
  assert.is(readMember(state, ministry.member)?.keys.length, 2)
})

test('the member id stays what the first key made it', () => {
  const state = genesisState()
  commit(state, announce(), NOW)
  assert.is(readMember(state, alpha.member)?.keys[0]?.key, alpha.sign.publicKey)
})

test.run()
