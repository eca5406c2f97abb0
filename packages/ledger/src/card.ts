/**
 * A card: what one hospital tells the others to found a chain with it or to admit it. It holds the public halves of the keys
 * that it made for this chain, proofs that it has the private halves, and its addresses, signed by its identity key. Names
 * are in cards and the genesis, never in transactions.
 */
import {
  arrayOf,
  type CborValue,
  type ChainId,
  encodeCbor,
  type MemberId,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  type SealKey,
  type SignKey,
  sha256,
  toHex
} from '@wardline/codec'
import {
  isAcceptableSealKey,
  isAcceptableSignKey,
  type Signer,
  statementMessage,
  type VoteSigner,
  verifySignature
} from '@wardline/crypto'
import { memberIdOf, nullableBytes } from './membership/member.ts'
import { keyProofMessage, keyProofVote, registrationStatement } from './membership/statements.ts'
import {
  type Field,
  fingerprintOf,
  hex32,
  hexOf,
  hexOrNull,
  isSameText,
  type Problem,
  readFields,
  readJson
} from './problem.ts'

/** The keys of one member on one chain. A registrar without a daemon has `sign` only. */
export type CardKeys = {
  /** The hospital's own key, the same on all its cards. It signs cards and the genesis and nothing on a chain. */
  readonly identity: SignKey
  readonly sign: SignKey
  /** Consensus votes. */
  readonly vote: SignKey | null
  /** libp2p: the peer id derives from it. */
  readonly host: SignKey | null
  readonly seal: SealKey | null
}

/** Each key's signature (64 bytes) over all of them together. An X25519 key cannot sign. */
export type CardProofs = {
  readonly sign: Uint8Array
  readonly vote: Uint8Array | null
  readonly host: Uint8Array | null
}

/** For a chain that exists already: the proofs that `member.register` carries. */
export type CardRegistration = {
  readonly chain: ChainId
  /** Who is to register it: the chain's registrar, or the hospital whose staff it joins. */
  readonly by: MemberId
  readonly sign: Uint8Array
  readonly host: Uint8Array | null
}

export type Card = CardKeys & {
  readonly v: 1
  readonly name: string
  /** The chain's label, by which its people call it. */
  readonly label: string
  /** Multiaddrs of the daemon on this chain, e.g. `/dns4/host.example/tcp/20123`. */
  readonly addresses: readonly string[]
  readonly proofs: CardProofs
  readonly registration: CardRegistration | null
  /** The identity key's signature over all the rest. */
  readonly signature: Uint8Array
}

export type CardFacts = {
  readonly name: string
  readonly label: string
  readonly seal: SealKey | null
  readonly addresses: readonly string[]
  /** The chain, if it exists already, and the member that is to register this one there. */
  readonly registration?: { readonly chain: ChainId; readonly by: MemberId }
}

export type CardSigners = {
  readonly identity: Signer
  readonly sign: Signer
  readonly vote: VoteSigner | null
  readonly host: Signer | null
}

const NAME_BYTES_MAX = 120
const ADDRESSES_MAX = 8
/** A card is about 2 KB. */
const CARD_TEXT_MAX = 16 * 1024

/** Makes a card with all its proofs. `verifyCard` and `parseCard(cardText())` tell whether the facts are acceptable. */
export function makeCard(facts: CardFacts, signers: CardSigners): Card {
  const keys: CardKeys = {
    identity: signers.identity.publicKey,
    sign: signers.sign.publicKey,
    vote: signers.vote?.publicKey ?? null,
    host: signers.host?.publicKey ?? null,
    seal: facts.seal
  }
  const statement = cardKeysStatement(facts.label, keys)
  const { name, label, addresses, registration } = facts
  const unsigned: Omit<Card, 'signature'> = {
    v: 1,
    name,
    label,
    ...keys,
    addresses,
    proofs: {
      sign: signers.sign.sign('wardline/key-proof/1', statement),
      vote: signers.vote?.sign(keyProofVote(statement)) ?? null,
      host: signers.host?.sign('wardline/key-proof/1', statement) ?? null
    },
    registration: registration === undefined ? null : makeRegistration(registration, keys, signers)
  }
  return { ...unsigned, signature: signers.identity.sign('wardline/card/1', encodeCbor(cardFields(unsigned))) }
}

