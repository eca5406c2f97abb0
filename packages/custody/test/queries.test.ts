import { height, limits, type MemberId, type RecordId } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { comparePositions } from '../src/graph.ts'
import {
  type CopyPath,
  type CustodyGraph,
  commonAncestor,
  type DeliveryState,
  type Edge,
  edgesBetween,
  edgesIn,
  edgesOf,
  edgesOfConsent,
  edgesRecalled,
  edgesUnconsented,
  handOffs,
  heldRecords,
  holdersAt,
  holdersOf,
  itemsOf,
  type Page,
  type PageOptions,
  pathOfCopy,
  pathTo,
  type Recall,
  type RecalledOrigin,
  type Rows,
  traceRecord
} from '../src/index.ts'
import { CREATED, createChain, type Hospital, hash } from './chain.ts'
import { CONSENTS, play, steps } from './histories.ts'

const test = suite('custody/queries')

const STATES = ['sent', 'mismatch', 'broken-path', 'refused', 'lost-key'] as const satisfies readonly DeliveryState[]

/** All pages of a question, each of at most `limit` rows. */
async function all<T>(limit: number, ask: (page: PageOptions) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  let after: string | undefined
  do {
    const page = await ask(after === undefined ? { limit } : { limit, after })
    assert.ok(page.items.length <= limit * limits.receiversMax)
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined)
  return items
}

const brief = ({ recordId, transmission: { id, sender }, delivery: { member, state, ack } }: Edge) => [
  recordId,
  id,
  sender,
  member,
  state,
  ack?.id
]

const edgesIncluded = (graph: CustodyGraph): Edge[] =>
  handOffs(graph).map(({ transmission: { to: _, ...transmission }, delivery }) => ({
    recordId: graph.recordId,
    transmission,
    delivery
  }))

const pathIds = (path: CopyPath | undefined) => path?.hops.map(({ transmission: { id } }) => id)

test('whatever members did, every answer is what the whole graphs say', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (plan, limit) => {
      const { chain, sends } = play(plan)
      const rows = chain.rows()
      const members = chain.hospitals.map(({ member }) => member)
      const graphs = new Map<RecordId, CustodyGraph>()
      for (const { body } of sends) {
        const graph = await traceRecord(rows, body.recordId)
        if (graph !== undefined) graphs.set(body.recordId, graph)
      }
      for (const [record, graph] of graphs) {
        await checkRecord(rows, record, graph, members, chain.blocks.length, limit)
      }
      await checkChain(rows, [...graphs.values()], members, limit)
      await checkItems(rows, [...graphs.values()], members, limit)
      for (const consent of CONSENTS) {
        const found = await all(limit, (page) => edgesOfConsent(rows, consent, page))
        const named = sends.filter(({ body }) => body.consent === consent)
        assert.equal(
          found.map(({ recordId, transmission, delivery }) => [recordId, transmission.id, delivery.member]),
          named.flatMap(({ id, body: { recordId, to } }) => to.map(({ member }) => [recordId, id, member]))
        )
        for (const member of members) {
          const own = await all(limit, (page) => edgesOfConsent(rows, consent, { ...page, member }))
          assert.equal(own.map(brief), found.filter((edge) => isOf(edge, member)).map(brief))
        }
      }
    }),
    { numRuns: 60 }
  )
})

async function checkRecord(
  rows: Rows,
  record: RecordId,
  graph: CustodyGraph,
  members: readonly MemberId[],
  blocks: number,
  limit: number
): Promise<void> {
  assert.equal(await all(limit, (page) => holdersOf(rows, record, page)), holdersAt(graph))
  for (let at = 0; at <= blocks; at++) {
    for (const moment of [
      { height: height(at) },
      { timeMs: CREATED + at * 1000 },
      { timeMs: CREATED + at * 1000 - 1 }
    ]) {
      assert.equal(await all(limit, (page) => holdersOf(rows, record, { ...page, moment })), holdersAt(graph, moment))
    }
  }
  const edges = edgesIncluded(graph)
  assert.equal(await all(limit, (page) => edgesOf(rows, record, page)), edges)
  const unanswered = await all(limit, (page) => edgesOf(rows, record, { ...page, states: ['sent', 'refused'] }))
  assert.equal(
    unanswered,
    edges.filter(({ delivery: { state } }) => state === 'sent' || state === 'refused')
  )
  for (const member of members) {
    const expected = pathTo(graph, member)?.map(({ id }) => id)
    assert.equal(pathIds(pathOfCopy(rows, record, member)), expected)
    for (const other of members) checkAncestor(rows, record, member, other)
  }
}

