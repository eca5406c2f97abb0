/**
 * Every state of one view, and whether correct nodes can get into one that they never leave.
 *
 * Three correct nodes of four, of which the fourth is faulty: it may hand its notarize vote to any of them at any time,
 * may be the leader whose proposal reaches some of them, and then stays silent. Each correct node may crash once. What
 * correct nodes say reaches everybody in the end; what the adversary may do, it need not. A state is stuck if a node has
 * something to do, somebody has not left the view, and no correct node has a move.
 */

/** Each is a rule of the protocol; false breaks it. */
export type Rules = {
  /** A finalize vote is on disk together with the notarization that it rests on. */
  readonly isNotarizationKept: boolean
  /** Certificates are sent again while a view lasts. */
  readonly areCertificatesRepeated: boolean
  /** After a restart, own votes count in the own tally. */
  readonly areOwnVotesTallied: boolean
  /** A notarization moves a node on although it nullified the view. */
  readonly isNotarizationUsedAfterNullify: boolean
  /** Members tell each other of pending transactions while a view lasts. */
  readonly areTransactionsExchanged: boolean
}

export const SPECIFIED: Rules = {
  isNotarizationKept: true,
  areCertificatesRepeated: true,
  areOwnVotesTallied: true,
  isNotarizationUsedAfterNullify: true,
  areTransactionsExchanged: true
}

type Node = {
  readonly notarized: boolean
  readonly nullified: boolean
  readonly finalized: boolean
  readonly holdsNotarization: boolean
  /** Has the faulty node's notarize vote. */
  readonly heardFaulty: boolean
  readonly crashed: boolean
  /** Has a transaction to include. */
  readonly hasWork: boolean
}

type State = readonly Node[]
type Move = { readonly node: number; readonly change: Partial<Node>; readonly isOwed: boolean }

const QUORUM = 3
const FAULTS = 1
const NODES = [0, 1, 2] as const

const FRESH: Node = {
  notarized: false,
  nullified: false,
  finalized: false,
  holdsNotarization: false,
  heardFaulty: false,
  crashed: false,
  hasWork: false
}

/** @returns the number of states, up to the first that is stuck, and that state */
export function exploreView(rules: Rules): { readonly states: number; readonly stuck: State | null } {
  const queue: State[] = []
  const seen = new Set<string>()
  const visit = (state: State): void => {
    const name = nameOf(state)
    if (seen.has(name)) return
    seen.add(name)
    queue.push(state)
  }
  for (const working of [1, 2, 3]) visit(NODES.map((node) => ({ ...FRESH, hasWork: node < working })))

  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    const moves = movesFrom(state, rules)
    const isOver = NODES.every((node) => hasLeft(state as State, node, rules))
    if (!isOver && !moves.some(({ isOwed }) => isOwed)) return { states: seen.size, stuck: state }
    for (const { node, change } of moves) visit(state.map((each, at) => (at === node ? { ...each, ...change } : each)))
  }
  return { states: seen.size, stuck: null }
}

function movesFrom(state: State, rules: Rules): readonly Move[] {
  const moves: Move[] = []
  for (const [node, self] of state.entries()) {
    const may = (change: Partial<Node>) => moves.push({ node, change, isOwed: false })
    const must = (change: Partial<Node>) => moves.push({ node, change, isOwed: true })
    const isUndecided = !self.notarized && !self.nullified
    // The proposal of a faulty leader need not arrive.
    if (isUndecided) may({ notarized: true })
    if (!self.heardFaulty) may({ heardFaulty: true })
    if (!self.crashed) {
      const holdsNotarization = rules.isNotarizationKept && self.finalized
      may({ crashed: true, heardFaulty: false, holdsNotarization })
    }
    if (!self.holdsNotarization) {
      if (tally(state, node, 'notarized', rules) + Number(self.heardFaulty) >= QUORUM) must({ holdsNotarization: true })
      else if (rules.areCertificatesRepeated && state.some((other) => other.holdsNotarization)) {
        must({ holdsNotarization: true })
      }
    }
    if (self.holdsNotarization && !self.nullified && !self.finalized) must({ finalized: true })
    if (!self.hasWork && rules.areTransactionsExchanged && state.some((other) => other.hasWork)) must({ hasWork: true })
    const timesOut = !self.finalized && !self.nullified && !hasLeft(state, node, rules)
    if (timesOut && isAwake(state, node, rules)) must({ nullified: true })
  }
  return moves
}

/** Only a node that has something to do, or that others need, has a timer. */
function isAwake(state: State, node: number, rules: Rules): boolean {
  const self = state[node] as Node
  return self.hasWork || self.notarized || tally(state, node, 'nullified', rules) > FAULTS
}

function hasLeft(state: State, node: number, rules: Rules): boolean {
  const self = state[node] as Node
  const isNotarizationUsed = rules.isNotarizationUsedAfterNullify || !self.nullified
  if (self.holdsNotarization && isNotarizationUsed) return true
  const holders = rules.areCertificatesRepeated ? NODES : [node]
  return holders.some((holder) => tally(state, holder, 'nullified', rules) >= QUORUM)
}

/** Votes of one kind that `node` has: everybody's, but perhaps its own. */
function tally(state: State, node: number, kind: 'notarized' | 'nullified', rules: Rules): number {
  const self = state[node] as Node
  const isOwnLost = !rules.areOwnVotesTallied && self.crashed && self[kind]
  return state.filter((each) => each[kind]).length - Number(isOwnLost)
}

/** The same for states that differ only in which node is which. */
function nameOf(state: State): string {
  return state
    .map((node) => Object.values(node).map(Number).join(''))
    .sort()
    .join(' ')
}

/** What each node of a state has done, for people. */
export function describeState(state: State): string {
  return state
    .map((node) => {
      const facts = Object.entries(node).filter(([, holds]) => holds)
      return facts.length === 0 ? 'nothing' : facts.map(([fact]) => fact).join('+')
    })
    .join(' | ')
}
