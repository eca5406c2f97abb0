/** The checker finds every kind of anomaly in a forged history, names the question, and finds none in an honest one. */
import type { ChainId, Digest, MemberId, RecordId, TransactionId } from '@wardline/codec'
import { createPrng, type Prng } from '@wardline/network-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Anomaly, checkHistory } from '../../src/chaos/check-history.ts'
import type { FinalBlock, FinalChain, FinalTransaction } from '../../src/chaos/final-chain.ts'
import type { HistoryEvent, Question, Told } from '../../src/chaos/history.ts'

const test = suite('simulator/chaos/check-history')

const name = (letter: string, number: number): string => letter + String(number).padStart(63, '0')
const site = (number: number) => name('a', number) as MemberId
const tx = (number: number) => name('b', number) as TransactionId
const record = (number: number) => name('c', number) as RecordId
const digest = (height: number) => name('d', height) as Digest

/** Transaction `number` sends record `number` from the site. */
function sent(number: number, from: number): FinalTransaction {
  return { id: tx(number), author: site(from), says: { kind: 'send', record: record(number), origin: true } }
}

function opened(number: number, by: number, id: number): FinalTransaction {
  return { id: tx(id), author: site(by), says: { kind: 'opened', by: [tx(number)] } }
}

function chainOf(...blocks: readonly (readonly FinalTransaction[])[]): FinalChain {
  const full: FinalBlock[] = blocks.map((transactions, at) => ({ digest: digest(at + 1), transactions }))
  return { chain: name('e', 0) as ChainId, blocks: full }
}

type Line = readonly [at: number, event: Question | Told | 'restored']

const QUESTIONS: readonly string[] = ['send', 'repeat']

/** Events from lines: a question opens its site's next number, what is told answers the site's oldest open one. */
function historyOf(lines: readonly Line[]): readonly HistoryEvent[] {
  const open = new Map<number, number[]>()
  let op = 0
  return lines.map(([at, event]) => {
    const base = { site: site(at), atMs: 0 }
    if (event === 'restored') return { ...base, event: 'restored' }
    if (isQuestion(event)) {
      op += 1
      open.set(at, [...(open.get(at) ?? []), op])
      return { ...base, event: 'asked', op, question: event }
    }
    const own = open.get(at)?.shift()
    if (own === undefined) throw new TypeError('every answer has a question')
    return { ...base, event: 'told', op: own, told: event }
  })
}

function isQuestion(event: Question | Told): event is Question {
  if (QUESTIONS.includes(event.kind)) return true
  // What is told of a read has a height, or members; the question has neither.
  return ['head', 'transaction', 'holders'].includes(event.kind) && !('height' in event)
}

const send: Question = { kind: 'send' }
const head: Question = { kind: 'head' }
const read = (number: number): Question => ({ kind: 'transaction', id: tx(number) })
const who = (number: number): Question => ({ kind: 'holders', record: record(number) })
const committed = (number: number, height: number): Told => ({
  kind: 'submitted',
  id: tx(number),
  record: record(number),
  state: 'committed',
  height
})
const accepted = (number: number): Told => ({ ...committed(number, 0), state: 'accepted', height: null }) as Told
const refused = (number: number): Told => ({ ...committed(number, 0), state: 'refused', height: null }) as Told
const headAt = (height: number, of = digest(height)): Told => ({ kind: 'head', height, digest: of })
const found = (height: number, index: number): Told => ({ kind: 'transaction', height, index })
const absent: Told = { kind: 'absent' }
const holders = (height: number, ...members: readonly number[]): Told => ({
  kind: 'holders',
  height,
  members: members.map(site)
})
const unknown: Told = { kind: 'unknown', code: 'daemon-gone' }
const failed: Told = { kind: 'failed', code: 'busy' }

/** Site 1 sends 1 and 2, site 2 sends 3; site 2 has opened 1. */
const CHAIN = chainOf([sent(1, 1)], [sent(2, 1), opened(1, 2, 91)], [sent(3, 2)])

function kinds(lines: readonly Line[], chain: FinalChain = CHAIN): readonly Anomaly['kind'][] {
  return checkHistory(historyOf(lines), chain).map(({ kind }) => kind)
}

