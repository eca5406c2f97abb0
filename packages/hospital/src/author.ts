/** Writes this hospital's transactions: seals, builds, signs, submits. Retrying is the caller's. */
import type { ContentKey, Hash, MemberId, RecordId, SealKey, SignKey, TransactionId } from '@wardline/codec'
import {
  CONTENT_SALT_BYTES,
  type Content,
  commitContent,
  decodeContent,
  encodeContent,
  type SealContext,
  type SealReceiver,
  sealedContentBytesMax
} from '@wardline/crypto'
import { sealContextOf, verifyMismatch } from '@wardline/custody'
import {
  type Bodies,
  buildTransaction,
  currentKey,
  type Descriptor,
  type Draft,
  encodeDescriptor,
  envelopeCommitment,
  type MemberAuthor,
  type MemberKind,
  NONCE_BYTES,
  type Outcome,
  type ParsedTransaction,
  type Payload,
  type Purpose,
  readMember,
  readSubject,
  recordIdOf
} from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { type Membership, nextBlockMs, registeredSeals } from './membership.ts'

/** How long a transaction of this hospital may wait for a block. */
const LIFE_MS = 24 * 60 * 60 * 1000

export type Sent = {
  readonly kind: 'sent'
  readonly submission: Submission
  readonly record: RecordId
  readonly commitment: ReturnType<typeof commitContent>
}

/** Why nothing was submitted: the content does not fit an envelope, or a receiver cannot receive. */
export type NotSent = {
  readonly kind: 'not-sent'
  readonly code: 'too-large' | 'not-a-hospital' | 'no-seal-key' | 'self-receiver'
}

export type SendRequest = {
  readonly to: readonly MemberId[]
  readonly purpose: Purpose
  /** A hash that names the patient's consent, or null. */
  readonly consent: Hash | null
} & (
  | {
      readonly kind: 'new'
      readonly bytes: Uint8Array
      readonly descriptor: Descriptor
      /** The patient's key that may recall the record, or null. */
      readonly recallKey: SignKey | null
    }
  /** A record that is held: with the content that was opened, by the transmission that brought it (null: own). */
  | { readonly kind: 'held'; readonly record: RecordId; readonly via: TransactionId | null; readonly content: Content }
)

/** Seals a record to its receivers and submits the transmission. */
export async function send(member: Membership, request: SendRequest): Promise<Sent | NotSent> {
  const { chain, random } = member
  const nonce = random.bytes(NONCE_BYTES)
  const content = request.kind === 'new' ? newContent(member, request.bytes, request.descriptor) : request.content
  const record = request.kind === 'new' ? recordIdOf(chain.id, chain.self, nonce) : request.record
  const resolved = receiversOf(member, request.to)
  if (resolved.kind === 'not-sent') return resolved
  const { receivers } = resolved
  const plain = encodeContent(content)
  if (plain.length > sealedContentBytesMax(receivers.length + 1)) return { kind: 'not-sent', code: 'too-large' }
  const own: SealReceiver = { member: chain.self, key: ownSealKey(member) }
  const context: SealContext = { chain: chain.id, record, sender: chain.self, receivers: [...receivers, own] }
  const envelope = await member.seal(context, plain, (size) => random.bytes(size))
  const commitment = commitContent(content)
  const body: Bodies['stt.send'] = {
    recordId: record,
    content: commitment,
    to: receivers.map(({ member: receiver, key }) => ({ member: receiver, sealingKey: key })),
    via: request.kind === 'new' ? null : request.via,
    purpose: request.purpose,
    subject: request.kind === 'new' ? request.recallKey : (readSubject(chain.state, record) ?? null),
    ...(request.consent !== null && { consent: request.consent })
  }
  const payload = { commitment: envelopeCommitment(envelope), size: envelope.length }
  const bytes = build(member, 'stt.send', body, { nonce, payload })
  return { kind: 'sent', submission: await chain.submit(bytes, envelope), record, commitment }
}

export function register(member: Membership, body: Bodies['member.register']): Promise<Submission> {
  return member.chain.submit(build(member, 'member.register', body))
}

export function rotate(member: Membership, body: Bodies['member.rotate']): Promise<Submission> {
  return member.chain.submit(build(member, 'member.rotate', body))
}

export function revoke(member: Membership, body: Bodies['member.revoke']): Promise<Submission> {
  return member.chain.submit(build(member, 'member.revoke', body))
}

export function changeValidators(member: Membership, body: Bodies['validator.change']): Promise<Submission> {
  return member.chain.submit(build(member, 'validator.change', body))
}

export type OpenedRecord =
  | { readonly kind: 'opened'; readonly content: Content }
  /** `lost-key`: it was sealed to a key that is not here. `mismatch`: it is not what the transaction says. */
  | { readonly kind: 'failed'; readonly outcome: Extract<Outcome, 'lost-key' | 'mismatch'> }

