/** Recalling a record and saying that it is destroyed: a row for every code, for `../refusals.test.ts`. */
import { height, name32, type RecordId, type SignKey, type TransactionId } from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import {
  type Code,
  execute,
  judge,
  type ParsedTransaction,
  parseTransaction,
  REFUSALS,
  recordIdOf,
  signRecall,
  verifyTransaction
} from '../../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  chain,
  delta,
  doctorBody,
  gamma,
  genesisState,
  nextNonce,
  type Person,
  parent,
  person,
  receivers,
  secret,
  sendBody,
  sent,
  signed,
  transaction
} from '../world.ts'

type Answer = Code | 'accept'
type Send = ParsedTransaction<'stt.send'>

const NOW = CREATED + 1000
const SMALL_ORDER = name32<SignKey>('01'.padEnd(64, '0'))
const patient = createSigner(secret('a patient, for one record'))
const otherPatient = createSigner(secret('another patient'))
const doctor = person('Recalling doctor')
const noRecord = name32<RecordId>(secret('no record'))

function judged(before: readonly ParsedTransaction[], tx: ParsedTransaction): Answer {
  const state = genesisState()
  for (const [i, one] of before.entries()) {
    const result = execute(state, { height: height(i + 1), time: NOW, parent, transactions: [one] })
    if (result.kind === 'invalid') throw new Error(`transaction ${i}: ${result.code}`)
    for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
  }
  const verdict = judge(state, tx, NOW)
  if (verdict.kind === 'accept') return 'accept'
  if (verdict.permanent !== REFUSALS[verdict.code].permanent) throw new Error('a verdict says otherwise than the table')
  return verdict.code
}

function parsed(bytes: Uint8Array): Answer {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') return result.code
  return verifyTransaction(result.transaction) ? 'accept' : 'bad-signature'
}

function sendOf(subject: SignKey | null, to: readonly Person[] = [beta]): Send {
  const nonce = nextNonce()
  const recordId = recordIdOf(chain, alpha.member, nonce)
  return sent(transaction(alpha, 'stt.send', sendBody({ recordId, to: receivers(...to), subject }), { nonce }))
}

const opened = (who: Person, { id }: Send) => transaction(who, 'stt.ack', { acks: [{ via: id, outcome: 'opened' }] })

/** Beta sends on what it got by `first`. */
function forward({ id, body }: Send, subject: SignKey | null) {
  return transaction(beta, 'stt.send', sendBody({ recordId: body.recordId, to: receivers(gamma), via: id, subject }))
}

function recall(author: Person, recordId: RecordId, signer?: Signer) {
  const subject = signer === undefined ? null : signRecall(chain, recordId, signer)
  return transaction(author, 'stt.recall', { recordId, subject })
}

function attest(author: Person, recordId: RecordId, via: TransactionId | null) {
  return transaction(author, 'stt.attest', { recordId, via })
}

/** Alpha's record, which beta opened. */
function story() {
  const send = sendOf(patient.publicKey)
  return { send, recordId: send.body.recordId, held: [send, opened(beta, send)] }
}

