/** The audit log's chain, and what becomes of a call when its line cannot be written. */
import { type Api, ApiError, createDispatcher, methods, type Role } from '@wardline/api'
import { type ChainId, limits, type MemberId, WardlineError } from '@wardline/codec'
import { type Clock, LINE_LENGTH_MAX } from '@wardline/ports'
import { createMemoryLineLog, createSystemClock } from '@wardline/system'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  AUDIT_IDS_MAX,
  type AuditEntry,
  auditLine,
  auditLineHash,
  openAuditBook,
  parseAuditLine
} from '../src/audit.ts'
import { auditApi } from '../src/audited.ts'
import { verifyAuditLog } from '../src/index.ts'
import { codeOf } from './hospitals.ts'

const test = suite('hospital/audit')

const chain = 'c'.repeat(64) as ChainId
const one = '1'.repeat(64)
const two = '2'.repeat(64)
const CANARY = 'canary-in-content'
/** Whom the chain knows by which name. */
const MEMBERS: Readonly<Record<string, MemberId>> = Object.fromEntries(
  ['this hospital', 'Owner', 'Dr. Roe', 'Dr. Poe'].map((name, index) => [name, `${index}a`.repeat(32) as MemberId])
)
const [own, owner, roe, poe] = Object.values(MEMBERS) as [MemberId, MemberId, MemberId, MemberId]

/** Answers every method with `answer`. */
function apiOf(answer: () => Promise<unknown>): Api {
  return new Proxy({} as Api, {
    get: () => answer,
    ownKeys: () => ['status', 'record.send', 'record.open', 'tx.submit', 'member.revoke'],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: answer })
  })
}

async function audited(
  answer: () => Promise<unknown>,
  disk = createMemoryLineLog(),
  clock: Clock = createSystemClock()
) {
  const log = await disk.open()
  const book = openAuditBook(log, clock)
  const audit = auditApi(apiOf(answer), {
    book,
    clock,
    chainOf: (_, asked) => (asked['chain'] === 'elsewhere' ? undefined : chain),
    memberOf: (of, reference) => (of === chain ? MEMBERS[reference ?? 'this hospital'] : undefined)
  })
  const dispatch = createDispatcher(audit.api, { denied: audit.denied })
  const lines = () => disk.text().split('\n').slice(0, -1)
  const entries = () => lines().map((line) => JSON.parse(line) as AuditEntry)
  return {
    disk,
    audit,
    book,
    lines,
    entries,
    call: (method: string, params: object, role: Role = 'admin') => dispatch(method, params, { role })
  }
}

const send = { to: [one, 'Some Hospital'], content: Buffer.from(CANARY).toString('base64'), actor: 'dr-1' }

test('a call has one line with its ids, its actor and what it was answered; the first follows zeros', async () => {
  const it = await audited(async () => ({
    id: one,
    record: two,
    state: 'committed',
    to: [{ member: one, name: CANARY }]
  }))
  await it.call('record.send', send)
  const [entry] = it.entries()
  assert.equal(
    { ...entry, time: 0 },
    {
      seq: 1,
      time: 0,
      role: 'admin',
      actor: 'dr-1',
      method: 'record.send',
      chain,
      ids: { record: two, transaction: one, members: [one] },
      outcome: 'committed',
      previous: '0'.repeat(64)
    }
  )
  assert.not.match(it.disk.text(), new RegExp(`${CANARY}|${Buffer.from(CANARY).toString('base64')}|Some Hospital`))
})

test('what is not audited has no line', async () => {
  const it = await audited(async () => ({}))
  await it.call('status', {})
  assert.equal(it.lines(), [])
})

test('a failed call has its code; names that are no ids are left out', async () => {
  const it = await audited(async () => {
    throw new ApiError('timeout', 'not yet', { id: two, note: CANARY })
  })
  assert.is(await codeOf(it.call('record.send', { ...send, chain: 'elsewhere' })), 'timeout')
  const [entry] = it.entries()
  assert.equal([entry?.outcome, entry?.chain, entry?.ids], ['timeout', null, { transaction: two, members: [one] }])
  assert.not.match(it.disk.text(), new RegExp(CANARY))
})

const asked = { owner: 'Owner', alias: one, records: [two, one], accessor: 'Dr. Roe' }

