/** Four hospitals in one process: a record's way from the first to the last, and everything that is refused on it. */
import type { MemberId, RecordId, TransactionId } from '@wardline/codec'
import { handOffs, verifyTrace } from '@wardline/custody'
import { verifyReceipt } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyAuditLog } from '../src/index.ts'
import { atRest, base64, codeOf, type Daemon, found, level, open, startAll, stopAll, untilState } from './hospitals.ts'

const test = suite('hospital/hospital')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let alpha: Daemon
let beta: Daemon
let gamma: Daemon
let delta: Daemon

test.before(async () => {
  ;[alpha, beta, gamma, delta] = (await startAll(founded)) as [Daemon, Daemon, Daemon, Daemon]
})

test.after(async () => {
  await stopAll([alpha, beta, gamma, delta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

const nowhere = 'ab'.repeat(32)

test('a record is sent, opened, forwarded and traced, and every holder opens the same bytes', async () => {
  const text = 'a record with a nul \u0000 and a line end\r\n'
  const descriptor = { mediaType: 'text/plain', category: 'note', labels: ['x'], fileName: 'n.txt' }
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64(text), descriptor })
  assert.is(sent.state, 'committed')
  assert.is(sent.via, null)
  assert.equal(sent.to, [{ member: beta.place.member, name: 'Beta' }])

  // The forward waits until Beta's own opening is final.
  const forwarded = await beta.call('record.send', { to: ['Gamma'], via: sent.id })
  assert.is(forwarded.state, 'committed')
  assert.is(forwarded.via, sent.id)
  assert.is(forwarded.commitment, sent.commitment)
  await untilState(delta, forwarded, gamma, 'opened')
  const third = await gamma.call('record.send', { to: ['Delta'], record: sent.record, purpose: 'emergency' })
  assert.is(third.via, forwarded.id)
  await untilState(alpha, third, delta, 'opened')
  await level([alpha, beta, gamma, delta])

  for (const daemon of [alpha, beta, gamma, delta]) {
    const opened = await daemon.call('record.open', { record: sent.record })
    assert.is(Buffer.from(opened.content, 'base64').toString(), text)
    assert.equal(opened.descriptor, descriptor)
    assert.is(opened.sizeBytes, Buffer.byteLength(text))
    assert.is(opened.commitment, sent.commitment)
    assert.is(opened.origin.name, 'Alpha')
  }
  const trace = await alpha.call('record.trace', { record: sent.record, draw: 'ascii' })
  assert.equal(
    trace.edges.map(({ from, to, state, purpose }) => [from.name, to.name, state, purpose]),
    [
      ['Alpha', 'Beta', 'opened', 'treatment'],
      ['Beta', 'Gamma', 'opened', 'treatment'],
      ['Gamma', 'Delta', 'opened', 'emergency']
    ]
  )
  assert.equal(new Set(trace.holders.map(({ name }) => name)), new Set(['Alpha', 'Beta', 'Delta', 'Gamma']))
  assert.match(trace.drawing ?? '', /Alpha/)
  const early = await alpha.call('record.holders', { record: sent.record, atMs: trace.edges[0]?.timeMs as number })
  assert.equal(
    early.holders.map(({ name }) => name),
    ['Alpha']
  )

  // Every hand-off, or one path, proven to whoever has the genesis; from any daemon, at any height.
  const whole = await beta.call('record.receipt', { record: sent.record })
  const verdict = verifyTrace(whole.receipt, founded.genesis)
  if (verdict.kind === 'failed') throw new Error(verdict.code)
  assert.is(whole.transactions, 6)
  assert.equal(
    handOffs(verdict.graph).map(({ transmission, delivery }) => [transmission.id, delivery.member, delivery.ack?.id]),
    trace.edges.map(({ transmission, to, ack }) => [transmission, to.member, ack])
  )
  assert.is(verdict.content, sent.commitment)
  const { height, digest } = await gamma.call('chain.block', { height: 1 as never })
  const path = await delta.call('record.receipt', { record: sent.record, to: 'Gamma', anchor: height })
  const pinned = verifyTrace(path.receipt, founded.genesis, { pin: { height, digest } })
  assert.ok(pinned.kind === 'verified' && pinned.pinned)
  assert.equal(
    pinned.graph.transmissions.map(({ id }) => id),
    [sent.id, forwarded.id]
  )
  const above = { record: sent.record, anchor: (height + 1_000_000) as never }
  assert.is(await codeOf(alpha.call('record.receipt', above)), 'not-found')
})

test('who holds a record and how it came there is answered for any moment, page by page', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('asked about') })
  const { record } = sent
  await untilState(beta, sent, beta, 'opened')
  const two = await beta.call('record.send', { to: ['Gamma', 'Delta'], record })
  await untilState(alpha, two, gamma, 'opened')
  await untilState(alpha, two, delta, 'opened')
  const back = await gamma.call('record.send', { to: ['Alpha'], record, purpose: 'legal' })
  for (const daemon of [alpha, beta, gamma, delta]) await untilState(daemon, back, alpha, 'opened')

  const namesOf = (holders: readonly { readonly name: string | null }[]) => holders.map(({ name }) => name)
  const first = await alpha.call('record.holders', { record, limit: 1 })
  assert.equal(namesOf(first.holders), ['Alpha'])
  const rest = await alpha.call('record.holders', { record, after: first.next as string })
  assert.equal(new Set(namesOf(rest.holders)), new Set(['Beta', 'Gamma', 'Delta']))
  assert.is(rest.next, null)
  const early = await alpha.call('record.holders', { record, atHeight: sent.height as never })
  assert.equal(namesOf(early.holders), ['Alpha'])

  const path = await delta.call('record.path', { record, to: 'Gamma' })
  const hop = (edge: (typeof path.path)[number]) => [edge.from.name, edge.to.name, edge.state]
  assert.equal(path.path.map(hop), [
    ['Alpha', 'Beta', 'opened'],
    ['Beta', 'Gamma', 'opened']
  ])
  assert.equal((await delta.call('record.path', { record, to: 'Alpha' })).path, [])

  const down = await alpha.call('record.downstream', { record, from: 'Beta', limit: 1 })
  assert.equal(new Set(down.edges.map(({ to }) => to.name)), new Set(['Gamma', 'Delta']))
  const further = await alpha.call('record.downstream', { record, from: 'Beta', after: down.next as never })
  assert.equal(further.edges.map(hop), [['Gamma', 'Alpha', 'opened']])

  const apart = await beta.call('record.ancestor', { record, one: 'Gamma', other: 'Delta' })
  assert.equal([apart.ancestor.name, apart.via, apart.toOne.length, apart.toOther.length], ['Beta', sent.id, 1, 1])

  const all = await gamma.call('record.handoffs', { record, withoutConsent: true })
  assert.is(all.edges.length, 4)
  assert.equal((await gamma.call('record.handoffs', { record, states: ['sent', 'refused'] })).edges, [])
  const period = { from: 'Gamma', to: 'Alpha', fromMs: all.edges[3]?.timeMs as number }
  const between = await beta.call('handoff.between', period)
  assert.equal(
    between.edges.map((edge) => [edge.record, edge.purpose]),
    [[record, 'legal']]
  )
  const held = await alpha.call('record.held', { member: 'Delta', limit: 1000 })
  assert.ok(held.records.some((one) => one.record === record && one.via === two.id))
  const pending = await alpha.call('handoff.list', { member: 'Delta' })
  assert.ok(pending.edges.every(({ state }) => state === 'sent'))
})

