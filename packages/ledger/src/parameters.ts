/** What a genesis fixes for the life of its chain and rules read from state. */
import {
  arrayOf,
  assert,
  bytes32,
  decodeStored,
  type Epoch,
  encodeCbor,
  epoch,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Read,
  uint
} from '@wardline/codec'
import { MODES, type Mode } from './kind.ts'
import type { StateView } from './overlay.ts'
import { stateKeys } from './state-keys.ts'

const HOUR_MS = 60 * 60 * 1000

/** Smallest and largest value of each parameter. */
export const PARAMETER_BOUNDS = {
  blockBodyBytesMax: [limits.transactionBytesMax, limits.blockBodyBytesMax],
  blockTransactionsMax: [1, limits.blockTransactionsMax],
  heartbeatMs: [1000, 24 * HOUR_MS],
  deltaMs: [10, 30_000],
  rotationDelayMs: [0, 30 * 24 * HOUR_MS]
} as const satisfies Readonly<Record<string, readonly [min: number, max: number]>>

/** Sizes in bytes, times in milliseconds. */
export type Parameters = Read<typeof readParametersMap>

/** What a genesis says unless its drafter says otherwise. */
export const defaultParameters: Parameters = {
  /** Transactions of one block, signed bytes together. */
  blockBodyBytesMax: limits.blockBodyBytesMax,
  blockTransactionsMax: limits.blockTransactionsMax,
  /** An idle chain adds an empty block after this long. */
  heartbeatMs: 10 * 60 * 1000,
  /** The delay of the network that the consensus timers assume. */
  deltaMs: 500,
  /** How long after its announcement a new key takes force, by block time; until then it can be vetoed. */
  rotationDelayMs: 24 * HOUR_MS
}

export const readParametersMap = mapOf({
  blockBodyBytesMax: integerFrom(...PARAMETER_BOUNDS.blockBodyBytesMax),
  blockTransactionsMax: integerFrom(...PARAMETER_BOUNDS.blockTransactionsMax),
  heartbeatMs: integerFrom(...PARAMETER_BOUNDS.heartbeatMs),
  deltaMs: integerFrom(...PARAMETER_BOUNDS.deltaMs),
  rotationDelayMs: integerFrom(...PARAMETER_BOUNDS.rotationDelayMs)
})

/** The chain's parameters. @throws AssertionError if the state has none: it is not the state of a chain */
export function readParameters(state: StateView): Parameters {
  const parameters = decodeStored(state.get(stateKeys.parameters), readParametersMap)
  assert(parameters !== undefined, 'the state holds the chain parameters')
  return parameters
}

/** What the chain is for. @throws AssertionError if the state does not say */
export function readMode(state: StateView): Mode {
  const mode = decodeStored(state.get(stateKeys.mode), readModeName)
  assert(mode !== undefined, 'the state holds the mode')
  return mode
}

const readModeName = oneOf(...MODES)

/** The registrar's memberId. @throws AssertionError if the state has none */
export function readRegistrar(state: StateView): MemberId {
  const registrar = decodeStored(state.get(stateKeys.registrar), bytes32<MemberId>)
  assert(registrar !== undefined, 'the state holds the registrar')
  return registrar
}

export type ValidatorNames = { readonly epoch: Epoch; readonly members: readonly MemberId[] }

/** Who validates, ascending. @throws AssertionError if the state does not say */
export function readValidators(state: StateView): ValidatorNames {
  const names = decodeStored(state.get(stateKeys.validators), readValidatorsMap)
  assert(names !== undefined, 'the state holds the validators')
  return { epoch: epoch(names.epoch), members: names.members }
}

export function encodeValidators(names: ValidatorNames): Uint8Array {
  return encodeCbor({ epoch: names.epoch, members: names.members.map(nameBytes) })
}

const readValidatorsMap = mapOf({ epoch: uint, members: arrayOf(bytes32<MemberId>, 1, limits.validatorsMax) })

/** How many members have a libp2p key. */
export function readHosts(state: StateView): number {
  const hosts = decodeStored(state.get(stateKeys.hosts), uint)
  assert(hosts !== undefined, 'the state counts the libp2p keys')
  return hosts
}
