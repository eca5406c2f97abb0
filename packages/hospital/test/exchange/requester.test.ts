/** What a requester takes from an owner that lies. */
import { randomBytes } from 'node:crypto'
import type { SealKey, TransactionId } from '@wardline/codec'
import { type Content, envelopes } from '@wardline/crypto'
import { buildTransaction, NO_EXPIRY } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAuditLine } from '../../src/audit.ts'
import { packContent } from '../../src/exchange/kept-records.ts'
import { encodeChunk, encodeEntry, encodeRefused, parseAsked, RECORD_PROTOCOL } from '../../src/exchange/wire.ts'
import { codeOf, connected, type Daemon, found, start, startAll, stopAll, until } from '../hospitals.ts'

const test = suite('hospital/exchange/requester')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'SPV' })
let alpha: Daemon
let beta: Daemon
let others: Daemon[]

test.before(async () => {
  ;[alpha, beta, ...others] = (await startAll(founded)) as [Daemon, Daemon, ...Daemon[]]
})

test.after(async () => {
  await stopAll([alpha, beta, ...others])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

const random = { bytes: (size: number) => new Uint8Array(randomBytes(size)) }
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))

async function anchored(patient: string) {
  const { alias } = await alpha.call('alias.open', { patient })
  const bytes = random.bytes(2_000)
  const content = Buffer.from(bytes).toString('base64')
  const { record, salt, descriptorBytes } = await alpha.call('record.anchor', { patient, content })
  const { grant } = await alpha.call('grant.create', {
    patient,
    grantee: { member: beta.place.member },
    purposes: ['treatment']
  })
  const kept: Content = { salt: bytesOf(salt), descriptor: bytesOf(descriptorBytes), bytes }
  return { asked: { owner: 'Alpha', alias, records: [record] }, kept, grant, content }
}

function lineOf(method: string) {
  const lines = beta.place.audit.text().split('\n').slice(0, -1)
  return lines.map((line) => parseAuditLine(line)).findLast((line) => line?.method === method)
}

/** Starts Alpha anew: it answers all that it is asked with this. */
async function answering(answer: (frame: Uint8Array) => Promise<Uint8Array>): Promise<void> {
  await alpha.crash()
  alpha = await start(founded, alpha.place, {
    network: (network) => ({
      ...network,
      serve: (protocol, handler, bounds) =>
        network.serve(
          protocol,
          protocol === RECORD_PROTOCOL
            ? async function* (frame) {
                yield await answer(frame)
              }
            : handler,
          bounds
        )
    })
  })
  await connected([alpha, beta, ...others])
}

/** Starts Alpha anew: on this grant it permits whatever is asked, and hands this record out. */
async function lying(kept: Content, grant: TransactionId): Promise<{ readonly fetches: () => number }> {
  let fetches = 0
  const { member, sign } = alpha.place
  const receiver = (await beta.call('member.list', {})).members.find((one) => one.member === beta.place.member)
  const answer = async (frame: Uint8Array): Promise<Uint8Array> => {
    const asked = parseAsked(frame)
    if (asked?.kind === 'ask') {
      const block = await alpha.call('chain.block', {})
      const body = {
        request: asked.signed,
        decidedAt: { height: block.height, digest: block.digest },
        decision: 'permit' as const,
        code: null,
        basis: grant
      }
      const author = { member, keyIndex: 0 }
      const times = { nonce: random.bytes(16), created: Date.now(), expires: NO_EXPIRY }
      return encodeEntry(buildTransaction({ chain: founded.chain, kind: 'spv.access', author, ...times, body }, sign))
    }
    assert.ok(asked !== undefined)
    fetches += 1
    const { record, offset } = asked
    const packed = packContent(kept)
    const receivers = [{ member: beta.place.member, key: receiver?.sealKey as SealKey }]
    const context = { chain: founded.chain, record, sender: member, receivers }
    const sealed = await envelopes.seal(context, packed.subarray(offset), random.bytes)
    return encodeChunk({ offset, total: packed.length, sealed })
  }
  await answering(answer)
  return { fetches: () => fetches }
}

test('what a grant covers comes, and the answer and the audit line say so', async () => {
  const { asked, content, grant } = await anchored('MRN 1')
  const answer = await beta.call('record.request', { ...asked, accessor: 'Beta' })
  assert.equal([answer.decision, answer.status, answer.code, answer.grant], ['permit', 'covered', null, grant])
  assert.is(answer.records[0]?.content, content)
  const line = lineOf('record.request')
  assert.equal(line?.ids, {
    records: asked.records,
    transaction: answer.entry,
    request: answer.request,
    grant,
    alias: asked.alias,
    owner: alpha.place.member,
    accessor: beta.place.member
  })
  assert.equal([line?.outcome, line?.contentBytes], ['ok', answer.contentBytes])
})

test('an owner that permits what was taken back: the answer is a violation, and nothing is fetched', async () => {
  const { asked, kept, grant } = await anchored('MRN 2')
  await alpha.call('grant.revoke', { grant })
  const isRevoked = async () =>
    (await beta.call('audit.patient', { alias: asked.alias })).entries.some(({ kind }) => kind === 'spv.revoke')
  await until('Beta knows', isRevoked)
  const liar = await lying(kept, grant)
  const answer = await beta.call('record.request', asked)
  assert.equal(
    [answer.decision, answer.status, answer.code, answer.grant, answer.records, answer.contentBytes],
    ['permit', 'violation', 'grant-revoked', null, [], 0]
  )
  assert.is(liar.fetches(), 0)
})

test('a record that is not what was anchored: the audit line has who, whom, what and how much came', async () => {
  const { asked, kept, grant } = await anchored('MRN 3')
  const liar = await lying({ ...kept, bytes: random.bytes(2_000) }, grant)
  assert.is(await codeOf(beta.call('record.request', asked)), 'verification-failed')
  assert.is(liar.fetches(), 1)
  const line = lineOf('record.request')
  const { entries } = await beta.call('audit.patient', { alias: asked.alias, limit: 1 })
  assert.equal([line?.outcome, line?.ids.transaction], ['verification-failed', entries[0]?.transaction])
  assert.equal([line?.ids.owner, line?.ids.accessor], [alpha.place.member, beta.place.member])
  assert.equal([line?.ids.request, line?.ids.records], [entries[0]?.request, asked.records])
  assert.ok((line?.contentBytes ?? 0) > 2_000, String(line?.contentBytes))
})

test('an owner cannot choose what the caller is told and what the log says: a code of its own says nothing here', async () => {
  const { asked } = await anchored('MRN 4')
  for (const [said, code] of [
    ['stale', 'stale'],
    ['not-in-scope', 'not-in-scope'],
    ['ok', 'unavailable'],
    ['ada-lovelace-has-hiv', 'unavailable']
  ] as const) {
    await answering(async () => encodeRefused(said as 'stale'))
    assert.is(await codeOf(beta.call('record.request', asked)), code)
    assert.is(lineOf('record.request')?.outcome, code)
  }
})

test.run()