test('a request to another hospital has who asked whom for which records, its entry, and how much came', async () => {
  const it = await audited(async () => ({ chain, request: two, entry: one, records: [], contentBytes: 7, code: null }))
  await it.call('record.request', asked)
  await it.call('record.request', { ...asked, accessor: undefined })
  const [entry, byItself] = it.entries()
  const ids = { records: [two, one], transaction: one, request: two, alias: one, owner, accessor: roe }
  assert.equal([entry?.ids, entry?.contentBytes], [ids, 7])
  assert.is(byItself?.ids.accessor, own)
  assert.is((await verifyAuditLog(it.lines())).kind, 'verified')
})

test('and no less where it fails after the first byte', async () => {
  const it = await audited(async () => {
    throw new ApiError('verification-failed', 'not it', { chain, request: two, entry: one, contentBytes: 262_144 })
  })
  assert.is(await codeOf(it.call('record.request', asked)), 'verification-failed')
  const [entry] = it.entries()
  const ids = { records: [two, one], transaction: one, request: two, alias: one, owner, accessor: roe }
  assert.equal([entry?.outcome, entry?.ids, entry?.contentBytes], ['verification-failed', ids, 262_144])
})

for (const [method, params, members] of [
  ['record.publish', { alias: one, content: 'AAAA', doctors: ['Dr. Roe', 'Dr. Poe'] }, [roe, poe]],
  ['record.amend', { record: one, content: 'AAAA', doctors: ['Dr. Roe', CANARY] }, [roe]],
  ['record.open', { record: one, reader: 'Dr. Poe' }, [poe]],
  ['patient.timeline', { alias: one, label: CANARY, reader: 'Dr. Poe' }, [poe]],
  ['grant.create', { alias: one, grantee: { member: 'Dr. Roe' }, purposes: ['treatment'] }, [roe]],
  ['grant.create', { alias: one, grantee: { role: 'doctor', hospital: 'Owner' }, purposes: ['treatment'] }, [owner]],
  [
    'grant.create',
    {
      alias: one,
      grantee: {
        expression: { and: [{ attribute: 'x', authority: 'Owner' }, { not: { attribute: 'y', authority: own } }] }
      },
      purposes: ['treatment']
    },
    [owner, own]
  ]
] as const) {
  test(`${method} by ${Object.keys(params).join(', ')} has the members that it names, refused or not`, async () => {
    for (const answer of [async () => ({}), () => Promise.reject(new ApiError('busy', 'later'))]) {
      const it = await audited(answer)
      await codeOf(it.call(method, params))
      assert.equal(it.entries()[0]?.ids.members, members)
      assert.not.match(it.disk.text(), new RegExp(CANARY))
    }
  })
}

test('a failing world is `unavailable`, a bug `internal-error`, and both reach the caller as they are', async () => {
  for (const [error, outcome] of [
    [new WardlineError('store-failed', 'disk'), 'unavailable'],
    [new TypeError('bug'), 'internal-error']
  ] as const) {
    const it = await audited(() => Promise.reject(error))
    await it.call('record.open', { record: one }).then(
      () => assert.unreachable(),
      (got) => assert.ok(got === error || (got as Error).cause === error)
    )
    assert.is(it.entries()[0]?.outcome, outcome)
  }
})

test('concurrent calls and a restart keep one chain', async () => {
  const it = await audited(async () => ({ state: 'accepted', id: one }))
  await Promise.all(Array.from({ length: 50 }, () => it.call('record.send', send)))
  it.disk.tear('{"seq":51,"ti')
  const again = await audited(async () => ({}), it.disk)
  await again.call('record.open', { record: one })
  assert.is(again.entries().at(-1)?.seq, 51)
  const verdict = await verifyAuditLog(again.lines())
  assert.equal(verdict, { kind: 'verified', entries: 51, last: auditLineHash(again.lines().at(-1) as string) })
})

test('what cannot be logged is not answered: `unavailable`, then and ever after, without doing it again', async () => {
  let calls = 0
  const it = await audited(async () => {
    calls += 1
    return {}
  })
  it.disk.breakDisk()
  assert.is(await codeOf(it.call('record.open', { record: one })), 'unavailable')
  assert.is(await codeOf(it.call('record.open', { record: one })), 'unavailable')
  assert.is(calls, 1)
  assert.is(it.book.failure(), 'line-log-failed')
  assert.is(await codeOf(it.call('status', {})), 'none')
})

const atom = { attribute: 'a', authority: 'f'.repeat(64) }
const atoms = (count: number) => ({ or: Array.from({ length: count }, () => atom) })

