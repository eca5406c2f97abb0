/**
 * The operators of all hospitals together change the validators: one is removed, comes back, or votes with another key. They
 * never leave a set with more Byzantine members, or more that may stop for good, than it bears.
 */
import { type MemberId, unreachable, WardlineError } from '@wardline/codec'
import { approvalBytes, crashesTolerated, faultsTolerated, quorum, type ValidatorSet } from '@wardline/consensus'
import {
  provePossession,
  type ValidatorAction,
  type ValidatorChange,
  validatorChangeDigest,
  validatorsIn
} from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import type { Chain } from '@wardline/node'
import type { Hospital } from '../cast.ts'
import type { Daemon } from '../daemon.ts'
import type { VoteKey, VoteKeys } from '../vote-keys.ts'
import type { Clients } from './workload.ts'

export type ChangeParts = {
  readonly voteKeys: VoteKeys
  /** Names of the nodes of Byzantine members. */
  readonly byzantine: readonly string[]
  /** Names of the nodes of correct members whose disks turn bits over, or whose clocks are far off. */
  readonly fragile: readonly string[]
}

type Step = { readonly action: ValidatorAction; readonly hospital: Hospital }

const HOUR_MS = 60 * 60 * 1000
/** Out of so many changes one has an approval too few. */
const CHANGES_PER_FORGERY = 8

/** Undefined where the daemon's store is damaged, which it has not noticed yet. */
function readSet({ state }: Chain): ValidatorSet | undefined {
  try {
    return validatorsIn(state)
  } catch (error) {
    if (error instanceof WardlineError && error.code === 'store-corrupt') return undefined
    throw error
  }
}

/**
 * Submits one change at a correct daemon, on the state that this daemon has.
 * @returns false if none runs, or there is nothing that could be changed
 */
export function changeValidators(
  { cast, running, parsed, send, promises, nowMs }: Clients,
  { voteKeys, byzantine, fragile }: ChangeParts,
  prng: Prng
): boolean {
  const daemons = running().filter(({ isCorrect }) => isCorrect)
  const daemon: Daemon | undefined = daemons.length > 0 ? prng.pick(daemons) : undefined
  const chain = daemon?.chain()
  if (daemon === undefined || chain === undefined) return false
  const set = readSet(chain)
  if (set === undefined) return false
  const steps = stepsFrom(set)
  if (steps.length === 0) return false

  const step = prng.pick(steps)
  const key = keyFor(step)
  const head = chain.head()
  const change: ValidatorChange = {
    action: step.action,
    member: step.hospital.member,
    vote: key?.signer.publicKey ?? null,
    epoch: set.epoch,
    expires: nowMs() + HOUR_MS,
    synced: key && { height: head.height, digest: head.digest }
  }
  const needed = quorum(set.validators.length)
  const isForged = needed > 1 && prng.chance(1 / CHANGES_PER_FORGERY)
  const count = isForged ? needed - 1 : prng.chance(0.5) ? needed : set.validators.length
  const created = nowMs() - 1
  const transaction = parsed(
    {
      chain: cast.chain,
      kind: 'validator.change',
      author: { member: daemon.self.member, keyIndex: 0 },
      nonce: prng.bytes(16),
      created,
      expires: created + HOUR_MS,
      body: {
        ...change,
        proof: key && provePossession(cast.chain, change, key.signer),
        approvals: approvalsOf(set, change, count)
      }
    },
    daemon.self.sign
  )
  if (isForged) promises.forbidden(transaction)
  send(daemon, { transaction }, isForged)
  return true

  function stepsFrom({ validators }: ValidatorSet): readonly Step[] {
    const voting = validators.map(({ member }) => member)
    return cast.hospitals.flatMap((hospital): readonly Step[] => {
      if (!voting.includes(hospital.member)) {
        return isBearable([...voting, hospital.member]) ? [{ action: 'add', hospital }] : []
      }
      const others = voting.filter((member) => member !== hospital.member)
      const rotated: Step = { action: 'rotate', hospital }
      return others.length > 0 && isBearable(others) ? [rotated, { action: 'remove', hospital }] : [rotated]
    })
  }

  function isBearable(members: readonly MemberId[]): boolean {
    const count = (names: readonly string[]): number =>
      cast.hospitals.filter(({ name, member }) => names.includes(name) && members.includes(member)).length
    const lying = count(byzantine)
    return lying <= faultsTolerated(members.length) && lying + count(fragile) <= crashesTolerated(members.length)
  }

  /** The key that the member votes with afterwards. Who comes back has the key of before, or another. */
  function keyFor({ action, hospital: { name } }: Step): VoteKey | null {
    switch (action) {
      case 'remove':
        return null
      case 'rotate':
        return voteKeys.make(name)
      case 'add':
        return (prng.chance(0.5) ? voteKeys.of(name).at(-1) : undefined) ?? voteKeys.make(name)
      default:
        return unreachable(action)
    }
  }

  /** Of `count` validators, wherever their daemons are: operators approve by themselves. */
  function approvalsOf({ epoch, validators }: ValidatorSet, approved: ValidatorChange, count: number) {
    const message = approvalBytes(cast.chain, epoch, validatorChangeDigest(cast.chain, approved))
    const first = prng.below(validators.length)
    return validators.flatMap(({ member, key }, index) => {
      const signer = voteKeys.signerOf(key)
      if (signer === undefined || (index - first + validators.length) % validators.length >= count) return []
      return [{ member, key, signature: signer.sign(message) }]
    })
  }
}
