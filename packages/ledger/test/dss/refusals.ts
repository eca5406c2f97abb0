/** What an alliance refuses: a row for every code, for `../refusals.test.ts`. */
import {
  type CborValue,
  decodeCbor,
  encodeCbor,
  height,
  limits,
  name32,
  nameBytes,
  type RecordId,
  type TransactionId
} from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import {
  type Code,
  execute,
  judge,
  type Member,
  type ParsedTransaction,
  parseTransaction,
  REFUSALS,
  readMember,
  verifyTransaction
} from '../../src/index.ts'
import { writeMember } from '../../src/membership/member.ts'
import {
  alpha,
  beta,
  gamma,
  HOUR,
  hash,
  ministry,
  nextNonce,
  type Person,
  parent,
  person,
  registerBody,
  rotationProof,
  secret,
  signed,
  transaction
} from '../world.ts'
import {
  after,
  aliasOf,
  amend,
  anna,
  bruno,
  chain,
  enrol,
  NOW,
  nurse,
  otherChain,
  PAYLOAD,
  physician,
  publish,
  read,
  recordBody,
  type Signatory,
  signedBy,
  staff,
  surgeon,
  versionOf,
  withdraw
} from './world.ts'

type Answer = Code | 'accept'

function judged(before: readonly ParsedTransaction[], tx: ParsedTransaction, timeMs = NOW): Answer {
  const verdict = judge(after(before), tx, timeMs)
  if (verdict.kind === 'accept') return 'accept'
  if (verdict.permanent !== REFUSALS[verdict.code].permanent) throw new Error('a verdict says otherwise than the table')
  return verdict.code
}

function parsed(bytes: Uint8Array): Answer {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') return result.code
  return verifyTransaction(result.transaction) ? 'accept' : 'bad-signature'
}

/** A record whose doctors have signed something else. */
function misattested(changes: Partial<Parameters<typeof signedBy>[0]>, who: readonly Signatory[] = [surgeon]): Answer {
  const nonce = nextNonce()
  const body = recordBody(alpha, anna, nonce)
  const { alias, recordId, content } = body
  const doctors = signedBy({ chain, alias, recordId, supersedes: null, content, ...changes }, who)
  return parsed(signed(alpha, 'dss.record', { ...body, doctors }, { chain, nonce, payload: PAYLOAD }))
}

function recordOf(doctors: readonly Signatory[], arrange = (list: ReturnType<typeof signedBy>) => list): Answer {
  const nonce = nextNonce()
  const body = recordBody(alpha, anna, nonce, { doctors })
  const changed = { ...body, doctors: arrange(body.doctors) }
  return parsed(signed(alpha, 'dss.record', changed, { chain, nonce, payload: PAYLOAD }))
}

function access(versions: readonly { readonly record: RecordId; readonly version: TransactionId }[]): Answer {
  const body = { alias: aliasOf(anna), records: versions, reader: null, purpose: 'treatment' } as const
  return parsed(signed(alpha, 'dss.access', body, { chain }))
}

const crowd = (count: number) => Array.from({ length: count }, (_, i) => person(`Doctor ${i}`))
const revoke = (author: Person, who: Person) => transaction(author, 'member.revoke', { member: who.member }, { chain })
const newSign = createSigner(secret('new doctor sign'))

/** The surgeon announces another signing key, which is in force a day later. */
function announce() {
  const proof = rotationProof(surgeon.member, newSign, null, chain)
  const body = { action: 'announce', member: surgeon.member, sign: newSign.publicKey, seal: null, proof } as const
  return transaction(surgeon, 'member.rotate', body, { chain })
}

const withdrawAt: typeof enrol = (wallet, options) => withdraw(wallet, alpha, options)

