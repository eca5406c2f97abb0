/**
 * A hand-off by a member that never held the record: well formed, signed with the member's own key, sealed to a real
 * receiver, on the authority of a transmission that reached somebody else. Only the rule of holdership can refuse it.
 */
import { type Hash, isHex32, type MemberId, type RecordId, type SealKey, type TransactionId } from '@wardline/codec'
import { createSigner } from '@wardline/crypto'
import { buildTransaction, chainIdOf, envelopeCommitment, type Genesis, memberIdOf } from '@wardline/ledger'
import type { Clock, Random } from '@wardline/ports'

/** What is forged. */
export type Forgery = {
  readonly record: RecordId
  /** The content commitment that the record's first transmission fixed. */
  readonly content: Hash
  /** A transmission of the record to `holder`, which opened it. */
  readonly via: TransactionId
  readonly holder: MemberId
  /** To whom the record is passed on, and the sealing key it has. */
  readonly receiver: MemberId
  readonly sealingKey: SealKey
}

const FIELDS = ['record', 'content', 'via', 'holder', 'receiver', 'sealingKey'] as const
const LIFE_MS = 10 * 60 * 1000
const ENVELOPE_BYTES = 1024

/** @throws TypeError unless the text is JSON of a `Forgery` */
export function parseForgery(text: string): Forgery {
  const value = JSON.parse(text) as Record<string, unknown>
  for (const field of FIELDS) if (!isHex32(value[field])) throw new TypeError(`${field} is not 64 hex digits`)
  return value as Forgery
}

/** The signed bytes. The envelope that they commit to is noise: no rule reads it, and nobody ever opens it. */
export function forge(
  forgery: Forgery,
  author: { readonly genesis: Genesis; readonly signKey: Uint8Array },
  { clock, random }: { readonly clock: Clock; readonly random: Random }
): Uint8Array {
  const { genesis, signKey } = author
  const signer = createSigner(signKey)
  const envelope = random.bytes(ENVELOPE_BYTES)
  const created = clock.nowMs()
  return buildTransaction(
    {
      chain: chainIdOf(genesis),
      kind: 'stt.send',
      author: { member: memberIdOf(signer.publicKey), keyIndex: 0 },
      nonce: random.bytes(16),
      created,
      expires: created + LIFE_MS,
      payload: { commitment: envelopeCommitment(envelope), size: envelope.length },
      body: {
        recordId: forgery.record,
        content: forgery.content,
        to: [{ member: forgery.receiver, sealingKey: forgery.sealingKey }],
        via: forgery.via,
        purpose: 'treatment',
        subject: null
      }
    },
    signer
  )
}
