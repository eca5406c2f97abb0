/** Every code is produced here by a real transaction or block, and the table has no code that is not. */
import {
  type ContentKey,
  type Digest,
  decodeCbor,
  encodeCbor,
  epoch,
  height,
  limits,
  name32,
  type SealKey,
  type SignKey,
  view
} from '@wardline/codec'
import { voteBytes } from '@wardline/consensus'
import { createSigner, type VoteSigner } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Change,
  type Code,
  createOverlay,
  execute,
  judge,
  layered,
  type ParsedTransaction,
  parseTransaction,
  REFUSALS,
  readParameters,
  type StateView,
  signatureChecks,
  stateKeys,
  verifyTransaction
} from '../src/index.ts'
import { encodeMember } from '../src/membership/member.ts'
import { dssRows } from './dss/refusals.ts'
import { changeRows } from './membership/change-refusals.ts'
import { spvRows } from './spv/refusals.ts'
import { recallRows } from './stt/refusals.ts'
import {
  alpha,
  beta,
  CREATED,
  chain,
  delta,
  doctorBody,
  firstSend,
  gamma,
  genesisState,
  HOUR,
  hash,
  ministry,
  nextNonce,
  type Person,
  parent,
  person,
  receivers,
  recoverBody,
  registerBody,
  rotationProof,
  secret,
  sendBody,
  signed,
  transaction
} from './world.ts'

const test = suite('ledger/refusals')

const NOW = CREATED + 1000
const clinic = person('Clinic')
const doctor = person('Doctor')
const stranger = person('Stranger')
const newSign = createSigner(secret('new sign'))

type Answer = Code | 'accept'

/** The genesis state after these transactions, each in a block of its own at `timeMs`. */
function after(transactions: readonly ParsedTransaction[], timeMs = NOW): StateView {
  const state = createOverlay(genesisState())
  for (const [i, tx] of transactions.entries()) {
    const result = execute(state, { height: height(i + 1), time: timeMs, parent, transactions: [tx] })
    if (result.kind === 'invalid') throw new Error(`transaction ${i}: ${result.code}`)
    for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
  }
  return state
}

function judged(before: readonly ParsedTransaction[], tx: ParsedTransaction, timeMs = NOW, beforeMs = NOW): Answer {
  const verdict = judge(after(before, beforeMs), tx, timeMs)
  if (verdict.kind === 'accept') return 'accept'
  assert.is(verdict.permanent, REFUSALS[verdict.code].permanent)
  return verdict.code
}

function parsed(bytes: Uint8Array): Answer {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') return result.code
  return verifyTransaction(result.transaction) ? 'accept' : 'bad-signature'
}

type CborMap = { [key: string]: Parameters<typeof encodeCbor>[0] }

/** The bytes with their `tx` map changed; the signature stays as it was. */
function edited(bytes: Uint8Array, edit: (tx: CborMap) => CborMap): Uint8Array {
  const { tx, sig } = decodeCbor(bytes) as CborMap
  return encodeCbor({ tx: edit(tx as CborMap), sig: sig as Uint8Array })
}

function registerMember(author: Person, who: Person, changes: Parameters<typeof registerBody>[1] = {}) {
  return transaction(author, 'member.register', registerBody(who, changes, chain, author.member))
}

const registerClinic = () => registerMember(ministry, clinic)
const registerDoctor = () => transaction(alpha, 'member.register', doctorBody(doctor, alpha))
const opened = (who: Person, tx: ParsedTransaction) =>
  transaction(who, 'stt.ack', { acks: [{ via: tx.id, outcome: 'opened' }] })
/** Beta opened them all, and says so with one transaction. */
function ackBody(sends: readonly ParsedTransaction[]) {
  const acks = sends.map(({ id }) => ({ via: id, outcome: 'opened' as const }))
  return { acks: acks.toSorted((one, other) => (one.via < other.via ? -1 : 1)) }
}
const acknowledging = (who: Person, sends: readonly ParsedTransaction[]) => transaction(who, 'stt.ack', ackBody(sends))
const contentKey = '5c'.repeat(32) as ContentKey