/** A statement that the wallet made at `at`, after an enrolment and perhaps a withdrawal that it made at these times. */
function judgedAt([enrolled, ended]: readonly [number, number?], at: number, make: typeof enrol): Answer {
  const before = [enrol(anna, { created: NOW + enrolled })]
  if (ended !== undefined) before.push(withdraw(anna, alpha, { created: NOW + ended }))
  return judged(before, make(anna, { created: NOW + at }))
}

const TOMORROW = NOW + 24 * HOUR
const LATER = TOMORROW + HOUR
const withNewKey = { ...surgeon, sign: newSign, keyIndex: 1 }
const clinic = person('Clinic')
const base = [staff(surgeon, alpha), staff(physician, beta), staff(nurse, alpha, 'nurse'), enrol(anna)]
const first = publish(alpha, anna)
const second = amend(alpha, first)
const written = [...base, first]
const unknown = { record: name32<RecordId>(secret('no record')), version: name32<TransactionId>(secret('none')) }

export const dssRows: readonly (readonly [code: Answer, name: string, run: () => Answer])[] = [
  ['kind-not-here', 'a transmission in an alliance', () => judged([], sendIn())],
  ['payload-missing', 'a record without one', () => withPayload(null)],
  ['payload-too-large', 'a record of more than 1 MiB', () => withPayload(limits.payloadBytesMax + 1)],
  ['no-doctors', 'nobody signs', () => recordOf([])],
  ['no-doctors', 'nurses alone', () => recordOf([{ ...nurse, role: 'nurse' }])],
  ['doctors-not-sorted', 'descending', () => recordOf([surgeon, physician], (list) => list.toReversed())],
  ['doctors-not-sorted', 'one twice', () => recordOf([surgeon], (list) => [...list, ...list])],
  ['accept', 'a doctor and a nurse', () => recordOf([surgeon, { ...nurse, role: 'nurse' }])],
  ['accept', '16 doctors', () => recordOf(crowd(16))],
  ['malformed', '17 doctors', () => recordOf(crowd(17))],
  ['accept', 'what the doctor signed', () => misattested({})],
  ['bad-signature', 'moved to another patient', () => misattested({ alias: aliasOf(bruno) })],
  ['bad-signature', 'moved to another chain', () => misattested({ chain: otherChain })],
  ['bad-signature', 'moved to another content', () => misattested({ content: hash('other') })],
  ['bad-signature', 'moved to another record', () => misattested({ recordId: unknown.record })],
  ['bad-signature', 'moved from an amendment', () => misattested({ supersedes: unknown.version })],
  [
    'bad-signature',
    'given as a nurse, claimed as a doctor',
    () => {
      const nonce = nextNonce()
      const body = recordBody(alpha, anna, nonce, { doctors: [{ ...nurse, role: 'nurse' }] })
      const doctors = body.doctors.map((one) => ({ ...one, role: 'doctor' as const }))
      return parsed(signed(alpha, 'dss.record', { ...body, doctors }, { chain, nonce, payload: PAYLOAD }))
    }
  ],
  ['malformed', 'nothing is read', () => access([])],
  ['records-not-sorted', 'one twice', () => access([versionOf(first), versionOf(first)])],
  ['records-not-sorted', 'descending', () => access(sortedVersions(64).toReversed())],
  ['accept', '64 versions', () => access(sortedVersions(64))],
  ['malformed', '65 versions', () => access(sortedVersions(65))],
  ['malformed', 'a patient speaks for another alias', () => parsed(impersonated())],

  ['accept', 'an enrolment', () => judged([], enrol(anna))],
  ['accept', 'an enrolment again, for longer', () => judged([enrol(anna)], enrol(anna, { until: NOW + 2 * HOUR }))],
  ['until-passed', 'an enrolment that has ended', () => judged([], enrol(anna, { until: NOW }))],
  [
    'sponsor-not-hospital',
    'an enrolment sponsored by a doctor',
    () => judged([staff(surgeon, alpha)], enrol(anna, { sponsor: surgeon }))
  ],
  ['unknown-author', 'sponsored by a stranger', () => judged([], enrol(anna, { sponsor: person('Stranger') }))],
  ['not-enrolled', 'a withdrawal without an enrolment', () => judged([], withdraw(anna))],
  ['enrolment-ended', 'a second withdrawal', () => judged([enrol(anna), withdraw(anna)], withdraw(anna))],
  ['accept', 'a return', () => judged([enrol(anna), withdraw(anna)], enrol(anna))],
  ['out-of-order', 'an enrolment from before the withdrawal', () => judgedAt([1, 3], 2, enrol)],
  ['out-of-order', 'an enrolment of the same moment as the withdrawal', () => judgedAt([1, 3], 3, enrol)],
  ['accept', 'an enrolment from after the withdrawal', () => judgedAt([1, 3], 4, enrol)],
  ['out-of-order', 'an enrolment from before the newest one', () => judgedAt([2], 1, enrol)],
  ['out-of-order', 'a withdrawal from before the enrolment', () => judgedAt([2], 1, withdrawAt)],
  ['accept', 'a withdrawal from after the enrolment', () => judgedAt([2], 3, withdrawAt)],
  ['approvals-required', 'a hospital that the registrar alone lets in', () => judged([], registerClinic())],

  ['accept', 'a record', () => judged(base, publish(alpha, anna))],
  ['accept', "signed by another hospital's doctor", () => judged(base, publish(alpha, anna, { doctors: [physician] }))],
  [
    'accept',
    'signed by two hospitals and a nurse',
    () => judged(base, publish(alpha, anna, { doctors: [surgeon, physician, { ...nurse, role: 'nurse' }] }))
  ],
  ['not-enrolled', 'a record of another patient', () => judged(base, publish(alpha, bruno))],
  ['enrolment-ended', 'a record after a withdrawal', () => judged([...base, withdraw(anna)], publish(alpha, anna))],
  [
    'enrolment-ended',
    'a record at the end of the enrolment',
    () => judged([...base, enrol(anna, { until: NOW + HOUR })], publish(alpha, anna), NOW + HOUR)
  ],
  [
    'accept',
    'a record just before it',
    () => judged([...base, enrol(anna, { until: NOW + HOUR })], publish(alpha, anna), NOW + HOUR - 1)
  ],
  ['accept', 'a record after a return', () => judged([...base, withdraw(anna), enrol(anna)], publish(alpha, anna))],
  ['author-not-hospital', 'a doctor publishes', () => judged(base, publish(surgeon, anna))],
  ['record-id-mismatch', "another author's id", () => judged(base, publish(alpha, anna, { recordId: unknown.record }))],
  [
    'record-exists',
    'the same nonce again, with other content',
    () => {
      const nonce = nextNonce()
      const before = publish(alpha, anna, { nonce })
      return judged([...base, before], publish(alpha, anna, { nonce, content: hash('other') }))
    }
  ],
  ['accept', 'eight records of 1 MiB in one block', () => blockOf(8)],
  ['payloads-too-large', 'nine of them', () => blockOf(9)],
  ['unknown-doctor', 'nobody knows who signs', () => judged(base, publish(alpha, anna, { doctors: [clinic] }))],
  ['not-a-doctor', 'a hospital signs', () => judged(base, publish(alpha, anna, { doctors: [beta] }))],
  ['not-a-doctor', 'a nurse signs as a doctor', () => judged(base, publish(alpha, anna, { doctors: [nurse] }))],
  ['doctor-revoked', 'a dismissed doctor', () => judged([...base, revoke(alpha, surgeon)], publish(alpha, anna))],
  [
    'doctor-revoked',
    'a doctor of an expelled hospital',
    () => {
      const state = after([...base, staff(person('Locum'), gamma)])
      // Founders vote, and none of them can be expelled yet.
      writeMember(state, gamma.member, { ...(readMember(state, gamma.member) as Member), revoked: height(1) })
      const verdict = judge(state, publish(alpha, anna, { doctors: [person('Locum')] }), NOW)
      return verdict.kind === 'accept' ? 'accept' : verdict.code
    }
  ],
  [
    'doctor-revoked',
    'a doctor past its end',
    () => judged([...base, locum(NOW + HOUR)], publish(alpha, anna, { doctors: [person('Locum')] }), NOW + HOUR)
  ],
  [
    'stale-doctor-key',
    'a key that is not in force yet',
    () => judged([...base, announce()], publish(alpha, anna, { doctors: [withNewKey] }))
  ],
  [
    'accept',
    'a key once it is in force',
    () => judged([...base, announce()], publish(alpha, anna, { doctors: [withNewKey], expires: LATER }), TOMORROW)
  ],
  [
    'stale-doctor-key',
    'a key that has been replaced',
    () => judged([...base, announce()], publish(alpha, anna, { expires: LATER }), TOMORROW)
  ],
  [
    'stale-doctor-key',
    'a number that has another key',
    () => judged(base, publish(alpha, anna, { doctors: [{ ...surgeon, keyIndex: 1 }] }))
  ],

  ['accept', 'an amendment', () => judged(written, amend(alpha, first))],
  ['accept', 'an amendment of an amendment', () => judged([...written, second], amend(alpha, second))],
  [
    'accept',
    'an amendment by an original signer among others',
    () => judged(written, amend(alpha, first, { doctors: [physician, surgeon] }))
  ],
  [
    'accept',
    'an amendment under the later key of an original signer',
    () => judged([...written, announce()], amend(alpha, first, { doctors: [withNewKey], expires: LATER }), TOMORROW)
  ],
  ['author-not-hospital', 'a doctor amends', () => judged(written, amend(surgeon, first))],
  ['unknown-record', 'an amendment ahead of its record', () => judged(base, amend(alpha, first))],
  [
    'alias-mismatch',
    'an amendment moves a record to another patient',
    () => judged([...written, enrol(bruno)], amend(alpha, first, { alias: aliasOf(bruno) }))
  ],
  ['not-original-hospital', 'another hospital amends', () => judged(written, amend(beta, first))],
  ['not-original-signer', 'another doctor alone', () => judged(written, amend(alpha, first, { doctors: [physician] }))],
  [
    'not-original-signer',
    'the nurse who signed beside, with another doctor',
    () => {
      const record = publish(alpha, anna, { doctors: [surgeon, { ...nurse, role: 'nurse' }] })
      const doctors = [physician, { ...nurse, role: 'nurse' as const }]
      return judged([...base, record], amend(alpha, record, { doctors }))
    }
  ],
  ['not-latest-version', 'of a version that was amended', () => judged([...written, second], amend(alpha, first))],
  ['unknown-version', 'of something else', () => judged(written, amend(alpha, first, { supersedes: unknown.version }))],
  [
    'unknown-version',
    'of a version of another record',
    () => {
      const other = publish(alpha, anna)
      return judged([...written, other], amend(alpha, first, { supersedes: other.id }))
    }
  ],
  [
    'enrolment-ended',
    'an amendment after a withdrawal',
    () => judged([...written, withdraw(anna)], amend(alpha, first))
  ],
  [
    'doctor-revoked',
    'the original signer is gone',
    () => judged([...written, revoke(alpha, surgeon)], amend(alpha, first))
  ],

  ['accept', 'a look at another hospital', () => judged(written, read(beta, anna, [versionOf(first)]))],
  [
    'accept',
    'a look at every version, by a doctor',
    () => {
      const versions = [versionOf(first), versionOf(second)]
      return judged([...written, second], read(beta, anna, versions, { reader: physician.member }))
    }
  ],
  ['author-not-hospital', 'a doctor looks by itself', () => judged(written, read(physician, anna, [versionOf(first)]))],
  ['unknown-record', 'a look at nothing', () => judged(written, read(beta, anna, [unknown]))],
  [
    'unknown-version',
    'a look at a version of another record',
    () => judged(written, read(beta, anna, [{ ...versionOf(first), version: unknown.version }]))
  ],
  [
    'alias-mismatch',
    "a look booked on another patient's log",
    () => judged(written, read(beta, bruno, [versionOf(first)]))
  ],
  [
    'not-own-reader',
    "booked on another hospital's doctor",
    () => judged(written, read(beta, anna, [versionOf(first)], { reader: surgeon.member }))
  ],
  [
    'not-own-reader',
    'booked on nobody',
    () => judged(written, read(beta, anna, [versionOf(first)], { reader: clinic.member }))
  ],
  [
    'reader-revoked',
    'booked on a dismissed doctor',
    () =>
      judged([...written, revoke(beta, physician)], read(beta, anna, [versionOf(first)], { reader: physician.member }))
  ],
  [
    'enrolment-ended',
    'a look after a withdrawal',
    () => judged([...written, withdraw(anna)], read(beta, anna, [versionOf(first)]))
  ],
  [
    'accept',
    'a look after a withdrawal, at an own record',
    () => judged([...written, withdraw(anna)], read(alpha, anna, [versionOf(first)]))
  ],
  ...(['emergency', 'patient-request', 'public-health', 'legal'] as const).map(
    (purpose) =>
      [
        'accept',
        `a look after a withdrawal, for ${purpose}`,
        () => judged([...written, withdraw(anna)], read(beta, anna, [versionOf(first)], { purpose }))
      ] as const
  ),
  ...(['payment', 'operations', 'research'] as const).map(
    (purpose) =>
      [
        'enrolment-ended',
        `a look after a withdrawal, for ${purpose}`,
        () => judged([...written, withdraw(anna)], read(beta, anna, [versionOf(first)], { purpose }))
      ] as const
  )
]

