/**
 * Has the chain record the evidence that this daemon found. Every correct daemon may have found the same, and one report is
 * enough: the hospitals take their turns, and who comes later looks first whether it is there. What no block can take, or
 * will ever take, is kept and not reported: evidence against a key that its member has replaced, while it is.
 */
import type { MemberId } from '@wardline/codec'
import { type Evidence, evidenceName } from '@wardline/consensus'
import { isReported, type REFUSALS, readValidators } from '@wardline/ledger'
import { build } from './author.ts'
import type { Membership } from './membership.ts'
import { reportingKey } from './reporting-key.ts'

/** From one hospital's turn to the next. */
const TURN_MS = 2_000
/** A report that has not become final by then may have been lost or refused for the moment. */
const AGAIN_MS = 60_000

/** Refusals of a report that are about its evidence, and hold whoever reports it with whichever key. */
const FOR_GOOD: ReadonlySet<string> = new Set<keyof typeof REFUSALS>([
  'malformed',
  'bad-signature',
  'already-reported',
  'enough-reported'
])

export type Witness = { stop(): void }

export function startWitness(member: Membership, onFailure: (error: unknown) => void): Witness {
  const { chain, clock, log } = member
  let timer = clock.after(turnOf(member) * TURN_MS, work)
  let stopped = false
  let { epoch } = readValidators(chain.state)
  /** By name, evidence whose report was refused for good in this run. */
  const refused = new Set<string>()

  function stop(): void {
    stopped = true
    timer.cancel()
    forgetEvidence()
    forgetBlocks()
  }

  function work(): void {
    report().catch((error: unknown) => {
      if (stopped) return
      stop()
      onFailure(error)
    })
  }

  async function report(): Promise<void> {
    const open = chain.evidence().flatMap((evidence) => {
      const key = reportingKey(chain, evidence)
      if (key === undefined || refused.has(evidenceName(evidence)) || isReported(chain.state, evidence)) return []
      return [{ evidence, key }]
    })
    for (const { evidence, key } of open) {
      if (stopped || isPending(evidence)) continue
      const submission = await chain.submit(build(member, 'evidence.report', { ...evidence, key }))
      if (submission.kind !== 'refused') continue
      log.warn('a report of evidence was refused', { code: submission.code })
      if (FOR_GOOD.has(submission.code)) refused.add(evidenceName(evidence))
    }
    if (open.length > 0 && !stopped) timer = clock.after(AGAIN_MS, work)
  }

  /** Whether anybody's report of it waits for a block. */
  function isPending(evidence: Evidence): boolean {
    for (const waiting of chain.mempool()) {
      if (waiting.kind === 'evidence.report' && evidenceName(waiting.body) === evidenceName(evidence)) return true
    }
    return false
  }

  function workSoon(): void {
    timer.cancel()
    timer = clock.after(turnOf(member) * TURN_MS, work)
  }

  const forgetEvidence = chain.onEvidence(workSoon)
  const forgetBlocks = chain.onCommit(() => {
    const { epoch: now } = readValidators(chain.state)
    if (now === epoch) return
    epoch = now
    // A key may be back.
    workSoon()
  })
  return { stop }
}

/** The place of this hospital among the validators; who is none comes last. */
function turnOf({ chain }: Membership): number {
  const members: readonly MemberId[] = readValidators(chain.state).members
  const place = members.indexOf(chain.self)
  return place === -1 ? members.length : place
}
