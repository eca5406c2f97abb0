import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Hash, inclusionProof, nameBytes, type RecordId, type SealKey, type TransactionId } from '@wardline/codec'
import { type Header, headerDigest } from '@wardline/consensus'
import { verifyTrace } from '@wardline/custody'
import {
  buildTransaction,
  chainIdOf,
  encodeJointReceipt,
  envelopeCommitment,
  genesisText,
  type JointReceipt,
  leafPath,
  type ParsedTransaction,
  parseTransaction,
  recordIdOf,
  type SendBody
} from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../fixture.ts'
import { alder, birch, CREATED, cedar, certificateOf, type Founder, genesisOf, headersOf } from '../receipts.ts'

const test = suite('wardline/commands/verify-trace')

const runner = createRunner()
test.after(() => runner.remove())

const genesis = genesisOf({ mode: 'STT' })
const chain = chainIdOf(genesis)

let nonces = 0
const recordId = recordIdOf(chain, alder.member, new Uint8Array(16).fill(1))

function signed<B>(
  kind: 'stt.send' | 'stt.ack' | 'stt.recall' | 'stt.attest',
  author: Founder,
  body: B,
  commitment?: Hash
): ParsedTransaction {
  nonces += 1
  const envelope = {
    chain,
    kind,
    author: { member: author.member, keyIndex: 0 },
    nonce: new Uint8Array(16).fill(nonces),
    created: CREATED,
    expires: CREATED + 60_000,
    body,
    ...(kind === 'stt.send' ? { payload: { commitment, size: 1000 } } : {})
  }
  // The kind and the body belong together by this function's callers.
  const draft = envelope as unknown as Parameters<typeof buildTransaction>[0]
  const parsed = parseTransaction(buildTransaction(draft, author.sign), chain)
  if (parsed.kind === 'reject') throw new Error(parsed.code)
  return parsed.transaction
}

type OfRecord = { readonly record: RecordId; readonly commitment: Hash }

const common: OfRecord = { record: recordId, commitment: 'ab'.repeat(32) as Hash }

function send(author: Founder, to: Founder, via: TransactionId | null, of: OfRecord = common): ParsedTransaction {
  const receivers = [{ member: to.member, sealingKey: to.seal as SealKey }]
  const content = 'cd'.repeat(32) as Hash
  const body: SendBody = { recordId: of.record, content, to: receivers, via, purpose: 'treatment', subject: null }
  return signed('stt.send', author, body, of.commitment)
}

/** Alder to Birch to Cedar, and back to Alder; the last one is not acknowledged. */
const one = send(alder, birch, null)
const ackOne = signed('stt.ack', birch, { acks: [{ via: one.id, outcome: 'opened' }] })
const two = send(birch, cedar, one.id)
const ackTwo = signed('stt.ack', cedar, { acks: [{ via: two.id, outcome: 'opened' }] })
const three = send(cedar, alder, two.id)
const bodies = [[one], [ackOne, two], [ackTwo], [three], []]

/** Alder calls it back; Birch and then Alder destroy it, Cedar has not said so. */
const recall = signed('stt.recall', alder, { recordId, subject: null })
const byBirch = signed('stt.attest', birch, { recordId, via: one.id })
const byAlder = signed('stt.attest', alder, { recordId, via: null })
const recalledBodies = [[one], [ackOne, two], [ackTwo], [recall, byBirch], [byAlder]]

type Bodies = readonly (readonly ParsedTransaction[])[]

/** A receipt of these blocks' transactions, without those that are left out. */
function receipt(bodies: Bodies, without: readonly ParsedTransaction[] = []): JointReceipt {
  const headers = headersOf(genesis, bodies)
  const last = headers.at(-1) as Header
  const digests = [nameBytes(chain), ...headers.slice(0, -1).map((header) => nameBytes(headerDigest(header)))]
  return {
    chain,
    transactions: bodies.flatMap((transactions, i) =>
      transactions.flatMap((transaction, index) => {
        if (without.includes(transaction)) return []
        const leaves = transactions.map(({ leaf }) => leaf)
        const header = headers[i] as Header
        const proof = header === last ? null : inclusionProof(digests, i + 1)
        return [{ transaction: transaction.bytes, path: leafPath(leaves, index), header, proof }]
      })
    ),
    final: {
      header: last,
      ancestor: null,
      epochs: [],
      certificate: certificateOf(genesis, last)
    }
  }
}

