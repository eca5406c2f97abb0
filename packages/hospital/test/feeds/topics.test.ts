/** What can be followed of real chains: each topic, who may see what of it, and what is refused. */
import { createSubscriber, type Notice, type Role, type TopicName, topics } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ALLIANCE, doctorAt, enrolledAt, publish } from '../dss/alliance.ts'
import { atRest, base64, codeOf, type Daemon, found, start, startAll, stopAll, untilState } from '../hospitals.ts'

const test = suite('hospital/feeds/topics')

/** Subscribes as a client does, and holds every event against its schema. */
async function subscribe(daemon: Daemon, params: object, role: Role = 'admin') {
  const ending = new AbortController()
  const feed = await createSubscriber(daemon.hospital.openFeed)(params, { role, signal: ending.signal })
  const { event } = topics[feed.topic]
  const notices = feed.notices[Symbol.asyncIterator]()
  return {
    feed,
    async end(): Promise<void> {
      ending.abort()
      await notices.return?.()
    },
    async next(): Promise<Notice> {
      const { value } = await notices.next()
      for (const one of value.events) assert.equal(event.parse(one), one)
      return value
    }
  }
}

/** Everything of a topic above `from`: as many notices as there are, and no other for a moment. */
async function all(daemon: Daemon, topic: TopicName, count: number, role: Role = 'admin', from = 0) {
  const { next, end } = await subscribe(daemon, { topic, from }, role)
  const found: Notice[] = []
  while (found.length < count) found.push(await next())
  const another = next().catch(() => 'ended')
  const quiet = new Promise<'quiet'>((resolve) => setTimeout(resolve, 300, 'quiet'))
  assert.is(await Promise.race([another, quiet]), 'quiet')
  await end()
  return found
}

// biome-ignore lint/suspicious/noExplicitAny: events are looked at field by field.
const eventsIn = (notices: readonly Notice[]): any[] => notices.flatMap(({ events }) => events)

