import { height, limits, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import { outcomeOf, type ParsedTransaction } from '@wardline/ledger'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type CustodyGraph,
  downstreamOf,
  type HeldRecord,
  handOffs,
  heldRecord,
  heldRecords,
  holdersAt,
  pathOf,
  pathTo,
  traceRecord,
  unacknowledged
} from '../src/index.ts'
import { encodeAckRow, encodeSendRow, rowKeys } from '../src/rows.ts'
import { CREATED, createChain, type Hospital, hash, refold, type TestChain, tableOf } from './chain.ts'
import { type History, play, steps } from './histories.ts'

const test = suite('custody/fold')

async function graphOf(chain: TestChain, record: Parameters<typeof traceRecord>[1]): Promise<CustodyGraph> {
  const graph = await traceRecord(chain.rows(), record)
  if (graph === undefined) throw new Error('no such record')
  return graph
}

/** A sends to B, B opens and sends on to C and D, C opens, D does not answer. */
async function story() {
  const chain = createChain(4)
  const [a, b, c, d] = chain.hospitals as [Hospital, Hospital, Hospital, Hospital]
  const one = chain.firstSend(a, [b])
  chain.add(one)
  chain.commit()
  const ackB = chain.ack(b, one.id)
  chain.add(ackB)
  chain.commit()
  const two = chain.sendOn(b, [c, d], one.body.recordId, one.id)
  chain.add(two)
  chain.commit()
  const ackC = chain.ack(c, two.id)
  chain.add(ackC)
  chain.commit()
  return {
    chain,
    a,
    b,
    c,
    d,
    one,
    two,
    ackB,
    ackC,
    record: one.body.recordId,
    graph: await graphOf(chain, one.body.recordId)
  }
}

test('a chain of hand-offs gives its graph', async () => {
  const { graph, a, b, c, d, one, two, ackB, ackC } = await story()
  assert.is(graph.origin, a.member)
  assert.ok(graph.complete)
  assert.equal(
    graph.transmissions.map(({ id, via, sender, timeMs, height, purpose, consent, content }) => ({
      id,
      via,
      sender,
      timeMs,
      height,
      purpose,
      consent,
      content
    })),
    [
      {
        id: one.id,
        via: null,
        sender: a.member,
        timeMs: CREATED + 1000,
        height: 1,
        purpose: 'treatment',
        consent: null,
        content: hash('content')
      },
      {
        id: two.id,
        via: one.id,
        sender: b.member,
        timeMs: CREATED + 3000,
        height: 3,
        purpose: 'treatment',
        consent: null,
        content: hash('content')
      }
    ]
  )
  const edges = handOffs(graph).map(({ transmission, delivery }) => [
    transmission.sender,
    delivery.member,
    delivery.state,
    delivery.ack
  ])
  const expected = [
    [a.member, b.member, 'opened', { id: ackB.id, timeMs: CREATED + 2000, height: 2, place: 0 }],
    [b.member, c.member, 'opened', { id: ackC.id, timeMs: CREATED + 4000, height: 4, place: 0 }],
    [b.member, d.member, 'sent', null]
  ]
  const byReceiver = (rows: unknown[][]) => rows.toSorted((x, y) => (String(x[1]) < String(y[1]) ? -1 : 1))
  assert.equal(byReceiver(edges), byReceiver(expected))
})

test('holders now, at a height, at a time', async () => {
  const { graph, a, b, c } = await story()
  const at = (moment?: Parameters<typeof holdersAt>[1]) => holdersAt(graph, moment).map(({ member }) => member)
  assert.equal(at(), [a.member, b.member, c.member])
  assert.equal(at({ height: 0 as never }), [])
  assert.equal(at({ height: 1 as never }), [a.member])
  assert.equal(at({ height: 3 as never }), [a.member, b.member])
  assert.equal(at({ timeMs: CREATED + 1999 }), [a.member])
  assert.equal(at({ timeMs: CREATED + 2000 }), [a.member, b.member])
})

test('paths, downstream, unacknowledged, held records', async () => {
  const { chain, graph, a, b, c, d, one, two, record } = await story()
  const ids = (list: readonly { readonly id: TransactionId }[] | undefined) => list?.map(({ id }) => id)
  assert.equal(ids(pathTo(graph, a.member)), [])
  assert.equal(ids(pathTo(graph, c.member)), [one.id, two.id])
  assert.is(pathTo(graph, d.member), undefined)
  assert.equal(ids(pathOf(graph, two.id)), [one.id, two.id])
  assert.is(pathOf(graph, hash('no such') as string as TransactionId), undefined)
  assert.equal(ids(downstreamOf(graph, a.member)), [one.id, two.id])
  assert.equal(ids(downstreamOf(graph, b.member)), [two.id])
  assert.equal(ids(downstreamOf(graph, c.member)), [])
  const day = 24 * 60 * 60 * 1000
  const late = (nowMs: number) => unacknowledged(graph, nowMs).map(({ member, isOverdue }) => [member, isOverdue])
  assert.equal(late(CREATED + 3000 + day), [[d.member, false]])
  assert.equal(late(CREATED + 3001 + day), [[d.member, true]])

  const rows = chain.rows()
  const through = (member: MemberId) => heldRecord(rows, member, record)?.through
  assert.equal(
    [through(a.member), through(b.member), through(c.member), through(d.member)],
    [null, one.id, two.id, undefined]
  )
  assert.is(await traceRecord(rows, hash('another') as never), undefined)
})