const headers = headersOf(genesis, bodies)
const text = `${encodeJointReceipt(receipt(bodies))}\n`
const traceFile = join(runner.folder, 'trace.json')
const genesisFile = join(runner.folder, 'genesis.json')
writeFileSync(traceFile, text)
const recalledFile = join(runner.folder, 'recalled.json')
writeFileSync(recalledFile, `${encodeJointReceipt(receipt(recalledBodies))}\n`)
writeFileSync(genesisFile, genesisText(genesis))
const args = ['verify', 'trace.json', '--genesis', 'genesis.json']

test('a trace is verified offline, drawn, and what it assumes is said', async () => {
  const { exit, out } = await runner.run(args)
  assert.is(exit, 0)
  assert.match(out, `verified     record ${recordId}`)
  assert.match(out, 'each transaction of it final, as of block 5')
  assert.match(out, /proves not {3}that there was nothing else, before or since: .*a recall$/m)
  assert.match(out, 'at least 3 holders as of block 5')
  assert.not.match(out, /\bnow\b/)
  assert.match(out, /pinned {7}no: former validators’ keys are trusted/)
  assert.match(out, '3 hand-offs, 2 opened, 1 not acknowledged')
  for (const name of ['Alder', 'Birch', 'Cedar']) assert.match(out, name)
})

test('as JSON it lists every hand-off, and a pin is held against it', async () => {
  const pin = `2:${headerDigest(headers[1] as Header)}`
  const { exit, out } = await runner.run([...args, '--json', '--pin', pin])
  assert.is(exit, 0)
  const { ok, recordId: record, pinned, edges, commitment, assumes } = JSON.parse(out)
  assert.equal([ok, record, pinned, commitment, assumes], [true, recordId, true, 'cd'.repeat(32), []])
  assert.equal(
    edges.map((edge: { transmission: string; state: string }) => [edge.transmission, edge.state]),
    [
      [one.id, 'opened'],
      [two.id, 'opened'],
      [three.id, 'sent']
    ]
  )
  const wrong = await runner.run([...args, '--json', '--pin', `2:${'00'.repeat(32)}`])
  assert.is(wrong.exit, 4)
  assert.is(JSON.parse(wrong.out).code, 'pin-mismatch')
})

test('as JSON it says what it cannot prove and what it assumes, and never that it is complete', async () => {
  for (const [file, mayLack] of [
    ['trace.json', ['hand-offs', 'acknowledgements', 'recall']],
    ['recalled.json', ['hand-offs', 'acknowledgements', 'attestations']]
  ] as const) {
    const { out } = await runner.run(['verify', file, '--genesis', 'genesis.json', '--json'])
    const verdict = JSON.parse(out)
    assert.equal([verdict.pinned, verdict.assumes], [false, ['former-validator-keys-not-stolen']])
    assert.equal(verdict.mayLack, mayLack)
    assert.not.ok('complete' in verdict)
  }
})

/** Of util-linux: a shell in a user and a network namespace of its own, in which there is not even a loopback. */
const unshared = (...command: readonly string[]) =>
  spawnSync('/usr/bin/env', ['unshare', '-rn', ...command], { cwd: runner.folder, encoding: 'utf8' })

const whereUnshared = unshared('true').status === 0 ? test : test.skip

whereUnshared('in a network namespace without any network it verifies as well', () => {
  const main = join(import.meta.dirname, '../../src/main.ts')
  const ran = unshared(process.execPath, main, ...args)
  assert.is(ran.status, 0, ran.stderr)
  assert.match(ran.stdout, 'verified')
})

const recalledArgs = ['verify', 'recalled.json', '--genesis', 'genesis.json']

test('of a recalled record it draws who is to destroy it and who has, and counts no holders', async () => {
  const { exit, out } = await runner.run(recalledArgs)
  assert.is(exit, 0)
  assert.match(out, /recalled 2027-01-15 .*, destroyed by 2 of at least 3 as of block 5/)
  assert.match(out, 'opened, to destroy')
  assert.match(out, 'opened, destroyed')
  assert.match(out, /proves not {3}that there was nothing else, before or since: .*attestations$/m)
  assert.not.match(out, /holds? it now|holders|holds it as of/)
  const json = JSON.parse((await runner.run([...recalledArgs, '--json'])).out)
  assert.is(json.recall.transaction, recall.id)
  assert.equal(json.recall.missing, [cedar.member])
  const marks = json.holders.map((holder: { member: string; recall: string }) => [holder.member, holder.recall])
  assert.equal(marks, [
    [alder.member, 'destroyed'],
    [birch.member, 'destroyed'],
    [cedar.member, 'recalled']
  ])
})