test('a transfer chain: blocks and hand-offs, resumed at every height, the same on the read socket, without content', async () => {
  const founded = await found(['Alpha', 'Beta'])
  const daemons = await startAll(founded)
  const [alpha, beta] = daemons as [Daemon, Daemon]
  const live = await subscribe(alpha, { topic: 'handoffs' }, 'read')
  const sent = []
  for (const text of ['SECRET one', 'SECRET two', 'SECRET three']) {
    sent.push(await alpha.call('record.send', { to: ['Beta'], content: base64(text) }))
  }
  for (const one of sent) await untilState(alpha, one, beta, 'opened')
  const heard: Notice[] = []
  while (eventsIn(heard).length < 6) heard.push(await live.next())
  await live.end()

  await atRest(daemons)
  const block = await alpha.call('chain.block', {})
  const blocks = await all(alpha, 'blocks', block.height)
  assert.equal(
    blocks.map(({ height }) => height),
    Array.from({ length: block.height }, (_, index) => index + 1)
  )
  const { digest, proposer, timeMs } = eventsIn(blocks).at(-1)
  assert.equal([digest, proposer, timeMs], [block.digest, block.proposer, block.timeMs])

  const handoffs = await all(alpha, 'handoffs', heard.length)
  assert.equal(handoffs, heard)
  const events = eventsIn(handoffs)
  for (const { id, record } of sent) {
    const own = events.filter(({ transmission }) => transmission === id)
    assert.equal(
      own.map(({ kind }) => kind),
      ['sent', 'acknowledged']
    )
    assert.ok(own.every((one) => one.record === record))
    assert.equal(
      [own[0].from.name, own[0].to[0].name, own[1].by.name, own[1].outcome],
      ['Alpha', 'Beta', 'Beta', 'opened']
    )
  }
  for (const [index, { height }] of handoffs.entries()) {
    const above = handoffs.slice(index + 1)
    assert.equal(await all(alpha, 'handoffs', above.length, 'ehr', height), above)
  }
  assert.not.match(JSON.stringify([blocks, handoffs]), /SECRET|U0VDUkVU/)

  const refused = (params: object, role: Role = 'read') =>
    codeOf(createSubscriber(alpha.hospital.openFeed)(params, { role }))
  assert.is(await refused({ topic: 'accesses' }), 'not-found')
  assert.is(await refused({ topic: 'accesses', chain: 'transfers' }), 'wrong-mode')
  assert.is(await refused({ topic: 'blocks', chain: 'nowhere' }), 'not-found')
  assert.is(await refused({ topic: 'blocks', from: 1_000_000 }), 'height-ahead')
  for (const params of [
    {},
    { topic: 'patients' },
    { topic: '__proto__' },
    { topic: 'blocks', from: -1 },
    { topic: 'blocks', x: 1 }
  ]) {
    assert.is(await refused(params), 'invalid-params')
  }

  await beta.stop()
  const alerts = await subscribe(alpha, { topic: 'alerts' })
  const [raised] = eventsIn([await alerts.next()])
  assert.equal([raised.kind, raised.code, raised.severity], ['raised', 'no-quorum', 'fail'])
  await alerts.end()

  const waiting = await subscribe(alpha, { topic: 'blocks' })
  const ended = codeOf(waiting.next())
  await alpha.call('chain.remove', { label: 'transfers' })
  assert.is(await ended, 'unavailable')
  assert.is(await refused({ topic: 'blocks', chain: 'transfers' }), 'not-found')
  await alpha.stop()
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test('an alliance: accesses name staff on the hospital’s own sockets only, and following them is logged', async () => {
  const founded = await found(['Alpha', 'Beta'], ALLIANCE)
  const daemons = await startAll(founded)
  const [alpha] = daemons as [Daemon, Daemon]
  const chase = await doctorAt(alpha, 'Dr. Chase')
  const anna = await enrolledAt(alpha, 'anna')
  const { record } = await publish(alpha, anna, chase, 'SECRET')
  await alpha.call('record.open', { record, reader: chase })
  for (const [role, name] of [
    ['admin', 'Dr. Chase'],
    ['read', null]
  ] as const) {
    const [access, ...others] = eventsIn(await all(alpha, 'accesses', 1, role))
    assert.equal(others, [])
    assert.equal(
      [access.kind, access.alias, access.hospital.name, access.reader, access.records],
      ['dss.access', anna, 'Alpha', { member: chase, name }, [record]]
    )
    assert.not.match(JSON.stringify(access), /SECRET|anna/)
  }
  const log = await founded.places[0]?.audit.open()
  assert.match(log?.last ?? '', /"role":"read","actor":null,"method":"subscribe accesses"/)
  await stopAll(daemons)
})

test('a permissions chain: a denied access and a covered one', async () => {
  const founded = await found(['Alpha', 'Beta'], { mode: 'SPV' })
  const daemons = await Promise.all(founded.places.map((place) => start(founded, place)))
  const [alpha, beta] = daemons as [Daemon, Daemon]
  const { alias } = await alpha.call('alias.open', { patient: 'anna' })
  const { record } = await alpha.call('record.anchor', { patient: 'anna', content: base64('SECRET') })
  const ask = () => beta.call('record.request', { owner: 'Alpha', alias, records: [record] })
  const denied = await ask()
  const { grant } = await alpha.call('grant.create', {
    patient: 'anna',
    grantee: { member: 'Beta' },
    purposes: ['treatment']
  })
  const covered = await ask()
  const events = eventsIn(await all(alpha, 'accesses', 2, 'read'))
  assert.equal(
    events.map(({ transaction, decision, status, grant: by }) => [transaction, decision, status, by]),
    [
      [denied.entry, 'deny', 'denied', null],
      [covered.entry, 'permit', 'covered', grant]
    ]
  )
  assert.not.match(JSON.stringify(events), /SECRET|anna/)
  await stopAll(daemons)
})

test.run()
