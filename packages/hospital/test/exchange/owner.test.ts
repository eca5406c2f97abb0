/** What an owner of records does for a peer that asks for too much, too often or for too long. */
import { randomBytes } from 'node:crypto'
import { methods } from '@wardline/api'
import { type Alias, limits, type RecordId, type RequestId } from '@wardline/codec'
import { requestIdOf, type SignedRequest, signRequest } from '@wardline/ledger'
import type { Network } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuditEntry, parseAuditLine } from '../../src/audit.ts'
import {
  encodeAsk,
  encodeFetch,
  FRAME_BYTES_MAX,
  FRAMES_MAX,
  parseAnswered,
  RECORD_PROTOCOL
} from '../../src/exchange/wire.ts'
import { verifyAuditLog } from '../../src/index.ts'
import { type Between, codeOf, connected, type Daemon, found, start, startAll, stopAll, until } from '../hospitals.ts'

const test = suite('hospital/exchange/owner')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'SPV' })
let alpha: Daemon
let others: Daemon[]
let beta: Daemon
let gamma: Daemon
let delta: Daemon
let alias: Alias

test.before(async () => {
  ;[alpha, ...others] = (await startAll(founded)) as [Daemon, ...Daemon[]]
  ;[beta, gamma, delta] = others as [Daemon, Daemon, Daemon]
  alias = (await alpha.call('alias.open', { patient: 'MRN 4711' })).alias
})