/** All that the chain holds was asked for. */
const ASKED: readonly Line[] = [
  [1, send],
  [1, committed(1, 1)],
  [1, send],
  [1, committed(2, 2)],
  [2, send],
  [2, committed(3, 3)]
]

const honest: readonly (readonly [what: string, lines: readonly Line[]])[] = [
  ['answers that are true', ASKED],
  [
    'a hospital that is behind another',
    [...ASKED, [3, head], [3, headAt(1)], [3, read(3)], [3, absent], [3, who(2)], [3, absent]]
  ],
  ['a question that was asked before an answer came', [...ASKED, [2, head], [2, head], [2, headAt(3)], [2, headAt(3)]]],
  ['reads that see what they should', [...ASKED, [2, read(3)], [2, found(3, 0)], [2, who(1)], [2, holders(3, 2, 1)]]],
  ['holders as of an earlier block', [...ASKED, [3, who(1)], [3, holders(1, 1)]]],
  [
    'sends whose outcome is unknown, and became final',
    [
      [1, send],
      [1, unknown],
      [1, send],
      [1, unknown],
      [2, send],
      [2, unknown]
    ]
  ],
  [
    'a send that was never answered',
    [
      [1, send],
      [1, send],
      [1, committed(1, 1)],
      [2, send],
      [2, committed(3, 3)]
    ]
  ],
  ['sends that did nothing', [...ASKED, [1, send], [1, failed]]],
  [
    'accepted, and final later',
    [
      [1, send],
      [1, accepted(1)],
      [1, send],
      [1, accepted(2)],
      [2, send],
      [2, accepted(3)]
    ]
  ],
  ['refused, and in no block', [...ASKED, [1, send], [1, refused(7)]]],
  ['bytes of a final transaction given again', [...ASKED, [1, { kind: 'repeat', id: tx(1) }], [1, committed(1, 1)]]],
  [
    'an older disk was put back: what it told of itself is void',
    [...ASKED, [2, send], [2, accepted(8)], [2, 'restored'], [2, head], [2, headAt(1)]]
  ]
]
for (const [what, lines] of honest) test(`honest: ${what}`, () => assert.equal(kinds(lines), []))

const forged: readonly (readonly [kind: Anomaly['kind'], what: string, lines: readonly Line[], chain?: FinalChain])[] =
  [
    ['lost', 'committed, and in no block', [...ASKED, [1, send], [1, committed(4, 3)]]],
    ['lost', 'accepted, and in no block', [...ASKED, [1, send], [1, accepted(4)]]],
    [
      'lost',
      'committed before an older disk was put back',
      [...ASKED, [2, send], [2, committed(8, 3)], [2, 'restored']]
    ],
    ['lost', 'accepted after an older disk was put back', [...ASKED, [2, 'restored'], [2, send], [2, accepted(8)]]],
    [
      'duplicated',
      'one transaction in two blocks',
      ASKED,
      chainOf([sent(1, 1)], [sent(2, 1)], [sent(3, 2), sent(1, 1)])
    ],
    ['duplicated', 'one question, two sends', ASKED, chainOf([sent(1, 1)], [sent(2, 1)], [sent(3, 2), sent(5, 2)])],
    [
      'duplicated',
      'an unknown outcome became two',
      [...ASKED, [2, send], [2, unknown]],
      chainOf([sent(1, 1)], [sent(2, 1)], [sent(3, 2), sent(5, 2), sent(6, 2)])
    ],
    [
      'duplicated',
      'what was said to have failed is there',
      [
        [1, send],
        [1, failed],
        [1, send],
        [1, committed(2, 2)],
        [2, send],
        [2, committed(3, 3)]
      ]
    ],
    ['reordered', 'a later question comes first', ASKED, chainOf([sent(2, 1)], [sent(1, 1)], [sent(3, 2)])],
    ['reordered', 'within one block', ASKED, chainOf([sent(2, 1), sent(1, 1)], [], [sent(3, 2)])],
    ['stale', 'a head goes back', [...ASKED, [2, head], [2, headAt(2)]]],
    ['stale', 'a head goes back to before the first block', [...ASKED, [2, head], [2, absent]]],
    ['stale', 'a transaction that it had told of is absent', [...ASKED, [2, read(3)], [2, absent]]],
    [
      'stale',
      'a transaction below a head that it had told is absent',
      [...ASKED, [3, head], [3, headAt(3)], [3, read(1)], [3, absent]]
    ],
    ['stale', 'a record that it had told of is absent', [...ASKED, [2, who(3)], [2, absent]]],
    ['stale', 'holders as of a block before the one told', [...ASKED, [2, who(1)], [2, holders(1, 1)]]],
    ['moved', 'committed in another block', [[1, send], [1, committed(1, 2)], ...ASKED.slice(2)]],
    ['moved', 'read at another place', [...ASKED, [3, read(2)], [3, found(2, 1)]]],
    ['phantom', 'read as final, and in no block', [...ASKED, [3, read(4)], [3, found(2, 0)]]],
    ['forked', 'another block of that height', [...ASKED, [3, head], [3, headAt(2, digest(9))]]],
    ['forked', 'a block that the chain does not have', [...ASKED, [3, head], [3, headAt(4)]]],
    ['contradicted', 'refused, and in a block', [[1, send], [1, refused(1)], ...ASKED.slice(2)]],
    ['wrong-holders', 'one too few', [...ASKED, [3, who(1)], [3, holders(2, 1)]]],
    ['wrong-holders', 'one too many', [...ASKED, [3, who(1)], [3, holders(1, 1, 2)]]],
    ['wrong-holders', 'another one', [...ASKED, [3, who(2)], [3, holders(2, 3)]]]
  ]
