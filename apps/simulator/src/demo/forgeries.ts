/**
 * Two attempts to bring a hand-off by a non-holder onto the chain, by the last hospital of the network, whose daemon is
 * stopped meanwhile: once by gossip, once in a block that it leads. The others go on and must refuse both, by the same rule.
 */

import { CallError } from '@wardline/client'
import type { TransactionId } from '@wardline/codec'
import type { Forgery } from '../adversary/forgery.ts'
import type { LogLine } from '../local-network/daemon.ts'
import type { Site } from '../local-network/network.ts'
import { startAdversary } from './adversary.ts'

export type Attempt = {
  readonly way: 'gossip' | 'block'
  /** The one code that every honest hospital gave; null where one of them did not refuse, or they differ. */
  readonly code: string | null
  /** Of the proposed block; null for gossip. */
  readonly height: number | null
  /** The forged transaction: it must be in no block. */
  readonly id: TransactionId
}

const GOSSIP_PEER = 'adversary-gossip-process.ts'
const LEADER = 'adversary-leader-process.ts'
/** What a daemon logs when a proposal must not have its vote. */
const REFUSAL_MESSAGE = 'a proposal breaks a rule'
const TURN_MS_MAX = 60_000

export type ForgeryPlan = {
  readonly label: string
  /** Whose keys are misused. */
  readonly culprit: Site
  readonly honest: readonly Site[]
  readonly forgery: Forgery
  /** Ordinary hand-offs among the honest, until told to stop: leaders take turns only while there is work. */
  readonly traffic: (isOver: () => boolean) => Promise<void>
  readonly onStep: (text: string) => void
}

/** Makes both attempts; the culprit's daemon does not run. @throws WardlineError where an attempt could not be made at all */
export async function attemptForgeries(plan: ForgeryPlan): Promise<readonly Attempt[]> {
  return [await attemptByGossip(plan), await attemptInBlock(plan)]
}

/** A forged hand-off is gossiped; then each honest hospital is asked by its own socket what it thinks of the very same bytes. */
async function attemptByGossip(plan: ForgeryPlan): Promise<Attempt> {
  plan.onStep('a gossip peer with its keys publishes a forged hand-off')
  const adversary = await startAdversary(GOSSIP_PEER, [plan.culprit.home, plan.label, JSON.stringify(plan.forgery)])
  try {
    const { id, transaction, peers } = await adversary.says('published')
    const codes = await Promise.all(
      plan.honest.map(async ({ daemon }) => {
        try {
          await daemon.ehr.call('tx.submit', { chain: plan.label, transaction, wait: 'accepted' })
          return null
        } catch (error) {
          if (error instanceof CallError) return error.code
          throw error
        }
      })
    )
    // Where it did not reach all by gossip, their answers to `tx.submit` alone say too little.
    return { way: 'gossip', code: peers === plan.honest.length ? common(codes) : null, height: null, id }
  } finally {
    await adversary.stop()
  }
}

/** The adversary runs as a validator; the honest hospitals' logs must tell why they did not vote for its block. */
async function attemptInBlock(plan: ForgeryPlan): Promise<Attempt> {
  plan.onStep('a leader with its keys puts one into a block')
  const refusals = new Map<Site, string>()
  const watching = plan.honest.map((site) => {
    const note = ({ message, code }: LogLine) => {
      if (message === REFUSAL_MESSAGE && typeof code === 'string') refusals.set(site, code)
    }
    return site.daemon.onLog(note)
  })
  const adversary = await startAdversary(LEADER, [plan.culprit.home, plan.label, JSON.stringify(plan.forgery)])
  try {
    const { id } = await adversary.says('ready')
    const untilMs = performance.now() + TURN_MS_MAX
    const isOver = () => refusals.size === plan.honest.length || performance.now() > untilMs || adversary.isOver()
    await plan.traffic(isOver)
    const { height } = await adversary.says('proposed')
    const codes = plan.honest.map((site) => refusals.get(site) ?? null)
    return { way: 'block', code: common(codes), height, id }
  } finally {
    for (const forget of watching) forget()
    await adversary.stop()
  }
}

function common(codes: readonly (string | null)[]): string | null {
  const [first = null, ...others] = codes
  return others.every((code) => code === first) ? first : null
}