function ackForm(change: (acks: readonly unknown[]) => readonly unknown[]): Answer {
  const { acks } = ackBody([anySend(), anySend()])
  return parsed(signed(beta, 'stt.ack', { acks: change(acks) as typeof acks }))
}
const revoke = (author: Person, who: Person) => transaction(author, 'member.revoke', { member: who.member })
const veto = (author: Person, who: Person) =>
  transaction(author, 'member.rotate', { action: 'veto', member: who.member })

function announce(author: Person, of: Person = author, keyIndex = 0) {
  const proof = rotationProof(of.member, newSign, null)
  const body = { action: 'announce', member: of.member, sign: newSign.publicKey, seal: null, proof } as const
  return transaction(author, 'member.rotate', body, { keyIndex })
}

function recover(approvers: readonly { member: Person['member']; sign: Person['sign'] }[], terms = {}, of = alpha) {
  return transaction(beta, 'member.rotate', recoverBody(of.member, newSign, approvers, terms))
}

const anySend = () => firstSend(alpha, [beta])
const someSend = (body: Parameters<typeof sendBody>[0], author = alpha, overrides = {}) =>
  signed(author, 'stt.send', sendBody(body), overrides)
const tomorrow = NOW + 24 * HOUR

function stateWith(change: Change): StateView {
  return layered(genesisState(), [[change]])
}

/** A block of three sends on a chain whose parameters are changed. */
function blockWith(parameters: Partial<ReturnType<typeof readParameters>>): Answer {
  const value = encodeCbor({ ...readParameters(genesisState()), ...parameters })
  const transactions = [anySend(), anySend(), anySend()]
  const state = stateWith({ key: stateKeys.parameters, value })
  const result = execute(state, { height: height(1), time: NOW, parent, transactions })
  return result.kind === 'ok' ? 'accept' : result.code
}

/** Beta sends on to `to` what alpha sent it, saying `via`. */
function forward(first: ParsedTransaction, changes: Partial<Parameters<typeof sendBody>[0]> = {}, author = beta) {
  if (first.kind !== 'stt.send') throw new Error('not a send')
  const { recordId } = first.body
  return transaction(author, 'stt.send', sendBody({ recordId, to: receivers(delta), via: first.id, ...changes }))
}

const SMALL_ORDER = name32<SignKey>('01'.padEnd(64, '0'))

