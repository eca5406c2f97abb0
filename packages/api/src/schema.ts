/** The shapes that many methods share. Times are milliseconds since the Unix epoch, UTC; 32-byte names are lower-case hex. */
import type {
  Alias,
  ChainId,
  ContentKey,
  Digest,
  Hash,
  Height,
  Leaf,
  MemberId,
  RecordId,
  SealKey,
  SignKey,
  TransactionId
} from '@wardline/codec'
import { limits } from '@wardline/codec'
import { z } from 'zod'

/** A schema that reads text and, having checked it, brands it. */
function hex32<T extends string>(description: string): z.ZodType<T, T> {
  const schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
  return schema.describe(description) as unknown as z.ZodType<T, T>
}

export const chainId = hex32<ChainId>('Chain: the hash of its genesis')
export const memberId = hex32<MemberId>('Member')
export const alias = hex32<Alias>('Alias of a patient')
export const transactionId = hex32<TransactionId>('Transaction')
export const leaf = hex32<Leaf>('Hash of the signed transaction')
export const recordId = hex32<RecordId>('Record')
export const digest = hex32<Digest>('Block')
export const hash = hex32<Hash>('Hash')
export const signKey = hex32<SignKey>('Ed25519 public key')
export const sealKey = hex32<SealKey>('X25519 public key')
export const contentKey = hex32<ContentKey>('What an envelope is encrypted under')

export const heightNumber = z.int().min(0).describe('Position of a block; the genesis is 0') as unknown as z.ZodType<
  Height,
  Height
>

export const timeMs = z.int().min(0).describe('Milliseconds since 1970-01-01T00:00:00Z')
export const count = z.int().min(0)

/** It may be left out where only one chain can be meant. */
export const chain = z
  .string()
  .min(1)
  .max(64)
  .describe(
    'Label or id of the chain; may be left out where the daemon has one chain, or one of the mode that is needed'
  )
  .optional()

export const chainLabel = z.string().min(1).max(64).describe('What the settings of this daemon call the chain')

export const wait = z
  .enum(['accepted', 'final'])
  .default('final')
  .describe('accepted: answer once it is on this disk; final: answer once its block is final')

export const timeoutMs = z
  .int()
  .min(1)
  .max(600_000)
  .default(30_000)
  .describe('How long to wait; afterwards the error code is "timeout" and what was accepted stays accepted')

export const withReceipt = z.boolean().default(false).describe('Also give the receipt that proves finality offline')

export const actor = wellFormed(128)
  .refine((text) => !/\p{Cc}/u.test(text), 'must have no control characters')
  .describe('Who in the hospital asks, as the hospital asserts it; goes into the local log')
  .optional()

/** A patient of this hospital: what the hospital's own systems call it. It stays in this hospital's index. */
export const patient = wellFormed(128).describe('The reference by which this hospital knows the patient')

/** Text of 1 to `lengthMax` characters that is Unicode: two that differ differ in bytes too. */
export function wellFormed(lengthMax: number) {
  return z
    .string()
    .min(1)
    .max(lengthMax)
    .refine((text) => text.isWellFormed(), 'must be Unicode text')
}

/** Base64 of at most `bytesMax` bytes. */
export function base64(bytesMax: number) {
  return z
    .string()
    .max(Math.ceil(bytesMax / 3) * 4, `must be at most ${bytesMax} bytes`)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, { error: 'must be base64', abort: true })
    .refine((text) => text.length % 4 === 0, 'must be base64 with padding')
}

/** Lower-case hex of at most `bytesMax` bytes. */
export function hexBytes(bytesMax: number) {
  return z
    .string()
    .max(bytesMax * 2, `must be at most ${bytesMax} bytes`)
    .regex(/^(?:[0-9a-f]{2})*$/, 'must be lower-case hex')
}

/** A member as people read it. */
export const memberName = z.object({
  member: memberId,
  name: z.string().nullable().describe('Display name as the genesis or the member list gives it; null if it has none')
})

/**
 * What became of a transaction. `accepted`: persisted here and waiting, `code` says what holds it back, if anything;
 * `committed`: in a final block; `expired` and `refused` are final too.
 */
export const recallState = z
  .enum(['recalled', 'destroyed'])
  .nullable()
  .describe(
    'recalled: the record was called back, and the member holds it no more; destroyed: and the member has said that it destroyed what it had'
  )

export const transactionState = z.enum(['accepted', 'committed', 'expired', 'refused'])

export const submitted = z.object({
  chain: chainId,
  id: transactionId,
  state: transactionState,
  code: z.string().nullable().describe('Why it is refused, or what holds it back; else null'),
  height: heightNumber.nullable().describe('Its final block; null while there is none'),
  receipt: z.string().optional().describe('One line of canonical JSON, if asked for and committed')
})

/** Where a list goes on: what an answer gave as `next`, by its form. */
export function cursor(form: RegExp) {
  return z
    .string()
    .regex(form, 'must be the `next` of an answer')
    .describe('Continue with the `next` of the last answer')
    .optional()
}

/** The form of a place in a chain's order: a height or a block time, and the place in the block. */
export const POSITION = /^[0-9]{21}$/

export const pageLimit = z.int().min(1).max(1000).default(100).describe('At most this many')

/** The largest content that is looked at; whether its envelope fits the payload limit is seen after sealing. */
export const contentBytesMax = limits.payloadBytesMax

export const memberRef = z
  .string()
  .min(1)
  .max(256)
  .describe('A member id, or a display name that fits exactly one member')

export const ONE_PATIENT = 'give exactly one of alias and patient'

export function isOnePatient({ alias: given, patient: reference }: { alias?: unknown; patient?: unknown }): boolean {
  return (given === undefined) !== (reference === undefined)
}

export const patientOf = { alias: alias.describe('The patient’s alias').optional(), patient: patient.optional() }
