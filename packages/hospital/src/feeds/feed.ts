/**
 * Follows one chain from a height on. The reader's place is the last height that has been told, and everything above it is
 * read from the blocks on the disk, whether they are old or have just come; so between history and what comes there is
 * neither a gap nor a duplicate, and a reader that is behind costs its place and nothing else.
 */
import type { Notice, TopicName } from '@wardline/api'
import { assert, type Height, height } from '@wardline/codec'
import { hasLeft } from '../deadline.ts'
import type { Membership } from '../membership.ts'
import { eventsOf } from './events.ts'
import type { NewestBlock } from './newest-block.ts'
import type { ProblemReader } from './problems.ts'
import { TURN_MS, type Turns } from './turns.ts'

export type FollowParts = {
  readonly topic: TopicName
  /** With the names that the reader may see. */
  readonly member: Membership
  readonly from: Height
  readonly newest: NewestBlock
  readonly turns: Turns
  readonly signal: AbortSignal | undefined
  /** What is told beside the blocks. */
  readonly problems: ProblemReader | undefined
}

/** A reader to whom many blocks bring nothing is told this often where it stands, so that it need not come back for them. */
const QUIET_HEIGHTS = 1_000

/** Ends when `signal` is aborted. @throws ApiError `unavailable` once this hospital has left the chain */
export async function* follow(parts: FollowParts): AsyncGenerator<Notice> {
  const { topic, member, newest, turns, signal, problems } = parts
  const { chain, left } = member
  const bell = createBell()
  const forgetBlocks = chain.onCommit(bell.ring)
  const forgetProblems = problems?.watch(bell.ring)
  left.addEventListener('abort', bell.ring)
  signal?.addEventListener('abort', bell.ring)
  let told = parts.from
  let at = parts.from
  try {
    while (!signal?.aborted) {
      if (left.aborted) throw hasLeft()
      const news = problems?.news() ?? []
      if (news.length > 0) {
        told = at
        yield { height: at, events: news }
      }
      if (at >= chain.head().height) {
        await bell.heard()
        continue
      }
      const block = newest.above(at)
      const found: Notice =
        block === undefined
          ? await turns.take(() => searchAbove(parts, at))
          : { height: block.header.height, events: newest.events(topic, member, block) }
      at = found.height
      if (found.events.length === 0 && at - told < QUIET_HEIGHTS) continue
      told = at
      yield found
    }
  } finally {
    forgetBlocks()
    forgetProblems?.()
    left.removeEventListener('abort', bell.ring)
    signal?.removeEventListener('abort', bell.ring)
  }
}

/** The first block above `start` that brings something, or how far the search has come in one turn. */
function searchAbove({ topic, member, signal }: FollowParts, start: Height): Notice {
  const { chain, clock, left } = member
  const untilMs = clock.elapsedMs() + TURN_MS
  let at = start
  while (at < chain.head().height && at - start < QUIET_HEIGHTS && !signal?.aborted && !left.aborted) {
    const block = chain.query.block(height(at + 1))
    assert(block !== undefined, 'every block up to the head is on the disk')
    at = block.header.height
    const events = eventsOf[topic](member, block)
    if (events.length > 0) return { height: at, events }
    if (clock.elapsedMs() >= untilMs) break
  }
  return { height: at, events: [] }
}

type Bell = {
  readonly ring: () => void
  /** Resolves at the next ring; at once if it has rung since the last time. */
  readonly heard: () => Promise<void>
}

function createBell(): Bell {
  let hasRung = false
  let wake = () => {}
  return {
    ring() {
      hasRung = true
      wake()
    },
    async heard() {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      hasRung = false
    }
  }
}