const rows: readonly (readonly [code: Answer, name: string, run: () => Answer])[] = [
  ['too-large', 'more than 60 KiB', () => parsed(new Uint8Array(limits.transactionBytesMax + 1))],
  ['malformed', 'no CBOR', () => parsed(Uint8Array.of(0xff))],
  ['malformed', 'a field too many', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, note: 1 })))],
  ['malformed', 'a body of another shape', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, body: {} })))],
  ['unsupported-version', 'v 2', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, v: 2 })))],
  ['wrong-chain', 'another chain', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, chain: secret('other') })))],
  ['unknown-kind', 'a kind of no mode', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, kind: 'dss.none' })))],
  ['unknown-kind', 'a name of Object', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, kind: 'toString' })))],
  [
    'bad-lifetime',
    'expires when created',
    () => parsed(signed(alpha, 'member.revoke', { member: beta.member }, { expires: CREATED }))
  ],
  [
    'payload-missing',
    'a send without one',
    () => parsed(someSend({ recordId: name32(secret('r')), to: receivers(beta) }, alpha, { payload: null }))
  ],
  [
    'payload-not-allowed',
    'a revocation with one',
    () =>
      parsed(signed(alpha, 'member.revoke', { member: beta.member }, { payload: { commitment: hash('x'), size: 1 } }))
  ],
  [
    'payload-too-large',
    '1 MiB and 1',
    () =>
      parsed(
        someSend({ recordId: name32(secret('r')), to: receivers(beta) }, alpha, {
          payload: { commitment: hash('x'), size: limits.payloadBytesMax + 1 }
        })
      )
  ],
  [
    'payload-too-large',
    'empty',
    () =>
      parsed(
        someSend({ recordId: name32(secret('r')), to: receivers(beta) }, alpha, {
          payload: { commitment: hash('x'), size: 0 }
        })
      )
  ],
  [
    'accept',
    '1 MiB',
    () =>
      parsed(
        someSend({ recordId: name32(secret('r')), to: receivers(beta) }, alpha, {
          payload: { commitment: hash('x'), size: limits.payloadBytesMax }
        })
      )
  ],
  ['bad-signature', 'of the author', () => parsed(edited(anySend().bytes, (tx) => ({ ...tx, created: CREATED - 1 })))],
  [
    'bad-signature',
    'of a new member',
    () => parsed(signed(ministry, 'member.register', registerBody(clinic, { proof: new Uint8Array(64) })))
  ],
  [
    'bad-signature',
    'of a new host key',
    () => parsed(signed(ministry, 'member.register', registerBody(clinic, { hostProof: new Uint8Array(64) })))
  ],
  [
    'key-not-acceptable',
    'a sign key of small order',
    () => parsed(signed(ministry, 'member.register', registerBody(clinic, { sign: SMALL_ORDER })))
  ],
  [
    'key-not-acceptable',
    'a seal key of small order',
    () => parsed(signed(ministry, 'member.register', registerBody(clinic, { seal: name32<SealKey>('00'.repeat(32)) })))
  ],
  [
    'key-not-acceptable',
    'a new key in a rotation',
    () =>
      parsed(
        signed(alpha, 'member.rotate', {
          action: 'announce',
          member: alpha.member,
          sign: SMALL_ORDER,
          seal: null,
          proof: new Uint8Array(64)
        })
      )
  ],
  ['no-receivers', 'none', () => parsed(someSend({ recordId: name32(secret('r')), to: [] }))],
  ['too-large', '6,000 receivers', () => parsed(someSend({ recordId: name32(secret('r')), to: manyReceivers(6_000) }))],
  ['too-many-receivers', '257', () => parsed(someSend({ recordId: name32(secret('r')), to: manyReceivers(257) }))],
  ['accept', '256 receivers', () => parsed(someSend({ recordId: name32(secret('r')), to: manyReceivers(256) }))],
  [
    'receivers-not-sorted',
    'descending',
    () => parsed(someSend({ recordId: name32(secret('r')), to: receivers(beta, gamma).toReversed() }))
  ],
  [
    'receivers-not-sorted',
    'one twice',
    () => parsed(someSend({ recordId: name32(secret('r')), to: receivers(beta, beta) }))
  ],
  [
    'self-receiver',
    'to oneself',
    () => parsed(someSend({ recordId: name32(secret('r')), to: receivers(alpha, beta) }))
  ],

  ['accept', 'a first send', () => judged([], anySend())],
  ['expired', 'at its last millisecond', () => judged([], anySend(), CREATED + 24 * HOUR)],
  ['accept', 'just before', () => judged([], anySend(), CREATED + 24 * HOUR - 1)],
  ['too-far-expiry', 'more than 48 h ahead', () => judged([], anySend(), CREATED - 24 * HOUR - 1)],
  ['accept', 'exactly 48 h ahead', () => judged([], anySend(), CREATED - 24 * HOUR)],
  [
    'id-used',
    'the same bytes again',
    () => {
      const tx = anySend()
      return judged([tx], tx)
    }
  ],
  ['unknown-author', 'a stranger', () => judged([], firstSend(stranger, [beta]))],
  ['author-revoked', 'expelled', () => judged([registerClinic(), revoke(ministry, clinic)], firstSend(clinic, [beta]))],
  [
    'author-suspended',
    'staff of an expelled hospital',
    () =>
      judged(
        [
          registerMember(ministry, clinic, { grants: { roles: ['doctor'], attributes: null } }),
          transaction(clinic, 'member.register', doctorBody(doctor, clinic)),
          revoke(ministry, clinic)
        ],
        revoke(doctor, beta)
      )
  ],
  [
    'author-expired',
    'past its end',
    () => judged([registerMember(ministry, clinic, { until: NOW + HOUR })], firstSend(clinic, [beta]), NOW + HOUR)
  ],
  [
    'accept',
    'before its end',
    () => judged([registerMember(ministry, clinic, { until: NOW + HOUR })], firstSend(clinic, [beta]), NOW + HOUR - 1)
  ],
  ['key-mismatch', 'a number without a key', () => judged([], announce(alpha, alpha, 1))],
  [
    'key-mismatch',
    'the key of another member',
    () => judged([], transaction(alpha, 'member.revoke', { member: beta.member }, { signer: beta.sign }))
  ],
  [
    'key-not-yet',
    'an announced key',
    () =>
      judged(
        [announce(alpha)],
        transaction(alpha, 'member.revoke', { member: beta.member }, { signer: newSign, keyIndex: 1 })
      )
  ],
  [
    'key-revoked',
    'the key it replaced',
    () =>
      judged(
        [announce(alpha)],
        transaction(alpha, 'member.revoke', { member: beta.member }, { expires: tomorrow + HOUR }),
        tomorrow
      )
  ],

  ['accept', 'the registrar registers a hospital', () => judged([], registerClinic())],
  ['not-registrar', 'a hospital registers a hospital', () => judged([], registerMember(alpha, clinic))],
  [
    'not-own-hospital',
    'staff of another hospital',
    () => judged([], transaction(alpha, 'member.register', doctorBody(doctor, beta, {}, alpha)))
  ],
  [
    'not-own-hospital',
    'staff of a doctor',
    () => judged([registerDoctor()], transaction(doctor, 'member.register', doctorBody(stranger, doctor)))
  ],
  [
    'out-of-scope',
    'a role that is not granted',
    () =>
      judged(
        [registerClinic()],
        transaction(clinic, 'member.register', doctorBody(doctor, clinic, { role: 'researcher' }))
      )
  ],
  [
    'out-of-scope',
    'a role that no hospital gives',
    () => judged([], transaction(alpha, 'member.register', doctorBody(doctor, alpha, { role: 'payer' })))
  ],
  [
    'out-of-scope',
    'an attribute that is not granted',
    () =>
      judged(
        [registerClinic()],
        transaction(clinic, 'member.register', doctorBody(doctor, clinic, { attributes: ['oncologist'] }))
      )
  ],
  [
    'accept',
    'a granted attribute',
    () =>
      judged(
        [registerClinic()],
        transaction(clinic, 'member.register', doctorBody(doctor, clinic, { attributes: ['surgeon'] }))
      )
  ],
  [
    'out-of-scope',
    'longer than the hospital',
    () =>
      judged(
        [registerMember(ministry, clinic, { until: NOW + HOUR })],
        transaction(clinic, 'member.register', doctorBody(doctor, clinic, { until: NOW + HOUR + 1 }))
      )
  ],
  [
    'out-of-scope',
    'without end, the hospital with one',
    () =>
      judged(
        [registerMember(ministry, clinic, { until: NOW + HOUR })],
        transaction(clinic, 'member.register', doctorBody(doctor, clinic))
      )
  ],
  ['until-passed', 'ended before it began', () => judged([], registerMember(ministry, clinic, { until: NOW }))],
  ['member-exists', 'the same keys again', () => judged([registerClinic()], registerClinic())],
  [
    'member-exists',
    'after its expulsion',
    () => judged([registerClinic(), revoke(ministry, clinic)], registerClinic())
  ],
  [
    'host-in-use',
    "another hospital's libp2p key",
    () => judged([], registerMember(ministry, { ...clinic, host: alpha.host }))
  ],
  [
    'too-many-hosts',
    'one above the limit',
    () => judge2(stateWith({ key: stateKeys.hosts, value: encodeCbor(limits.peersMax) }), registerClinic())
  ],

  ['accept', 'the registrar expels a hospital', () => judged([registerClinic()], revoke(ministry, clinic))],
  ['accept', 'a hospital dismisses a doctor', () => judged([registerDoctor()], revoke(alpha, doctor))],
  ['unknown-member', 'a revocation', () => judged([], revoke(ministry, stranger))],
  ['unknown-member', 'a rotation', () => judged([], veto(ministry, stranger))],
  [
    'member-revoked',
    'a revocation',
    () => judged([registerClinic(), revoke(ministry, clinic)], revoke(ministry, clinic))
  ],
  ['member-revoked', 'a rotation', () => judged([registerClinic(), revoke(ministry, clinic)], veto(ministry, clinic))],
  ['not-permitted', "another hospital's doctor", () => judged([registerDoctor()], revoke(beta, doctor))],
  ['not-permitted', 'a hospital expels a hospital', () => judged([registerClinic()], revoke(beta, clinic))],
  ['not-permitted', "another member's keys", () => judged([], announce(beta, alpha))],
  ['not-permitted', 'a veto by another member', () => judged([announce(alpha)], veto(beta, alpha))],
  ['is-validator', 'a founder', () => judged([], revoke(ministry, alpha))],
  ['is-registrar', 'by itself', () => judged([], revoke(ministry, ministry))],
  [
    'key-in-use',
    'its own key',
    () =>
      judged(
        [],
        transaction(alpha, 'member.rotate', {
          action: 'announce',
          member: alpha.member,
          sign: null,
          seal: alpha.seal,
          proof: null
        })
      )
  ],
  [
    'too-many-keys',
    'one above the limit',
    () => judge2(withManyKeys(), announce(alpha, alpha, limits.memberKeysMax - 1))
  ],
  ['rotation-pending', 'a second announcement', () => judged([announce(alpha)], announce(alpha))],
  ['no-rotation-pending', 'nothing announced', () => judged([], veto(alpha, alpha))],
  [
    'no-rotation-pending',
    'too late',
    () =>
      judged(
        [announce(alpha)],
        transaction(ministry, 'member.rotate', { action: 'veto', member: alpha.member }, { expires: tomorrow + HOUR }),
        tomorrow
      )
  ],
  ['accept', 'a veto by the registrar', () => judged([announce(alpha)], veto(ministry, alpha))],
  ['accept', 'a recovery by three of four', () => judged([], recover([beta, gamma, delta]))],
  [
    'accept',
    'a recovery instead of what was announced',
    () => judged([announce(alpha)], recover([beta, gamma, delta]))
  ],
  ['wrong-epoch', 'approvals of another epoch', () => judged([], recover([beta, gamma, delta], { epoch: 1 }))],
  ['approvals-expired', 'at their last millisecond', () => judged([], recover([beta, gamma, delta], { expires: NOW }))],
  ['not-a-validator', 'an approval by a clinic', () => judged([registerClinic()], recover([beta, gamma, clinic]))],
  [
    'stale-approval-key',
    'an approval by another key',
    () => judged([], recover([beta, gamma, { member: delta.member, sign: newSign }]))
  ],
  ['too-few-approvals', 'two of four', () => judged([], recover([beta, gamma]))],

  ['author-not-hospital', 'a doctor sends', () => judged([registerDoctor()], firstSend(doctor, [beta]))],
  [
    'author-not-hospital',
    'a doctor acknowledges',
    () => {
      const tx = anySend()
      return judged([registerDoctor(), tx], opened(doctor, tx))
    }
  ],
  [
    'record-id-mismatch',
    'a squatted id',
    () => judged([], transaction(alpha, 'stt.send', sendBody({ recordId: name32(secret('r')), to: receivers(beta) })))
  ],
  [
    'content-mismatch',
    'the origin sends other content',
    () => {
      const tx = anySend()
      return judged([tx], forward(tx, { via: null, content: hash('other') }, alpha))
    }
  ],
  [
    'content-mismatch',
    'a holder sends other content',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx, { content: hash('other') }))
    }
  ],
  [
    'accept',
    'the origin sends again',
    () => {
      const tx = anySend()
      return judged([tx], forward(tx, { via: null }, alpha))
    }
  ],
  [
    'accept',
    'a holder sends on',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx))
    }
  ],
  [
    'accept',
    'a holder sends back to the origin',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx, { to: receivers(alpha) }))
    }
  ],
  [
    'not-a-holder',
    'a receiver that has not acknowledged',
    () => {
      const tx = anySend()
      return judged([tx], forward(tx))
    }
  ],
  [
    'not-a-holder',
    'a receiver that saw a mismatch',
    () => {
      const tx = anySend()
      return judged([tx, transaction(beta, 'stt.ack', { acks: [{ via: tx.id, outcome: 'mismatch' }] })], forward(tx))
    }
  ],
  [
    'not-a-holder',
    'a member that never received it',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx, {}, gamma))
    }
  ],
  [
    'not-a-holder',
    'somebody else as if it were the origin',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx, { via: null }))
    }
  ],
  [
    'not-a-holder',
    'a transmission of another record',
    () => {
      const tx = anySend()
      const other = anySend()
      return judged([tx, other, opened(beta, other)], forward(tx, { via: other.id }))
    }
  ],
  [
    'not-a-holder',
    'a transmission that does not exist',
    () => {
      const tx = anySend()
      return judged([tx], forward(tx, { via: name32(secret('none')) }))
    }
  ],
  [
    'not-a-holder',
    'a record that does not exist',
    () => {
      const tx = anySend()
      return judged([], forward(tx))
    }
  ],
  [
    'not-a-holder',
    'the origin says via',
    () => {
      const tx = anySend()
      return judged([tx, opened(beta, tx)], forward(tx, {}, alpha))
    }
  ],
  ['not-a-hospital', 'to a doctor', () => judged([registerDoctor()], firstSend(alpha, [doctor]))],
  ['not-a-hospital', 'to a stranger', () => judged([], firstSend(alpha, [stranger]))],
  [
    'receiver-revoked',
    'to an expelled hospital',
    () => judged([registerClinic(), revoke(ministry, clinic)], firstSend(alpha, [clinic]))
  ],
  [
    'receiver-revoked',
    'to a hospital past its end',
    () => judged([registerMember(ministry, clinic, { until: NOW + HOUR })], firstSend(alpha, [clinic]), NOW + HOUR)
  ],
  [
    'stale-sealing-key',
    'to a key that was never registered',
    () => judged([], firstSend(alpha, [{ ...beta, seal: clinic.seal }]))
  ],
  ['unknown-transmission', 'an acknowledgement ahead of its send', () => judged([], opened(beta, anySend()))],
  [
    'not-a-receiver',
    'the author acknowledges',
    () => {
      const tx = anySend()
      return judged([tx], opened(alpha, tx))
    }
  ],
  [
    'already-acknowledged',
    'a second opinion',
    () => {
      const tx = anySend()
      return judged(
        [tx, opened(beta, tx)],
        transaction(beta, 'stt.ack', { acks: [{ via: tx.id, outcome: 'mismatch' }] })
      )
    }
  ],

  [
    'accept',
    'several transmissions with one acknowledgement',
    () => {
      const sends = [anySend(), anySend()]
      return judged(sends, acknowledging(beta, sends))
    }
  ],
  [
    'already-acknowledged',
    'one of several',
    () => {
      const [one, two] = [anySend(), anySend()] as const
      return judged([one, two, opened(beta, two)], acknowledging(beta, [one, two]))
    }
  ],
  [
    'not-a-receiver',
    'of one of several',
    () => {
      const [one, other] = [anySend(), firstSend(alpha, [gamma])] as const
      return judged([one, other], acknowledging(beta, [one, other]))
    }
  ],
  ['acks-not-sorted', 'descending', () => ackForm((acks) => acks.toReversed())],
  ['acks-not-sorted', 'one twice', () => ackForm(([one]) => [one, one])],
  [
    'key-proves-nothing',
    'a key with an opening',
    () => ackForm(([one, other]) => [{ ...(one as object), contentKey }, other])
  ],
  [
    'accept',
    'a mismatch with its content key',
    () => ackForm(([one, other]) => [one, { ...(other as object), outcome: 'mismatch', contentKey }])
  ],
  [
    'malformed',
    'a content key of 31 bytes',
    () =>
      parsed(
        signed(beta, 'stt.ack', {
          acks: [{ via: anySend().id, outcome: 'mismatch', contentKey: '00'.repeat(31) as ContentKey }]
        })
      )
  ],
  ['malformed', 'an acknowledgement of nothing', () => ackForm(() => [])],
  ['malformed', 'an acknowledgement of too many', () => ackForm((acks) => Array.from({ length: 33 }, () => acks[0]))],

  ['accept', 'a block within its limits', () => blockWith({})],
  ['block-too-many', 'one above the count', () => blockWith({ blockTransactionsMax: 2 })],
  [
    'block-too-large',
    'a byte above the size',
    () => {
      const tx = anySend()
      return blockOf([tx], limits.transactionBytesMax) === 'accept' ? bigBlock() : 'accept'
    }
  ],
  ...changeRows,
  ['accept', 'two votes that exclude each other', () => judged([], reportOf())],
  ['accept', 'another conflict in the same view', () => judged([reportOf()], reportOf({ second: ['finalize', 'b'] }))],
  ['author-not-hospital', 'a report by a doctor', () => judged([registerDoctor()], reportOf({ by: doctor }))],
  ['not-its-vote-key', 'votes of another key', () => judged([], reportOf({ key: beta.vote }))],
  ['not-its-vote-key', 'of a stranger', () => judged([], reportOf({ of: stranger }))],
  ['already-reported', 'by another hospital', () => judged([reportOf()], reportOf({ by: gamma }))],
  ['enough-reported', 'one more than the chain keeps', () => judged(manyReports(), reportOf({ view: 1000 }))],
  ['malformed', 'one vote twice', () => parsed(reportBytes({ second: ['notarize', 'a'] }))],
  ['malformed', 'votes that a correct validator signs', () => parsed(reportBytes({ second: ['finalize', 'a'] }))],
  ['malformed', 'votes in the other order', () => parsed(reportBytes({ reversed: true }))],
  ['bad-signature', 'a vote for another view', () => parsed(reportBytes({ signedView: 6 }))],
  ...dssRows,
  ...spvRows,
  ...recallRows
]

