/** One engine among members that the test plays itself: every vote and proposal of theirs is made by hand. */
import { assert, type Digest, type Leaf, type MemberId, type View } from '@wardline/codec'
import {
  type Certificate,
  createEngine,
  type Engine,
  type EngineConfig,
  engineStatus,
  type Header,
  headerDigest,
  type Input,
  type JournalEntry,
  type Message,
  type Output,
  type Proposal,
  type Screening,
  screen,
  step,
  type ValidatorSet,
  type Vote
} from '../../src/index.ts'
import { fakeConfig, fakeVerify, GENESIS_TIME_MS, headerOf, type Parent, statusOf } from '../chain-fixture.ts'

type InputWithoutTime = Input extends infer One ? (One extends Input ? Omit<One, 'nowMs'> : never) : never

export type Lone = {
  readonly set: ValidatorSet
  readonly index: number
  engine: Engine
  nowMs: number
  /** The journal as far as it was written. */
  journal: JournalEntry[]
  final: { header: Header; certificate: Certificate } | null
  alarmMs: number | null
  /** The view in which each block was last given to be checked. */
  readonly checks: Map<Digest, View>
}

export function createLone(set: ValidatorSet, index: number, overrides: Partial<EngineConfig> = {}): Lone {
  const engine = createEngine(fakeConfig(set, index, overrides), { final: null, journal: [] })
  const lone: Lone = {
    set,
    index,
    engine,
    nowMs: GENESIS_TIME_MS + 1000,
    journal: [],
    final: null,
    alarmMs: null,
    checks: new Map()
  }
  startLone(lone)
  return lone
}

/** A crash and a start from what was durable. @param kept entries of the journal that survived; all if not given */
export function restart(lone: Lone, kept = lone.journal.length): readonly Output[] {
  lone.journal = lone.journal.slice(0, kept)
  lone.alarmMs = null
  lone.engine = createEngine(fakeConfig(lone.set, lone.index), { final: lone.final, journal: lone.journal })
  return startLone(lone)
}

/** The start, and the answers that the machine asks the others for, each of which knows nothing of it and is in view 1. */
function startLone(lone: Lone): readonly Output[] {
  const started = feed(lone, { kind: 'start' })
  return [...started, ...started.flatMap((output) => answerAsk(lone, output))]
}

function answerAsk(lone: Lone, output: Output): readonly Output[] {
  if (output.kind !== 'send' || output.message.kind !== 'status-ask') return []
  const index = lone.set.validators.findIndex(({ member }) => member === output.to)
  const message = { kind: 'status', status: statusOf(lone.set, index, output.message.ask) } as const
  return screenHere(lone, message).kind === 'verify' ? hear(lone, message) : []
}

export function feed(lone: Lone, input: InputWithoutTime): readonly Output[] {
  const outputs = step(lone.engine, { ...input, nowMs: lone.nowMs } as Input)
  for (const output of outputs) {
    if (output.kind === 'journal') lone.journal.push(output.entry)
    if (output.kind === 'alarm') lone.alarmMs = output.atMs
    if (output.kind === 'check') lone.checks.set(output.digest, output.proposal.view)
    if (output.kind === 'commit') {
      lone.final = { header: output.blocks.at(-1) as Header, certificate: output.certificate }
    }
  }
  return outputs
}

/** Screens, verifies and feeds a message that must be let through. */
export function hear(lone: Lone, message: Message, from = 'peer'): readonly Output[] {
  const screening = screenHere(lone, message, from)
  assert(screening.kind === 'verify', `let through, not ${JSON.stringify(screening)}`)
  for (const check of screening.checks) {
    assert(fakeVerify(check.key, check.message, check.signature), 'the signature verifies')
  }
  return feed(lone, { kind: 'message', from, message: screening.instead ?? message })
}

export function screenHere(lone: Lone, message: Message, from = 'peer'): Screening {
  return screen(lone.engine, message, from, lone.nowMs)
}

export const hearVote = (lone: Lone, vote: Vote) => hear(lone, { kind: 'vote', vote })
export const hearCertificate = (lone: Lone, certificate: Certificate) =>
  hear(lone, { kind: 'certificate', certificate, attempt: 0 })
export const hearProposal = (lone: Lone, proposal: Proposal) => hear(lone, { kind: 'proposal', proposal })

export function checked(lone: Lone, digest: Digest, verdict: 'valid' | 'invalid' | 'unavailable' = 'valid') {
  const view = lone.checks.get(digest) ?? engineStatus(lone.engine).view
  return feed(lone, { kind: 'checked', view, digest, verdict })
}

/** Answers the `build` among `outputs` with a block of `leaves`. */
export function answerBuild(lone: Lone, outputs: readonly Output[], parent: Parent, leaves: readonly Leaf[]) {
  const request = outputs.find((output) => output.kind === 'build')
  assert(request !== undefined, 'a build was asked for')
  const header = headerOf(lone.set, request.view, parent, leaves, Math.max(lone.nowMs, request.timeMinMs))
  const answer = feed(lone, { kind: 'built', view: request.view, parent: request.parent.digest, header, leaves })
  return { header, digest: headerDigest(header), outputs: answer }
}

/** Lets the time of the alarm come. */
export function ring(lone: Lone): readonly Output[] {
  assert(lone.alarmMs !== null, 'an alarm is set')
  lone.nowMs = Math.max(lone.nowMs, lone.alarmMs)
  lone.alarmMs = null
  return feed(lone, { kind: 'alarm' })
}

/** Votes among the messages sent, as `kind view attempt?`. */
export function votesSent(outputs: readonly Output[]): readonly string[] {
  return outputs.flatMap((output) =>
    output.kind === 'send' && output.message.kind === 'vote'
      ? [`${output.message.vote.kind} ${output.message.vote.view}`]
      : []
  )
}

export function certificatesSent(outputs: readonly Output[], to: 'all' | MemberId = 'all'): readonly string[] {
  return outputs.flatMap((output) =>
    output.kind === 'send' && output.to === to && output.message.kind === 'certificate'
      ? [`${output.message.certificate.kind} ${output.message.certificate.view}`]
      : []
  )
}

export const viewOf = (lone: Lone): number => engineStatus(lone.engine).view