/** Opens the envelope of a transmission that this hospital sent or received, and holds it against its commitment. */
export async function openEnvelope(
  member: Membership,
  transmission: Extract<ParsedTransaction, { kind: 'stt.send' }>,
  envelope: Uint8Array
): Promise<OpenedRecord> {
  const context = sealContextOf(transmission, envelope)
  // Which key it is sealed to says the transaction; of the sender's own copy, which no rule looks at, the envelope.
  const key = keyNamedFor(member, transmission) ?? context?.receivers.at(-1)?.key
  const opener = key && member.ownSeals.openerOf(key)
  if (key !== undefined && opener === undefined) return { kind: 'failed', outcome: 'lost-key' }
  if (context === undefined || opener === undefined) return { kind: 'failed', outcome: 'mismatch' }
  const opened = await opener.open(context, envelope)
  const content = opened.kind === 'opened' ? decodeContent(opened.content) : undefined
  if (content === undefined || commitContent(content) !== transmission.body.content)
    return { kind: 'failed', outcome: 'mismatch' }
  return { kind: 'opened', content }
}

/**
 * What to reveal of an envelope that is not what its transaction says: the content key, null where the envelope shows it by itself,
 * undefined where no key that this hospital has would prove it.
 */
export async function provingKey(
  member: Membership,
  transmission: ParsedTransaction<'stt.send'>,
  envelope: Uint8Array
): Promise<ContentKey | null | undefined> {
  if (verifyMismatch(transmission, envelope, undefined) === 'proven') return null
  const context = sealContextOf(transmission, envelope)
  const named = keyNamedFor(member, transmission)
  const opener = named && member.ownSeals.openerOf(named)
  const key = context && (await opener?.contentKey(context, envelope))
  return verifyMismatch(transmission, envelope, key) === 'proven' ? key : undefined
}

/** The sealing key that a transmission names for this hospital; undefined where it is no receiver. */
function keyNamedFor({ chain }: Membership, { body }: ParsedTransaction<'stt.send'>): SealKey | undefined {
  return body.to.find(({ member }) => member === chain.self)?.sealingKey
}

function newContent({ random }: Membership, bytes: Uint8Array, descriptor: Descriptor): Content {
  return { salt: random.bytes(CONTENT_SALT_BYTES), descriptor: encodeDescriptor(descriptor), bytes }
}

type Receivers = { readonly kind: 'receivers'; readonly receivers: readonly SealReceiver[] }

/** Of this hospital's sealing keys the one in force; if it is not here, the one that was made last. */
function ownSealKey(member: Membership): SealKey {
  const { ownSeals } = member
  const inForce = currentKey(registeredSeals(member), nextBlockMs(member))?.key
  return inForce !== undefined && ownSeals.openerOf(inForce) !== undefined ? inForce : ownSeals.newest()
}

/** The receivers with the sealing keys in force, each once, in the order the rules ask for. */
function receiversOf(member: Membership, to: readonly MemberId[]): Receivers | NotSent {
  const { chain } = member
  const timeMs = nextBlockMs(member)
  const receivers: SealReceiver[] = []
  for (const id of [...new Set(to)].sort()) {
    if (id === chain.self) return { kind: 'not-sent', code: 'self-receiver' }
    const receiver = readMember(chain.state, id)
    if (receiver?.role !== 'hospital') return { kind: 'not-sent', code: 'not-a-hospital' }
    const seal = currentKey(receiver.seals, timeMs)
    if (seal === undefined) return { kind: 'not-sent', code: 'no-seal-key' }
    receivers.push({ member: id, key: seal.key })
  }
  return { kind: 'receivers', receivers }
}

/** This hospital as an author or a sponsor, with the number under which it registered the key that it has here. */
export function ownAuthor({ chain, signer }: Membership): MemberAuthor {
  const keyIndex = readMember(chain.state, chain.self)?.keys.findIndex(({ key }) => key === signer.publicKey) ?? -1
  return { member: chain.self, keyIndex: Math.max(0, keyIndex) }
}

/** The signed bytes of a transaction of this hospital. */
export function build<K extends MemberKind>(
  member: Membership,
  kind: K,
  body: Bodies[K],
  extra: { readonly nonce?: Uint8Array; readonly payload?: Payload; readonly expires?: number } = {}
): Uint8Array {
  const { chain, signer, clock, random } = member
  const created = clock.nowMs()
  const draft = {
    chain: chain.id,
    kind,
    author: ownAuthor(member),
    nonce: random.bytes(NONCE_BYTES),
    created,
    expires: created + LIFE_MS,
    body,
    ...extra
  }
  return buildTransaction(draft as unknown as Draft, signer)
}
