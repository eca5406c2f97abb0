/** Signs proposals that break a rule, in place of those of its daemon. */
import type { Digest, Hash, Height, Leaf, MemberId } from '@wardline/codec'
import { type Header, headerDigest, leavesRoot, type Message, type Proposal } from '@wardline/consensus'
import { appHash } from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import { instead, type Misconduct, messageIn, overhear, randomDigest, signHeader, whisperMessage } from './member.ts'

/** Proposals it has heard, in case it wants to pass one over. */
const HEARD_MAX = 64

export const proposeInvalid: Misconduct = (network, member) => {
  const heard = new Map<Digest, Proposal>()
  const hear = (message: Message | undefined): void => {
    if (message?.kind !== 'proposal') return
    if (heard.size >= HEARD_MAX) heard.clear()
    heard.set(headerDigest(message.proposal.header), message.proposal)
  }
  const listening = overhear(network, (topic, data) => hear(messageIn(topic, data)))
  return instead(listening, async (topic, data) => {
    const message = messageIn(topic, data)
    hear(message)
    if (message?.kind !== 'proposal' || !member.isActive() || member.prng.chance(0.3)) {
      await network.gossip.publish(topic, data)
      return
    }
    const { proposal: honest } = message
    const passing = member.prng.chance(0.3) ? passOver(honest, heard) : undefined
    const spoilt = passing ?? spoil(honest, member.prng)
    const proposal = { ...spoilt, signature: signHeader(member, spoilt.header) }
    whisperMessage(member, member.others, { kind: 'proposal', proposal })
  })
}

/**
 * An empty block beside the honest one's parent, on its grandparent, as if the view of the parent had been given up: all of
 * it is as it should be but the proof of that.
 */
function passOver({ header }: Proposal, heard: ReadonlyMap<Digest, Proposal>): Proposal | undefined {
  const parent = heard.get(header.parent)
  const before = parent && heard.get(parent.header.parent)
  if (parent === undefined || before === undefined) return undefined
  const { height, history, parent: grandparent } = parent.header
  return {
    ...parent,
    leaves: [],
    header: {
      ...header,
      height,
      history,
      parent: grandparent,
      txRoot: leavesRoot([]),
      appHash: appHash(before.header.appHash, [])
    }
  }
}

const FAULTS = [
  'app-hash',
  'history',
  'height',
  'parent',
  'future',
  'past',
  'tx-root',
  'other-leaves',
  'leaf-twice',
  'unknown-leaf',
  'no-proof',
  'no-parent-proof',
  'other-set',
  'proposer'
] as const

function spoil(proposal: Proposal, prng: Prng): Proposal {
  const { header, leaves } = proposal
  const withHeader = (change: Partial<Header>): Proposal => ({ ...proposal, header: { ...header, ...change } })
  const withLeaves = (named: readonly Leaf[]): Proposal => ({
    ...proposal,
    leaves: named,
    header: { ...header, txRoot: leavesRoot(named) }
  })
  const random = randomDigest(prng)
  const fault = prng.pick(FAULTS)
  switch (fault) {
    case 'app-hash':
      return withHeader({ appHash: random as string as Hash })
    case 'history':
      return withHeader({ history: random as string as Hash })
    case 'height':
      return withHeader({ height: (header.height + 1) as Height })
    case 'parent':
      return withHeader({ parent: random })
    case 'future':
      return withHeader({ time: header.time + 60_000 })
    case 'past':
      return withHeader({ time: header.time - 3_600_000 })
    case 'tx-root':
      return withHeader({ txRoot: random as string as Hash })
    case 'other-leaves':
      return { ...proposal, leaves: [...leaves, random as string as Leaf] }
    case 'leaf-twice':
      return withLeaves([...leaves, ...leaves.slice(0, 1)])
    case 'unknown-leaf':
      return withLeaves([...leaves, random as string as Leaf])
    case 'no-proof':
      return { ...proposal, skips: [] }
    case 'no-parent-proof':
      return { ...proposal, parentCertificate: null }
    case 'other-set':
      return withHeader({ nextSetHash: random as string as Hash })
    case 'proposer':
      return withHeader({ proposer: random as string as MemberId })
  }
}
