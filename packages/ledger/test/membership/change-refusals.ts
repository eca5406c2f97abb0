/** Every refusal of a change of the validators, for refusals.test.ts. */
import { epoch, height, limits } from '@wardline/codec'
import { createVoteSigner } from '@wardline/crypto'
import {
  type Code,
  execute,
  judge,
  type Member,
  type ParsedTransaction,
  parseTransaction,
  readMember,
  stateKeys,
  verifyTransaction
} from '../../src/index.ts'
import { writeMember } from '../../src/membership/member.ts'
import { encodeValidators } from '../../src/parameters.ts'
import {
  alpha,
  beta,
  CREATED,
  chain,
  delta,
  firstSend,
  founders,
  gamma,
  genesisState,
  HOUR,
  ministry,
  parent,
  person,
  registerBody,
  secret,
  signed,
  transaction
} from '../world.ts'
import { type ChangeTerms, changeBody, SMALL_ORDER } from './changes.ts'

type Answer = Code | 'accept'
type Row = readonly [code: Answer, name: string, run: () => Answer]

const NOW = CREATED + 1000
const clinic = person('Clinic')
const stranger = person('Stranger')
const newVote = createVoteSigner(secret('new vote'))

type Action = Parameters<typeof changeBody>[0]
type Who = Parameters<typeof changeBody>[1]

const change = (action: Action, of: Who, terms: ChangeTerms = {}) =>
  transaction(beta, 'validator.change', changeBody(action, of, terms))
const register = (until: number | null = null) =>
  transaction(ministry, 'member.register', registerBody(clinic, { until }))
const revoked = () => transaction(ministry, 'member.revoke', { member: clinic.member })

