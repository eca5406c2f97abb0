/**
 * As the next leader it passes over a proposal that the others are about to make final: it proposes an empty block in its
 * place, with a false proof that its view was given up. All else of the proposal is as it should be.
 */
import type { Digest, View } from '@wardline/codec'
import { type Certificate, headerDigest, leavesRoot, type Message, NO_DIGEST, type Proposal } from '@wardline/consensus'
import { appHash } from '@wardline/ledger'
import {
  type ByzantineMember,
  instead,
  type Misconduct,
  messageIn,
  overhear,
  signHeader,
  signVote,
  whisperMessage
} from './member.ts'

/** Proposals it has heard, to know what the one to pass over stands on. */
const HEARD_MAX = 64
/** Who is not in the view yet hears it again. */
const SAID_AFTER_MS = [0, 2, 5, 10, 20, 50]

export const forgeSkips: Misconduct = (network, member) => {
  const heard = new Map<Digest, Proposal>()
  const old = new Map<View, Certificate>()
  const passed = new Set<View>()

  const hear = (message: Message | undefined): void => {
    if (message?.kind !== 'proposal') return
    const { proposal } = message
    const { header, view, skips } = proposal
    if (heard.size >= HEARD_MAX) heard.clear()
    heard.set(headerDigest(header), proposal)
    for (const skip of skips) old.set(skip.view, skip)
    const next = (view + 1) as View
    const voters = member.votersIn(header.epoch)
    const isMine = voters[(next + header.epoch) % voters.length]?.member === member.self.member
    const before = heard.get(header.parent)
    if (!isMine || before === undefined || passed.has(next) || view !== header.view || !member.isActive()) return
    passed.add(next)
    passOver(member, proposal, before, forgedSkip(member, proposal, [...old.values()]))
  }

  const listening = overhear(network, (topic, data) => hear(messageIn(topic, data)))
  return instead(listening, async (topic, data) => {
    const message = messageIn(topic, data)
    hear(message)
    // What its daemon proposes in that view would show two of its proposals.
    if (message?.kind === 'proposal' && passed.has(message.proposal.view)) return
    await network.gossip.publish(topic, data)
  })
}

function passOver(member: ByzantineMember, passed: Proposal, before: Proposal, skips: readonly Certificate[]): void {
  const view = (passed.view + 1) as View
  const header = {
    ...passed.header,
    view,
    proposer: member.self.member,
    time: passed.header.time + 1,
    txRoot: leavesRoot([]),
    appHash: appHash(before.header.appHash, []),
    nextSetHash: before.header.nextSetHash
  }
  const proposal: Proposal = {
    ...passed,
    header,
    view,
    leaves: [],
    signature: signHeader(member, header),
    skips: [...passed.skips, ...skips]
  }
  const { epoch } = header
  const finalize = signVote(member, 'finalize', { epoch, view, digest: headerDigest(header) })
  for (const afterMs of SAID_AFTER_MS) {
    member.clock.after(afterMs, () => {
      whisperMessage(member, member.others, { kind: 'proposal', proposal })
      whisperMessage(member, member.others, { kind: 'vote', vote: finalize })
    })
  }
}

/** What stands where the nullification of the view that is passed over belongs. */
function forgedSkip(member: ByzantineMember, passed: Proposal, old: readonly Certificate[]): readonly Certificate[] {
  const { prng } = member
  const { epoch } = passed.header
  const { view } = passed
  const voters = member.votersIn(epoch)
  const own = signVote(member, 'nullify', { epoch, view, digest: NO_DIGEST })
  const ownIndex = voters.findIndex(({ member: voter }) => voter === member.self.member)
  const certificate = (signers: readonly number[]): Certificate => ({
    kind: 'nullify',
    epoch,
    view,
    digest: NO_DIGEST,
    signers,
    signatures: signers.map((signer) => (signer === ownIndex ? own.signature : prng.bytes(64)))
  })
  const everybody = voters.map((_, index) => index)
  switch (prng.pick(['none', 'alone', 'signatures', 'another-view'] as const)) {
    case 'none':
      return []
    case 'alone':
      return [certificate([ownIndex])]
    case 'signatures':
      return [certificate(everybody)]
    case 'another-view': {
      const genuine = old.at(-1)
      return genuine === undefined ? [certificate(everybody)] : [genuine]
    }
  }
}
