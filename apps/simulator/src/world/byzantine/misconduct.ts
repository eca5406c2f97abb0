/** The crimes that one daemon commits alone, by name. */
import type { ByzantineKind } from '../fault-kinds.ts'
import { equivocate } from './equivocator.ts'
import { flood } from './flooder.ts'
import { proposeInvalid } from './invalid-proposer.ts'
import { lie } from './liar.ts'
import type { Misconduct } from './member.ts'
import { replay } from './replayer.ts'
import { forgeSkips } from './skip-forger.ts'
import { withhold } from './withholder.ts'

export const MISCONDUCT: Readonly<Record<Exclude<ByzantineKind, 'twins'>, Misconduct>> = {
  equivocator: equivocate,
  withholder: withhold,
  liar: lie,
  flooder: flood,
  'invalid-proposer': proposeInvalid,
  'skip-forger': forgeSkips,
  replayer: replay
}
