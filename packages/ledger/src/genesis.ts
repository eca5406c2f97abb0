/**
 * The genesis: the one document that founds a chain. Its hash, without the signatures, is the chain's name; what it says is
 * the state at height 0. Every founder's identity key signs it.
 */
import {
  arrayOf,
  assert,
  type CborValue,
  type ChainId,
  encodeCbor,
  epoch,
  type Hash,
  height,
  limits,
  type MemberId,
  nameBytes,
  nullable,
  oneOf,
  type SignKey,
  taggedHash,
  toHex,
  uint
} from '@wardline/codec'
import { type ValidatorSet, validatorSet } from '@wardline/consensus'
import { type Signer, statementMessage, verifySignature } from '@wardline/crypto'
import { appHash, NO_APP_HASH } from './block.ts'
import { type Card, cardFields, cardJson, cardMember, readCardJson, readLabel, verifyCard } from './card.ts'
import { encodeFence, type Fence, orderedFence, readFenceMap } from './fence.ts'
import { MODES, type Mode } from './kind.ts'
import { encodeMember, type Member, STAFF_ROLES } from './membership/member.ts'
import type { Change } from './overlay.ts'
import {
  defaultParameters,
  encodeValidators,
  PARAMETER_BOUNDS,
  type Parameters,
  readParametersMap
} from './parameters.ts'
import { fingerprintOf, hex32, hexOf, isSameText, type Problem, readFields, readJson } from './problem.ts'
import { stateKeys } from './state-keys.ts'

/** Who admits and expels hospitals: one of the founders, or somebody with a card, no daemon and no vote. */
export type Registrar =
  | { readonly kind: 'founder'; readonly member: MemberId }
  | { readonly kind: 'card'; readonly card: Card }

export type GenesisSignature = { readonly identity: SignKey; readonly signature: Uint8Array }

export type Genesis = {
  readonly v: 1
  readonly mode: Mode
  /** Of a DSS chain, and of no other. */
  readonly fence: Fence | null
  /** Of an SPV chain, and of no other: the terms of a grant stand on the chain for all its members to read. */
  readonly disclosure: 'open' | null
  readonly label: string
  /** Milliseconds since the epoch: the time of height 0. */
  readonly created: number
  /** 32 random bytes, so that equal founders never found one chain twice. */
  readonly random: Uint8Array
  readonly ruleset: 1
  readonly stateMap: 0
  readonly parameters: Parameters
  readonly registrar: Registrar
  /** The first hospitals and validators, ascending by member. */
  readonly founders: readonly Card[]
  /** Ascending by identity. No part of the chain id. */
  readonly signatures: readonly GenesisSignature[]
}

/** A chain's mode, and what only that mode asks for. */
export type GenesisMode = { readonly mode: 'DSS'; readonly fence: Fence } | { readonly mode: 'STT' | 'SPV' }

export type GenesisDraft = GenesisMode & {
  readonly label: string
  readonly created: number
  readonly random: Uint8Array
  readonly founders: readonly Card[]
  readonly registrar: Registrar
  readonly parameters?: Partial<Parameters>
}

const GENESIS_TEXT_MAX = 1024 * 1024
const SIGNATURE_TEXT_MAX = 4096

/** A genesis without signatures. `verifyGenesis` tells what is wrong with it. */
export function draftGenesis(draft: GenesisDraft): Genesis {
  const { label, created, random, registrar } = draft
  const founders = [...draft.founders].sort((a, b) => (cardMember(a) < cardMember(b) ? -1 : 1))
  const parameters = { ...defaultParameters, ...draft.parameters }
  const { mode } = draft
  const fixed = { v: 1, ruleset: 1, stateMap: 0, signatures: [] } as const
  const terms = {
    fence: draft.mode === 'DSS' ? orderedFence(draft.fence) : null,
    disclosure: mode === 'SPV' ? 'open' : null
  } as const
  return { ...fixed, mode, ...terms, label, created, random, parameters, registrar, founders }
}