export const recallRows: readonly (readonly [code: Answer, name: string, run: () => Answer])[] = [
  [
    'key-not-acceptable',
    'a recall key of small order',
    () => parsed(signed(alpha, 'stt.send', sendBody({ recordId: noRecord, to: receivers(beta), subject: SMALL_ORDER })))
  ],
  [
    'subject-mismatch',
    'a holder names another recall key',
    () => {
      const { send, held } = story()
      return judged(held, forward(send, otherPatient.publicKey))
    }
  ],
  [
    'subject-mismatch',
    'a holder leaves the recall key out',
    () => {
      const { send, held } = story()
      return judged(held, forward(send, null))
    }
  ],
  [
    'subject-mismatch',
    'a holder adds a recall key',
    () => {
      const send = sendOf(null)
      return judged([send, opened(beta, send)], forward(send, patient.publicKey))
    }
  ],
  [
    'accept',
    'a holder repeats the recall key',
    () => {
      const { send, held } = story()
      return judged(held, forward(send, patient.publicKey))
    }
  ],
  [
    'accept',
    'the origin recalls',
    () => {
      const { recordId, held } = story()
      return judged(held, recall(alpha, recordId))
    }
  ],
  [
    'accept',
    "the patient's key recalls, by any hospital",
    () => {
      const { recordId, held } = story()
      return judged(held, recall(delta, recordId, patient))
    }
  ],
  [
    'not-the-origin',
    'a holder recalls',
    () => {
      const { recordId, held } = story()
      return judged(held, recall(beta, recordId))
    }
  ],
  [
    'not-the-origin',
    "another patient's key recalls",
    () => {
      const { recordId, held } = story()
      return judged(held, recall(delta, recordId, otherPatient))
    }
  ],
  [
    'not-the-origin',
    'a key recalls a record that has none',
    () => {
      const send = sendOf(null)
      return judged([send], recall(delta, send.body.recordId, patient))
    }
  ],
  [
    'bad-signature',
    "a patient's recall of another record",
    () => {
      const subject = signRecall(chain, story().recordId, patient)
      return parsed(signed(delta, 'stt.recall', { recordId: story().recordId, subject }))
    }
  ],
  ['unknown-record', 'recalled', () => judged([], recall(alpha, noRecord))],
  [
    'author-not-hospital',
    'a doctor brings the recall',
    () => {
      const { recordId, held } = story()
      const registration = transaction(alpha, 'member.register', doctorBody(doctor, alpha))
      return judged([...held, registration], recall(doctor, recordId, patient))
    }
  ],
  [
    'recalled',
    'a second time',
    () => {
      const { recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], recall(delta, recordId, patient))
    }
  ],
  [
    'recalled',
    'a holder sends on',
    () => {
      const { send, recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], forward(send, patient.publicKey))
    }
  ],
  [
    'recalled',
    'the origin sends again',
    () => {
      const { send, recordId, held } = story()
      const { to, subject } = send.body
      return judged(
        [...held, recall(alpha, recordId)],
        transaction(alpha, 'stt.send', sendBody({ recordId, to, subject }))
      )
    }
  ],
  [
    'accept',
    'who was sent it before acknowledges after',
    () => {
      const { send, recordId } = story()
      return judged([send, recall(alpha, recordId)], opened(beta, send))
    }
  ],
  [
    'accept',
    'a receiver attests',
    () => {
      const { send, recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], attest(beta, recordId, send.id))
    }
  ],
  [
    'accept',
    'the origin attests',
    () => {
      const { recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], attest(alpha, recordId, null))
    }
  ],
  [
    'not-recalled',
    'attested',
    () => {
      const { send, recordId, held } = story()
      return judged(held, attest(beta, recordId, send.id))
    }
  ],
  ['unknown-record', 'attested', () => judged([], attest(alpha, noRecord, null))],
  [
    'not-a-receiver',
    'who was sent nothing attests',
    () => {
      const { send, recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], attest(gamma, recordId, send.id))
    }
  ],
  [
    'not-a-receiver',
    'a receiver attests as if it were the origin',
    () => {
      const { recordId, held } = story()
      return judged([...held, recall(alpha, recordId)], attest(beta, recordId, null))
    }
  ],
  [
    'not-a-receiver',
    'a transmission of another record is named',
    () => {
      const { recordId, held } = story()
      const other = sendOf(null)
      return judged([...held, other, recall(alpha, recordId)], attest(beta, recordId, other.id))
    }
  ],
  [
    'already-attested',
    'a second time',
    () => {
      const { send, recordId, held } = story()
      const before = [...held, recall(alpha, recordId), attest(beta, recordId, send.id)]
      return judged(before, attest(beta, recordId, send.id))
    }
  ],
  [
    'already-attested',
    'opening what one has said to have destroyed',
    () => {
      const { send, recordId, held } = story()
      const subject = patient.publicKey
      const again = sent(transaction(alpha, 'stt.send', sendBody({ recordId, to: receivers(beta), subject })))
      const before = [...held, again, recall(alpha, recordId), attest(beta, recordId, send.id)]
      return judged(before, opened(beta, again))
    }
  ]
]
