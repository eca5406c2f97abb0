/** The loop that follows a chain, on blocks that a test makes up. */
import type { EventOf, Notice, StatusProblem, TopicName } from '@wardline/api'
import { type Digest, encodeCbor, fromHex, type Height, height, type MemberId, WardlineError } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Clock } from '@wardline/ports'
import { createSystemClock } from '@wardline/system'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { eventsOf, type ToldBlock } from '../../src/feeds/events.ts'
import { follow } from '../../src/feeds/feed.ts'
import { keepNewestBlock } from '../../src/feeds/newest-block.ts'
import { createProblemReader, createProblemWatch, type ProblemReader } from '../../src/feeds/problems.ts'
import { createTurns } from '../../src/feeds/turns.ts'
import type { Membership } from '../../src/membership.ts'
import { keepingLog } from '../hospitals.ts'

const test = suite('hospital/feeds/feed')

const clock = createSystemClock()
const receiver = 'bb'.repeat(32) as MemberId

const record = 'cc'.repeat(32)
/** Of `record`, whatever its id. */
const transmission = encodeCbor({
  record: fromHex(record),
  author: fromHex(receiver),
  to: [fromHex(receiver)],
  height: 1,
  time: 1
})

/** A chain that grows when it is told to. Of `loud` heights each has a failed hand-off. */
function growingChain(isLoud: (at: number) => boolean = () => true) {
  const listeners = new Set<(block: ToldBlock) => void>()
  const left = new AbortController()
  let head = 0
  let reads = 0
  const blockAt = (at: number) =>
    ({
      header: { height: height(at), time: at, parent: '00', epoch: 1, view: at, proposer: receiver },
      digest: String(at) as Digest,
      transactions: isLoud(at) ? [failedAck(at)] : []
    }) as unknown as ToldBlock
  const state = new Map<string, Uint8Array>()
  const chain = {
    state: { get: (key: string) => (key.startsWith('stt/transmission/') ? transmission : state.get(key)) },
    head: () => ({ height: height(head) }),
    query: {
      block(at: Height) {
        reads += 1
        return at > head ? undefined : blockAt(at)
      }
    },
    onCommit(run: (block: ToldBlock) => void) {
      listeners.add(run)
      return () => listeners.delete(run)
    }
  }
  const member = { chain, clock, left: left.signal, label: 'transfers', names: new Map(), publicNames: new Map() }
  return {
    member: member as unknown as Membership,
    state,
    listeners,
    left,
    reads: () => reads,
    grow(by: number) {
      for (let turn = 0; turn < by; turn++) {
        head += 1
        for (const run of listeners) run(blockAt(head))
      }
    }
  }
}

function failedAck(at: number) {
  return {
    kind: 'stt.ack',
    id: String(at).padStart(64, '0'),
    author: { member: receiver },
    body: { acks: [{ via: '00', outcome: 'mismatch' }] }
  } as unknown as ParsedTransaction
}

type Grown = ReturnType<typeof growingChain>

function reader(
  { member }: Grown,
  from = 0,
  options: { topic?: TopicName; signal?: AbortSignal; problems?: ProblemReader } = {}
): AsyncGenerator<Notice> {
  const { topic = 'alerts', signal, problems } = options
  const newest = keepNewestBlock(member.chain)
  return follow({ topic, member, from: height(from), newest, turns: createTurns(clock), signal, problems })
}

/** The heights of the next notices, as many as there are asked for. */
async function heights(notices: AsyncGenerator<Notice>, count: number): Promise<number[]> {
  const found: number[] = []
  for (let turn = 0; turn < count; turn++) found.push((await notices.next()).value.height)
  return found
}

test('history, then what comes: every height once, in order, however reading and growing interleave', async () => {
  const steps = fc.array(fc.record({ grow: fc.nat(4), read: fc.nat(4) }), { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(5), async (moves, from) => {
      const chain = growingChain()
      chain.grow(from + 3)
      const ending = new AbortController()
      const notices = reader(chain, from, { signal: ending.signal })
      const found: number[] = []
      let head = from + 3
      for (const { grow, read } of moves) {
        chain.grow(grow)
        head += grow
        found.push(...(await heights(notices, Math.min(read, head - from - found.length))))
      }
      found.push(...(await heights(notices, head - from - found.length)))
      ending.abort()
      assert.ok((await notices.next()).done)
      assert.equal(
        found,
        Array.from({ length: head - from }, (_, index) => from + index + 1)
      )
    }),
    {
      numRuns: 30,
      examples: [
        [
          [
            { grow: 4, read: 0 },
            { grow: 0, read: 4 },
            { grow: 4, read: 4 }
          ],
          0
        ]
      ]
    }
  )
})

