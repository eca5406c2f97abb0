import { type ChainId, height, WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Api,
  ApiError,
  createDispatcher,
  createSubscriber,
  methods,
  type OpenFeed,
  parseUnsubscribe,
  type Role
} from '../src/index.ts'

const test = suite('api/dispatch')

const ID = 'ab'.repeat(32)

/** Answers every call with what it was given. */
const echo = new Proxy({} as Api, {
  get: (_target, method) => async (params: unknown, context: unknown) => ({ method, params, context })
})

// biome-ignore lint/suspicious/noExplicitAny: the echo has no type.
async function call(method: string, params?: unknown, role: Role = 'admin'): Promise<any> {
  return createDispatcher(echo)(method, params, { role })
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ApiError) return error.code
    throw error
  }
  return 'none'
}

test('defaults are filled in and actor moves to the context', async () => {
  const given = await call('record.send', { to: ['Mercy'], content: 'aGk=', actor: 'Dr. Roe' })
  assert.equal(given, {
    method: 'record.send',
    params: { to: ['Mercy'], content: 'aGk=', purpose: 'treatment', wait: 'final', timeoutMs: 30_000, receipt: false },
    context: { role: 'admin', actor: 'Dr. Roe' }
  })
})

test('an actor is text without control characters', async () => {
  for (const actor of ['', 'x'.repeat(129), 'a\nb', '\u0000', '\u001b[2J', '\u0085', '\ud800']) {
    assert.is(await codeOf(call('grant.list', { alias: ID, actor })), 'invalid-params', JSON.stringify(actor))
  }
  for (const actor of ['x'.repeat(128), 'Dr. Ødegård', '医師', 'a b']) {
    assert.is((await call('grant.list', { alias: ID, actor })).context.actor, actor)
  }
})

test('parameters may be given by position', async () => {
  const given = await call('record.open', ['main', ID])
  assert.is(given.params.chain, 'main')
  assert.is(given.params.record, ID)
  assert.is(await codeOf(call('status', [1])), 'invalid-params')
})

test('left out parameters are an empty object', async () => {
  assert.equal((await call('chain.list')).params, {})
})

for (const [method, params] of [
  ['status', { x: 1 }],
  ['status', 'x'],
  ['record.send', {}],
  ['record.send', { to: [], content: 'aGk=' }],
  ['record.send', { to: ['a'] }],
  ['record.send', { to: ['a'], content: 'aGk=', record: ID }],
  ['record.send', { to: ['a'], via: ID, descriptor: {} }],
  ['record.send', { to: ['a'], content: 'a$k=' }],
  ['record.send', { to: ['a'], content: 'aGk' }],
  ['record.send', { to: ['a'], content: 'aGk=', purpose: 'curiosity' }],
  ['record.send', { to: ['a'], content: 'aGk=', timeoutMs: 0 }],
  ['record.send', { to: ['a'], content: 'aGk=', timeoutMs: 600_001 }],
  ['record.send', { to: ['a'], content: 'aGk=', timeoutMs: 1.5 }],
  ['record.send', { to: new Array(257).fill('a'), content: 'aGk=' }],
  ['record.send', { to: new Array(10_000).fill('a'), content: 'aGk=' }],
  ['record.open', {}],
  ['record.open', { record: ID, via: ID }],
  ['record.trace', { record: ID.toUpperCase() }],
  ['tx.submit', { transaction: '' }],
  ['tx.submit', { transaction: 'abc' }],
  ['tx.submit', { transaction: '00'.repeat(60 * 1024 + 1) }],
  ['tx.get', { id: `${ID}0` }],
  ['chain.block', { height: -1 }],
  ['chain.block', { height: 1, digest: ID }],
  ['member.list', { limit: 1001 }],
  ['member.register', { card: '{}', role: 'registrar' }],
  ['handoff.list', { withoutConsent: true, invalidConsent: true }],
  ['handoff.list', { state: 'sent', invalidConsent: true }],
  ['consent.note', {}],
  ['consent.note', { consent: ID, untilMs: -1 }],
  ['consent.note', { consent: ID, fromMs: 5, untilMs: 5 }],
  ['consent.note', { consent: ID, note: '' }],
  ['consent.note', { consent: ID, note: '\u{1F3E5}'.repeat(51) }],
  ['consent.note', { consent: ID, note: '\ud800' }],
  ['consent.list', { after: 'x' }],
  ['record.list', { before: 'zzz garbage' }],
  ['record.list', { before: ID }],
  ['grant.list', { alias: ID, after: 'zzz' }],
  ['grant.list', { alias: ID, after: 'm' }],
  ['grant.list', { alias: ID, after: `r/${ID}/hospital` }],
  ['handoff.list', { after: '0' }],
  ['handoff.list', { state: 'recalled', after: ID }]
] as const) {
  test(`${method} ${JSON.stringify(params).slice(0, 60)} is refused`, async () => {
    assert.is(await codeOf(call(method, params)), 'invalid-params')
  })
}