/** Both ways round, and against the sets of copies on the two paths. */
function checkAncestor(rows: Rows, record: RecordId, one: MemberId, other: MemberId): void {
  const paths = [one, other].map((member) => pathOfCopy(rows, record, member))
  const found = commonAncestor(rows, record, [one, other])
  const [first, second] = paths
  if (first === undefined || second === undefined) {
    assert.is(found, undefined)
    return
  }
  const copies = (path: CopyPath, of: MemberId) => [
    `${path.hops[0]?.transmission.sender ?? of} -`,
    ...path.hops.map(({ transmission: { id }, delivery: { member } }) => `${member} ${id}`)
  ]
  const here = copies(first, one)
  const shared = copies(second, other).filter((copy) => here.includes(copy))
  assert.ok(found !== undefined)
  assert.is(`${found.member} ${found.through ?? '-'}`, shared.at(-1))
  assert.equal(
    found.apart.map(({ length }) => length),
    [here.length - shared.length, copies(second, other).length - shared.length]
  )
  assert.equal(commonAncestor(rows, record, [other, one])?.through, found.through)
}

async function checkChain(
  rows: Rows,
  graphs: readonly CustodyGraph[],
  members: readonly MemberId[],
  limit: number
): Promise<void> {
  const edges = graphs
    .flatMap(edgesIncluded)
    .toSorted(
      ({ transmission: a, delivery: one }, { transmission: b, delivery: other }) =>
        a.height - b.height || a.place - b.place || (one.member < other.member ? -1 : 1)
    )
  for (const state of STATES) {
    const expected = edges.filter(({ delivery }) => delivery.state === state)
    const found = await all(limit, (page) => edgesIn(rows, state, page))
    assert.equal(found.map(brief), expected.map(brief))
    for (const member of members) {
      const own = await all(limit, (page) => edgesIn(rows, state, { ...page, member }))
      const mine = expected.filter(({ transmission: { sender }, delivery }) =>
        [sender, delivery.member].includes(member)
      )
      assert.equal(own.map(brief), mine.map(brief))
    }
  }
  await checkRecalled(rows, graphs, members, limit)
  const unconsented = edges.filter(({ transmission }) => transmission.consent === null)
  assert.equal((await all(limit, (page) => edgesUnconsented(rows, page))).map(brief), unconsented.map(brief))
  for (const member of members) {
    const own = await all(limit, (page) => edgesUnconsented(rows, { ...page, member }))
    assert.equal(own.map(brief), unconsented.filter((edge) => isOf(edge, member)).map(brief))
  }
  for (const sender of members) {
    const held = (await heldRecords(rows, sender, { limit: 1000 })).map(({ recordId }) => recordId)
    const holding = graphs.filter((graph) => holdersAt(graph).some(({ member }) => member === sender))
    assert.equal(held, holding.map(({ recordId }) => recordId).sort())
    for (const receiver of members) {
      const between = edges.filter(
        ({ transmission, delivery }) => transmission.sender === sender && delivery.member === receiver
      )
      const found = await all(limit, (page) => edgesBetween(rows, [sender, receiver], page))
      assert.equal(found.map(brief), between.map(brief))
      const period = { fromMs: CREATED + 3000, toMs: CREATED + 6000 }
      const inside = await all(limit, (page) => edgesBetween(rows, [sender, receiver], { ...page, ...period }))
      const expected = between.filter(({ transmission: { timeMs } }) => timeMs >= period.fromMs && timeMs < period.toMs)
      assert.equal(inside.map(brief), expected.map(brief))
    }
  }
}

async function checkItems(
  rows: Rows,
  graphs: readonly CustodyGraph[],
  members: readonly MemberId[],
  limit: number
): Promise<void> {
  const sends = graphs.flatMap((graph) =>
    graph.transmissions.map((transmission, i) => ({ transmission, isFirst: i === 0, recordId: graph.recordId }))
  )
  const newestFirst = sends.toSorted((one, other) => comparePositions(other.transmission, one.transmission))
  const lastMs = Math.max(0, ...sends.map(({ transmission }) => transmission.timeMs))
  for (const member of members) {
    for (const which of ['all', 'own', 'received'] as const) {
      for (const headMs of [lastMs, CREATED + 5000]) {
        const expected = newestFirst.flatMap(({ transmission: { id, sender, to, timeMs }, isFirst, recordId }) => {
          const item = { recordId, transmission: id }
          const received = to.find((delivery) => delivery.member === member)
          if (timeMs > headMs) return []
          if (received !== undefined) return which === 'own' ? [] : [{ ...item, state: received.state }]
          return which === 'received' || sender !== member || !isFirst ? [] : [{ ...item, state: 'own' }]
        })
        const found = await all(limit, ({ after, limit: itemsMax }) =>
          itemsOf(rows, member, { which, headMs, limit: itemsMax, ...(after !== undefined && { before: after }) })
        )
        assert.equal(
          found.map(({ recordId, transmission: { id }, state }) => ({ recordId, transmission: id, state })),
          expected
        )
      }
    }
  }
}