test.after(async () => {
  await stopAll([alpha, ...others])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

async function restartAlpha(between?: Between): Promise<void> {
  await alpha.crash()
  alpha = await start(founded, alpha.place, between)
  await connected([alpha, ...others])
}

async function anchored(sizeBytes: number): Promise<RecordId> {
  const content = randomBytes(sizeBytes).toString('base64')
  return (await alpha.call('record.anchor', { patient: 'MRN 4711', content, timeoutMs: 120_000 })).record
}

async function granted(record: RecordId, to = beta): Promise<void> {
  const scope = { kind: 'records' as const, records: [record] }
  const grantee = { member: to.place.member }
  await alpha.call('grant.create', { patient: 'MRN 4711', grantee, scope, purposes: ['treatment'] })
}

async function signed(record: RecordId, by = beta): Promise<SignedRequest> {
  const { height } = await alpha.call('chain.block', {})
  const { member, sign } = by.place
  return signRequest(
    {
      chain: founded.chain,
      owner: alpha.place.member,
      alias,
      records: [record],
      purpose: 'treatment',
      nonce: randomBytes(16),
      minHeight: height,
      notAfter: Date.now() + 60_000,
      accessor: { member, keyIndex: 0, key: sign.publicKey }
    },
    sign
  )
}

/** What a hospital is answered: a code, or the kinds of the frames. */
async function said(frame: Uint8Array, by = beta): Promise<string> {
  const options = { timeoutMs: 60_000, frameBytesMax: FRAME_BYTES_MAX, framesMax: FRAMES_MAX }
  const answers: (string | undefined)[] = []
  for await (const bytes of by.network.request(alpha.network.self, RECORD_PROTOCOL, frame, options)) {
    const answer = parseAnswered(bytes)
    answers.push(answer?.kind === 'refused' ? answer.code : answer?.kind)
  }
  return answers.join()
}

async function accesses(): Promise<number> {
  let count = 0
  let before: string | null = null
  do {
    const page: Awaited<ReturnType<typeof audit>> = await audit(before)
    count += page.entries.filter(({ kind }) => kind === 'spv.access').length
    before = page.next
  } while (before !== null)
  return count
}

const audit = (before: string | null) => alpha.call('audit.patient', { alias, ...(before !== null && { before }) })

/** A permitted request, whose entry is final at Alpha. */
async function permitted(record: RecordId): Promise<RequestId> {
  await granted(record)
  const before = await accesses()
  const asked = await signed(record)
  assert.is(await said(encodeAsk(asked)), 'entry')
  await until('the entry is final', async () => (await accesses()) > before)
  return requestIdOf(asked.request)
}

const fetchOf = (request: RequestId, record: RecordId, offset = 0) => said(encodeFetch({ request, record, offset }))

type Asked = { entries: number; busy: number }

/** Asks for the record over four streams until the answer is `busy` on each, or so many times. */
async function askUntilBusy(record: RecordId, by: Daemon, timesMax: number): Promise<Asked> {
  const asked = { entries: 0, busy: 0 }
  const ask = async () => {
    while (asked.entries < timesMax && (await isEntered(record, by))) asked.entries += 1
    asked.busy += 1
  }
  await Promise.all([ask(), ask(), ask(), ask()])
  assert.ok(asked.entries < timesMax, `${asked.entries} entries`)
  return asked
}

/** Whether the request has an entry; it hears `busy` otherwise. */
async function isEntered(record: RecordId, by: Daemon): Promise<boolean> {
  const answer = await said(encodeAsk(await signed(record, by)), by)
  assert.ok(answer === 'entry' || answer === 'busy', answer)
  return answer === 'entry'
}

/** Asks for both in turn, twenty times: for `other` right after `spent` had no entry. */
async function askInTurn(spent: RecordId, other: RecordId, by: Daemon): Promise<{ spent: Asked; other: Asked }> {
  const asked = { spent: { entries: 0, busy: 0 }, other: { entries: 0, busy: 0 } }
  for (let turn = 0; turn < 20; turn++) {
    while (await isEntered(spent, by)) asked.spent.entries += 1
    asked.spent.busy += 1
    if (await isEntered(other, by)) asked.other.entries += 1
    else asked.other.busy += 1
  }
  return asked
}

function timer(): () => number {
  const startMs = performance.now()
  return () => (performance.now() - startMs) / 1000
}

async function turnedAway(): Promise<number> {
  const [chain] = (await alpha.call('status', {})).chains
  return chain?.turnedAway ?? 0
}

const warnings = () => alpha.place.log.filter((line) => line.startsWith('requests for records were turned away'))

test('a peer without a grant gets so many denials onto the chain; then it hears busy, whatever it asks', async () => {
  const record = await anchored(100)
  const theirs = await anchored(100)
  await granted(theirs, gamma)
  const before = await accesses()
  const { denialsPerPeerBurst: burst, denialsPerPeerPerSecond: perSecond } = limits
  const seconds = timer()
  const denied = await askUntilBusy(record, gamma, 4 * burst)
  assert.ok(denied.entries >= burst, `${denied.entries} in ${seconds()} s`)
  const { spent, other } = await askInTurn(record, theirs, gamma)
  const denials = denied.entries + spent.entries
  assert.ok(denials <= burst + perSecond * seconds(), `${denials} in ${seconds()} s`)
  // What a grant covers has its entry where a token has come in the moment since the denial.
  assert.ok(other.entries <= perSecond * seconds(), `${other.entries} of 20 with a grant, in ${seconds()} s`)
  await until('they are final', async () => (await accesses()) === before + denials + other.entries)
  assert.is(await turnedAway(), denied.busy + spent.busy + other.busy, 'the owner knows how many')
  assert.ok(warnings().length > 0 && warnings().length <= Math.ceil(seconds() / 60), 'and warns of them once a minute')
  assert.ok(warnings()[0]?.includes(gamma.place.member))
  await until('a token has come', () => isEntered(theirs, gamma))
  assert.is(await fetchOf(await permitted(record), record), 'chunk', 'others are not concerned')
})

test('a peer with a grant gets so many entries onto the chain; then it hears busy, whatever it asks', async () => {
  const record = await anchored(100)
  const without = await anchored(100)
  await granted(record, delta)
  const before = await turnedAway()
  const { permitsPerPeerBurst: burst, permitsPerPeerPerSecond: perSecond } = limits
  const seconds = timer()
  const permits = await askUntilBusy(record, delta, 4 * burst)
  assert.ok(permits.entries >= burst, `${permits.entries} in ${seconds()} s`)
  const inTurn = timer()
  const { spent, other } = await askInTurn(record, without, delta)
  const entries = permits.entries + spent.entries
  assert.ok(entries <= burst + perSecond * seconds(), `${entries} in ${seconds()} s`)
  assert.ok(other.entries <= 1 + perSecond * inTurn(), `${other.entries} of 20 without a grant, in ${inTurn()} s`)
  assert.is(await turnedAway(), before + permits.busy + spent.busy + other.busy)
})

test('a fetch from behind the end of a record is refused before and after its size is known', async () => {
  const record = await anchored(1_000)
  const request = await permitted(record)
  assert.is(await fetchOf(request, record, 1_000_000), 'wrong-offset')
  assert.is(await fetchOf(request, record), 'chunk')
  alpha.place.vault.damage(`records/${record}`)
  assert.is(await fetchOf(request, record, 1_000_000), 'wrong-offset', 'the vault is not read for it')
  assert.is(await fetchOf(request, record), 'vault-damaged')
})

test('one byte of a large record costs a peer what the whole costs its owner', async () => {
  const record = await anchored(1024 * 1024)
  const request = await permitted(record)
  // The clock stands still, so that no token comes back. At one for each fetch the burst of 2,000 would stand all of these.
  const stillMs = performance.now()
  await restartAlpha({ passedMs: () => stillMs - performance.now() })
  const codes = new Set<string>()
  let fetches = 0
  const fetch = async () => {
    while (fetches < 1_500 && !codes.has('busy')) {
      fetches += 1
      codes.add(await fetchOf(request, record, 1024 * 1024))
    }
  }
  await Promise.all([fetch(), fetch(), fetch(), fetch(), fetch(), fetch()])
  assert.equal([...codes].sort(), ['busy', 'chunk'])
  await restartAlpha()
})

test('a requester that leaves in the middle of a record frees its place, and the rest is not read for it', async () => {
  const record = await anchored(1024 * 1024)
  const request = await permitted(record)
  const frame = encodeFetch({ request, record, offset: 0 })
  const options = { timeoutMs: 60_000, frameBytesMax: FRAME_BYTES_MAX, framesMax: FRAMES_MAX }
  let chunks = 0
  await restartAlpha({
    network: (network) => ({
      ...network,
      serve: (protocol, handler, bounds) => network.serve(protocol, counting(protocol, handler), bounds)
    })
  })
  function counting(protocol: string, handler: Parameters<Network['serve']>[1]): typeof handler {
    return async function* (asked, peer) {
      for await (const bytes of handler(asked, peer)) {
        if (protocol === RECORD_PROTOCOL) chunks += 1
        yield bytes
      }
    }
  }
  // One more than the owner serves at once.
  for (let stream = 0; stream < 9; stream++) {
    const before = released().length
    for await (const bytes of beta.network.request(alpha.network.self, RECORD_PROTOCOL, frame, options)) {
      assert.is(parseAnswered(bytes)?.kind, 'chunk')
      break
    }
    await until('the owner has noticed', () => released().length > before)
  }
  assert.ok(chunks < 9 * 5, `${chunks} parts were made for nine that left after the first of five`)
  chunks = 0
  assert.is(await fetchOf(request, record), 'chunk,chunk,chunk,chunk,chunk', 'the tenth')
  assert.is(chunks, 5)
  await until('each of them has a line', () => givenBy().length === released().length)
  await restartAlpha()
})

const released = () => alpha.place.log.filter((line) => line.startsWith('a record was released'))

test('the log says of each request and each fetch what became of it, and nothing of what is in the record', async () => {
  const record = await anchored(100)
  const start = alpha.place.log.length
  const request = await permitted(record)
  assert.is(await fetchOf(request, record), 'chunk')
  const own = await signed(record)
  const altered = { ...own, request: { ...own.request, purpose: 'research' as const } }
  assert.is(await said(encodeAsk(altered)), 'bad-signature')
  assert.is(await fetchOf(request, record, 1_000_000), 'wrong-offset')
  const lines = () =>
    alpha.place.log.slice(start).filter((line) => /^(a request for records|a record was released)/.test(line))
  await until('all are told', () => lines().length >= 4)
  const { member } = beta.place
  const fields = lines().map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>)
  const { height, ...decided } = fields[0] as { readonly height: number }
  assert.type(height, 'number')
  const bytes = fields[1]?.['bytes'] as number
  assert.ok(bytes > 100 && bytes < 300, String(bytes))
  assert.equal(
    [decided, ...fields.slice(1)],
    [
      { request, member, accessor: member, code: 'permitted' },
      { request, record, member, code: 'released', bytes },
      { request: requestIdOf(altered.request), member, code: 'bad-signature' },
      { request, record, member, code: 'wrong-offset', bytes: 0 }
    ]
  )
})

/** What Alpha's audit log says of what it gave, without what every line has. */
const givenBy = () => {
  const entries = alpha.place.audit.text().split('\n').slice(0, -1).map(parseAuditLine)
  return entries
    .filter((entry) => entry?.role === 'peer')
    .map((entry) => [entry?.method, entry?.ids.request, entry?.contentBytes, entry?.outcome])
}

test('what was given is in the audit log of who gave it: which request, what, to whom, how much, how it ended', async () => {
  const record = await anchored(100)
  const before = givenBy().length
  const { entry, request } = await (async () => {
    await granted(record)
    return beta.call('record.request', { owner: 'Alpha', alias, records: [record] })
  })()
  await until('it is written', () => givenBy().length > before)
  const line = parseAuditLine(alpha.place.audit.text().split('\n').at(-2) as string)
  const { member } = beta.place
  const { seq: _, time: __, previous: ___, contentBytes = 0, ...rest } = line as AuditEntry
  assert.equal(rest, {
    role: 'peer',
    actor: null,
    method: 'release to hospital',
    chain: founded.chain,
    ids: { record, transaction: entry, request, alias, accessor: member, members: [member] },
    outcome: 'released'
  })
  assert.ok(contentBytes > 100 && contentBytes < 300, String(contentBytes))
  assert.not.ok(Object.hasOwn(methods, rest.method), 'it is no call')
  assert.is(await fetchOf(request as string as RequestId, record, 1_000_000), 'wrong-offset')
  assert.is(await fetchOf(request as string as RequestId, record), 'chunk')
  await until('the next one is written', () => givenBy().length > before + 1)
  assert.is(givenBy().length, before + 2, 'what was given nothing of has no line')
  const verdict = await verifyAuditLog(alpha.place.audit.text().split('\n').slice(0, -1))
  assert.is(verdict.kind, 'verified')
})

test('what the end of the owner breaks off is in the audit log up to there', async () => {
  const record = await anchored(1024 * 1024)
  const request = await permitted(record)
  const frame = encodeFetch({ request, record, offset: 0 })
  const options = { timeoutMs: 60_000, frameBytesMax: FRAME_BYTES_MAX, framesMax: FRAMES_MAX }
  const begun = async () => {
    const frames = beta.network.request(alpha.network.self, RECORD_PROTOCOL, frame, options)[Symbol.asyncIterator]()
    assert.is(parseAnswered((await frames.next()).value as Uint8Array)?.kind, 'chunk')
    return frames
  }
  let hold: Promise<void> | undefined
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  await restartAlpha({
    network: (network) => ({
      ...network,
      serve: (protocol, handler, bounds) =>
        network.serve(
          protocol,
          async function* (asked, peer) {
            for await (const bytesOfFrame of handler(asked, peer)) {
              yield bytesOfFrame
              if (protocol === RECORD_PROTOCOL && hold !== undefined) await hold
            }
          },
          bounds
        )
    })
  })
  hold = held
  const before = givenBy().length
  const frames = await begun()
  await alpha.stop()
  assert.equal(givenBy().slice(before), [['release to hospital', request, 256 * 1024, 'broken-off']])
  release()
  await frames.return?.()
  alpha = await start(founded, alpha.place)
  await connected([alpha, ...others])
})

test('a permitted request is fetched for a quarter of an hour, then it is over', async () => {
  const record = await anchored(100)
  const request = await permitted(record)
  let clockMs = 0
  await restartAlpha({ clockMs: () => clockMs })
  clockMs = 14 * 60 * 1000
  assert.is(await fetchOf(request, record), 'chunk')
  clockMs = 15 * 60 * 1000 + 1_000
  assert.is(await fetchOf(request, record), 'request-over')
  clockMs = 0
  const again = await beta.call('record.request', { owner: 'Alpha', alias, records: [record] })
  assert.is(again.decision, 'permit', 'whoever still needs it asks anew')
})

// The last: its log is broken for good.
test('what cannot be written down is not given', async () => {
  const record = await anchored(100)
  const request = await permitted(record)
  assert.is(await fetchOf(request, record), 'chunk')
  alpha.place.audit.breakDisk()
  assert.is(await codeOf(fetchOf(request, record)), 'stream-closed', 'of this one nobody could know')
  assert.is(await fetchOf(request, record), 'unavailable')
  const { problems } = await alpha.call('status', {})
  assert.ok(problems.some(({ code }) => code === 'line-log-failed'))
})

test.run()