function judge2(state: StateView, tx: ParsedTransaction): Answer {
  const verdict = judge(state, tx, NOW)
  return verdict.kind === 'accept' ? 'accept' : verdict.code
}

type ReportFacts = {
  readonly by?: Person
  readonly of?: Person
  readonly key?: VoteSigner
  readonly view?: number
  readonly signedView?: number
  readonly second?: readonly ['notarize' | 'finalize', 'a' | 'b']
  readonly reversed?: boolean
}

/** A report that delta notarized block a and signed `second` in one view. */
function reportBytes(facts: ReportFacts = {}): Uint8Array {
  const { by = alpha, of = delta, key = of.vote, view: at = 5, second = ['notarize', 'b'], reversed = false } = facts
  const place = { epoch: epoch(0), view: view(at) }
  const ballot = (kind: 'notarize' | 'finalize', name: string) => {
    const digest = name32<Digest>((name === 'a' ? '0a' : '0b').repeat(32))
    return {
      kind,
      digest,
      signature: key.sign(voteBytes(kind, chain, place.epoch, view(facts.signedView ?? at), digest))
    }
  }
  const [first, last] = [ballot('notarize', 'a'), ballot(...second)]
  const votes = reversed ? ([last, first] as const) : ([first, last] as const)
  return signed(by, 'evidence.report', { signer: of.member, key: key.publicKey, ...place, votes })
}

