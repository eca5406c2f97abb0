/** The members that vote in one epoch, and whose turn it is to propose. */
import {
  assert,
  type Epoch,
  type Hash,
  limits,
  type MemberId,
  nameBytes,
  type SignKey,
  taggedHash,
  type View
} from '@wardline/codec'

/** A member and the key that its votes are verified with. */
export type Validator = { readonly member: MemberId; readonly key: SignKey }

/** 1 to `limits.validatorsMax` validators, ascending by member, none twice. The position is the signer index of certificates. */
export type ValidatorSet = { readonly epoch: Epoch; readonly validators: readonly Validator[] }

/**
 * Sorts `validators` into a set.
 * @throws AssertionError when there are none, too many, or one twice
 */
export function validatorSet(epoch: Epoch, validators: readonly Validator[]): ValidatorSet {
  const sorted = [...validators].sort((a, b) => (a.member < b.member ? -1 : a.member > b.member ? 1 : 0))
  assert(sorted.length >= 1 && sorted.length <= limits.validatorsMax, 'a validator set has 1 to validatorsMax members')
  for (let i = 1; i < sorted.length; i++) {
    assert((sorted[i - 1] as Validator).member !== (sorted[i] as Validator).member, 'a validator is listed once')
  }
  return { epoch, validators: sorted }
}

/** The proposer of `view`: `set[(view + epoch) mod n]`. */
export function leaderOf(set: ValidatorSet, view: View): Validator {
  return set.validators[(view + set.epoch) % set.validators.length] as Validator
}

/** Position of `member` in the set, or -1. */
export function indexOfMember(set: ValidatorSet, member: MemberId): number {
  return set.validators.findIndex((validator) => validator.member === member)
}

/** SHA-256("wardline/set/1" || member(32) || key(32) for each validator in order): the `nextSetHash` of a header. */
export function setHash(validators: readonly Validator[]): Hash {
  return taggedHash('wardline/set/1', ...validators.flatMap((v) => [nameBytes(v.member), nameBytes(v.key)]))
}
