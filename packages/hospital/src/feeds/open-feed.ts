/** `subscribe`: from what a caller names to what it may follow. */
import { ApiError, type OpenFeed, type TopicName } from '@wardline/api'
import { unreachable } from '@wardline/codec'
import type { Chain } from '@wardline/node'
import type { Clock } from '@wardline/ports'
import { chainNamed, chainOfMode, seenBy } from '../api/lookup.ts'
import type { Membership, Memberships } from '../membership.ts'
import { follow } from './feed.ts'
import { keepNewestBlock, type NewestBlock } from './newest-block.ts'
import { createProblemReader, type ProblemWatch } from './problems.ts'
import { createTurns } from './turns.ts'

export function feedsOf(memberships: Memberships, problems: ProblemWatch, clock: Clock): OpenFeed {
  const turns = createTurns(clock)
  const newestOf = new WeakMap<Chain, NewestBlock>()

  function newestBlock(chain: Chain): NewestBlock {
    const newest = newestOf.get(chain) ?? keepNewestBlock(chain)
    newestOf.set(chain, newest)
    return newest
  }

  return async ({ topic, chain: name, from }, { role, signal }) => {
    const member = seenBy(role, chainOf(memberships, topic, name))
    const { chain } = member
    const head = chain.head().height
    if (from !== undefined && from > head) {
      throw new ApiError('height-ahead', `the chain has come to height ${head} here`, { height: head })
    }
    const start = from ?? head
    const notices = follow({
      topic,
      member,
      from: start,
      newest: newestBlock(chain),
      turns,
      signal,
      problems: topic === 'alerts' ? createProblemReader(problems, member.label, clock) : undefined
    })
    return { chain: chain.id, height: start, notices }
  }
}

/** @throws ApiError `not-found | ambiguous | wrong-mode` */
function chainOf(memberships: Memberships, topic: TopicName, name: string | undefined): Membership {
  switch (topic) {
    case 'blocks':
    case 'alerts':
      return chainNamed(memberships, name)
    case 'handoffs':
      return chainOfMode(memberships, name, 'STT')
    case 'accesses':
      return chainOfMode(memberships, name, 'DSS', 'SPV')
    default:
      return unreachable(topic)
  }
}
