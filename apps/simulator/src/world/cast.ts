/** Who takes part in a world: hospitals with keys from fixed secrets, and a genesis that all of them have signed. */
import { type ChainId, type MemberId, type SealKey, type SignKey, sha256 } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer, type VoteSigner } from '@wardline/crypto'
import {
  type Card,
  chainIdOf,
  draftGenesis,
  EXCLUDED_LABELS_BY_DEFAULT,
  type Fence,
  type Genesis,
  type Mode,
  makeCard,
  memberIdOf,
  signGenesis,
  withSignatures
} from '@wardline/ledger'
import type { KeySet } from '@wardline/ports'
import type { RememberingVerifier } from './remembering-verifier.ts'

export type Hospital = {
  /** The name of its node in the world. */
  readonly name: string
  readonly member: MemberId
  readonly sign: Signer
  readonly seal: SealKey
  readonly voteSigner: VoteSigner
  readonly host: SignKey
  readonly card: Card
  /** The secrets of its chain. */
  readonly keys: KeySet
}

export type Cast = {
  readonly genesis: Genesis
  readonly chain: ChainId
  /** Ascending by member, as the validator set is. */
  readonly hospitals: readonly Hospital[]
  /** Registers hospitals; has no daemon. */
  readonly registrar: { readonly member: MemberId; readonly sign: Signer }
}

export const LABEL = 'world'

const FENCE: Fence = {
  purpose: 'Treatment in the world',
  legalBasis: 'Consent',
  retentionYears: 30,
  contact: 'The health administration',
  excludedLabels: EXCLUDED_LABELS_BY_DEFAULT
}

/** How often an idle chain makes a block. */
export const HEARTBEAT_MS = 10 * 60 * 1000

/** 32 bytes that depend on `name` alone. */
export function secretOf(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(`world ${name}`))
}

const hospitals = new Map<string, Hospital>()

function hospitalNamed(name: string): Hospital {
  const known = hospitals.get(name)
  if (known !== undefined) return known
  const identity = createSigner(secretOf(`${name} identity`))
  const sign = createSigner(secretOf(`${name} sign`))
  const vote = createVoteSigner(secretOf(`${name} vote`))
  const host = createSigner(secretOf(`${name} host`))
  const seal = publicSealKey(secretOf(`${name} seal`))
  const facts = { name: `Hospital ${name}`, label: LABEL, seal, addresses: ['/ip4/127.0.0.1/tcp/20000'] }
  const card = makeCard(facts, { identity, sign, vote, host })
  const member = memberIdOf(sign.publicKey)
  const keys = Object.fromEntries(['sign', 'vote', 'host', 'seal'].map((use) => [use, secretOf(`${name} ${use}`)]))
  const made = { name, member, sign, seal, voteSigner: vote, host: host.publicKey, card, keys }
  hospitals.set(name, made)
  return made
}

export type CastOptions = {
  readonly mode: Mode
  readonly count: number
  /** 32 bytes that make this genesis unlike every other of the same founders. */
  readonly random: Uint8Array
  readonly createdMs: number
  /** Knows what these hospitals sign. */
  readonly verifier?: RememberingVerifier
}

export function createCast({ mode, count, random, createdMs, verifier }: CastOptions): Cast {
  const founders = Array.from({ length: count }, (_, index) => {
    const hospital = hospitalNamed(`n${index}`)
    return {
      ...hospital,
      sign: verifier?.ofSigner(hospital.sign) ?? hospital.sign,
      voteSigner: verifier?.ofVoteSigner(hospital.voteSigner) ?? hospital.voteSigner
    }
  })
  const registrarSign = createSigner(secretOf('registrar sign'))
  const registrarCard = makeCard(
    { name: 'Health administration', label: LABEL, seal: null, addresses: [] },
    { identity: createSigner(secretOf('registrar identity')), sign: registrarSign, vote: null, host: null }
  )
  const draft = draftGenesis({
    ...(mode === 'DSS' ? { mode, fence: FENCE } : { mode }),
    label: LABEL,
    created: createdMs,
    random,
    founders: founders.map(({ card }) => card),
    registrar: { kind: 'card', card: registrarCard },
    parameters: { heartbeatMs: HEARTBEAT_MS }
  })
  const genesis = withSignatures(
    draft,
    founders.map(({ name }) => signGenesis(draft, createSigner(secretOf(`${name} identity`))))
  )
  return {
    genesis,
    chain: chainIdOf(genesis),
    hospitals: [...founders].sort((a, b) => (a.member < b.member ? -1 : 1)),
    registrar: { member: memberIdOf(registrarSign.publicKey), sign: verifier?.ofSigner(registrarSign) ?? registrarSign }
  }
}
