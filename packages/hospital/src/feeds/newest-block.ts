/** The newest block of a chain, with what it says to those who follow a topic: many wait for it, and it is read once. */
import type { EventOf, TopicName } from '@wardline/api'
import type { Chain } from '@wardline/node'
import type { Membership } from '../membership.ts'
import { eventsOf, type ToldBlock } from './events.ts'

export type NewestBlock = {
  /** It, if it is the one above `height`. */
  above(height: number): ToldBlock | undefined
  /** Its events; worked out once for all readers that see the same names. */
  events(topic: TopicName, member: Membership, block: ToldBlock): readonly EventOf<TopicName>[]
}

export function keepNewestBlock(chain: Chain): NewestBlock {
  let newest: ToldBlock | undefined
  let said = new Map<Membership['names'], Map<TopicName, readonly EventOf<TopicName>[]>>()
  // Ends with the chain.
  chain.onCommit((block) => {
    newest = block
    said = new Map()
  })
  return {
    above: (height) => (newest?.header.height === height + 1 ? newest : undefined),
    events(topic, member, block) {
      const here = said.get(member.names) ?? new Map<TopicName, readonly EventOf<TopicName>[]>()
      const events = (block === newest ? here.get(topic) : undefined) ?? eventsOf[topic](member, block)
      if (block === newest) said.set(member.names, here.set(topic, events))
      return events
    }
  }
}