for (const [expression, code] of [
  [{ and: [atoms(16), atoms(16)] }, 'none'],
  [{ and: [atoms(16), { not: atoms(17) }] }, 'invalid-params'],
  [{ and: Array.from({ length: 32 }, () => atoms(32)) }, 'invalid-params']
] as const) {
  test(`an expression of ${JSON.stringify(expression).length} characters: ${code}, and calls are logged as before`, async () => {
    const it = await audited(async () => ({}))
    const terms = { alias: one, purposes: ['treatment'] }
    assert.is(await codeOf(it.call('grant.create', { ...terms, grantee: { expression } })), code)
    assert.is(await codeOf(it.call('record.open', { record: one })), 'none')
    assert.is(it.book.failure(), undefined)
  })
}

test('the longest lists that a line holds fit it; of longer ones it says how many ids it lacks', async () => {
  const it = await audited(async () => ({}))
  const ids = (count: number) => Array.from({ length: count }, (_, index) => index.toString(16).padStart(64, '0'))
  const logged = it.audit.logged('record.request', async () => ({}))
  for (const [count, leftOut] of [
    [AUDIT_IDS_MAX, undefined],
    [20_000, 2 * (20_000 - AUDIT_IDS_MAX)]
  ] as const) {
    const params = { records: ids(count), to: [...ids(count), ...ids(count)], owner: one, alias: one, accessor: two }
    await logged(params, { role: 'ehr', actor: '\u{d800}'.repeat(128) })
    const entry = it.entries().at(-1)
    assert.equal([entry?.ids.records?.length, entry?.ids.members?.length], [AUDIT_IDS_MAX, AUDIT_IDS_MAX])
    assert.is(entry?.ids.leftOut, leftOut)
    assert.ok(Buffer.byteLength(it.lines().at(-1) as string) < LINE_LENGTH_MAX / 1.5)
  }
  assert.is((await verifyAuditLog(it.lines())).kind, 'verified')
})

test('a line that the log does not take fails its own call, and the next one has the number after the last', async () => {
  const it = await audited(async () => ({}))
  await it.call('record.open', { record: one })
  const call = it.audit.logged('record.open', async () => ({}))({}, { role: 'ehr', actor: 'x'.repeat(LINE_LENGTH_MAX) })
  await call.then(
    () => assert.unreachable(),
    (error) => assert.instance(error, RangeError)
  )
  assert.is(it.book.failure(), undefined)
  await it.call('record.open', { record: two })
  assert.equal((await verifyAuditLog(it.lines())).kind, 'verified')
  assert.is(it.lines().length, 2)
})

test('what a socket may not do is a line too: method, role and actor, whatever the parameters are', async () => {
  let calls = 0
  const it = await audited(async () => {
    calls += 1
    return {}
  })
  const position = Object.keys(methods['record.open'].params.shape).indexOf('actor')
  for (const [params, actor] of [
    [{ record: one, actor: 'dr-1' }, 'dr-1'],
    [[...Array.from({ length: position }, () => CANARY), 'dr-2'], 'dr-2'],
    [{ record: CANARY, [CANARY]: [], actor: 'x'.repeat(129) }, null],
    [{ actor: { [CANARY]: 1 } }, null],
    [[], null],
    [null, null],
    [CANARY, null]
  ] as const) {
    assert.is(await codeOf(it.call('record.open', params as object, 'read')), 'not-permitted')
    const { time: _, seq: __, previous: ___, ...line } = it.entries().at(-1) as AuditEntry
    assert.equal(line, { role: 'read', actor, method: 'record.open', chain: null, ids: {}, outcome: 'not-permitted' })
  }
  assert.is(await codeOf(it.call('member.revoke', {}, 'ehr')), 'not-permitted')
  assert.is(it.entries().at(-1)?.role, 'ehr')
  assert.is(await codeOf(it.call('consent.list', {}, 'read')), 'not-permitted', 'a method whose calls have no line')
  assert.equal([calls, it.lines().length], [0, 8])
  assert.not.match(it.disk.text(), new RegExp(CANARY))
  assert.is((await verifyAuditLog(it.lines())).kind, 'verified')
})

test('denials have the rate of their socket, and without a log there is no other answer than `unavailable`', async () => {
  const it = await audited(async () => ({}), createMemoryLineLog(), movable().clock)
  const ask = () => codeOf(it.call('record.open', {}, 'read'))
  for (let call = 0; call < limits.auditedReadsBurst; call++) assert.is(await ask(), 'not-permitted')
  assert.is(await ask(), 'busy')
  assert.is(it.lines().length, limits.auditedReadsBurst)
  it.disk.breakDisk()
  assert.is(await codeOf(it.call('member.revoke', {}, 'ehr')), 'unavailable')
  assert.is(it.book.failure(), 'line-log-failed')
})