function reportOf(facts: ReportFacts = {}): ParsedTransaction {
  const result = parseTransaction(reportBytes(facts), chain)
  if (result.kind === 'reject') throw new Error(result.code)
  return result.transaction
}

const manyReports = () =>
  Array.from({ length: limits.evidencePerOffenderMax }, (_, index) => reportOf({ view: index + 1 }))

function manyReceivers(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    member: name32<Person['member']>(secret(`m ${i}`)),
    sealingKey: beta.seal
  })).sort((a, b) => (a.member < b.member ? -1 : 1))
}

/** Alpha with as many signing keys as a member can have; the last one is its present key. */
function withManyKeys(): StateView {
  const keys = Array.from({ length: limits.memberKeysMax }, (_, i) => ({
    key: i === limits.memberKeysMax - 1 ? alpha.sign.publicKey : name32<SignKey>(secret(`old ${i}`)),
    from: i
  }))
  const member = { registered: height(0), by: null, role: 'hospital', keys, seals: [], host: null, vote: null } as const
  const rest = { hospital: null, attributes: [], grants: null, until: null, revoked: null }
  return stateWith({ key: stateKeys.member(alpha.member), value: encodeMember({ ...member, ...rest }) })
}

function blockOf(transactions: readonly ParsedTransaction[], blockBodyBytesMax: number): Answer {
  const value = encodeCbor({ ...readParameters(genesisState()), blockBodyBytesMax })
  const state = stateWith({ key: stateKeys.parameters, value })
  const result = execute(state, { height: height(1), time: NOW, parent, transactions })
  return result.kind === 'ok' ? 'accept' : result.code
}