test('held records come in pages', async () => {
  const chain = createChain(2)
  const [a, b] = chain.hospitals as [Hospital, Hospital]
  const sends = Array.from({ length: 5 }, (_, i) => chain.firstSend(a, [b], hash(`content ${i}`)))
  for (const send of sends) chain.add(send)
  chain.commit()
  const expected = sends.map(({ body }) => body.recordId).sort()
  const rows = chain.rows()
  const firstPage = await heldRecords(rows, a.member, { limit: 2 })
  const rest = await heldRecords(rows, a.member, { limit: 10, after: firstPage[1]?.recordId as never })
  assert.equal(
    [...firstPage, ...rest].map(({ recordId }) => recordId),
    expected
  )
  assert.equal(await heldRecords(rows, b.member, { limit: 10 }), [])
})

test('a send and its acknowledgement and the next send in one block', async () => {
  const chain = createChain(3)
  const [a, b, c] = chain.hospitals as [Hospital, Hospital, Hospital]
  const one = chain.firstSend(a, [b])
  const two = chain.sendOn(b, [c], one.body.recordId, one.id)
  for (const tx of [one, chain.ack(b, one.id), two, chain.ack(c, two.id)])
    assert.equal(chain.add(tx), { kind: 'accept' })
  chain.commit()
  const graph = await graphOf(chain, one.body.recordId)
  assert.equal(
    graph.transmissions.map(({ id }) => id),
    [one.id, two.id]
  )
  assert.is(holdersAt(graph).length, 3)
})

test('a graph has a bound, and says when it is over it', async () => {
  const chain = createChain(2)
  const [a, b] = chain.hospitals as [Hospital, Hospital]
  const one = chain.firstSend(a, [b])
  chain.add(one)
  chain.commit()
  const rows = chain.rows()
  const row = rows.entries().find(([key]) => key.includes('/send/'))
  const many = {
    get: rows.get,
    async *range(options: { readonly from: string; readonly limit?: number }) {
      if (!options.from.includes('/send/')) return
      for (let i = 0; i < (options.limit ?? 0); i++) yield row as [string, Uint8Array]
    }
  }
  const graph = await traceRecord(many, one.body.recordId)
  assert.is(graph?.transmissions.length, limits.traceTransmissionsMax)
  assert.is(graph?.complete, false)
})

test('a graph is bounded by its hand-offs, and what is in it has its acknowledgements', async () => {
  const record = hash('record') as string as RecordId
  const receivers = Array.from({ length: 200 }, (_, i) => hash(`receiver ${i}`) as string as MemberId)
  const fitting = limits.traceHandOffsMax / receivers.length
  /** So many transmissions to all of these; of each the last receiver has opened. */
  const tableWith = (transmissions: number) =>
    tableOf(
      Array.from({ length: transmissions }, (_, i) => {
        const id = hash(`transmission ${i}`) as string as TransactionId
        const at = { height: height(i + 1), place: 0, time: i + 1 }
        const sender = hash('origin') as string as MemberId
        const send = { id, via: null, sender, ...at, to: receivers, purpose: 'treatment', consent: null } as const
        const ack = { id, outcome: 'opened', ...at } as const
        return [
          { key: rowKeys.send(record, at.height, 0), value: encodeSendRow({ ...send, content: hash('content') }) },
          { key: rowKeys.ack(record, id, receivers.at(-1) as MemberId), value: encodeAckRow(ack) }
        ]
      }).flat()
    )
  for (const [transmissions, complete] of [
    [fitting, true],
    [fitting + 1, false]
  ] as const) {
    const graph = await traceRecord(tableWith(transmissions), record)
    assert.equal([graph?.transmissions.length, graph?.complete], [fitting, complete])
    for (const { to } of graph?.transmissions ?? []) {
      assert.is(to.filter(({ state }) => state === 'opened').length, 1)
      assert.is(to.at(-1)?.state, 'opened')
    }
  }
})

