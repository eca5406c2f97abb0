/**
 * The envelope: one content, sealed to many receivers. A random content key is wrapped for each of them with HPKE (RFC 9180,
 * base mode, X25519 / HKDF-SHA256 / AES-256-GCM), and encrypts the content once with AES-256-GCM.
 *
 * What an envelope is bound to: each wrap's HPKE `info` is the hash of scheme, chain, record, sender and the whole ordered
 * list of receivers; the content's associated data is that hash and every wrap. So an envelope moved to
 * another chain, record, sender or set of receivers does not open, and neither does one with any byte changed.
 *
 * What an envelope does not say: who made it (the transaction's signature does), and that all receivers find the same
 * content in it (AES-GCM does not commit to its key; the content commitment on the chain does).
 */
import type { webcrypto } from 'node:crypto'
import type { CipherSuite } from '@hpke/core'
import {
  arrayOf,
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  type ChainId,
  type ContentKey,
  decodeCbor,
  encodeCbor,
  type Hash,
  limits,
  type MemberId,
  mapOf,
  name32,
  nameBytes,
  oneOf,
  type Read,
  type RecordId,
  type SealKey,
  taggedHash
} from '@wardline/codec'
import { AES_TAG_BYTES, decryptAes, encryptAes } from './aes-gcm.ts'
import { createSuite, openingSuite, receiverKey, SeededX25519 } from './hpke.ts'
import { publicSealKey } from './seal-key.ts'

/** 1: the scheme above. 2 is reserved for a hybrid of X25519 and ML-KEM. */
const SCHEME = 1

export type SealReceiver = { readonly member: MemberId; readonly key: SealKey }

