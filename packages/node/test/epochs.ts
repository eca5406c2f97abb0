/** Changes of the validators of a real chain in a deterministic world. */
import { height } from '@wardline/codec'
import { approvalBytes } from '@wardline/consensus'
import { createVoteSigner, type VoteSigner } from '@wardline/crypto'
import {
  chainIdOf,
  type Genesis,
  type ParsedTransaction,
  provePossession,
  registrationStatement,
  type ValidatorChange,
  validatorChangeDigest,
  validatorsIn
} from '@wardline/ledger'
import { type ChainWorld, HOUR_MS, type Hospital, START_MS, secret, transaction } from './chain-world.ts'

/** The registration of a hospital by the registrar, with its libp2p key. */
export function admitted(genesis: Genesis, registrar: Hospital, guest: Hospital): ParsedTransaction<'member.register'> {
  const keys = { sign: guest.sign.publicKey, seal: guest.seal, host: guest.host.publicKey }
  const statement = registrationStatement(chainIdOf(genesis), registrar.member, keys)
  return transaction(genesis, registrar, 'member.register', {
    role: 'hospital',
    ...keys,
    hospital: null,
    attributes: [],
    grants: { roles: ['doctor'], attributes: null },
    until: null,
    proof: guest.sign.sign('wardline/key-proof/1', statement),
    hostProof: guest.host.sign('wardline/key-proof/1', statement)
  })
}

export function nextVoteKey(of: Hospital): VoteSigner {
  return createVoteSigner(secret(`${of.name} next vote`))
}

/** A change approved by every validator of the present epoch at hospital `at`, by the keys that `it` gives them. */
export function changed(
  it: ChainWorld,
  at: number,
  action: ValidatorChange['action'],
  of: Hospital,
  key = of.vote
): ParsedTransaction<'validator.change'> {
  const { genesis, hospitals } = it
  const chain = chainIdOf(genesis)
  const { state } = it.chain(at)
  const set = validatorsIn(state)
  const head = it.chain(at).head()
  const change: ValidatorChange = {
    action,
    member: of.member,
    vote: action === 'remove' ? null : key.publicKey,
    epoch: set.epoch,
    expires: START_MS + HOUR_MS,
    synced: action === 'remove' ? null : { height: height(head.height), digest: head.digest }
  }
  const message = approvalBytes(chain, set.epoch, validatorChangeDigest(chain, change))
  const approvals = set.validators.map((validator) => {
    const who = hospitals.find(({ member }) => member === validator.member) as Hospital
    const signer = [who.vote, nextVoteKey(who)].find(({ publicKey }) => publicKey === validator.key) as VoteSigner
    return { member: validator.member, key: validator.key, signature: signer.sign(message) }
  })
  const proof = action === 'remove' ? null : provePossession(chain, change, key)
  return transaction(genesis, hospitals[at] as Hospital, 'validator.change', { ...change, proof, approvals })
}