test('a refusal names the parameter and what it must be, and nothing that was given', async () => {
  try {
    await call('record.send', { to: ['a'], content: 'SECRET-$', 'a name: Jane Roe': 1, purpose: 'Jane Roe' })
    assert.unreachable()
  } catch (error) {
    const { message, data } = error as ApiError
    assert.match(message, /content must be base64/)
    assert.match(message, /purpose must be one of treatment, /)
    assert.not.match(message + JSON.stringify(data), /SECRET|Jane/)
  }
})

test('unknown methods, and names of what every object has', async () => {
  for (const name of ['', 'nothing', 'toString', 'constructor', '__proto__', 'rpc.other']) {
    assert.is(await codeOf(call(name)), 'method-not-found', name)
  }
})

test('who may call what', async () => {
  const table: Record<string, string> = {}
  for (const name of Object.keys(methods)) {
    const roles: string[] = []
    for (const role of ['admin', 'ehr', 'read'] as const) {
      if ((await codeOf(call(name, {}, role))) !== 'not-permitted') roles.push(role)
    }
    table[name] = roles.join(' ')
  }
  assert.equal(table, {
    status: 'admin ehr read',
    'peers.list': 'admin ehr read',
    'member.list': 'admin ehr read',
    'member.register': 'admin',
    'member.revoke': 'admin',
    'member.rotate': 'admin',
    'member.veto': 'admin',
    'validator.list': 'admin ehr read',
    'validator.propose': 'admin',
    'validator.review': 'admin ehr read',
    'validator.approve': 'admin',
    'validator.submit': 'admin',
    'person.create': 'admin',
    'tx.sponsor': 'admin ehr',
    'alias.open': 'admin ehr',
    'alias.find': 'admin ehr',
    'patient.enrol': 'admin ehr',
    'patient.withdraw': 'admin ehr',
    'grant.create': 'admin ehr',
    'grant.revoke': 'admin ehr',
    'grant.list': 'admin ehr read',
    'record.send': 'admin ehr',
    'record.recall': 'admin ehr',
    'record.pending': 'admin ehr read',
    'record.ack': 'admin ehr',
    'record.open': 'admin ehr',
    'record.publish': 'admin ehr',
    'record.amend': 'admin ehr',
    'patient.timeline': 'admin ehr read',
    'record.envelope': 'admin ehr',
    'record.list': 'admin ehr read',
    'record.trace': 'admin ehr read',
    'record.holders': 'admin ehr read',
    'record.path': 'admin ehr read',
    'record.downstream': 'admin ehr read',
    'record.handoffs': 'admin ehr read',
    'record.ancestor': 'admin ehr read',
    'record.held': 'admin ehr read',
    'record.receipt': 'admin ehr read',
    'handoff.between': 'admin ehr read',
    'handoff.list': 'admin ehr read',
    'consent.note': 'admin ehr',
    'consent.remove': 'admin ehr',
    'consent.list': 'admin ehr',
    'tx.submit': 'admin ehr',
    'tx.get': 'admin ehr read',
    'chain.list': 'admin ehr read',
    'chain.info': 'admin ehr read',
    'chain.block': 'admin ehr read',
    'chain.add': 'admin',
    'chain.remove': 'admin',
    'chain.verify': 'admin ehr read',
    'evidence.list': 'admin ehr read',
    'record.anchor': 'admin ehr',
    'record.request': 'admin ehr',
    'record.verify': 'admin ehr read',
    'audit.patient': 'admin ehr read'
  })
})

