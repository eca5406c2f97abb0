/**
 * A verifier that remembers its answers, for the nodes of one process together: every node verifies every signature, and in
 * a world they are all the same process. The answer to one question never changes.
 */
import { bytesEqual, type SignKey } from '@wardline/codec'
import { type Verifier, verifySignature } from '@wardline/crypto'

const ANSWERS_MAX = 200_000

type Answer = { readonly message: Uint8Array; readonly isGood: boolean }

export type RememberingVerifier = Verifier & {
  check(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean
}

export function createRememberingVerifier(): RememberingVerifier {
  const answers = new Map<string, Answer[]>()

  const check = (key: SignKey, message: Uint8Array, signature: Uint8Array): boolean => {
    const name = key + Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('latin1')
    const known = answers.get(name)
    const answer = known?.find((one) => bytesEqual(one.message, message))
    if (answer !== undefined) return answer.isGood
    const isGood = verifySignature(key, message, signature)
    if (answers.size >= ANSWERS_MAX) answers.clear()
    answers.set(name, [...(known ?? []), { message: message.slice(), isGood }])
    return isGood
  }

  return { check, verify: async (key, message, signature) => check(key, message, signature) }
}