test('one transmission to several receivers, with the same receiver named twice', async () => {
  const to = ['Gamma', 'Beta', gamma.place.member]
  const sent = await alpha.call('record.send', { to, content: base64('to two') })
  assert.equal(new Set(sent.to.map(({ name }) => name)), new Set(['Beta', 'Gamma']))
  assert.is(sent.to.length, 2)
  for (const receiver of [beta, gamma]) {
    await untilState(alpha, sent, receiver, 'opened')
    assert.is(await open(receiver, { via: sent.id }), 'to two')
  }
})

test('the origin sends its own record again, to somebody new and to one that has it', async () => {
  const first = await alpha.call('record.send', { to: ['Beta'], content: base64('again') })
  const again = await alpha.call('record.send', { to: ['Beta', 'Gamma'], record: first.record })
  assert.is(again.record, first.record)
  assert.is(again.via, null)
  assert.is(again.commitment, first.commitment)
  await untilState(gamma, again, gamma, 'opened')
  await untilState(beta, again, beta, 'opened')
  assert.is(await open(gamma, { record: first.record }), 'again')
})

test('who never held a record cannot send it on', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('not for delta') })
  await untilState(delta, sent, beta, 'opened')
  assert.is(await codeOf(delta.call('record.send', { to: ['Gamma'], via: sent.id })), 'not-a-holder')
  assert.is(await codeOf(delta.call('record.send', { to: ['Gamma'], record: sent.record })), 'not-a-holder')
  assert.is(await codeOf(delta.call('record.open', { via: sent.id })), 'not-found')
  assert.is(await codeOf(delta.call('record.open', { record: sent.record })), 'not-found')
})