test('cut off at any height and begun again there, the parts make the whole', async () => {
  const chain = growingChain((at) => at % 3 !== 0)
  chain.grow(12)
  const whole = await heights(reader(chain), 8)
  assert.equal(whole, [1, 2, 4, 5, 7, 8, 10, 11])
  for (const [index, cut] of whole.entries()) {
    assert.equal(await heights(reader(chain, cut), whole.length - index - 1), whole.slice(index + 1))
  }
})

test('what comes while the reader waits, and what came before it looked, is read from memory once for all readers', async () => {
  const chain = growingChain()
  const newest = keepNewestBlock(chain.member.chain)
  const open = () =>
    follow({
      topic: 'alerts',
      member: chain.member,
      from: height(0),
      newest,
      turns: createTurns(clock),
      signal: undefined,
      problems: undefined
    })
  const [one, other] = [open(), open()]
  const waiting = [one.next(), other.next()]
  await new Promise((resolve) => setImmediate(resolve))
  chain.grow(1)
  const [first, second] = await Promise.all(waiting)
  assert.is(first?.value.events, second?.value.events)
  assert.is(chain.reads(), 0)
})

test('a thousand blocks that bring nothing say how far the search has come', async () => {
  const chain = growingChain((at) => at === 2_500)
  chain.grow(2_600)
  const notices = reader(chain)
  const quiet: number[] = []
  for (;;) {
    const { height: at, events } = (await notices.next()).value as Notice
    if (events.length > 0) {
      assert.is(at, 2_500)
      break
    }
    quiet.push(at)
  }
  assert.ok(quiet.length > 0)
  for (const [index, at] of quiet.entries()) assert.ok(at - (quiet[index - 1] ?? 0) >= 1_000)
})

test('a reader that asks for nothing costs nothing, and one that leaves is forgotten', async () => {
  const chain = growingChain()
  const ending = new AbortController()
  const notices = reader(chain, 0, { signal: ending.signal })
  chain.grow(1_000)
  await notices.next()
  assert.is(chain.listeners.size, 2)
  assert.ok(chain.reads() <= 1)
  const waiting = heights(notices, 999).then(() => notices.next())
  setTimeout(() => ending.abort(), 50)
  assert.ok((await waiting.catch(() => ({ done: true }))).done)
  // What keeps the newest block stays with the chain.
  assert.is(chain.listeners.size, 1)
})

test('a chain that is left ends its feeds with a stable code', async () => {
  const chain = growingChain()
  const waiting = reader(chain).next()
  setTimeout(() => chain.left.abort(), 20)
  try {
    await waiting
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code?: string }).code, 'unavailable')
  }
})

test('readers of old blocks take turns with everything else', async () => {
  const chain = growingChain(() => false)
  chain.grow(200_000)
  const turns = createTurns(clock)
  const newest = keepNewestBlock(chain.member.chain)
  const ending = new AbortController()
  const parts = {
    topic: 'alerts',
    member: chain.member,
    newest,
    turns,
    signal: ending.signal,
    problems: undefined
  } as const
  const reading = Array.from({ length: 20 }, async () => {
    for await (const _ of follow({ ...parts, from: height(0) }));
  })
  // Processor time: what other processes take of the machine is not this one's.
  const usedMs = () => process.cpuUsage().user / 1000
  let longestMs = 0
  for (let turn = 0, last = usedMs(); turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    longestMs = Math.max(longestMs, usedMs() - last)
    last = usedMs()
  }
  ending.abort()
  await Promise.all(reading)
  // A turn is 5 ms; the rest is a slow machine.
  assert.ok(longestMs < 250, `${longestMs} ms`)
})

const problem = (code: string, text = 'It is so.', chain: string | null = 'transfers'): StatusProblem => ({
  severity: 'warn',
  code,
  chain,
  problem: text,
  remedy: 'Do this.'
})

/** What a reader of the chain `transfers` hears of one look after the other. */
async function newsOf(looks: readonly (readonly StatusProblem[])[]): Promise<string[][]> {
  const timers: (() => void)[] = []
  const handClock: Clock = {
    nowMs: () => 7,
    elapsedMs: () => 7,
    after: (_delayMs, run) => {
      timers.push(run)
      return { cancel: () => {} }
    }
  }
  let turn = 0
  const watch = createProblemWatch({
    look: async () => looks[turn++] ?? [],
    clock: handClock,
    log: keepingLog([]),
    onFailure: (error) => {
      throw error
    }
  })
  const one = createProblemReader(watch, 'transfers', handClock)
  const heard: string[][] = []
  const forget = one.watch(() =>
    heard.push(one.news().map(({ kind, code, problem: text }) => `${kind} ${code} ${text}`))
  )
  for (let left = looks.length; left > 0; left--) {
    await new Promise((resolve) => setImmediate(resolve))
    timers.pop()?.()
  }
  forget()
  return heard.slice(0, looks.length)
}

