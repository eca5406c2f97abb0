/**
 * A verifier that remembers its answers, for the nodes of one world together: every node verifies every signature, and in a
 * world they are all the same process. The answer to one question never changes, and what was signed here a moment ago is
 * known to hold: it is the signature rule alone that this spares, and that has tests of its own.
 */
import { bytesEqual, type SignKey } from '@wardline/codec'
import { type Signer, statementMessage, type Verifier, type VoteSigner, verifySignature } from '@wardline/crypto'

const ANSWERS_MAX = 200_000

type Answer = { readonly key: SignKey; readonly message: Uint8Array; readonly isGood: boolean }

export type RememberingVerifier = Verifier & {
  check(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean
  /** The same signer, whose signatures need no verification here. */
  ofSigner(signer: Signer): Signer
  ofVoteSigner(signer: VoteSigner): VoteSigner
}

export function createRememberingVerifier(): RememberingVerifier {
  /** By signature. */
  const answers = new Map<string, readonly Answer[]>()

  const nameOf = (signature: Uint8Array): string =>
    Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('latin1')
  const remember = (name: string, answer: Answer): void => {
    if (answers.size >= ANSWERS_MAX) answers.clear()
    answers.set(name, [...(answers.get(name) ?? []), answer])
  }

  const check = (key: SignKey, message: Uint8Array, signature: Uint8Array): boolean => {
    const name = nameOf(signature)
    const known = answers.get(name)?.find((one) => one.key === key && bytesEqual(one.message, message))
    if (known !== undefined) return known.isGood
    const isGood = verifySignature(key, message, signature)
    remember(name, { key, message: message.slice(), isGood })
    return isGood
  }

  return {
    check,
    verify: async (key, message, signature) => check(key, message, signature),
    ofSigner: (signer) => ({
      publicKey: signer.publicKey,
      sign(domain, cbor) {
        const signature = signer.sign(domain, cbor)
        const message = statementMessage(domain, cbor)
        remember(nameOf(signature), { key: signer.publicKey, message, isGood: true })
        return signature
      }
    }),
    ofVoteSigner: (signer) => ({
      publicKey: signer.publicKey,
      sign(vote) {
        const signature = signer.sign(vote)
        remember(nameOf(signature), { key: signer.publicKey, message: vote.slice(), isGood: true })
        return signature
      }
    })
  }
}
