/**
 * How many must agree, and how many may fail. The quorum is ceil(2n/3) and never 2f+1, which forks for n = 5 and 6. For every n it
 * holds that two quorums share at least f+1 members and that n-f members suffice for one.
 */
import { assert } from '@wardline/codec'

/** Votes that make a certificate among `n` equal validators, n ≥ 1. */
export function quorum(n: number): number {
  assert(Number.isSafeInteger(n) && n >= 1, 'a validator set has at least one member')
  return Math.ceil((2 * n) / 3)
}

/** Byzantine validators among `n` that neither fork nor stop the chain: f = floor((n-1)/3). */
export function faultsTolerated(n: number): number {
  assert(Number.isSafeInteger(n) && n >= 1, 'a validator set has at least one member')
  return Math.floor((n - 1) / 3)
}

/** Validators that may be stopped while the others still make progress. */
export function crashesTolerated(n: number): number {
  return n - quorum(n)
}

/** Validators that must sign twice, and leave proof of it, before two conflicting blocks can both be final. */
export function signersOfFork(n: number): number {
  return 2 * quorum(n) - n
}