/** Blocks of as many sends as fit, and of one more. */
function bigBlock(): Answer {
  const transactions = Array.from({ length: 120 }, anySend)
  const size = (transactions[0] as ParsedTransaction).bytes.length
  const fitting = Math.floor(limits.transactionBytesMax / size)
  assert.is(blockOf(transactions.slice(0, fitting), limits.transactionBytesMax), 'accept')
  return blockOf(transactions.slice(0, fitting + 1), limits.transactionBytesMax)
}

for (const [code, name, run] of rows) {
  test(`${code}: ${name}`, () => assert.is(run(), code))
}

test('every code is produced above', () => {
  const produced = new Set(rows.map(([code]) => code))
  assert.equal(
    Object.keys(REFUSALS).filter((code) => !produced.has(code as Code)),
    []
  )
})

test('every code has one sentence', () => {
  for (const [code, { sentence }] of Object.entries(REFUSALS)) {
    assert.match(code, /^[a-z]+(-[a-z0-9]+)*$/)
    assert.match(sentence, /^[A-Z].*\.$/)
  }
})

test('a transaction shows all its signatures for verification, the author first', () => {
  const checks = signatureChecks(recover([beta, gamma, delta]))
  assert.equal(
    checks.map(({ key }) => key),
    [beta.sign.publicKey, newSign.publicKey, ...receivers(beta, gamma, delta).map(({ member }) => keyOf(member))]
  )
})

function keyOf(member: Person['member']): SignKey {
  const who = [beta, gamma, delta].find((one) => one.member === member)
  if (who === undefined) throw new Error('nobody')
  return who.sign.publicKey
}

test('a nonce is used up by its id, not by its bytes', () => {
  const nonce = nextNonce()
  const first = transaction(ministry, 'member.register', registerBody(clinic), { nonce })
  const second = transaction(ministry, 'member.register', registerBody(stranger), { nonce })
  assert.is(judged([first], second), 'accept')
})

test.run()
