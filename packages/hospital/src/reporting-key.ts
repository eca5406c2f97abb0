/** What a report of evidence convicts: the vote key with which both votes were signed, as long as it is the member's. */
import type { SignKey } from '@wardline/codec'
import type { Evidence } from '@wardline/consensus'
import { readMember } from '@wardline/ledger'
import type { Chain } from '@wardline/node'

/** Undefined where the member votes with another key since, or not at all: no block takes a report then. */
export function reportingKey(
  { state, setOf }: Pick<Chain, 'state' | 'setOf'>,
  { signer, epoch }: Pick<Evidence, 'signer' | 'epoch'>
): SignKey | undefined {
  const signedWith = setOf(epoch)?.validators.find(({ member }) => member === signer)?.key
  return signedWith === readMember(state, signer)?.vote ? signedWith : undefined
}