test('what the chain does not know is waited for, and then said not to be there', async () => {
  const via = nowhere as TransactionId
  const record = nowhere as RecordId
  assert.is(await codeOf(delta.call('record.send', { to: ['Gamma'], via, timeoutMs: 50 })), 'not-found')
  assert.is(await codeOf(delta.call('record.send', { to: ['Gamma'], record, timeoutMs: 50 })), 'not-found')
  assert.is(await codeOf(delta.call('record.open', { record })), 'not-found')
  assert.is(await codeOf(delta.call('record.trace', { record })), 'not-found')
  assert.is(await codeOf(delta.call('record.holders', { record })), 'not-found')
  assert.is(await codeOf(delta.call('record.receipt', { record })), 'not-found')
  assert.is(await codeOf(delta.call('record.path', { record, to: 'Alpha' })), 'not-found')
  assert.is(await codeOf(delta.call('record.handoffs', { record })), 'not-found')
  assert.is(await codeOf(delta.call('record.ancestor', { record, one: 'Alpha', other: 'Beta' })), 'not-found')
  assert.is(await codeOf(delta.call('tx.get', { id: via })), 'not-found')
})

test('a caller that hangs up is not waited for', async () => {
  const caller = new AbortController()
  const call = delta.call('record.send', { to: ['Gamma'], via: nowhere as TransactionId }, { signal: caller.signal })
  caller.abort()
  assert.is(await codeOf(call), 'not-found')
})

const content = base64('x')
const badSends: readonly (readonly [why: string, params: object, code: string])[] = [
  ['to itself', { to: ['Alpha'], content }, 'self-receiver'],
  ['to itself and another', { to: ['Beta', 'Alpha'], content }, 'self-receiver'],
  ['to nobody', { to: [], content }, 'invalid-params'],
  ['to an unknown name', { to: ['Nobody'], content }, 'not-found'],
  ['to an unknown id', { to: [nowhere], content }, 'not-found'],
  ['without content, record or via', { to: ['Beta'] }, 'invalid-params'],
  ['with content and record', { to: ['Beta'], content, record: nowhere }, 'invalid-params'],
  ['with a descriptor of a record that is held', { to: ['Beta'], record: nowhere, descriptor: {} }, 'invalid-params'],
  ['content that is not base64', { to: ['Beta'], content: '***' }, 'invalid-params'],
  ['an unknown purpose', { to: ['Beta'], content, purpose: 'curiosity' }, 'invalid-params'],
  ['an unknown chain', { to: ['Beta'], content, chain: 'elsewhere' }, 'not-found'],
  ['an unknown parameter', { to: ['Beta'], content, urgent: true }, 'invalid-params'],
  ['a record that no envelope holds', { to: ['Beta'], content: base64('x'.repeat(1024 * 1024)) }, 'too-large'],
  ['a timeout of nothing', { to: ['Beta'], content, timeoutMs: 0 }, 'invalid-params']
]
for (const [why, params, code] of badSends) {
  test(`record.send is refused: ${why}`, async () => {
    await atRest([alpha, beta, gamma, delta])
    assert.is(await codeOf(alpha.call('record.send', params as never)), code)
    assert.is((await alpha.call('status', {})).chains[0]?.mempool.transactions, 0)
  })
}

test('text that no encoding of Unicode has ends as an answer, not as a crash', async () => {
  const descriptor = { fileName: '\ud800', labels: ['\udfff'] }
  const code = await codeOf(alpha.call('record.send', { to: ['Beta'], content, descriptor }))
  assert.ok(['none', 'invalid-params'].includes(code), code)
})