/** `SHA-256("wardline/genesis/1" || cbor of the genesis without its signatures)`. */
export function chainIdOf(genesis: Genesis): ChainId {
  return taggedHash<ChainId>('wardline/genesis/1', genesisCbor(genesis))
}

/** What founders read to each other to know that they sign the same genesis. */
export function genesisFingerprint(genesis: Genesis): string {
  return fingerprintOf(chainIdOf(genesis))
}

/** The signature of one founder. The signer holds the identity key of its card. */
export function signGenesis(genesis: Genesis, identity: Signer): GenesisSignature {
  const signature = identity.sign('wardline/genesis-signature/1', genesisCbor(genesis))
  return { identity: identity.publicKey, signature }
}

/** The genesis with these signatures too; for an identity given twice, the later. */
export function withSignatures(genesis: Genesis, signatures: readonly GenesisSignature[]): Genesis {
  const byIdentity = new Map([...genesis.signatures, ...signatures].map((one) => [one.identity, one]))
  return { ...genesis, signatures: [...byIdentity.values()].sort((a, b) => (a.identity < b.identity ? -1 : 1)) }
}

/**
 * Everything that keeps a chain from being founded on this genesis; empty if nothing does. While founders are still
 * signing, all problems are `missing-signature`.
 */
export function verifyGenesis(genesis: Genesis): readonly Problem[] {
  const { founders } = genesis
  const cards = cardsOf(genesis)
  return [
    ...founderProblems(founders),
    ...cards.flatMap((card) => [...cardProblems(card, genesis), ...verifyCard(card)]),
    ...clashes(cards),
    ...registrarProblems(genesis),
    ...signatureProblems(genesis)
  ]
}

/** The names that the founders signed, the registrar's too. Who joined later has none. */
export function namesOf(genesis: Genesis): ReadonlyMap<MemberId, string> {
  return new Map(cardsOf(genesis).map((card) => [cardMember(card), card.name]))
}

function cardsOf({ founders, registrar }: Genesis): readonly Card[] {
  return registrar.kind === 'card' ? [...founders, registrar.card] : founders
}

/** The validators of epoch 0: the founders. */
export function validatorsOf(genesis: Genesis): ValidatorSet {
  const validators = genesis.founders.map((card) => {
    assert(card.vote !== null, 'a founder has a vote key')
    return { member: cardMember(card), key: card.vote }
  })
  return validatorSet(epoch(0), validators)
}

