/**
 * The epochs of the chain, folded from its blocks by code that shares nothing with the daemons': who may vote in each and
 * with which key. I4: each block is of the epoch that the blocks before it leave, and names the validators of the next
 * block. I5: who became, ceased to be or stayed one with another key has the approvals of a quorum.
 */
import type { ChainId } from '@wardline/codec'
import { type ParsedTransaction, validatorChangeDigest } from '@wardline/ledger'
import type { Report } from '../watch.ts'
import { type BlockFacts, hashOf } from './bytes.ts'
import type { Verify } from './certificates.ts'

export type Voter = { readonly member: string; readonly key: string }

export type EpochCounts = {
  readonly ended: number
  readonly added: number
  readonly removed: number
  readonly rotated: number
}

export type Epochs = {
  /** The next block, in order of height. */
  block(header: BlockFacts, transactions: readonly ParsedTransaction[]): void
  /** Ascending by member; undefined for an epoch that no final block leads to. */
  votersIn(epoch: number): readonly Voter[] | undefined
  /** Height of the last block of the epoch. */
  lastHeight(epoch: number): number | undefined
  /** The newest. */
  present(): number
  counts(): EpochCounts
}

type Change = ParsedTransaction<'validator.change'>['body']

const APPROVE_CHANGE = 17

export type EpochsParts = {
  readonly report: Report
  readonly chain: ChainId
  /** The validators of epoch 0, ascending by member. */
  readonly founders: readonly Voter[]
  readonly verify: Verify
}

export function createEpochs({ report, chain, founders, verify }: EpochsParts): Epochs {
  const sets: (readonly Voter[])[] = [founders]
  const lastHeights: number[] = []
  const counts = { ended: 0, added: 0, removed: 0, rotated: 0 }

  const checkApprovals = (height: number, body: Change, voters: readonly Voter[]): void => {
    const epoch = Buffer.alloc(8)
    epoch.writeBigUInt64BE(BigInt(sets.length - 1))
    const message = Buffer.concat([
      Buffer.from('WLC1'),
      Buffer.from([APPROVE_CHANGE]),
      Buffer.from(chain, 'hex'),
      epoch,
      Buffer.alloc(8),
      Buffer.from(validatorChangeDigest(chain, body), 'hex')
    ])
    const approving = voters.filter(({ member, key }) =>
      body.approvals.some((one) => one.member === member && one.key === key && verify(one.key, message, one.signature))
    )
    if (approving.length * 3 < voters.length * 2) {
      report('I5', `block ${height} changes the validators with ${approving.length} approvals of ${voters.length}`)
    }
  }

  return {
    block({ height, epoch, nextSetHash }, transactions) {
      const voters = sets.at(-1) as readonly Voter[]
      if (epoch !== sets.length - 1) report('I4', `block ${height} is of epoch ${epoch}, and not of ${sets.length - 1}`)
      const changes = transactions.filter((one) => one.kind === 'validator.change')
      const [change] = changes
      if (changes.length > 1 || (change !== undefined && change !== transactions.at(-1))) {
        report('I4', `block ${height} goes on after a change of the validators`)
      }
      const next = change?.kind === 'validator.change' ? changed(voters, change.body) : voters
      if (nextSetHash !== hashOfSet(next)) report('I4', `block ${height} names other validators than it leaves`)
      if (change?.kind !== 'validator.change') return
      checkApprovals(height, change.body, voters)
      sets.push(next)
      lastHeights.push(height)
      counts.ended += 1
      counts[COUNTED[change.body.action]] += 1
    },
    votersIn: (epoch) => sets[epoch],
    lastHeight: (epoch) => lastHeights[epoch],
    present: () => sets.length - 1,
    counts: () => ({ ...counts })
  }
}

const COUNTED = { add: 'added', remove: 'removed', rotate: 'rotated' } as const

function changed(voters: readonly Voter[], { member, vote }: Change): readonly Voter[] {
  const left = voters.filter((one) => one.member !== member)
  if (vote !== null) left.push({ member, key: vote })
  return left.sort((a, b) => (a.member < b.member ? -1 : 1))
}

/** SHA-256("wardline/set/1" || member || key of each). */
function hashOfSet(voters: readonly Voter[]): string {
  return hashOf(
    'wardline/set/1',
    ...voters.flatMap(({ member, key }) => [Buffer.from(member, 'hex'), Buffer.from(key, 'hex')])
  )
}