const isOf = ({ transmission: { sender }, delivery }: Edge, member: MemberId) =>
  [sender, delivery.member].includes(member)

async function checkRecalled(
  rows: Rows,
  graphs: readonly CustodyGraph[],
  members: readonly MemberId[],
  limit: number
): Promise<void> {
  const recalled = graphs
    .filter(({ recall }) => recall !== undefined)
    .toSorted(({ recall: one }, { recall: other }) => comparePositions(one as Recall, other as Recall))
  for (const unattested of [false, true]) {
    const expected = recalled.flatMap((graph) =>
      edgesIncluded(graph).filter(({ delivery }) => !unattested || !graph.recall?.attested.has(delivery.member))
    )
    const origins = recalled.flatMap(({ recordId, origin, recall }) => {
      const isDestroyed = recall?.attested.has(origin)
      return unattested && isDestroyed
        ? []
        : [{ recordId, member: origin, recall: isDestroyed ? 'destroyed' : 'recalled' }]
    })
    for (const member of [undefined, ...members]) {
      const told: RecalledOrigin[] = []
      const found = await all(limit, async (page) => {
        const asked = await edgesRecalled(rows, { ...page, unattested, ...(member !== undefined && { member }) })
        told.push(...asked.origins)
        return asked
      })
      const mine = expected.filter((edge) => member === undefined || isOf(edge, member))
      assert.equal(found.map(brief), mine.map(brief))
      assert.equal(
        told,
        origins.filter((origin) => member === undefined || origin.member === member)
      )
    }
  }
}

test('copies that part at a hospital, and a copy that comes from the other', () => {
  const chain = createChain(4)
  const [a, b, c, d] = chain.hospitals as [Hospital, Hospital, Hospital, Hospital]
  const one = chain.firstSend(a, [b, d])
  const two = chain.sendOn(b, [c], one.body.recordId, one.id)
  for (const tx of [one, chain.ack(b, one.id), chain.ack(d, one.id), two, chain.ack(c, two.id)]) chain.add(tx)
  chain.commit()
  const rows = chain.rows()
  const { recordId } = one.body
  const ancestor = (x: Hospital, y: Hospital) => {
    const found = commonAncestor(rows, recordId, [x.member, y.member])
    return [found?.member, found?.through, ...(found?.apart ?? []).map(({ length }) => length)]
  }
  // One transmission brought both their copies, and they are two copies all the same.
  assert.equal(ancestor(b, d), [a.member, null, 1, 1])
  assert.equal(ancestor(c, d), [a.member, null, 2, 1])
  assert.equal(ancestor(b, c), [b.member, one.id, 0, 1])
  assert.equal(ancestor(a, c), [a.member, null, 0, 2])
  assert.equal(ancestor(c, c), [c.member, two.id, 0, 0])
})

test('hand-offs without consent, and unknown records', async () => {
  const chain = createChain(2)
  const [a, b] = chain.hospitals as [Hospital, Hospital]
  const one = chain.firstSend(a, [b])
  const named = chain.draft(a, 'stt.send', { ...one.body, consent: hash('grant') })
  for (const tx of [one, named]) assert.equal(chain.add(tx), { kind: 'accept' })
  chain.commit()
  const rows = chain.rows()
  const without = await edgesOf(rows, one.body.recordId, { limit: 10, withoutConsent: true })
  assert.equal(
    without.items.map(({ transmission }) => transmission.id),
    [one.id]
  )
  const unknown = hash('no record') as string as RecordId
  assert.equal(await holdersOf(rows, unknown, { limit: 10 }), { items: [], next: null })
  assert.equal(await edgesOf(rows, unknown, { limit: 10 }), { items: [], next: null })
  assert.is(pathOfCopy(rows, unknown, a.member), undefined)
})

test('a cursor of another question leads nowhere else', async () => {
  const chain = createChain(2)
  const [a, b] = chain.hospitals as [Hospital, Hospital]
  chain.add(chain.firstSend(a, [b]))
  chain.commit()
  const rows = chain.rows()
  for (const after of ['0', 'f', '/', 'ffff/ffff']) {
    const { items } = await edgesIn(rows, 'sent', { limit: 10, after })
    assert.ok(items.every(({ delivery }) => delivery.state === 'sent'))
    assert.equal((await edgesRecalled(rows, { limit: 10, after })).items, [])
    assert.ok((await edgesUnconsented(rows, { limit: 10, after })).items.length <= 1)
    assert.equal((await edgesOfConsent(rows, hash('grant'), { limit: 10, after })).items, [])
    const period = { fromMs: CREATED + 5000, toMs: CREATED + 6000 }
    assert.equal((await edgesBetween(rows, [a.member, b.member], { limit: 10, after, ...period })).items, [])
  }
})

test.run()
