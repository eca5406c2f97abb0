/** `record.list` while what it lists is acknowledged, and cursors that no answer gave. */
import type { MethodName } from '@wardline/api'
import type { RecordId, TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { base64, codeOf, connected, type Daemon, found, start, stopAll, until } from '../hospitals.ts'

const test = suite('hospital/api/record-list')

const founded = await found(['Alpha', 'Beta', 'Gamma'])
let alpha: Daemon
let beta: Daemon
let gamma: Daemon

test.before(async () => {
  const daemons = founded.places.map((place) =>
    start(founded, place, { acknowledge: place.name === 'Beta' ? 'manual' : 'auto' })
  )
  ;[alpha, beta, gamma] = (await Promise.all(daemons)) as [Daemon, Daemon, Daemon]
  await connected([alpha, beta, gamma])
})

test.after(async () => {
  await stopAll([alpha, beta, gamma])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

async function pendingAtBeta(count: number): Promise<void> {
  await until(`${count} wait at Beta`, async () => {
    const { pending } = await beta.call('record.pending', {})
    return pending.length === count && pending.every(({ payloadHere }) => payloadHere)
  })
}

/** Transmissions and states, page by page; between two pages something happens. */
async function pages(
  daemon: Daemon,
  which: 'all' | 'own' | 'received',
  limit: number,
  between: (seen: readonly TransactionId[]) => Promise<void> = async () => {}
): Promise<(readonly [TransactionId, string])[]> {
  const seen: (readonly [TransactionId, string])[] = []
  let before: string | undefined
  do {
    const page = await daemon.call('record.list', { which, limit, before })
    assert.ok(page.records.length <= limit)
    seen.push(...page.records.map(({ transmission, state }) => [transmission, state] as const))
    await between(seen.map(([transmission]) => transmission))
    before = page.next ?? undefined
  } while (before !== undefined)
  return seen
}

const sent: TransactionId[] = []

test('what is acknowledged between two pages keeps its place', async () => {
  for (const text of ['one', 'two', 'three', 'four', 'five']) {
    sent.push((await alpha.call('record.send', { to: ['Beta'], content: base64(text) })).id)
  }
  await pendingAtBeta(5)
  const [oldest] = sent as [TransactionId]
  const seen = await pages(beta, 'received', 2, async (ids) => {
    if (ids.length === 2) await beta.call('record.ack', { via: oldest })
  })
  assert.equal(
    seen.map(([id]) => id),
    sent.toReversed()
  )
  assert.equal(
    seen.map(([, state]) => state),
    ['sent', 'sent', 'sent', 'sent', 'opened']
  )
})

test('a hand-off that was refused stays in the list, and says so', async () => {
  const [, , third] = sent as [TransactionId, TransactionId, TransactionId]
  await beta.call('record.ack', { via: third, refuse: true })
  const expected = new Map(sent.map((id, i) => [id, ['opened', 'sent', 'refused', 'sent', 'sent'][i]]))
  for (const limit of [1, 2, 1000]) {
    const seen = await pages(beta, 'received', limit)
    assert.equal(seen.toReversed(), [...expected])
  }
})

test('an own record is listed once, at its first transmission; what comes here, as often as it came', async () => {
  const { id, record } = await alpha.call('record.send', { to: ['Beta', 'Gamma'], content: base64('for both') })
  const again = await alpha.call('record.send', { to: ['Beta', 'Gamma'], record })
  await until('Gamma has opened both', async () =>
    (await pages(gamma, 'received', 10)).every(([, s]) => s === 'opened')
  )
  assert.equal(await pages(gamma, 'received', 1), [
    [again.id, 'opened'],
    [id, 'opened']
  ])
  assert.equal(
    (await pages(alpha, 'own', 2)).map(([one]) => one),
    [id, ...sent.toReversed()]
  )
  const back = await gamma.call('record.send', { to: ['Alpha'], record })
  await until('Alpha has it back', async () => (await pages(alpha, 'received', 10))[0]?.[1] === 'opened')
  assert.equal(await pages(alpha, 'received', 10), [[back.id, 'opened']])
  assert.equal(
    (await pages(alpha, 'all', 3)).map(([one]) => one),
    [back.id, id, ...sent.toReversed()]
  )
  assert.equal(await pages(gamma, 'own', 10), [])
})

const ID = 'ab'.repeat(32)
const PLACE = `${'0'.repeat(16)}00000`

for (const [method, params, cursors] of [
  ['record.list', {}, [ID, `${'1'.repeat(12)}-${ID}`]],
  ['record.holders', { record: ID }, [ID, `${PLACE}/${ID}`]],
  ['record.handoffs', { record: ID }, [ID, `${PLACE}/${PLACE}`]],
  ['record.downstream', { from: 'Alpha' }, [ID]],
  ['record.pending', {}, []],
  ['record.held', {}, []],
  ['member.list', {}, []],
  ['consent.list', {}, []],
  ['handoff.between', { from: 'Alpha', to: 'Beta' }, [ID, `${PLACE}/${ID}`]],
  ['handoff.list', {}, [ID, PLACE, `${PLACE}/${PLACE}`]],
  ['handoff.list', { state: 'recalled' }, [ID, PLACE, `${PLACE}/${ID}`]],
  ['handoff.list', { withoutConsent: true }, [ID, `${PLACE}/${ID}`]],
  ['handoff.list', { invalidConsent: true }, [PLACE, `${ID}/${ID}`]],
  ['handoff.list', { consent: ID }, [ID, `${PLACE}/${ID}`]]
] as const satisfies readonly (readonly [MethodName, object, readonly string[]])[]) {
  test(`${method} ${JSON.stringify(params)} refuses cursors that are none`, async () => {
    const record = (await alpha.call('record.list', { which: 'own', limit: 1 })).records[0]?.record as RecordId
    const ofRecord = method === 'record.downstream' ? { record, ...params } : params
    for (const cursor of ['', '0', '/', 'f', 'ffff/ffff', 'zzz garbage', `${ID}0`, ...cursors]) {
      const cursorOf = method === 'record.list' ? { before: cursor } : { after: cursor }
      const asked = { ...ofRecord, ...cursorOf } as never
      assert.is(await codeOf(alpha.call(method, asked)), 'invalid-params', cursor)
    }
  })
}

test.run()
