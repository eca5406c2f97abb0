/** One chain of this hospital, with the keys that act on it. */
import type { MemberId } from '@wardline/codec'
import type { Opener, Signer, Verifier } from '@wardline/crypto'
import { cardMember, type Genesis } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Clock, Log, Random } from '@wardline/ports'

export type Membership = {
  /** What its people call the chain. */
  readonly label: string
  readonly chain: Chain
  readonly signer: Signer
  readonly opener: Opener
  readonly verifier: Verifier
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Display names, as the founders' cards give them; others have none on this daemon. */
  readonly names: ReadonlyMap<MemberId, string>
}

/** The names in a genesis. */
export function namesOf({ founders, registrar }: Genesis): ReadonlyMap<MemberId, string> {
  const cards = registrar.kind === 'card' ? [...founders, registrar.card] : founders
  return new Map(cards.map((card) => [cardMember(card), card.name]))
}
