/** Histories of a chain that members make who try anything. */
import type { Hash } from '@wardline/codec'
import { type ParsedTransaction, REFUSALS } from '@wardline/ledger'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { createChain, type Hospital, hash, type TestChain } from './chain.ts'

const OUTCOMES = ['opened', 'opened', 'opened', 'mismatch', 'broken-path', 'refused', 'lost-key'] as const

/** Those that are named, now and then; ascending. */
export const CONSENTS = ['one', 'two', 'three'].map((name) => hash(`consent ${name}`)).sort()

export type Step = {
  readonly kind: 'first' | 'send' | 'ack' | 'recall' | 'attest' | 'commit'
  readonly numbers: readonly [number, number, number, number]
}

const number = fc.integer({ min: 0, max: 10_000 })

export const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step['kind']>(
      'first',
      'send',
      'send',
      'send',
      'send',
      'send',
      'send',
      'send',
      'send',
      'ack',
      'ack',
      'ack',
      'ack',
      'ack',
      'ack',
      'recall',
      'attest',
      'attest',
      'commit',
      'commit'
    ),
    numbers: fc.tuple(number, number, number, number)
  }),
  { minLength: 20, maxLength: 90 }
)

/**
 * Mostly a receiver who acknowledges or sends on what it was sent, to anybody, holders included; now and then anybody at all,
 * with any source, as the origin, or with other content.
 */
function proposed(
  chain: TestChain,
  sends: readonly ParsedTransaction<'stt.send'>[],
  { kind, numbers }: Step
): ParsedTransaction | undefined {
  const [one, two, three, whim] = numbers
  const anybody = chain.hospitals[one % chain.hospitals.length] as Hospital
  const withConsent = (send: ParsedTransaction<'stt.send'>, author: Hospital) =>
    chain.draft(author, 'stt.send', { ...send.body, consent: CONSENTS[whim % 3] as Hash }, send.nonce)
  if (kind === 'first') {
    const first = chain.firstSend(anybody, receiversOf(chain, anybody, two, whim))
    return three % 2 === 0 ? withConsent(first, anybody) : first
  }
  const source = sends[three % Math.max(1, sends.length)]
  if (source === undefined) return undefined
  const receivers = chain.hospitals.filter(({ member }) =>
    source.body.to.some((receiver) => receiver.member === member)
  )
  const author = whim % 4 === 0 ? anybody : (receivers[one % receivers.length] as Hospital)
  if (kind === 'ack') return chain.ack(author, source.id, OUTCOMES[whim % OUTCOMES.length] as (typeof OUTCOMES)[number])
  if (kind === 'recall' || kind === 'attest') {
    const { recordId } = source.body
    const origin = sends.find(({ body }) => body.recordId === recordId)?.author.member
    const asOrigin = chain.hospitals.find(({ member }) => member === origin) as Hospital
    // One record in a few is recalled: most stories go on.
    if (kind === 'recall' && whim % 3 !== 0) return undefined
    if (kind === 'recall')
      return chain.draft(whim % 5 === 0 ? anybody : asOrigin, 'stt.recall', { recordId, subject: null })
    const by = whim % 3 === 0 ? asOrigin : author
    return chain.draft(by, 'stt.attest', { recordId, via: by === asOrigin ? null : source.id })
  }
  const content = whim % 11 === 0 ? hash('other content') : hash('content')
  const via = whim % 7 === 0 ? null : source.id
  const on = chain.sendOn(author, receiversOf(chain, author, two, whim), source.body.recordId, via, content)
  return two % 3 === 0 ? withConsent(on, author) : on
}

/** One other hospital, or two. */
function receiversOf(chain: TestChain, author: Hospital, number: number, whim: number): readonly Hospital[] {
  const others = chain.hospitals.filter((hospital) => hospital !== author)
  return others.filter((_, i) => i === number % others.length || (whim % 5 === 0 && i === whim % others.length))
}

export type History = {
  readonly chain: TestChain
  /** What was accepted, in the order of the chain. */
  readonly sends: readonly ParsedTransaction<'stt.send'>[]
  readonly acks: readonly ParsedTransaction<'stt.ack'>[]
  readonly recalls: readonly ParsedTransaction<'stt.recall'>[]
  readonly attestations: readonly ParsedTransaction<'stt.attest'>[]
  /** How many transactions the rules refused. */
  readonly refused: number
}

/** Four hospitals do this; what is pending at the end is committed. */
export function play(plan: readonly Step[]): History {
  const chain = createChain(4)
  const sends: ParsedTransaction<'stt.send'>[] = []
  const acks: ParsedTransaction<'stt.ack'>[] = []
  const recalls: ParsedTransaction<'stt.recall'>[] = []
  const attestations: ParsedTransaction<'stt.attest'>[] = []
  let refused = 0
  for (const step of plan) {
    if (step.kind === 'commit') chain.commit()
    const tx = step.kind === 'commit' ? undefined : proposed(chain, sends, step)
    if (tx === undefined) continue
    const verdict = chain.add(tx)
    if (verdict.kind === 'refuse') {
      assert.ok(verdict.code in REFUSALS)
      refused += 1
    } else if (tx.kind === 'stt.send') sends.push(tx)
    else if (tx.kind === 'stt.ack') acks.push(tx)
    else if (tx.kind === 'stt.recall') recalls.push(tx)
    else if (tx.kind === 'stt.attest') attestations.push(tx)
  }
  chain.commit()
  return { chain, sends, acks, recalls, attestations, refused }
}
