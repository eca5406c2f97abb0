/** Changes of the validators for tests, with approvals and proof unless told otherwise. */
import { epoch, type Hash, height, name32, type SignKey } from '@wardline/codec'
import { approvalBytes } from '@wardline/consensus'
import type { VoteSigner } from '@wardline/crypto'
import {
  provePossession,
  type ValidatorChange,
  type ValidatorChangeBody,
  validatorChangeDigest
} from '../../src/index.ts'
import { CREATED, chain, founders, HOUR, type Person, secret } from '../world.ts'

type Who = Pick<Person, 'member' | 'vote'>

export type ChangeTerms = Partial<Pick<ValidatorChange, 'epoch' | 'expires'>> & {
  /** By default the first three founders, of four. */
  readonly approvers?: readonly Who[]
  /** By default the member's own first vote key. */
  readonly key?: VoteSigner
  readonly edit?: (body: ValidatorChangeBody) => ValidatorChangeBody
}

export function changeBody(action: ValidatorChange['action'], of: Who, terms: ChangeTerms = {}): ValidatorChangeBody {
  const key = terms.key ?? of.vote
  const hasKey = action !== 'remove'
  const change: ValidatorChange = {
    action,
    member: of.member,
    vote: hasKey ? key.publicKey : null,
    epoch: terms.epoch ?? 0,
    expires: terms.expires ?? CREATED + HOUR,
    synced: hasKey ? { height: height(0), digest: name32(secret('a final block')) } : null
  }
  const message = approvalBytes(chain, epoch(change.epoch), validatorChangeDigest(chain, change))
  const approvals = (terms.approvers ?? founders.slice(0, 3))
    .map(({ member, vote }) => ({ member, key: vote.publicKey, signature: vote.sign(message) }))
    .sort((a, b) => (a.member < b.member ? -1 : 1))
  const body = { ...change, proof: hasKey ? provePossession(chain, change, key) : null, approvals }
  return terms.edit?.(body) ?? body
}

export const SMALL_ORDER = name32<Hash>('01'.padEnd(64, '0')) as string as SignKey