test('with the envelope of a hand-off it says what a claimed mismatch comes to, offline', async () => {
  // Not even sealed: that needs no key to convict.
  const envelope = Buffer.from('what Alder called an envelope')
  const record = recordIdOf(chain, alder.member, new Uint8Array(16).fill(nonces + 1))
  const bad = send(alder, birch, null, { record, commitment: envelopeCommitment(envelope) })
  const claim = signed('stt.ack', birch, { acks: [{ via: bad.id, outcome: 'mismatch' }] })
  const files = {
    'claimed.json': `${encodeJointReceipt(receipt([[bad], [claim], []]))}\n`,
    'unclaimed.json': `${encodeJointReceipt(receipt([[bad], []]))}\n`,
    'envelope.bin': envelope,
    'other.bin': Buffer.from('another')
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(runner.folder, name), content)
  const verify = (name: string, file: string, ...more: readonly string[]) =>
    runner.run(['verify', name, '--genesis', 'genesis.json', '--envelope', file, ...more])

  const proven = await verify('claimed.json', 'envelope.bin')
  assert.is(proven.exit, 0, proven.err)
  assert.match(proven.out, `Birch says of what Alder sent as ${bad.id.slice(0, 12)}`)
  assert.match(proven.out, 'mismatch, proven')
  const json = JSON.parse((await verify('claimed.json', 'envelope.bin', '--json')).out)
  assert.equal(json.envelope, {
    transmissions: [bad.id],
    claims: [{ transmission: bad.id, sender: alder.member, receiver: birch.member, verdict: 'proven' }]
  })
  const unclaimed = await verify('unclaimed.json', 'envelope.bin')
  assert.is(unclaimed.exit, 0)
  assert.match(unclaimed.out, `The receipt holds no claim of a mismatch about ${bad.id.slice(0, 12)}`)
  const other = await verify('claimed.json', 'other.bin', '--json')
  assert.is(other.exit, 4)
  assert.is(JSON.parse(other.out).code, 'other-envelope')
  assert.is((await verify('claimed.json', 'nowhere.bin')).exit, 1)
})

test('a transaction that is left out is missed where another one builds on it', () => {
  const codeWithout = (...left: readonly ParsedTransaction[]) => {
    const verdict = verifyTrace(encodeJointReceipt(receipt(recalledBodies, left)), genesis)
    return verdict.kind === 'failed' ? verdict.code : verdict.kind
  }
  const rows: readonly (readonly [readonly ParsedTransaction[], string])[] = [
    [[], 'verified'],
    [[one], 'wrong-via'],
    [[one, ackOne], 'not-the-origin'],
    [[ackOne], 'not-opened'],
    [[two], 'wrong-via'],
    [[recall], 'not-recalled'],
    // Nothing builds on these: the words say that there may be more.
    [[ackTwo], 'verified'],
    [[byBirch], 'verified'],
    [[byAlder], 'verified'],
    [[recall, byBirch, byAlder], 'verified']
  ]
  for (const [left, code] of rows) assert.is(codeWithout(...left), code)
})

test('no bit of the file can be changed, and the first thing that fails is named', () => {
  const whole = readFileSync(recalledFile)
  assert.is(verifyTrace(whole.toString(), genesis).kind, 'verified')
  const codes = new Set<string>()
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    const verdict = verifyTrace(changed.toString('latin1'), genesis)
    if (verdict.kind !== 'failed') return assert.unreachable(`byte ${at}`)
    codes.add(verdict.code)
  }
  for (const code of [
    'malformed',
    'wrong-chain',
    'transaction-signature',
    'not-in-block',
    'anchor-mismatch',
    'not-final'
  ])
    assert.ok(codes.has(code), code)
})

test('a changed file ends with exit code 4 and says of which transaction', async () => {
  // The first block has one transaction and so no path: the first hash is on the second transaction's.
  const at = text.indexOf('"hash":"') + '"hash":"'.length
  const damaged = `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`
  writeFileSync(join(runner.folder, 'damaged.json'), damaged)
  const { exit, err } = await runner.run(['verify', 'damaged.json', '--genesis', 'genesis.json'])
  assert.is(exit, 4)
  assert.match(err, /^Not verified \(not-in-block\): transaction 2 of the receipt: /)
  writeFileSync(join(runner.folder, 'cut.json'), text.replace('"transactions"', '"transactionz"'))
  assert.is((await runner.run(['verify', 'cut.json', '--genesis', 'genesis.json'])).exit, 4)
})

test.run()
