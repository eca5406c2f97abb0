/**
 * Two attempts to bring a hand-off by a non-holder onto the chain, by the last hospital of the network, whose daemon is
 * stopped meanwhile: once by gossip, once in a block that it leads. The others go on and must refuse both, by the same rule.
 */

import { fileURLToPath } from 'node:url'
import { CallError } from '@wardline/client'
import { type TransactionId, WardlineError } from '@wardline/codec'
import type { Forgery } from '../adversary/forgery.ts'
import { parseSpeech, type Speech } from '../adversary/speech.ts'
import { type Child, startChild } from '../local-network/children.ts'
import type { LogLine } from '../local-network/daemon.ts'
import { restartSite, type Site } from '../local-network/network.ts'

export type Attempt = {
  readonly way: 'gossip' | 'block'
  /** The one code that every honest hospital gave; null where one of them did not refuse, or they differ. */
  readonly code: string | null
  /** Of the proposed block; null for gossip. */
  readonly height: number | null
  /** The forged transaction: it must be in no block. */
  readonly id: TransactionId
}

const GOSSIP_PEER = programme('adversary-gossip-process.ts')
const LEADER = programme('adversary-leader-process.ts')
/** What a daemon logs when a proposal must not have its vote. */
const REFUSAL_MESSAGE = 'a proposal breaks a rule'
const SPEECH_MS_MAX = 20_000
const TURN_MS_MAX = 30_000
const STOP_MS_MAX = 5_000
const POLL_MS = 25

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

/** Makes both attempts and starts the culprit's daemon again. @throws WardlineError where an attempt could not be made at all */
export async function attemptForgeries(plan: ForgeryPlan): Promise<readonly Attempt[]> {
  const { culprit, onStep } = plan
  onStep(`${culprit.name} is stopped`)
  await culprit.daemon.stop()
  const byGossip = await attemptByGossip(plan)
  const inBlock = await attemptInBlock(plan)
  onStep(`${culprit.name} is back`)
  await restartSite(culprit)
  return [byGossip, inBlock]
}

/** A forged hand-off is gossiped; then each honest hospital is asked by its own socket what it thinks of the very same bytes. */
async function attemptByGossip(plan: ForgeryPlan): Promise<Attempt> {
  plan.onStep('a gossip peer with its keys publishes a forged hand-off')
  const adversary = await startAdversary(GOSSIP_PEER, plan)
  try {
    const { id, transaction, peers } = await adversary.says('published')
    const codes = await Promise.all(
      plan.honest.map(async ({ daemon }) => {
        try {
          await daemon.ehr.call('tx.submit', { transaction, wait: 'accepted' })
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
    await adversary.child.stop(STOP_MS_MAX)
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
  const adversary = await startAdversary(LEADER, plan)
  try {
    const { id } = await adversary.says('ready')
    const untilMs = performance.now() + TURN_MS_MAX
    const isOver = () =>
      refusals.size === plan.honest.length || performance.now() > untilMs || adversary.child.end() !== null
    await plan.traffic(isOver)
    const { height } = await adversary.says('proposed')
    const codes = plan.honest.map((site) => refusals.get(site) ?? null)
    return { way: 'block', code: common(codes), height, id }
  } finally {
    for (const forget of watching) forget()
    await adversary.child.stop(STOP_MS_MAX)
  }
}

type Adversary = {
  readonly child: Child
  /** Its first word of this kind. @throws WardlineError `adversary-failed`, where it ends or says nothing in time */
  says<K extends Speech['kind']>(kind: K): Promise<Extract<Speech, { readonly kind: K }>>
}

async function startAdversary(program: string, { culprit, label, forgery }: ForgeryPlan): Promise<Adversary> {
  const said: Speech[] = []
  const talk: string[] = []
  const child = await startChild(program, [culprit.home, label, JSON.stringify(forgery)], {
    onOutput: (line) => said.push(parseSpeech(line)),
    onTalk: (line) => talk.push(line)
  })
  return {
    child,
    async says<K extends Speech['kind']>(kind: K) {
      for (const untilMs = performance.now() + SPEECH_MS_MAX; ; ) {
        const found = said.find((speech) => speech.kind === kind)
        if (found !== undefined) return found as Extract<Speech, { readonly kind: K }>
        if (child.end() !== null || performance.now() > untilMs) {
          const what = [`the adversary never said "${kind}"`, ...talk.slice(-5)].join('\n  ')
          throw new WardlineError('adversary-failed', what)
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    }
  }
}

function common(codes: readonly (string | null)[]): string | null {
  const [first = null, ...others] = codes
  return others.every((code) => code === first) ? first : null
}

function programme(file: string): string {
  return fileURLToPath(new URL(`../${file}`, import.meta.url))
}
