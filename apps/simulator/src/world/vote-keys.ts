/** The vote keys of a world's hospitals. Each has the one of its card, and makes another when its key is to be replaced. */
import { createVoteSigner, type VoteSigner } from '@wardline/crypto'
import { type Cast, secretOf } from './cast.ts'
import type { RememberingVerifier } from './remembering-verifier.ts'

export type VoteKey = { readonly secret: Uint8Array; readonly signer: VoteSigner }

export type VoteKeys = {
  /** Every key that this node's hospital has made, the newest last. */
  of(node: string): readonly VoteKey[]
  make(node: string): VoteKey
  /** Who signs with it, whosever it is. */
  signerOf(key: string): VoteSigner | undefined
}

export function createVoteKeys({ hospitals }: Cast, verifier: RememberingVerifier): VoteKeys {
  const made = new Map<string, VoteKey[]>(
    hospitals.map(({ name, voteSigner }) => [name, [{ secret: secretOf(`${name} vote`), signer: voteSigner }]])
  )
  const keysOf = (node: string): VoteKey[] => made.get(node) ?? []
  return {
    of: keysOf,
    make(node) {
      const keys = keysOf(node)
      const secret = secretOf(`${node} vote ${keys.length}`)
      const key = { secret, signer: verifier.ofVoteSigner(createVoteSigner(secret)) }
      keys.push(key)
      return key
    },
    signerOf: (key) => [...made.values()].flat().find(({ signer }) => signer.publicKey === key)?.signer
  }
}