test('calls that change something or read content are marked for the local log, and take an actor', () => {
  for (const [name, { audited, params }] of Object.entries(methods)) {
    assert.is(audited, 'actor' in params.shape, name)
  }
})

test('a failing world is `unavailable` with its code only; a bug stays what it is', async () => {
  const failing = (error: Error) =>
    createDispatcher({ ...echo, status: () => Promise.reject(error) } as Api)('status', {}, { role: 'read' })
  try {
    await failing(new WardlineError('store-failed', 'disk of Jane Roe'))
    assert.unreachable()
  } catch (error) {
    assert.ok(error instanceof ApiError)
    assert.is(error.code, 'unavailable')
    assert.equal(error.data, { reason: 'store-failed' })
    assert.not.match(error.message, /Jane/)
  }
  try {
    await failing(new TypeError('x'))
    assert.unreachable()
  } catch (error) {
    assert.instance(error, TypeError)
  }
})

test('answers are held against their schema where that is asked for', async () => {
  const wrong = createDispatcher(echo, { checkResults: true })
  try {
    await wrong('chain.list', {}, { role: 'read' })
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).name, 'ZodError')
  }
  const right = { ...echo, 'chain.list': async () => ({ chains: [] }) } as Api
  assert.equal(await createDispatcher(right, { checkResults: true })('chain.list', {}, { role: 'read' }), {
    chains: []
  })
})

test('what needs a connection that stays says so to who has none', async () => {
  assert.is(await codeOf(call('subscribe', { topic: 'blocks' })), 'needs-stream')
  assert.is(await codeOf(call('unsubscribe', { subscription: 1 })), 'needs-stream')
})

test('a subscription is opened with its defaults, and actor moves to the context', async () => {
  let given: unknown
  const open: OpenFeed = async (params, context) => {
    given = { params, context }
    return { chain: ID as ChainId, height: height(7), notices: (async function* () {})() }
  }
  const {
    topic,
    chain,
    height: at
  } = await createSubscriber(open)({ topic: 'alerts', actor: 'Dr. Roe' }, { role: 'read' })
  assert.equal({ topic, chain, at }, { topic: 'alerts', chain: ID, at: 7 })
  assert.equal(given, { params: { topic: 'alerts' }, context: { role: 'read', actor: 'Dr. Roe' } })
})

test('a failing world is told to a follower as unavailable, when it opens and later', async () => {
  const lost = new WardlineError('store-closed', 'the disk of Jane Roe is gone')
  const notices = async function* () {
    yield { height: height(1), events: [] }
    throw lost
  }
  const subscribe = (open: OpenFeed) => createSubscriber(open)({ topic: 'blocks' }, { role: 'read' })
  assert.is(await codeOf(subscribe(() => Promise.reject(lost))), 'unavailable')
  const feed = await subscribe(async () => ({ chain: ID as ChainId, height: height(0), notices: notices() }))
  const all = async () => {
    for await (const notice of feed.notices) assert.is(notice.height, 1)
  }
  assert.is(await codeOf(all()), 'unavailable')
})

for (const params of [
  undefined,
  [],
  {},
  { topic: 'patients' },
  { topic: 'blocks', from: 1.5 },
  { topic: 'blocks', x: 1 }
]) {
  test(`subscribe with ${JSON.stringify(params)} is invalid-params`, async () => {
    const open: OpenFeed = () => assert.unreachable() as never
    assert.is(await codeOf(createSubscriber(open)(params, { role: 'admin' })), 'invalid-params')
  })
}

test('unsubscribe names a subscription', () => {
  assert.is(parseUnsubscribe({ subscription: 3 }), 3)
  assert.is(parseUnsubscribe([3]), 3)
  assert.throws(
    () => parseUnsubscribe({}),
    (error: unknown) => error instanceof ApiError
  )
})

test.run()