/** The member that this card's holder is, or would be, on the card's chain. */
export function cardMember(card: Card): MemberId {
  return memberIdOf(card.sign)
}

/** What two people read to each other to know that they hold the same card. */
export function cardFingerprint(card: Card): string {
  return fingerprintOf(toHex(sha256(statementMessage('wardline/card/1', encodeCbor(cardFields(card))))))
}

/** Everything wrong with a card: keys, proofs, signature. Empty if it may be relied on as the word of its identity key. */
export function verifyCard(card: Card): readonly Problem[] {
  const problems: Problem[] = []
  const who = `The card of ${card.name}`
  const keys = [card.identity, card.sign, card.vote, card.host].filter((key) => key !== null)
  if (new Set(keys).size !== keys.length) {
    problems.push({ code: 'key', message: `${who} uses one key for two purposes.` })
  }
  if (!keys.every(isAcceptableSignKey) || !(card.seal === null || isAcceptableSealKey(card.seal))) {
    problems.push({ code: 'key', message: `${who} has a key that is not acceptable.` })
  }
  const statement = cardKeysStatement(card.label, card)
  const message = keyProofMessage(statement)
  const proofs = [
    { use: 'sign', key: card.sign, message, proof: card.proofs.sign },
    { use: 'vote', key: card.vote, message: keyProofVote(statement), proof: card.proofs.vote },
    { use: 'host', key: card.host, message, proof: card.proofs.host }
  ]
  for (const { use, key, message, proof } of proofs) {
    if (key === null && proof === null) continue
    if (key !== null && proof !== null && verifySignature(key, message, proof)) continue
    problems.push({ code: 'proof', message: `${who} does not prove possession of its ${use} key.` })
  }
  if (card.registration !== null && !isRegistrationProved(card, card.registration)) {
    problems.push({ code: 'proof', message: `${who} does not prove its keys for registration.` })
  }
  const signed = statementMessage('wardline/card/1', encodeCbor(cardFields(card)))
  if (!verifySignature(card.identity, signed, card.signature)) {
    problems.push({ code: 'signature', message: `${who} is not signed by its identity key.` })
  }
  return problems
}

/** The card as a file: JSON with fixed order and indentation, ending in a line end. */
export function cardText(card: Card): string {
  return `${JSON.stringify(cardJson(card), null, 2)}\n`
}

export type ParsedCard =
  | { readonly kind: 'ok'; readonly card: Card }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }

/** Reads a card file. Its form only: `verifyCard` tells whether its signatures hold. Never throws. */
export function parseCard(text: string): ParsedCard {
  const problems: Problem[] = []
  const json = readJson(text, CARD_TEXT_MAX, 'The card', problems)
  const card = problems.length > 0 ? undefined : readCardJson(json, 'The card', problems)
  if (card !== undefined && !isSameText(text, cardText(card))) {
    problems.push({ code: 'not-canonical', message: 'The card is not written as Wardline writes it; export it again.' })
  }
  return card === undefined || problems.length > 0 ? { kind: 'failed', problems } : { kind: 'ok', card }
}

/** The card as a JSON value, keys in the order of the file. */
export function cardJson(card: Card) {
  const { v, name, label, identity, sign, vote, host, seal, addresses, registration } = card
  return {
    v,
    name,
    label,
    identity,
    sign,
    vote,
    host,
    seal,
    addresses,
    proofs: { sign: toHex(card.proofs.sign), vote: hexOrNull(card.proofs.vote), host: hexOrNull(card.proofs.host) },
    registration:
      registration === null
        ? null
        : {
            chain: registration.chain,
            by: registration.by,
            sign: toHex(registration.sign),
            host: hexOrNull(registration.host)
          },
    signature: toHex(card.signature)
  }
}

/** Reads a card out of a JSON value; undefined, with every problem under `where`, if it is none. */
export function readCardJson(value: unknown, where: string, problems: Problem[]): Card | undefined {
  const card = readFields(value, cardShape, where, problems)
  if (card === undefined) return undefined
  const proofs = readFields(card.proofs, proofsShape, `${where}: proofs`, problems)
  const registration =
    card.registration === 'none'
      ? null
      : readFields(card.registration.value, registrationShape, `${where}: registration`, problems)
  return proofs === undefined || registration === undefined ? undefined : { ...card, proofs, registration }
}