function judged(before: readonly ParsedTransaction[], tx: ParsedTransaction, timeMs = NOW): Answer {
  const state = genesisState()
  for (const [i, one] of before.entries()) {
    const result = execute(state, { height: height(i + 1), time: NOW, parent, transactions: [one] })
    if (result.kind === 'invalid') throw new Error(`transaction ${i}: ${result.code}`)
    for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
  }
  const verdict = judge(state, tx, timeMs)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

function parsed(edit: ChangeTerms['edit'], action: Action = 'rotate'): Answer {
  const body = changeBody(action, alpha, { key: newVote, ...(edit && { edit }) })
  const result = parseTransaction(signed(beta, 'validator.change', body), chain)
  if (result.kind === 'reject') return result.code
  return verifyTransaction(result.transaction) ? 'accept' : 'bad-signature'
}

function block(transactions: readonly ParsedTransaction[]): Answer {
  const result = execute(genesisState(), { height: height(1), time: NOW, parent, transactions })
  return result.kind === 'ok' ? 'accept' : result.code
}

/** A chain with as many validators as there can be, all of which approve. */
function full(): Answer {
  const state = genesisState()
  const founder = readMember(state, alpha.member) as Member
  const fillers = Array.from({ length: limits.validatorsMax - founders.length }, (_, i) => person(`Filler ${i}`))
  for (const { member, vote } of fillers) writeMember(state, member, { ...founder, vote: vote.publicKey })
  writeMember(state, clinic.member, { ...founder, vote: null })
  const everybody = [...founders, ...fillers]
  const members = everybody.map(({ member }) => member).sort()
  state.set(stateKeys.validators, encodeValidators({ epoch: epoch(0), members }))
  const verdict = judge(state, change('add', clinic, { approvers: everybody }), NOW)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

/** A chain of one validator. */
function alone(): Answer {
  const state = genesisState()
  state.set(stateKeys.validators, encodeValidators({ epoch: epoch(0), members: [alpha.member] }))
  const verdict = judge(state, change('remove', alpha, { approvers: [alpha] }), NOW)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

export const changeRows: readonly Row[] = [
  ['accept', 'three of four rotate a vote key', () => judged([], change('rotate', alpha, { key: newVote }))],
  ['accept', 'and remove one', () => judged([], change('remove', delta))],
  ['accept', 'and add a registered hospital', () => judged([register()], change('add', clinic))],
  [
    'accept',
    'whose key was that of a validator that has gone',
    () => judged([register(), change('remove', delta)], change('add', clinic, { key: delta.vote, epoch: 1 }))
  ],
  ['malformed', 'a removal with a key', () => parsed((body) => ({ ...body, vote: newVote.publicKey }), 'remove')],
  ['malformed', 'a new key without a proof', () => parsed((body) => ({ ...body, proof: null }))],
  ['malformed', 'a new key without a block', () => parsed((body) => ({ ...body, synced: null }))],
  ['malformed', 'no approvals', () => parsed((body) => ({ ...body, approvals: [] }))],
  [
    'malformed',
    'an approval twice',
    () => parsed((body) => ({ ...body, approvals: [body.approvals[0], ...body.approvals] as never }))
  ],
  [
    'bad-signature',
    'a proof of another change',
    () => parsed((body) => ({ ...body, proof: changeBody('add', alpha, { key: newVote }).proof }))
  ],
  [
    'bad-signature',
    'approvals of another change',
    () => parsed((body) => ({ ...body, approvals: changeBody('remove', alpha).approvals }))
  ],
  [
    'bad-signature',
    'approvals for longer than they were given',
    () => parsed((body) => ({ ...body, expires: body.expires + 1 }))
  ],
  ['key-not-acceptable', 'a vote key of small order', () => parsed((body) => ({ ...body, vote: SMALL_ORDER }))],
  ['epoch-ended', 'approvals of the epoch before', () => judged([change('remove', delta)], change('remove', gamma))],
  ['wrong-epoch', 'approvals of the next epoch', () => judged([], change('remove', delta, { epoch: 1 }))],
  ['approvals-expired', 'at their end', () => judged([], change('remove', delta), CREATED + HOUR)],
  ['accept', 'just before', () => judged([], change('remove', delta), CREATED + HOUR - 1)],
  [
    'not-a-validator',
    'an approval of a hospital without a vote',
    () => judged([register()], change('remove', delta, { approvers: [alpha, beta, gamma, clinic] }))
  ],
  [
    'stale-approval-key',
    'an approval with a key that was replaced',
    () => judged([change('rotate', alpha, { key: newVote })], change('remove', delta, { epoch: 1 }))
  ],
  [
    'accept',
    'with the one that replaced it',
    () =>
      judged(
        [change('rotate', alpha, { key: newVote })],
        change('remove', delta, { epoch: 1, approvers: [{ ...alpha, vote: newVote }, beta, gamma] })
      )
  ],
  ['too-few-approvals', 'two of four', () => judged([], change('remove', delta, { approvers: [alpha, beta] }))],
  [
    'too-few-approvals',
    'two of the three that are left',
    () => judged([change('remove', delta)], change('remove', gamma, { epoch: 1, approvers: [alpha] }))
  ],
  [
    'accept',
    'two of three are a quorum',
    () => judged([change('remove', delta)], change('remove', gamma, { epoch: 1, approvers: [alpha, beta] }))
  ],
  ['unknown-member', 'of a stranger', () => judged([], change('add', stranger))],
  ['member-revoked', 'of one who was expelled', () => judged([register(), revoked()], change('add', clinic))],
  ['already-validator', 'added twice', () => judged([], change('add', alpha, { key: newVote }))],
  ['member-not-validator', 'a rotation', () => judged([register()], change('rotate', clinic))],
  ['member-not-validator', 'a removal', () => judged([register()], change('remove', clinic))],
  ['not-eligible', 'one who runs no daemon', () => judged([], change('add', ministry))],
  ['not-eligible', 'one whose registration ends', () => judged([register(NOW + 24 * HOUR)], change('add', clinic))],
  [
    'vote-key-in-use',
    'the key of another validator',
    () => judged([register()], change('add', clinic, { key: alpha.vote }))
  ],
  ['vote-key-in-use', 'its own present key', () => judged([], change('rotate', alpha))],
  ['last-validator', 'the only one', alone],
  ['too-many-validators', 'one above 128', full],
  [
    'is-validator',
    'a validator is expelled before it is removed',
    () => judged([register(), change('add', clinic)], revoked())
  ],
  [
    'accept',
    'and after',
    () =>
      judged(
        [
          register(),
          change('add', clinic),
          change('remove', clinic, { epoch: 1, approvers: [alpha, beta, gamma, delta] })
        ],
        revoked()
      )
  ],
  ['change-not-last', 'a transaction behind it', () => block([change('remove', delta), firstSend(alpha, [beta])])],
  ['change-not-last', 'two of them', () => block([change('remove', delta), change('remove', gamma, { epoch: 1 })])],
  ['accept', 'behind another transaction', () => block([firstSend(alpha, [beta]), change('remove', delta)])]
]
