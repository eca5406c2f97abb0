/**
 * `chain.verify` on a running chain: everything up to the head of this moment, verified and executed again while blocks go
 * on being added above it.
 */
import { type Api, ApiError } from '@wardline/api'
import { type ChainVerification, snapshotOf, verifyChain } from '@wardline/node'
import { deadlineIn } from '../deadline.ts'
import type { Membership, Memberships } from '../membership.ts'
import { chainNamed } from './lookup.ts'

export function chainVerify(memberships: Memberships): Pick<Api, 'chain.verify'> {
  const verifying = new Set<Membership>()
  return {
    async 'chain.verify'({ chain: name, timeoutMs }, { signal }) {
      const member = chainNamed(memberships, name)
      if (verifying.has(member)) throw new ApiError('busy', 'this chain is being verified already')
      verifying.add(member)
      try {
        return await verify(member, timeoutMs, signal)
      } finally {
        verifying.delete(member)
      }
    }
  }
}

async function verify(member: Membership, timeoutMs: number, signal: AbortSignal | undefined) {
  const { chain, clock, verifier } = member
  const startMs = clock.elapsedMs()
  const deadline = deadlineIn(member, timeoutMs, signal)
  const verdict = await verifyChain({
    store: await snapshotOf(chain),
    genesis: chain.genesis,
    verify: (key, message, signature) => verifier.verify(key, message, signature),
    onProgress: () => deadline.check('the chain is not verified to its end yet')
  })
  return { chain: chain.id, elapsedMs: Math.round(clock.elapsedMs() - startMs), ...answerOf(verdict) }
}

function answerOf(verdict: ChainVerification) {
  if (verdict.kind === 'verified') {
    const { height, digest, appHash, transactions } = verdict
    return { ok: true, height, head: digest, appHash, transactions, fault: null }
  }
  const { height, code, what } = verdict
  const agreed = height > 0 ? ((height - 1) as typeof height) : height
  return { ok: false, height: agreed, head: null, appHash: null, transactions: null, fault: { height, code, what } }
}