/** A name for people: 1 to 120 bytes of text that no terminal takes for anything else. */
export const readName: Reader<string> = (value) => {
  if (typeof value !== 'string' || !value.isWellFormed() || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)) return undefined
  return value.length > 0 && value.trim() === value && Buffer.byteLength(value) <= NAME_BYTES_MAX ? value : undefined
}

/** A chain's label: 1 to 32 of `a-z 0-9 -`, beginning with a letter or digit. */
export const readLabel: Reader<string> = (value) =>
  typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,31}$/.test(value) ? value : undefined

const readAddress: Reader<string> = (value) =>
  typeof value === 'string' && value.length <= 200 && /^(\/[A-Za-z0-9._:%-]+)+$/.test(value) ? value : undefined

const key = { read: hex32<SignKey>, mustBe: '64 lower-case hex digits' }
const signature: Field<Uint8Array> = { read: hexOf(64), mustBe: '128 lower-case hex digits' }
const optionalSignature = { read: nullable(hexOf(64)), mustBe: '128 lower-case hex digits, or null' }
const optionalKey = { read: nullable(hex32<SignKey>), mustBe: '64 lower-case hex digits, or null' }
const isPresent: Field<NonNullable<unknown>> = { read: (value) => value ?? undefined, mustBe: 'present' }

const cardShape = {
  v: { read: oneOf(1), mustBe: '1' },
  name: {
    read: readName,
    mustBe: `a name of 1 to ${NAME_BYTES_MAX} bytes without control characters or spaces at its ends`
  },
  label: { read: readLabel, mustBe: '1 to 32 lower-case letters, digits and hyphens' },
  identity: key,
  sign: key,
  vote: optionalKey,
  host: optionalKey,
  seal: { read: nullable(hex32<SealKey>), mustBe: '64 lower-case hex digits, or null' },
  addresses: {
    read: arrayOf(readAddress, 0, ADDRESSES_MAX),
    mustBe: `a list of at most ${ADDRESSES_MAX} addresses like /dns4/host.example/tcp/20123`
  },
  proofs: isPresent,
  registration: {
    read: (value: CborValue | undefined) => (value === null ? 'none' : value === undefined ? undefined : { value }),
    mustBe: 'an object or null'
  },
  signature
} as const

const proofsShape = { sign: signature, vote: optionalSignature, host: optionalSignature } as const
const registrationShape = {
  chain: { read: hex32<ChainId>, mustBe: '64 lower-case hex digits' },
  by: { read: hex32<MemberId>, mustBe: '64 lower-case hex digits' },
  sign: signature,
  host: optionalSignature
} as const

/** The card without its signature, as it is signed and as it goes into the genesis hash. */
export function cardFields(card: Omit<Card, 'signature'>): { readonly [key: string]: CborValue } {
  const { v, name, label, addresses, proofs, registration } = card
  return {
    v,
    name,
    label,
    addresses,
    ...keyFields(card),
    proofs: { sign: proofs.sign, vote: proofs.vote, host: proofs.host },
    registration:
      registration === null
        ? null
        : {
            chain: nameBytes(registration.chain),
            by: nameBytes(registration.by),
            sign: registration.sign,
            host: registration.host
          }
  }
}

function keyFields(keys: CardKeys) {
  return {
    identity: nameBytes(keys.identity),
    sign: nameBytes(keys.sign),
    vote: nullableBytes(keys.vote),
    host: nullableBytes(keys.host),
    seal: nullableBytes(keys.seal)
  }
}

/** What each key of a card signs: that they are one member's, for the chain of this label. */
function cardKeysStatement(label: string, keys: CardKeys): Uint8Array {
  return encodeCbor({ use: 'card', label, ...keyFields(keys) })
}

function makeRegistration(
  { chain, by }: NonNullable<CardFacts['registration']>,
  keys: CardKeys,
  signers: CardSigners
): CardRegistration {
  const statement = registrationStatement(chain, by, keys)
  return {
    chain,
    by,
    sign: signers.sign.sign('wardline/key-proof/1', statement),
    host: signers.host?.sign('wardline/key-proof/1', statement) ?? null
  }
}

function isRegistrationProved(card: Card, { chain, by, sign, host }: CardRegistration): boolean {
  const message = keyProofMessage(registrationStatement(chain, by, card))
  if (!verifySignature(card.sign, message, sign)) return false
  return card.host === null ? host === null : host !== null && verifySignature(card.host, message, host)
}
