/**
 * Whether a patient takes part in the alliance. The newest `dss.enrol` counts: it sets the end and the basis anew, whether
 * it extends an enrolment, shortens it, or follows a withdrawal. It ends with its `until`, by block time, or with
 * `dss.withdraw`. Without one nothing is written about the patient, and reading is for the few purposes of `access.ts`.
 */
import {
  type Alias,
  bytes32,
  decodeStored,
  encodeCbor,
  type Height,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Reader,
  readHeight,
  type TransactionId,
  uint
} from '@wardline/codec'
import { nullableBytes } from '../membership/member.ts'
import type { Overlay, StateView } from '../overlay.ts'
import type { RefusalCode } from '../refusals.ts'
import { stateKeys } from '../state-keys.ts'

/** On what ground a patient's records are shared; a closed list, so that no text reaches the chain. */
export const BASES = [
  'consent',
  'guardian-consent',
  'care',
  'legal-obligation',
  'vital-interest',
  'public-interest'
] as const
export type Basis = (typeof BASES)[number]

/** How long an enrolment lasts where nobody says otherwise, milliseconds. */
export const ENROLMENT_MS_BY_DEFAULT = 365 * 24 * 60 * 60 * 1000

export type Enrolment = {
  /** The newest `dss.enrol`. */
  readonly id: TransactionId
  /** The hospital that sponsored it. */
  readonly sponsor: MemberId
  readonly basis: Basis
  /** Block time from which it has ended, milliseconds. */
  readonly until: number
  /** The `dss.withdraw` that ended it. */
  readonly withdrawn: TransactionId | null
  /** When the newest of these statements was made, by the clock of the patient's wallet, milliseconds. */
  readonly created: number
  /** Height and time of the block that enrolled. */
  readonly height: Height
  readonly time: number
}

/** The alias's newest enrolment, ended ones included; undefined if it never enrolled. */
export function readEnrolment(state: StateView, alias: Alias): Enrolment | undefined {
  return decodeStored(state.get(stateKeys.enrolment(alias)), readStored)
}

export function writeEnrolment(state: Overlay, alias: Alias, enrolment: Enrolment): void {
  const { id, sponsor, withdrawn } = enrolment
  const names = { id: nameBytes(id), sponsor: nameBytes(sponsor), withdrawn: nullableBytes(withdrawn) }
  state.set(stateKeys.enrolment(alias), encodeCbor({ ...enrolment, ...names }))
}

/** Why nothing is written about the patient at this block time, or undefined if it is enrolled. */
export function enrolmentRefusal(state: StateView, alias: Alias, timeMs: number): RefusalCode | undefined {
  const enrolment = readEnrolment(state, alias)
  if (enrolment === undefined) return 'not-enrolled'
  return enrolment.withdrawn !== null || enrolment.until <= timeMs ? 'enrolment-ended' : undefined
}

/**
 * Whether the patient has said something else of its enrolment since, or at the same moment. Whoever sponsors a statement may
 * hold it back for as long as it lives, and it must not undo what the patient signed later.
 */
export function isOutOfOrder(state: StateView, alias: Alias, created: number): boolean {
  const enrolment = readEnrolment(state, alias)
  return enrolment !== undefined && created <= enrolment.created
}

const readStored: Reader<Enrolment> = mapOf({
  id: bytes32<TransactionId>,
  sponsor: bytes32<MemberId>,
  basis: oneOf(...BASES),
  until: uint,
  withdrawn: nullable(bytes32<TransactionId>),
  created: uint,
  height: readHeight,
  time: uint
})