test('an empty record and one as large as an envelope holds travel', async () => {
  for (const text of ['', 'y'.repeat(1024 * 1024 - 700)]) {
    const sent = await alpha.call('record.send', { to: ['Beta'], content: base64(text) })
    await untilState(beta, sent, beta, 'opened')
    assert.is(await open(beta, { via: sent.id }), text)
  }
})

test('tx.submit gives the same answer to the same bytes, and tx.get a receipt that verifies offline', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('receipt'), receipt: true })
  assert.is(verifyReceipt(sent.receipt as string, founded.genesis).kind, 'verified')
  await untilState(gamma, sent, beta, 'opened')
  const got = await gamma.call('tx.get', { id: sent.id, receipt: true })
  assert.is(got.state, 'committed')
  assert.is(got.kind, 'stt.send')
  assert.is(got.author?.name, 'Alpha')
  assert.is(verifyReceipt(got.receipt as string, founded.genesis).kind, 'verified')
  for (const daemon of [alpha, gamma]) {
    const again = await daemon.call('tx.submit', { transaction: got.transaction as string, receipt: true })
    assert.equal([again.id, again.state, again.height], [sent.id, 'committed', sent.height])
    assert.is(verifyReceipt(again.receipt as string, founded.genesis).kind, 'verified')
  }
  const { height } = await alpha.call('chain.block', {})
  const anchored = await alpha.call('tx.get', { id: sent.id, receipt: true, anchor: height })
  assert.is(verifyReceipt(anchored.receipt as string, founded.genesis).kind, 'verified')
  assert.is(
    await codeOf(alpha.call('tx.get', { id: sent.id, receipt: true, anchor: (height + 1000) as never })),
    'not-found'
  )
})

test('what is no transaction is refused with the code of its fault', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('bytes') })
  const { transaction } = await alpha.call('tx.get', { id: sent.id })
  const good = transaction as string
  const flipped = `${good.slice(0, -2)}${good.endsWith('00') ? '01' : '00'}`
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: '00' })), 'malformed')
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: good.slice(0, -2) })), 'malformed')
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: flipped })), 'bad-signature')
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: 'ABCD' })), 'invalid-params')
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: `${good}00` })), 'malformed')
})

test('a call may return before its transaction is final, and be asked about later', async () => {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('soon'), wait: 'accepted' })
  assert.is(sent.state, 'accepted')
  await untilState(alpha, sent, beta, 'opened')
  assert.is((await alpha.call('tx.get', { id: sent.id })).state, 'committed')
})

test('record.list pages through what was sent and received, newest first, each once', async () => {
  await atRest([alpha, beta, gamma, delta])
  const all = await beta.call('record.list', { limit: 1000 })
  assert.is(all.next, null)
  const paged: string[] = []
  let before: string | undefined
  do {
    const page = await beta.call('record.list', { limit: 2, ...(before !== undefined && { before }) })
    assert.ok(page.records.length <= 2)
    paged.push(...page.records.map(({ transmission }) => transmission))
    before = page.next ?? undefined
  } while (before !== undefined)
  assert.equal(
    paged,
    all.records.map(({ transmission }) => transmission)
  )
  assert.is(new Set(paged).size, paged.length)
  const own = await alpha.call('record.list', { which: 'own' })
  assert.ok(own.records.length > 3)
  assert.ok(own.records.every(({ state, origin }) => state === 'own' && origin.name === 'Alpha'))
  // One of its own came back to it.
  const returned = (await alpha.call('record.list', { which: 'received' })).records
  assert.equal(
    returned.map(({ origin, from, state }) => [origin.name, from.name, state]),
    [['Alpha', 'Gamma', 'opened']]
  )
  const received = await beta.call('record.list', { which: 'received' })
  assert.ok(received.records.every(({ state, payloadHere }) => state === 'opened' && payloadHere))
})