test('problems: what stands is told first, then what begins, changes and ends; those of other chains are not', async () => {
  const away = (who: string) => problem('peer-missing', `Not connected: ${who}.`)
  assert.equal(
    await newsOf([
      [away('Birch'), problem('x', 'Elsewhere.', 'region'), problem('audit', 'No log.', null)],
      [away('Birch'), problem('audit', 'No log.', null)],
      [away('Birch, Cedar')],
      []
    ]),
    [
      ['raised peer-missing Not connected: Birch.', 'raised audit No log.'],
      [],
      ['cleared audit No log.', 'raised peer-missing Not connected: Birch, Cedar.'],
      ['cleared peer-missing Not connected: Birch, Cedar.']
    ]
  )
})

test('problems stand beside blocks: they are told at the height to which the reader has come', async () => {
  const chain = growingChain()
  chain.grow(2)
  const watch = createProblemWatch({
    look: async () => [problem('no-quorum')],
    clock,
    log: keepingLog([]),
    onFailure: () => {}
  })
  const ending = new AbortController()
  const problems = createProblemReader(watch, 'transfers', clock)
  const notices = reader(chain, 0, { signal: ending.signal, problems })
  const found = [await notices.next(), await notices.next(), await notices.next()].map(({ value }) => value)
  const kinds = found.flatMap(({ events }) => events.map(({ kind }: EventOf<'alerts'>) => kind))
  assert.equal([kinds.length, kinds.filter((kind) => kind === 'raised').length], [3, 1])
  const heightsOf = found.map(({ height: at }) => at)
  assert.equal(
    heightsOf,
    heightsOf.toSorted((a, b) => a - b)
  )
  ending.abort()
  await notices.next()
})

test('a look that meets a failing world is made again', async () => {
  const looks = [
    async () => {
      throw new WardlineError('store-closed', 'gone')
    },
    async () => [problem('x')]
  ]
  const lines: string[] = []
  let again = () => {}
  const watch = createProblemWatch({
    look: () => (looks.shift() ?? (async () => []))(),
    clock: {
      nowMs: () => 0,
      elapsedMs: () => 0,
      after: (_delayMs, run) => {
        again = run
        return { cancel: () => {} }
      }
    },
    log: keepingLog(lines),
    onFailure: () => assert.unreachable()
  })
  const forget = watch.watch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(watch.current(), undefined)
  assert.match(lines.join(), /store-closed/)
  again()
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(watch.current()?.length, 1)
  forget()
})

for (const outcome of ['mismatch', 'broken-path', 'refused', 'lost-key'] as const) {
  test(`a hand-off that ends with ${outcome} is an alert`, () => {
    const { member } = growingChain()
    const ack = { ...failedAck(1), body: { acks: [{ via: '00', outcome }] } }
    const block = { header: { time: 5 }, transactions: [ack] } as unknown as ToldBlock
    const [event, ...others] = eventsOf.alerts(member, block)
    assert.equal(others, [])
    assert.equal([event?.kind, event?.code, event?.timeMs], ['happened', `handoff-${outcome}`, 5])
    assert.match(`${event?.problem} ${event?.remedy}`, /^[A-Z].*\. [A-Z].*\.$/)
  })
}

test('what was recalled before it was refused is no alert; another failure of it, or an earlier one, is', () => {
  const { member, state } = growingChain()
  state.set(`stt/recall/${record}`, encodeCbor({ id: fromHex(record), height: 4, time: 4 }))
  const codes = (at: number, ...outcomes: readonly string[]) => {
    const ack = { ...failedAck(1), body: { acks: outcomes.map((outcome) => ({ via: '00', outcome })) } }
    const block = { header: { height: at, time: at }, transactions: [ack] } as unknown as ToldBlock
    return eventsOf.alerts(member, block).map(({ code }) => code)
  }
  assert.equal(codes(3, 'refused'), ['handoff-refused'])
  assert.equal(codes(4, 'refused'), [])
  assert.equal(codes(5, 'refused', 'mismatch', 'refused', 'lost-key'), ['handoff-mismatch', 'handoff-lost-key'])
})

test('proof that a validator signed twice is an alert', () => {
  const block = { header: { time: 5 }, transactions: [{ kind: 'evidence.report', id: '01' }] } as unknown as ToldBlock
  const [event, ...others] = eventsOf.alerts(growingChain().member, block)
  assert.equal(others, [])
  assert.equal([event?.kind, event?.code, event?.severity], ['happened', 'double-signing', 'fail'])
})

test.run()