/** The state at height 0, ascending by key. The genesis has been verified. */
export function genesisChanges(genesis: Genesis): readonly Change[] {
  const { founders, registrar } = genesis
  const members = founders.map(cardMember)
  const changes: Change[] = [
    { key: stateKeys.parameters, value: encodeCbor(genesis.parameters) },
    { key: stateKeys.mode, value: encodeCbor(genesis.mode) },
    { key: stateKeys.registrar, value: encodeCbor(nameBytes(registrarOf(genesis))) },
    { key: stateKeys.validators, value: encodeValidators({ epoch: epoch(0), members }) },
    { key: stateKeys.hosts, value: encodeCbor(founders.length) }
  ]
  for (const card of founders) {
    const member = cardMember(card)
    assert(card.host !== null, 'a founder has a host key')
    changes.push({ key: stateKeys.member(member), value: encodeMember(founderMember(card)) })
    changes.push({ key: stateKeys.host(card.host), value: encodeCbor(nameBytes(member)) })
  }
  if (registrar.kind === 'card') {
    const member: Member = { ...founderMember(registrar.card), role: 'registrar', host: null, vote: null, grants: null }
    changes.push({ key: stateKeys.member(cardMember(registrar.card)), value: encodeMember(member) })
  }
  if (genesis.fence !== null) changes.push({ key: stateKeys.fence, value: encodeFence(genesis.fence) })
  return changes.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** `appHash` of height 0. */
export function genesisAppHash(genesis: Genesis): Hash {
  return appHash(NO_APP_HASH, genesisChanges(genesis))
}

export function registrarOf({ registrar }: Genesis): MemberId {
  return registrar.kind === 'founder' ? registrar.member : cardMember(registrar.card)
}

/** The genesis as a file: JSON with fixed order and indentation, ending in a line end. */
export function genesisText(genesis: Genesis): string {
  const { v, mode, label, created, random, ruleset, stateMap, parameters, registrar, founders, signatures } = genesis
  const json = {
    v,
    mode,
    fence: genesis.fence && orderedFence(genesis.fence),
    disclosure: genesis.disclosure,
    label,
    created,
    random: toHex(random),
    ruleset,
    stateMap,
    parameters: orderedParameters(parameters),
    registrar: registrar.kind === 'founder' ? { founder: registrar.member } : { card: cardJson(registrar.card) },
    founders: founders.map(cardJson),
    signatures: signatures.map(({ identity, signature }) => ({ identity, signature: toHex(signature) }))
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

export type ParsedGenesis =
  | { readonly kind: 'ok'; readonly genesis: Genesis }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }

/** Reads a genesis file. Its form only: `verifyGenesis` tells whether it may found a chain. Never throws. */
export function parseGenesis(text: string): ParsedGenesis {
  const problems: Problem[] = []
  const json = readJson(text, GENESIS_TEXT_MAX, 'The genesis', problems)
  const genesis = problems.length > 0 ? undefined : readGenesisJson(json, problems)
  if (genesis !== undefined && !isSameText(text, genesisText(genesis))) {
    const message = 'The genesis is not written as Wardline writes it; it may have been edited by hand.'
    problems.push({ code: 'not-canonical', message })
  }
  return genesis === undefined || problems.length > 0 ? { kind: 'failed', problems } : { kind: 'ok', genesis }
}

/** One founder's signature as a file of its own, for a ceremony by e-mail. */
export function genesisSignatureText(chain: ChainId, { identity, signature }: GenesisSignature): string {
  return `${JSON.stringify({ v: 1, chain, identity, signature: toHex(signature) }, null, 2)}\n`
}

export type ParsedGenesisSignature =
  | { readonly kind: 'ok'; readonly chain: ChainId; readonly signature: GenesisSignature }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }

/** Reads a signature file. Whether it is a founder's, for this genesis, and verifies, says `verifyGenesis` after `withSignatures`. */
export function parseGenesisSignature(text: string): ParsedGenesisSignature {
  const problems: Problem[] = []
  const json = readJson(text, SIGNATURE_TEXT_MAX, 'The signature', problems)
  if (problems.length > 0) return { kind: 'failed', problems }
  const fields = readFields(json, signatureFileShape, 'The signature', problems)
  if (fields === undefined) return { kind: 'failed', problems }
  const { chain, identity, signature } = fields
  return { kind: 'ok', chain, signature: { identity, signature } }
}

/** The document without its signatures, as it is hashed and signed. */
function genesisCbor(genesis: Genesis): Uint8Array {
  const { v, mode, fence, disclosure, label, created, random, ruleset, stateMap, parameters } = genesis
  const { registrar, founders } = genesis
  return encodeCbor({
    v,
    mode,
    fence,
    disclosure,
    label,
    created,
    random,
    ruleset,
    stateMap,
    parameters: orderedParameters(parameters),
    registrar:
      registrar.kind === 'founder' ? { founder: nameBytes(registrar.member) } : { card: signedCard(registrar.card) },
    founders: founders.map(signedCard)
  })
}

function signedCard(card: Card): CborValue {
  return { ...cardFields(card), signature: card.signature }
}

function orderedParameters(parameters: Parameters): Parameters {
  const { blockBodyBytesMax, blockTransactionsMax, heartbeatMs, deltaMs, rotationDelayMs } = parameters
  return { blockBodyBytesMax, blockTransactionsMax, heartbeatMs, deltaMs, rotationDelayMs }
}

/** A founder's state: any staff role and attribute is its to give. */
function founderMember(card: Card): Member {
  return {
    registered: height(0),
    by: null,
    role: 'hospital',
    keys: [{ key: card.sign, from: 0 }],
    seals: card.seal === null ? [] : [{ key: card.seal, from: 0 }],
    host: card.host,
    vote: card.vote,
    hospital: null,
    attributes: [],
    grants: { roles: [...STAFF_ROLES].sort(), attributes: null },
    until: null,
    revoked: null
  }
}

const anything = { read: (value: CborValue | undefined) => value, mustBe: 'present' } as const
const hexKey = { read: hex32<SignKey>, mustBe: '64 lower-case hex digits' } as const
const signatureField = { read: hexOf(64), mustBe: '128 lower-case hex digits' } as const

const genesisShape = {
  v: anything,
  mode: { read: oneOf(...MODES), mustBe: 'DSS, STT or SPV' },
  fence: {
    read: nullable(readFenceMap),
    mustBe: 'null, or an object of purpose, legalBasis, retentionYears, contact and excludedLabels (ascending)'
  },
  disclosure: { read: nullable(oneOf('open')), mustBe: 'null or "open"' },
  label: { read: readLabel, mustBe: '1 to 32 lower-case letters, digits and hyphens' },
  created: { read: uint, mustBe: 'a time in milliseconds since 1970' },
  random: { read: hexOf(32), mustBe: '64 lower-case hex digits' },
  ruleset: anything,
  stateMap: anything,
  parameters: {
    read: readParametersMap,
    mustBe: `an object of ${Object.entries(PARAMETER_BOUNDS)
      .map(([name, [min, max]]) => `${name} (${min} to ${max})`)
      .join(', ')}`
  },
  registrar: anything,
  founders: {
    read: arrayOf((value) => value, 1, limits.validatorsMax),
    mustBe: `a list of 1 to ${limits.validatorsMax} cards`
  },
  signatures: {
    read: arrayOf((value) => value, 0, limits.validatorsMax),
    mustBe: `a list of at most ${limits.validatorsMax} signatures`
  }
} as const

const signatureShape = { identity: hexKey, signature: signatureField } as const
const signatureFileShape = {
  v: { read: oneOf(1), mustBe: '1' },
  chain: { read: hex32<ChainId>, mustBe: '64 lower-case hex digits' },
  ...signatureShape
} as const

function readGenesisJson(json: unknown, problems: Problem[]): Genesis | undefined {
  const fields = readFields(json, genesisShape, 'The genesis', problems)
  if (fields === undefined || !isSupported(fields, problems)) return undefined
  const { mode, fence, disclosure, label, created, random, parameters } = fields
  const registrar = readRegistrarJson(fields.registrar, problems)
  const founders = fields.founders.map((card, i) => readCardJson(card, `The card of founder ${i + 1}`, problems))
  const signatures = fields.signatures.map((one, i) =>
    readFields(one, signatureShape, `Signature ${i + 1} of the genesis`, problems)
  )
  if (registrar === undefined || problems.length > 0) return undefined
  if ((mode === 'DSS') !== (fence !== null)) problems.push(rule('A DSS genesis has a fence, and no other has one.'))
  if ((mode === 'SPV') !== (disclosure !== null)) {
    problems.push(rule('An SPV genesis says how grants are disclosed, and no other does.'))
  }
  if (problems.length > 0) return undefined
  const fixed = { v: 1, mode, fence, disclosure, ruleset: 1, stateMap: 0 } as const
  const isRead = <T>(value: T | undefined): value is T => value !== undefined
  const lists = { founders: founders.filter(isRead), signatures: signatures.filter(isRead) }
  return { ...fixed, label, created, random, parameters, registrar, ...lists }
}

type Versions = Readonly<Record<'v' | 'ruleset' | 'stateMap', CborValue>>

function isSupported({ v, ruleset, stateMap }: Versions, problems: Problem[]): boolean {
  const before = problems.length
  const unsupported = (message: string) => problems.push({ code: 'unsupported', message })
  if (v !== 1) unsupported('The genesis has a version that this daemon does not know.')
  if (ruleset !== 1) unsupported('The genesis asks for a ruleset that this daemon does not have.')
  if (stateMap !== 0) unsupported('The genesis asks for an authenticated state map, which this version does not have.')
  return problems.length === before
}

function readRegistrarJson(value: unknown, problems: Problem[]): Registrar | undefined {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'card')) {
    const fields = readFields(value, { card: anything }, 'The registrar', problems)
    const card = fields === undefined ? undefined : readCardJson(fields.card, 'The card of the registrar', problems)
    return card === undefined ? undefined : { kind: 'card', card }
  }
  const founder = { read: hex32<MemberId>, mustBe: 'the member id of a founder' }
  const fields = readFields(value, { founder }, 'The registrar', problems)
  return fields === undefined ? undefined : { kind: 'founder', member: fields.founder }
}