for (const [kind, what, lines, chain] of forged) {
  test(`forged: ${kind}: ${what}`, () => assert.ok(kinds(lines, chain).includes(kind), kinds(lines, chain).join()))
}

test('every kind is forged at least once', () => {
  const all: Record<Anomaly['kind'], true> = {
    lost: true,
    duplicated: true,
    reordered: true,
    stale: true,
    moved: true,
    phantom: true,
    forked: true,
    contradicted: true,
    'wrong-holders': true
  }
  assert.equal([...new Set(forged.map(([kind]) => kind))].sort(), Object.keys(all).sort())
})

test('an anomaly names its question', () => {
  const [anomaly, ...more] = checkHistory(historyOf([...ASKED, [3, read(4)], [3, found(2, 0)]]), CHAIN)
  assert.equal([anomaly?.op, more], [4, []])
})

/** Sites that append, lag and answer as they should, in an order drawn from the seed. */
function honestRun(prng: Prng): { readonly events: readonly HistoryEvent[]; readonly chain: FinalChain } {
  const blocks: FinalTransaction[][] = []
  const heads = [0, 0, 0]
  const lines: Line[] = []
  let number = 0
  const commit = (from: number): Told => {
    number += 1
    blocks.push([sent(number, from)])
    heads[from] = blocks.length
    return committed(number, blocks.length)
  }
  for (let step = 0; step < 60; step++) {
    const at = prng.below(3)
    const seen = heads[at] as number
    const pick = 1 + prng.below(Math.max(1, number))
    switch (prng.below(5)) {
      case 0:
        lines.push([at, send], [at, commit(at)])
        break
      case 1:
        lines.push([at, send], [at, unknown])
        if (prng.chance(0.5)) commit(at)
        break
      case 2:
        heads[at] = seen + prng.below(blocks.length - seen + 1)
        lines.push([at, head], [at, heads[at] === 0 ? absent : headAt(heads[at] as number)])
        break
      case 3:
        lines.push([at, read(pick)], [at, pick <= seen ? found(pick, 0) : absent])
        break
      default:
        lines.push([at, who(pick)], [at, pick <= seen ? holders(seen, authorOf(blocks, pick)) : absent])
    }
  }
  return { events: historyOf(lines), chain: chainOf(...blocks) }
}

function authorOf(blocks: readonly (readonly FinalTransaction[])[], number: number): number {
  const author = blocks[number - 1]?.[0]?.author
  return [0, 1, 2].find((at) => site(at) === author) ?? -1
}

test('honest runs of many seeds have no anomaly', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { events, chain } = honestRun(createPrng(seed))
    assert.equal(checkHistory(events, chain), [], `seed ${seed}`)
  }
})

test.run()