test('whatever members try: one origin, acyclic by via, every sender was a holder then; rebuilt equals incremental', async () => {
  let cycles = 0
  let parallels = 0
  let refusals = 0
  let withRecall = 0
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { chain, sends, acks, recalls, attestations, refused } = play(plan)
      refusals += refused
      const rows = chain.rows()
      assert.equal(refold(chain).entries(), rows.entries())
      for (const record of new Set(sends.map(({ body }) => body.recordId))) {
        const graph = await graphOf(chain, record)
        check(
          graph,
          sends.filter(({ body }) => body.recordId === record),
          acks
        )
        const recall = recalls.find(({ body }) => body.recordId === record)
        assert.is(graph.recall?.id, recall?.id)
        const attested = attestations.filter(({ body }) => body.recordId === record)
        assert.equal(
          new Map(Array.from(graph.recall?.attested ?? [], ([member, { id }]) => [member, id])),
          new Map(attested.map(({ author, id }) => [author.member, id]))
        )
        withRecall += recall === undefined ? 0 : 1
        for (const { member } of chain.hospitals) {
          const plain = plainlyHeld(record, member, { sends, acks, recalls, attestations })
          const brief = (held: Pick<HeldRecord, 'through' | 'recall'> | undefined) =>
            held && [held.through, held.recall]
          assert.equal(brief(holdersAt(graph).find((holder) => holder.member === member)), plain)
          assert.equal(brief(heldRecord(rows, member, record)), plain)
          const [listed] = (await heldRecords(rows, member, { limit: 1000 })).filter(
            ({ recordId }) => recordId === record
          )
          assert.equal(brief(listed), plain)
        }
        const shape = shapeOf(graph)
        cycles += shape.isCyclic ? 1 : 0
        parallels += shape.hasParallels ? 1 : 0
      }
    }),
    { numRuns: 250 }
  )
  assert.ok(cycles > 10, `${cycles} graphs of holders had a cycle`)
  assert.ok(parallels > 10, `${parallels} graphs had parallel edges`)
  assert.ok(withRecall > 20, `${withRecall} records were recalled`)
  assert.ok(refusals > 500, `${refusals} transactions were refused`)
})

/** Through what a member came to hold a record, and what the recall made of it, by a plain look at what was accepted. */
function plainlyHeld(
  record: RecordId,
  member: MemberId,
  { sends, acks, recalls, attestations }: Pick<History, 'sends' | 'acks' | 'recalls' | 'attestations'>
): readonly [TransactionId | null, string | null] | undefined {
  const isOfRecord = ({ body }: { readonly body: { readonly recordId: RecordId } }) => body.recordId === record
  const isOwn = ({ author }: ParsedTransaction) => 'member' in author && author.member === member
  const [first] = sends.filter(isOfRecord)
  const opened = acks
    .filter(isOwn)
    .flatMap(({ body }) => body.acks.filter(({ outcome }) => outcome === 'opened'))
    .find(({ via }) => sends.some((send) => send.id === via && isOfRecord(send)))
  const isOrigin = first !== undefined && isOwn(first)
  if (!isOrigin && opened === undefined) return undefined
  const recall = attestations.some((one) => isOwn(one) && isOfRecord(one)) ? 'destroyed' : 'recalled'
  return [isOrigin ? null : (opened?.via ?? null), recalls.some(isOfRecord) ? recall : null]
}

/** The graph against the accepted transactions themselves, in their order. */
function check(
  graph: CustodyGraph,
  sends: readonly ParsedTransaction<'stt.send'>[],
  acks: readonly ParsedTransaction<'stt.ack'>[]
): void {
  assert.equal(
    graph.transmissions.map(({ id }) => id),
    sends.map(({ id }) => id)
  )
  assert.is(graph.origin, sends[0]?.author.member)
  const earlier = new Map<TransactionId, CustodyGraph['transmissions'][number]>()
  graph.transmissions.forEach((transmission, i) => {
    const { id, via, sender, to, height, content } = transmission
    assert.is(via, sends[i]?.body.via)
    assert.equal(
      to.map(({ member }) => member),
      sends[i]?.body.to.map(({ member }) => member)
    )
    assert.is(content, sends[0]?.body.content)
    for (const { member, state, ack } of to) {
      const answer = acks.find(({ author, body }) => author.member === member && outcomeOf(body, id) !== undefined)
      assert.is(state, answer === undefined ? 'sent' : outcomeOf(answer.body, id))
      assert.is(ack?.id, answer?.id)
    }
    if (via === null) {
      assert.is(sender, graph.origin)
    } else {
      const delivery = earlier.get(via)?.to.find(({ member }) => member === sender)
      assert.is(delivery?.state, 'opened', 'the source comes earlier, and its receiver had opened it')
      assert.ok((delivery?.ack?.height as number) <= height)
    }
    const path = pathOf(graph, id)
    assert.is(path?.[0]?.via, null)
    assert.is(path?.at(-1)?.id, id)
    earlier.set(id, transmission)
  })
}

function shapeOf(graph: CustodyGraph): { isCyclic: boolean; hasParallels: boolean } {
  const pairs = handOffs(graph).map(({ transmission, delivery }) => `${transmission.sender} ${delivery.member}`)
  const next = new Map<string, Set<string>>()
  for (const pair of pairs) {
    const [from, to] = pair.split(' ') as [string, string]
    next.set(from, (next.get(from) ?? new Set()).add(to))
  }
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    [...(next.get(from) ?? [])].some((to) => to === goal || (!seen.has(to) && reaches(to, goal, seen.add(to))))
  return {
    isCyclic: [...next.keys()].some((member) => reaches(member, member, new Set())),
    hasParallels: new Set(pairs).size < pairs.length
  }
}

test.run()