/** Where an envelope belongs. Whoever opens it must know all of this from elsewhere: from the transaction that it came with. */
export type SealContext = {
  readonly chain: ChainId
  readonly record: RecordId
  readonly sender: MemberId
  /** 1 to `limits.receiversMax` + 1 of distinct members, in the transaction's order; the author too, if it must open its own envelope. */
  readonly receivers: readonly SealReceiver[]
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const ENVELOPE_RECEIVERS_MAX = limits.receiversMax + 1

const readEnvelope = mapOf({
  scheme: oneOf(SCHEME),
  nonce: bytesOf(NONCE_BYTES),
  receivers: arrayOf(
    mapOf({
      member: bytes32<MemberId>,
      key: bytes32<SealKey>,
      /** HPKE's encapsulated key. */
      encapsulated: bytesOf(KEY_BYTES),
      /** The content key and its tag, encrypted. */
      wrapped: bytesOf(KEY_BYTES + AES_TAG_BYTES)
    }),
    1,
    ENVELOPE_RECEIVERS_MAX
  ),
  content: bytesOf(AES_TAG_BYTES, limits.payloadBytesMax)
})
type Envelope = Read<typeof readEnvelope>
type Wrap = Envelope['receivers'][number]

/**
 * Seals `content` to all receivers of `context`, about 0.3 ms of CPU for each.
 * @param random `size` unpredictable bytes; the content key, the nonce and HPKE's ephemeral keys (RFC 9180 section 7.1.3,
 *   DeriveKeyPair) all come from it, so one that repeats itself gives the content away
 * @returns the canonical envelope, at most `limits.payloadBytesMax` bytes
 * @throws RangeError if `content` is longer than `sealedContentBytesMax(context.receivers.length)`; EncapError (of the
 *   library) for a receiver's key that `isAcceptableSealKey` refuses as of small order, which no chain registers
 */
export async function sealEnvelope(
  context: SealContext,
  content: Uint8Array,
  random: (size: number) => Uint8Array
): Promise<Uint8Array> {
  const { receivers } = context
  assert(receivers.length >= 1 && receivers.length <= ENVELOPE_RECEIVERS_MAX, 'an envelope has 1 to 257 receivers')
  assert(new Set(receivers.map(({ member }) => member)).size === receivers.length, 'the receivers are distinct members')
  if (content.length > sealedContentBytesMax(receivers.length))
    throw new RangeError('the content does not fit an envelope')
  const contentKey = random(KEY_BYTES)
  const nonce = random(NONCE_BYTES)
  const info = contextHash(context)
  const suite = createSuite(new SeededX25519(random))
  const wraps: Wrap[] = []
  for (const receiver of receivers) wraps.push(await wrapKey(suite, receiver, contentKey, info))
  const associatedData = contentBinding(info, nonce, wraps)
  const sealed = encryptAes({ key: contentKey, nonce, associatedData }, content)
  contentKey.fill(0)
  return encodeCbor({ scheme: SCHEME, nonce, receivers: wraps.map(wrapValue), content: sealed })
}

/** The longest content, in bytes, that an envelope to this many receivers holds. */
export function sealedContentBytesMax(receivers: number): number {
  return limits.payloadBytesMax - ENVELOPE_FRAME_BYTES - receivers * ENVELOPE_RECEIVER_BYTES
}

/** Opens envelopes sealed to one X25519 key. */
export interface Opener {
  readonly publicKey: SealKey
  /** Never throws for anything that `envelope` or `context` holds. */
  open(context: SealContext, envelope: Uint8Array): Promise<OpenResult>
  /**
   * The key that is wrapped for this opener: with it anybody who has the envelope reads it (`openWithContentKey`). Undefined
   * where `open` says anything but `opened` or `altered`. That it decrypts the content is not said.
   */
  contentKey(context: SealContext, envelope: Uint8Array): Promise<ContentKey | undefined>
}

/**
 * `malformed`: not an envelope of a known scheme. `not-a-receiver`: the context does not list this key. `wrong-key`: the key
 * wrapped for it does not unwrap: it was made for another key, or the envelope belongs to another chain, record or sender.
 * `altered`: the receivers are not the context's, or the content does not decrypt.
 */
export type OpenResult =
  | { readonly kind: 'opened'; readonly content: Uint8Array }
  | { readonly kind: 'failed'; readonly code: OpenFailure }

export type OpenFailure = 'malformed' | 'not-a-receiver' | 'wrong-key' | 'altered'

/** @param secret 32 bytes, an X25519 scalar */
export function createOpener(secret: Uint8Array): Opener {
  const publicKey = publicSealKey(secret)
  const keyPair = importKeyPair(new Uint8Array(secret), publicKey)
  type Unwrapped = { readonly info: Uint8Array; readonly envelope: Envelope; readonly contentKey: Uint8Array }

  async function unwrap(context: SealContext, bytes: Uint8Array): Promise<Unwrapped | OpenFailure> {
    const envelope = parseEnvelope(bytes)
    if (envelope === undefined) return 'malformed'
    const index = context.receivers.findIndex(({ key }) => key === publicKey)
    if (index < 0) return 'not-a-receiver'
    if (!sameReceivers(context.receivers, envelope.receivers)) return 'altered'
    const info = contextHash(context)
    const contentKey = await unwrapKey(envelope.receivers[index] as Wrap, await keyPair, info)
    return contentKey === undefined ? 'wrong-key' : { info, envelope, contentKey }
  }

  return {
    publicKey,
    async open(context, bytes) {
      const unwrapped = await unwrap(context, bytes)
      if (typeof unwrapped === 'string') return failed(unwrapped)
      const { info, envelope, contentKey } = unwrapped
      const content = decryptContent(envelope, info, contentKey)
      contentKey.fill(0)
      return content === undefined ? failed('altered') : { kind: 'opened', content }
    },
    async contentKey(context, bytes) {
      const unwrapped = await unwrap(context, bytes)
      return typeof unwrapped === 'string' ? undefined : name32<ContentKey>(unwrapped.contentKey)
    }
  }
}

/**
 * Opens an envelope with the content key that one of its receivers revealed; undefined where the envelope does not belong to the
 * context, or does not decrypt under the key. An envelope decrypts under no key but those that its maker chose: to find another
 * one is to forge the tag of AES-GCM.
 */
export function openWithContentKey(context: SealContext, bytes: Uint8Array, key: ContentKey): Uint8Array | undefined {
  const envelope = parseEnvelope(bytes)
  if (envelope === undefined || !sameReceivers(context.receivers, envelope.receivers)) return undefined
  return decryptContent(envelope, contextHash(context), nameBytes(key))
}

function decryptContent(envelope: Envelope, info: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  const { nonce, receivers, content } = envelope
  return decryptAes({ key, nonce, associatedData: contentBinding(info, nonce, receivers) }, content)
}

function parseEnvelope(bytes: Uint8Array): Envelope | undefined {
  return bytes.length > limits.payloadBytesMax ? undefined : readEnvelope(decodeCbor(bytes))
}

/** To whom an envelope says that it is sealed, in its order; undefined if it is none of a known scheme. */
export function envelopeReceivers(bytes: Uint8Array): readonly SealReceiver[] | undefined {
  return parseEnvelope(bytes)?.receivers.map(({ member, key }) => ({ member, key }))
}

function failed(code: OpenFailure): OpenResult {
  return { kind: 'failed', code }
}

function sameReceivers(expected: readonly SealReceiver[], found: readonly SealReceiver[]): boolean {
  return (
    expected.length === found.length &&
    expected.every(({ member, key }, i) => member === found[i]?.member && key === found[i]?.key)
  )
}

/** The HPKE `info` of every wrap. */
function contextHash({ chain, record, sender, receivers }: SealContext): Uint8Array {
  const cbor = encodeCbor({
    scheme: SCHEME,
    chain: nameBytes(chain),
    record: nameBytes(record),
    sender: nameBytes(sender),
    receivers: receivers.map(({ member, key }) => [nameBytes(member), nameBytes(key)])
  })
  return nameBytes(taggedHash<Hash>('wardline/seal-context/1', cbor))
}

/** The content's associated data: the context, and everything in the envelope but the content. */
function contentBinding(info: Uint8Array, nonce: Uint8Array, wraps: readonly Wrap[]): Uint8Array {
  return encodeCbor({ context: info, nonce, receivers: wraps.map(wrapValue) })
}

function wrapValue({ member, key, encapsulated, wrapped }: Wrap): CborValue {
  return { member: nameBytes(member), key: nameBytes(key), encapsulated, wrapped }
}

async function wrapKey(suite: CipherSuite, to: SealReceiver, contentKey: Uint8Array, info: Uint8Array): Promise<Wrap> {
  const recipientPublicKey = receiverKey(to.key)
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, contentKey)
  return { member: to.member, key: to.key, encapsulated: new Uint8Array(enc), wrapped: new Uint8Array(ct) }
}

