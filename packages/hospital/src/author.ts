/** Writes this hospital's transactions: seals, builds, signs, submits. Retrying is the caller's. */
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import {
  type Content,
  commitContent,
  decodeContent,
  encodeContent,
  type SealContext,
  type SealReceiver,
  sealEnvelope,
  sealedContentBytesMax
} from '@wardline/crypto'
import {
  type Bodies,
  buildTransaction,
  currentKey,
  type Draft,
  envelopeCommitment,
  type Kind,
  type Outcome,
  type ParsedTransaction,
  type Payload,
  type Purpose,
  readMember,
  recordIdOf
} from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { type Descriptor, encodeDescriptor } from './descriptor.ts'
import type { Membership } from './membership.ts'

/** How long a transaction of this hospital may wait for a block. */
const LIFE_MS = 24 * 60 * 60 * 1000
const NONCE_BYTES = 16
const SALT_BYTES = 32

export type Sent = {
  readonly kind: 'sent'
  readonly submission: Submission
  readonly record: RecordId
  readonly content: ReturnType<typeof commitContent>
}

/** Why nothing was submitted: the content does not fit an envelope, or a receiver cannot receive. */
export type NotSent = {
  readonly kind: 'not-sent'
  readonly code: 'too-large' | 'not-a-hospital' | 'no-seal-key' | 'self-receiver'
}

export type SendRequest = {
  readonly to: readonly MemberId[]
  readonly purpose: Purpose
} & (
  | { readonly kind: 'new'; readonly bytes: Uint8Array; readonly descriptor: Descriptor }
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
  const own: SealReceiver = { member: chain.self, key: member.opener.publicKey }
  const context: SealContext = { chain: chain.id, record, sender: chain.self, receivers: [...receivers, own] }
  const envelope = await sealEnvelope(context, plain, (size) => random.bytes(size))
  const commitment = commitContent(content)
  const body: Bodies['stt.send'] = {
    recordId: record,
    content: commitment,
    to: receivers.map(({ member: receiver, key }) => ({ member: receiver, sealingKey: key })),
    via: request.kind === 'new' ? null : request.via,
    purpose: request.purpose,
    subject: null
  }
  const payload = { commitment: envelopeCommitment(envelope), size: envelope.length }
  const bytes = build(member, 'stt.send', body, { nonce, payload })
  return { kind: 'sent', submission: await chain.submit(bytes, envelope), record, content: commitment }
}

/** Says how this hospital's attempt to take a transmission ended. */
export function acknowledge(member: Membership, via: TransactionId, outcome: Outcome): Promise<Submission> {
  return member.chain.submit(build(member, 'stt.ack', { via, outcome }))
}

export function register(member: Membership, body: Bodies['member.register']): Promise<Submission> {
  return member.chain.submit(build(member, 'member.register', body))
}

export function revoke(member: Membership, body: Bodies['member.revoke']): Promise<Submission> {
  return member.chain.submit(build(member, 'member.revoke', body))
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
  const { chain, opener } = member
  const { author, body } = transmission
  const receivers = body.to.map(({ member: id, sealingKey }) => ({ member: id, key: sealingKey }))
  if (author.member !== chain.self && !receivers.some(({ key }) => key === opener.publicKey)) {
    return { kind: 'failed', outcome: 'lost-key' }
  }
  // The sender seals to itself as well, under the key that it had when it wrote: the newest one first.
  const seals = readMember(chain.state, author.member)?.seals ?? []
  for (const { key } of [...seals].reverse()) {
    const context = {
      chain: chain.id,
      record: body.recordId,
      sender: author.member,
      receivers: [...receivers, { member: author.member, key }]
    }
    const opened = await opener.open(context, envelope)
    if (opened.kind !== 'opened') continue
    const content = decodeContent(opened.content)
    if (content === undefined || commitContent(content) !== body.content) return { kind: 'failed', outcome: 'mismatch' }
    return { kind: 'opened', content }
  }
  return { kind: 'failed', outcome: 'mismatch' }
}

function newContent({ random }: Membership, bytes: Uint8Array, descriptor: Descriptor): Content {
  return { salt: random.bytes(SALT_BYTES), descriptor: encodeDescriptor(descriptor), bytes }
}

type Receivers = { readonly kind: 'receivers'; readonly receivers: readonly SealReceiver[] }

/** The receivers with the sealing keys in force, each once, in the order the rules ask for. */
function receiversOf({ chain, clock }: Membership, to: readonly MemberId[]): Receivers | NotSent {
  const timeMs = Math.max(clock.nowMs(), chain.head().time + 1)
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

function build<K extends Kind>(
  { chain, signer, clock, random }: Membership,
  kind: K,
  body: Bodies[K],
  extra: { readonly nonce?: Uint8Array; readonly payload?: Payload } = {}
): Uint8Array {
  const created = clock.nowMs()
  const keyIndex = readMember(chain.state, chain.self)?.keys.findIndex(({ key }) => key === signer.publicKey) ?? -1
  const draft = {
    chain: chain.id,
    kind,
    author: { member: chain.self, keyIndex: Math.max(0, keyIndex) },
    nonce: random.bytes(NONCE_BYTES),
    created,
    expires: created + LIFE_MS,
    body,
    ...extra
  }
  return buildTransaction(draft as unknown as Draft, signer)
}
