/** Who signs two votes that exclude each other is named, once for each view and kind of conflict. */
import { limits } from '@wardline/codec'
import { type Evidence, evidenceName, evidenceOf } from '../evidence.ts'
import type { Vote } from '../vote.ts'
import type { State } from './state.ts'

/** Holds a genuine vote against those that are kept of its signer in the view; what conflicts is an output. */
export function accuse(state: State, vote: Vote, signer: number): void {
  for (const evidence of freshEvidence(state, vote, signer)) {
    state.accusations[signer]?.add(evidenceName(evidence))
    state.outputs.push({ kind: 'evidence', evidence })
  }
}

/** Whether `vote`, if it is genuine, is evidence that nobody has been told of. */
export function wouldAccuse(state: State, vote: Vote, signer: number): boolean {
  return freshEvidence(state, vote, signer).length > 0
}

function freshEvidence(state: State, vote: Vote, signer: number): readonly Evidence[] {
  const tally = state.tallies.get(vote.view)
  const known = state.accusations[signer]
  if (tally === undefined || known === undefined || known.size >= limits.evidencePerOffenderMax) return []
  return [tally.notarize, tally.nullify, tally.finalize].flatMap(({ bySigner }) => {
    const kept = bySigner[signer]?.vote
    const evidence = kept && evidenceOf(kept, vote)
    return evidence === undefined || known.has(evidenceName(evidence)) ? [] : [evidence]
  })
}