async function unwrapKey(
  wrap: Wrap,
  keyPair: webcrypto.CryptoKeyPair,
  info: Uint8Array
): Promise<Uint8Array | undefined> {
  try {
    const key = await openingSuite.open({ recipientKey: keyPair, enc: wrap.encapsulated, info }, wrap.wrapped)
    return new Uint8Array(key)
  } catch {
    // The library's only way to say that a wrap does not open is to throw; the key itself was imported before.
    return undefined
  }
}

/** @param secret a copy: it is read after this returns, when the caller may have wiped its own */
async function importKeyPair(secret: Uint8Array, publicKey: SealKey): Promise<webcrypto.CryptoKeyPair> {
  const privateKey = await openingSuite.kem.deserializePrivateKey(secret)
  return { privateKey, publicKey: await openingSuite.kem.deserializePublicKey(nameBytes(publicKey)) }
}

/** Canonical CBOR's size is fixed but for the two length prefixes, counted here at their widest (3 and 5 bytes). */
const ENVELOPE_RECEIVER_BYTES = 1 + (7 + 34) + (4 + 34) + (13 + 34) + (8 + 50)
const ENVELOPE_FRAME_BYTES = 1 + (7 + 1) + (6 + 13) + (10 + 3) + (8 + 5 + AES_TAG_BYTES)

/** Sealing and opening as a part, for worlds that must know of work that other threads do. */
export type Envelopes = {
  readonly seal: typeof sealEnvelope
  readonly openerOf: (secret: Uint8Array) => Opener
}

export const envelopes: Envelopes = { seal: sealEnvelope, openerOf: createOpener }