/** Stands still unless it is moved. */
function movable() {
  let nowMs = 1_000_000
  const clock: Clock = { ...createSystemClock(), nowMs: () => nowMs, elapsedMs: () => nowMs }
  return { clock, move: (ms: number) => (nowMs += ms) }
}

for (const [role, burst, perSecond] of [
  ['read', limits.auditedReadsBurst, limits.auditedReadsPerSecond],
  ['ehr', limits.auditedWritesBurst, limits.auditedWritesPerSecond],
  ['admin', limits.auditedWritesBurst, limits.auditedWritesPerSecond]
] as const) {
  test(`the ${role} socket gets ${burst} lines at once and ${perSecond} a second; above it a call is not made`, async () => {
    let calls = 0
    const { clock, move } = movable()
    const it = await audited(
      async () => {
        calls += 1
        return {}
      },
      createMemoryLineLog(),
      clock
    )
    const ask = (by: Role) => codeOf(it.call('grant.list', { alias: one }, by))
    for (let call = 0; call < burst; call++) assert.is(await ask(role), 'none')
    for (let call = 0; call < 3; call++) assert.is(await ask(role), 'busy')
    assert.equal([calls, it.lines().length], [burst, burst])
    assert.is(await ask(role === 'read' ? 'ehr' : 'read'), 'none', 'another socket has its own')
    assert.is(await codeOf(it.call('status', {}, role)), 'none', 'what has no line has no rate')
    move(1_000)
    for (let call = 0; call < perSecond; call++) assert.is(await ask(role), 'none')
    assert.is(await ask(role), 'busy')
  })
}

test('a log that ends in somebody else’s line is not continued', async () => {
  const disk = createMemoryLineLog()
  const log = await disk.open()
  await log.append('{"seq":1}')
  assert.is(await codeOf(audited(async () => ({}), disk)), 'audit-log-unreadable')
})

async function threeLines(): Promise<string[]> {
  const it = await audited(async () => ({ state: 'committed', id: one, record: two }))
  for (let i = 0; i < 3; i++) await it.call('record.send', send)
  return it.lines()
}

test('a line that was taken out, moved, doubled or added in the middle is found', async () => {
  const [first, second, third] = (await threeLines()) as [string, string, string]
  const check = async (lines: readonly string[]) => {
    const verdict = await verifyAuditLog(lines)
    return verdict.kind === 'failed' ? `${verdict.line} ${verdict.code}` : verdict.kind
  }
  assert.is(await check([first, second, third]), 'verified')
  assert.is(await check([]), 'verified')
  assert.is(await check([second, third]), '1 wrong-number')
  assert.is(await check([first, third]), '2 wrong-number')
  assert.is(await check([first, third, second]), '2 wrong-number')
  assert.is(await check([first, second, second]), '3 wrong-number')
  const forged = auditLine({ ...(parseAuditLine(second) as AuditEntry), actor: 'somebody else' })
  assert.is(await check([first, forged, third]), '3 wrong-previous')
  assert.is(await check([first, second, `${third} `]), '3 malformed')
  assert.is(await check([first, '', third]), '2 malformed')
})

test('every single character of a line but the last one’s is covered', async () => {
  const [first, second, third] = (await threeLines()) as [string, string, string]
  for (const target of [0, 1]) {
    const line = [first, second][target] as string
    for (let at = 0; at < line.length; at++) {
      const altered = `${line.slice(0, at)}${line[at] === 'x' ? 'y' : 'x'}${line.slice(at + 1)}`
      const lines = target === 0 ? [altered, second, third] : [first, altered, third]
      assert.is((await verifyAuditLog(lines)).kind, 'failed', `line ${target} at ${at}`)
    }
  }
})

test('the format of a line does not change by accident', () => {
  const line = auditLine({
    seq: 7,
    time: 1_767_225_600_000,
    role: 'ehr',
    actor: null,
    method: 'record.open',
    chain,
    ids: { via: two, record: one },
    outcome: 'ok',
    previous: auditLineHash('')
  })
  assert.is(auditLineHash(line), '98fd73ace8931cbe688ef2254148735168b475bd4a99b01cc3f3d2bc824d9ba6')
})

test.run()