function rule(message: string): Problem {
  return { code: 'rule', message }
}

function founderProblems(founders: readonly Card[]): readonly Problem[] {
  if (founders.length === 0) return [rule('The genesis has no founders.')]
  const members = founders.map(cardMember)
  const sorted = members.every((member, i) => i === 0 || (members[i - 1] as MemberId) < member)
  const problems = sorted ? [] : [rule('The founders are not in ascending order of member id, each once.')]
  const incomplete = founders.filter((card) => card.vote === null || card.host === null || card.seal === null)
  problems.push(...incomplete.map(({ name }) => rule(`${name} founds the chain without a vote, host or seal key.`)))
  const unreachable = founders.filter((card) => card.addresses.length === 0)
  problems.push(...unreachable.map(({ name }) => rule(`${name} founds the chain without an address.`)))
  return problems
}

function cardProblems(card: Card, { label }: Genesis): readonly Problem[] {
  return card.label === label ? [] : [rule(`The card of ${card.name} is for the chain ${card.label}, not ${label}.`)]
}

/** Names and keys that two cards share. */
function clashes(cards: readonly Card[]): readonly Problem[] {
  const problems: Problem[] = []
  const owners = new Map<string, string>()
  for (const card of cards) {
    const own = [card.name, card.identity, card.sign, card.vote, card.host, card.seal].filter((text) => text !== null)
    for (const text of new Set(own)) {
      const other = owners.get(text)
      if (other !== undefined) problems.push(rule(`${card.name} and ${other} share a name or a key.`))
      owners.set(text, card.name)
    }
  }
  return problems
}

function registrarProblems({ founders, registrar }: Genesis): readonly Problem[] {
  if (registrar.kind === 'card') return []
  const isFounder = founders.some((card) => cardMember(card) === registrar.member)
  return isFounder ? [] : [rule('The registrar is not one of the founders.')]
}

function signatureProblems(genesis: Genesis): readonly Problem[] {
  const { founders, signatures } = genesis
  const message = statementMessage('wardline/genesis-signature/1', genesisCbor(genesis))
  const problems: Problem[] = []
  const signed = new Set<SignKey>()
  for (const { identity, signature } of signatures) {
    const founder = founders.find((card) => card.identity === identity)
    const name = founder?.name ?? 'somebody who is not a founder'
    if (founder === undefined || signed.has(identity) || !verifySignature(identity, message, signature)) {
      problems.push({ code: 'signature', message: `The signature of ${name} is not valid for this genesis.` })
    }
    signed.add(identity)
  }
  for (const { identity, name } of founders) {
    if (!signed.has(identity))
      problems.push({ code: 'missing-signature', message: `${name} has not signed the genesis.` })
  }
  return problems
}