/** An enrolment by one alias that names another as its author. */
function impersonated(): Uint8Array {
  const { tx, ...signatures } = decodeCbor(enrol(anna).bytes) as { readonly tx: Readonly<Record<string, CborValue>> }
  return encodeCbor({ ...signatures, tx: { ...tx, author: { alias: nameBytes(aliasOf(bruno)) } } })
}

function sendIn(): ParsedTransaction {
  const body = { recordId: unknown.record, content: hash('content'), to: [], via: null, purpose: 'treatment' } as const
  const to = [{ member: beta.member, sealingKey: beta.seal }]
  return transaction(alpha, 'stt.send', { ...body, to, subject: null }, { chain })
}

function withPayload(size: number | null): Answer {
  const nonce = nextNonce()
  const payload = size === null ? null : { ...PAYLOAD, size }
  return parsed(signed(alpha, 'dss.record', recordBody(alpha, anna, nonce), { chain, nonce, payload }))
}

/** A block of records with the largest payloads. */
function blockOf(count: number): Answer {
  const payload = { ...PAYLOAD, size: limits.payloadBytesMax }
  const transactions = Array.from({ length: count }, () => publish(alpha, anna, { payload }))
  const result = execute(after(base), { height: height(9), time: NOW, parent, transactions })
  return result.kind === 'ok' ? 'accept' : result.code
}

function sortedVersions(count: number) {
  const { record } = unknown
  const versions = Array.from({ length: count }, (_, i) => ({
    record,
    version: name32<TransactionId>(secret(`v ${i}`))
  }))
  return versions.sort((a, b) => (a.version < b.version ? -1 : 1))
}

function registerClinic(): ParsedTransaction {
  return transaction(ministry, 'member.register', registerBody(clinic, {}, chain, ministry.member), { chain })
}

function locum(until: number): ParsedTransaction {
  const body = registerBody(person('Locum'), { role: 'doctor', hospital: alpha.member, until }, chain, alpha.member)
  return transaction(alpha, 'member.register', body, { chain })
}
