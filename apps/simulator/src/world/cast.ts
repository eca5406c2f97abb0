/** Who takes part in a world: hospitals with keys from fixed secrets, and a genesis that all of them have signed. */
import { type ChainId, type MemberId, type SealKey, type SignKey, sha256 } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, type Signer, type VoteSigner } from '@wardline/crypto'
import {
  type Card,
  chainIdOf,
  draftGenesis,
  type Genesis,
  makeCard,
  memberIdOf,
  signGenesis,
  withSignatures
} from '@wardline/ledger'

export type Hospital = {
  /** The name of its node in the world. */
  readonly name: string
  readonly member: MemberId
  readonly sign: Signer
  readonly seal: SealKey
  readonly voteSigner: VoteSigner
  readonly host: SignKey
  readonly card: Card
}

export type Cast = {
  readonly genesis: Genesis
  readonly chain: ChainId
  /** Ascending by member, as the validator set is. */
  readonly hospitals: readonly Hospital[]
  /** Registers hospitals; has no daemon. */
  readonly registrar: { readonly member: MemberId; readonly sign: Signer }
}

const LABEL = 'world'

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
  const made = { name, member, sign, seal, voteSigner: vote, host: host.publicKey, card }
  hospitals.set(name, made)
  return made
}

/** @param random 32 bytes that make this genesis unlike every other of the same founders */
export function createCast(count: number, random: Uint8Array, createdMs: number): Cast {
  const founders = Array.from({ length: count }, (_, index) => hospitalNamed(`n${index}`))
  const registrarSign = createSigner(secretOf('registrar sign'))
  const registrarCard = makeCard(
    { name: 'Health administration', label: LABEL, seal: null, addresses: [] },
    { identity: createSigner(secretOf('registrar identity')), sign: registrarSign, vote: null, host: null }
  )
  const draft = draftGenesis({
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
    registrar: { member: memberIdOf(registrarSign.publicKey), sign: registrarSign }
  }
}
