/**
 * Every way in which correct nodes can have voted, for a few views, and whether two blocks that do not follow one another
 * can be final.
 *
 * Votes only accumulate, so every schedule ends in an assignment of votes that keeps the rules; going through all
 * assignments covers all schedules. Two blocks a view, each with any justified parent, cover an equivocating leader;
 * Byzantine validators have signed everything. One epoch, and nobody forgets: for those see `simplex.qnt`.
 */

/** The rule that is broken on purpose. */
export type BrokenRule = 'finalize-and-nullify' | 'two-digests-in-a-view' | 'skip-proof-unchecked'

export type Assembly = {
  readonly validators: number
  readonly byzantine: number
  readonly quorum: number
  /** Views 1..views are explored. */
  readonly views: number
  readonly broken: BrokenRule | null
}

/** Which certificates of one view exist: of the notarizations and finalizations of its two blocks, and its nullification. */
type Outcome = {
  readonly notarized: readonly boolean[]
  readonly finalized: readonly boolean[]
  readonly nullified: boolean
}

type Block = { readonly view: number; readonly tag: number; readonly parent: Block | null }

/** What one correct node signed in a view; bit t of a set is block t. */
type Ballot = { readonly notarize: number; readonly nullify: boolean; readonly finalize: number }

const TAGS = [0, 1] as const
const TAG_SETS = [0, 1, 2, 3] as const
const GENESIS: Block = { view: 0, tag: 0, parent: null }

/** @returns the number of vote assignments looked at, up to the first that forks, and that fork */
export function exploreVotes(assembly: Assembly): { readonly states: number; readonly fork: readonly Block[] | null } {
  const outcomes = possibleOutcomes(assembly)
  let states = 0

  const fromView = (
    view: number,
    notarized: readonly Block[],
    finals: readonly Block[],
    skipped: ReadonlySet<number>
  ): readonly Block[] | null => {
    if (view > assembly.views) {
      states += 1
      return null
    }
    const parents = [GENESIS, ...notarized].filter((parent) => {
      if (assembly.broken === 'skip-proof-unchecked') return true
      for (let between = parent.view + 1; between < view; between++) if (!skipped.has(between)) return false
      return true
    })
    for (const outcome of outcomes) {
      for (const blocks of placements(view, outcome, parents)) {
        const fresh = blocks.filter(({ tag }) => outcome.finalized[tag])
        const fork = findFork([...finals, ...fresh], fresh)
        if (fork !== null) return fork
        const skips = outcome.nullified ? new Set([...skipped, view]) : skipped
        const found = fromView(view + 1, [...notarized, ...blocks], [...finals, ...fresh], skips)
        if (found !== null) return found
      }
    }
    return null
  }
  const fork = fromView(1, [], [], new Set())
  return { states, fork }
}

/** Every way of giving each block that is notarized in `view` one of `parents`; none if there is a block but no parent. */
function placements(view: number, outcome: Outcome, parents: readonly Block[]): readonly (readonly Block[])[] {
  let placed: readonly (readonly Block[])[] = [[]]
  for (const tag of TAGS) {
    if (!outcome.notarized[tag]) continue
    placed = placed.flatMap((blocks) => parents.map((parent) => [...blocks, { view, tag, parent }]))
  }
  return placed
}

function findFork(finals: readonly Block[], fresh: readonly Block[]): readonly Block[] | null {
  for (const one of finals) {
    for (const other of fresh) if (!follows(one, other) && !follows(other, one)) return [one, other]
  }
  return null
}

function follows(block: Block, ancestor: Block): boolean {
  for (let at: Block | null = block; at !== null && at.view >= ancestor.view; at = at.parent) {
    if (at === ancestor) return true
  }
  return false
}

/** The certificates of one view that can exist together, whatever the correct nodes signed within the rules. */
function possibleOutcomes({ validators, byzantine, quorum, broken }: Assembly): readonly Outcome[] {
  const ballots = possibleBallots(broken)
  const found = new Map<string, Outcome>()
  // Correct nodes are alike, so what counts is how many signed which ballot.
  const spread = (left: number, from: number, counts: readonly number[]): void => {
    if (left === 0) {
      const [notarize0 = 0, notarize1 = 0, nullify = 0, finalize0 = 0, finalize1 = 0] = counts
      const has = (count: number) => count + byzantine >= quorum
      const notarized = [has(notarize0), has(notarize1)]
      const finalized = [has(notarize0) && has(finalize0), has(notarize1) && has(finalize1)]
      const outcome = { notarized, finalized, nullified: has(nullify) }
      found.set(JSON.stringify(outcome), outcome)
      return
    }
    for (const [at, { notarize, nullify, finalize }] of ballots.entries()) {
      if (at < from) continue
      const signed = [notarize & 1, notarize >> 1, Number(nullify), finalize & 1, finalize >> 1]
      spread(
        left - 1,
        at,
        counts.map((count, which) => count + (signed[which] ?? 0))
      )
    }
  }
  spread(validators - byzantine, 0, [0, 0, 0, 0, 0])
  return [...found.values()]
}

function possibleBallots(broken: BrokenRule | null): readonly Ballot[] {
  const ballots: Ballot[] = []
  for (const notarize of TAG_SETS) {
    for (const finalize of TAG_SETS) {
      for (const nullify of [false, true]) {
        const isTwofold =
          notarize === 3 || finalize === 3 || (notarize !== 0 && finalize !== 0 && notarize !== finalize)
        if (isTwofold && broken !== 'two-digests-in-a-view') continue
        if (nullify && finalize !== 0 && broken !== 'finalize-and-nullify') continue
        ballots.push({ notarize, nullify, finalize })
      }
    }
  }
  return ballots
}
