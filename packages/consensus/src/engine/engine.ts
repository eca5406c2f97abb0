/** The machine's four doors. */
import { assert, unreachable } from '@wardline/codec'
import { headerDigest } from '../header.ts'
import type { Message } from '../messages.ts'
import { leaderOf } from '../validators.ts'
import { castNullify, enterView } from './advance.ts'
import { askMember, setPaused, votingOf } from './audit.ts'
import { receiveFetched, receiveSyncHead } from './chain.ts'
import { clocksOff } from './clocks.ts'
import { isClosed } from './epoch.ts'
import type {
  Engine,
  EngineBuffers,
  EngineConfig,
  EngineStatus,
  Input,
  Output,
  Recovered,
  Screening
} from './interface.ts'
import { releaseFutureVotes } from './lag.ts'
import { isLeaderSilent } from './presence.ts'
import { considerProposing, receiveBuilt, receiveCommitted } from './propose.ts'
import { receiveChecked, receiveMessage } from './receive.ts'
import { restore, start } from './recover.ts'
import { screenMessage } from './screen.ts'
import { asEngine, asState, createState, type State } from './state.ts'
import { nullifyCount } from './tally.ts'
import { receiveAlarm, setAlarm, setNow } from './timers.ts'
import { isAwake } from './work.ts'

/**
 * The machine of one chain as the disk describes it. Nothing happens before the `start` input.
 * @throws AssertionError if `self` is not in the set with the signer's key, or the journal holds two votes for one slot
 */
export function createEngine(config: EngineConfig, recovered: Recovered): Engine {
  const state = createState(config, recovered)
  restore(state, recovered)
  return asEngine(state)
}

/**
 * Feeds one input. Synchronous, and pure but for `engine`.
 * @returns what the driver does now, in this order
 * @throws WardlineError `conflicting-finalization`: see `commitFinalized`. The daemon stops.
 */
export function step(engine: Engine, input: Input): readonly Output[] {
  const state = asState(engine)
  const outputs: Output[] = []
  state.outputs = outputs
  if (input.kind !== 'committed') setNow(state, input.nowMs)
  takeInput(state, input)
  pursueView(state)
  setAlarm(state)
  return outputs
}

function takeInput(state: State, input: Input): void {
  switch (input.kind) {
    case 'start':
      start(state)
      break
    case 'message':
      receiveMessage(state, input.from, input.message)
      break
    case 'alarm':
      receiveAlarm(state)
      break
    case 'work':
      state.hasTransactions = input.hasWork
      if (input.hasWork && state.current.build.kind === 'nothing') state.current.build = { kind: 'none' }
      break
    case 'pause':
      setPaused(state, input.isPaused)
      break
    case 'connected': {
      const index = state.indexes.get(input.member)
      if (index !== undefined) askMember(state, index)
      break
    }
    case 'built':
      receiveBuilt(state, input)
      break
    case 'checked':
      receiveChecked(state, input)
      break
    case 'fetched':
      receiveFetched(state, input.header)
      break
    case 'sync-head':
      assert(headerDigest(input.header) === input.certificate.digest, 'a sync head comes with its own finalization')
      assert(input.certificate.kind === 'finalize', 'a sync head is final')
      if (input.certificate.epoch !== state.config.set.epoch) break
      receiveSyncHead(state, input.header, input.certificate)
      if (input.certificate.view >= state.current.view && !isClosed(state)) enterView(state, input.certificate)
      break
    case 'committed':
      receiveCommitted(state, input.digest)
      break
    default:
      unreachable(input)
  }
}

/** What the current view asks of this node; repeated while doing it opens a new view. */
function pursueView(state: State): void {
  for (;;) {
    const { view } = state.current
    releaseFutureVotes(state)
    if (nullifyCount(state, state.current.view) > state.faults || (isLeaderSilent(state) && isAwake(state))) {
      castNullify(state, state.current.view)
    }
    considerProposing(state)
    if (state.current.view === view) return
  }
}

/**
 * The cheap checks before any signature is verified. Counts against the deliverer's rate limits.
 * @param from the transport's name of the deliverer
 */
export function screen(engine: Engine, message: Message, from: string, nowMs: number): Screening {
  return screenMessage(asState(engine), message, from, nowMs)
}

export function engineBuffers(engine: Engine): EngineBuffers {
  const { tallies, proposals, blocks, future } = asState(engine)
  return {
    countedViews: tallies.size,
    proposals: proposals.size,
    headers: blocks.size,
    futureVotes: [...future.values()].reduce((sum, { votes }) => sum + votes.length, 0)
  }
}

export function engineStatus(engine: Engine): EngineStatus {
  const state = asState(engine)
  const { config, current, floor } = state
  return {
    epoch: config.set.epoch,
    view: current.view,
    awake: isAwake(state),
    leader: leaderOf(config.set, current.view).member,
    voting: votingOf(state),
    floor: { view: floor.view, height: floor.height, digest: floor.digest },
    unfinalized: state.notarizations.size,
    clocksOff: clocksOff(state),
    conflict: state.conflict
  }
}
