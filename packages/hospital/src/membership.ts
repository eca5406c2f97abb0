/** One chain of this hospital, with the keys that act on it. */
import type { MemberId } from '@wardline/codec'
import type { Envelopes, Signer, Verifier } from '@wardline/crypto'
import { type Member, readMember } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Clock, Log, Random } from '@wardline/ports'
import type { KeyLine } from './chain-setup.ts'
import type { Consents } from './consents.ts'
import type { Quarantine } from './dss/quarantine.ts'
import type { OwnSeals } from './own-seals.ts'
import type { Patients } from './patients.ts'
import type { Persons } from './persons.ts'

export type Membership = {
  /** What its people call the chain. */
  readonly label: string
  readonly chain: Chain
  readonly signer: Signer
  /** Vote keys: for approvals and proofs, which are no votes. The chain votes. */
  readonly voteKeys: KeyLine
  readonly ownSeals: OwnSeals
  readonly seal: Envelopes['seal']
  readonly verifier: Verifier
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Patients of whom stored content is damaged here. */
  readonly quarantine: Quarantine
  /** Display names: of the founders as their cards give them, and of the staff whose keys are kept here. Others have none. */
  readonly names: ReadonlyMap<MemberId, string>
  /** Those of them that are in cards, for everybody to see. */
  readonly publicNames: ReadonlyMap<MemberId, string>
  readonly patients: Patients
  readonly persons: Persons
  /** Empty on a chain whose mode has none. */
  readonly consents: Consents
  /** Aborted when this hospital leaves the chain while calls wait on it. */
  readonly left: AbortSignal
}

/** The chains that this daemon takes part in at the moment of the call. */
export type Memberships = () => readonly Membership[]

/** The earliest time that the next block can have, as far as this daemon knows, milliseconds. */
export function nextBlockMs({ chain, clock }: Membership): number {
  return Math.max(clock.nowMs(), chain.head().time + 1)
}

/** The sealing keys that the chain has of this hospital, the first one first. */
export function registeredSeals({ chain }: Membership): Member['seals'] {
  return readMember(chain.state, chain.self)?.seals ?? []
}
