/** What a genesis fixes for the life of its chain and rules read from state. */
import {
  arrayOf,
  assert,
  bytes32,
  decodeCbor,
  type Epoch,
  encodeCbor,
  epoch,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  type Read,
  uint
} from '@wardline/codec'
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
  const parameters = readParametersMap(decodeStored(state, stateKeys.parameters))
  assert(parameters !== undefined, 'the state holds the chain parameters')
  return parameters
}

/** The registrar's memberId. @throws AssertionError if the state has none */
export function readRegistrar(state: StateView): MemberId {
  const registrar = bytes32<MemberId>(decodeStored(state, stateKeys.registrar))
  assert(registrar !== undefined, 'the state holds the registrar')
  return registrar
}

export type ValidatorNames = { readonly epoch: Epoch; readonly members: readonly MemberId[] }

/** Who validates, ascending. @throws AssertionError if the state does not say */
export function readValidators(state: StateView): ValidatorNames {
  const names = readValidatorsMap(decodeStored(state, stateKeys.validators))
  assert(names !== undefined, 'the state holds the validators')
  return { epoch: epoch(names.epoch), members: names.members }
}

export function encodeValidators(names: ValidatorNames): Uint8Array {
  return encodeCbor({ epoch: names.epoch, members: names.members.map(nameBytes) })
}

const readValidatorsMap = mapOf({ epoch: uint, members: arrayOf(bytes32<MemberId>, 1, limits.validatorsMax) })

/** How many members have a libp2p key. */
export function readHosts(state: StateView): number {
  const hosts = uint(decodeStored(state, stateKeys.hosts))
  assert(hosts !== undefined, 'the state counts the libp2p keys')
  return hosts
}

/** The value under `key`, decoded; undefined if absent. @throws AssertionError if it is not canonical CBOR */
function decodeStored(state: StateView, key: string) {
  const bytes = state.get(key)
  if (bytes === undefined) return undefined
  const value = decodeCbor(bytes)
  assert(value !== undefined, 'a stored value is canonical')
  return value
}