test('chain.info, chain.block, chain.list and peers.list agree', async () => {
  const { chains } = await alpha.call('chain.list', {})
  assert.is(chains[0]?.chain, founded.chain)
  const info = await alpha.call('chain.info', { chain: 'transfers' })
  assert.equal([info.members, info.quorum, info.faultsTolerated], [4, 3, 1])
  const block = await alpha.call('chain.block', { height: 1 as never })
  assert.equal(await alpha.call('chain.block', { digest: block.digest }), block)
  assert.is(block.parent, founded.chain as string)
  assert.ok((block.certificate?.signers.length ?? 0) >= 3)
  assert.is(await codeOf(alpha.call('chain.block', { height: 0 as never })), 'not-found')
  assert.is(await codeOf(alpha.call('chain.block', { height: 100_000 as never })), 'not-found')
  const { peers } = await alpha.call('peers.list', {})
  assert.equal(new Set(peers.map(({ name }) => name)), new Set(['Beta', 'Gamma', 'Delta']))
  assert.ok(peers.every(({ connected }) => connected))
})

test('chain.verify goes through a running chain while blocks are added', async () => {
  const load = Promise.all(
    Array.from({ length: 8 }, (_, i) => alpha.call('record.send', { to: ['Beta'], content: base64(`load ${i}`) }))
  )
  const before = await alpha.call('chain.info', {})
  const verified = await alpha.call('chain.verify', {})
  assert.equal(verified.fault, null)
  assert.ok(verified.ok)
  assert.ok(verified.height >= before.height)
  await load
  const head = await alpha.call('chain.block', { height: verified.height })
  assert.equal([verified.head, verified.appHash], [head.digest, head.appHash])
  assert.is(await codeOf(alpha.call('chain.verify', { timeoutMs: 1 })), 'timeout')
  const two = await Promise.all([codeOf(beta.call('chain.verify', {})), codeOf(beta.call('chain.verify', {}))])
  assert.equal(two.sort(), ['busy', 'none'])
})

test('the sockets keep their roles', async () => {
  const read = { role: 'read' } as const
  assert.is(await codeOf(alpha.call('record.send', { to: ['Beta'], content }, read)), 'not-permitted')
  assert.is(await codeOf(alpha.call('record.open', { record: nowhere as RecordId }, read)), 'not-permitted')
  const ehr = { role: 'ehr' } as const
  assert.is(await codeOf(alpha.call('member.revoke', { member: nowhere as MemberId }, ehr)), 'not-permitted')
  assert.is((await alpha.call('status', {}, read)).health, 'ok')
})

test('a drawing for Graphviz is given', async () => {
  const [record] = (await alpha.call('record.list', { limit: 1 })).records
  const wanted = { record: record?.record as RecordId }
  assert.match((await alpha.call('record.trace', { ...wanted, draw: 'dot' })).drawing ?? '', /^digraph/)
})

test('the audit log has every call that changed or read something, and no content', async () => {
  for (const { audit } of founded.places) {
    const lines = audit.text().split('\n').slice(0, -1)
    assert.equal((await verifyAuditLog(lines)).kind, 'verified')
    assert.not.match(audit.text(), /a record with|n\.txt|not for delta|Alpha|Beta|Gamma|Delta/)
    assert.not.match(audit.text(), /"method":"(?:status|record\.trace|chain\.verify|tx\.get)"/)
  }
  const { id, record } = await alpha.call('record.send', { to: ['Beta'], content, actor: 'dr-7' }, { role: 'ehr' })
  await untilState(beta, { id, record }, beta, 'opened')
  await beta.call('record.open', { via: id, actor: 'dr-8' })
  const last = ({ place }: Daemon) => JSON.parse(place.audit.text().trimEnd().split('\n').at(-1) ?? '')
  const sent = last(alpha)
  assert.equal([sent.role, sent.actor, sent.method, sent.outcome], ['ehr', 'dr-7', 'record.send', 'committed'])
  assert.equal(sent.ids, { record, transaction: id, members: [beta.place.member] })
  assert.is(sent.chain, founded.chain)
  const opened = last(beta)
  assert.equal([opened.role, opened.actor, opened.method, opened.outcome], ['admin', 'dr-8', 'record.open', 'ok'])
  assert.equal(opened.ids, { record, transaction: id, via: id })
  assert.is(await codeOf(delta.call('record.open', { via: id, actor: 'dr-9' })), 'not-found')
  assert.equal([last(delta).actor, last(delta).outcome, last(delta).ids], ['dr-9', 'not-found', { via: id }])
})

test('logs hold no record, descriptor or hospital name', () => {
  for (const { log } of founded.places) {
    assert.not.match(log.join('\n'), /a record with|n\.txt|not for delta|to two|Alpha|Beta|Gamma|Delta/)
  }
})

test.run()
