import type { Content } from '@wardline/crypto'
import { commitContent } from '@wardline/crypto'
import { type ParsedTransaction, verifyTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type IsSigned,
  type KeyOf,
  type PathEvidence,
  type PathVerdict,
  pathPlan,
  traceRecord,
  verifyPath
} from '../src/index.ts'
import { createChain, type Hospital, hash } from './chain.ts'

const test = suite('custody/verify-path')

const content: Content = {
  salt: new Uint8Array(32).fill(7),
  descriptor: new Uint8Array(3),
  bytes: new TextEncoder().encode('record')
}
const commitment = commitContent(content)

type Send = ParsedTransaction<'stt.send'>
type Ack = ParsedTransaction<'stt.ack'>

/** A made the record and sent it to D; later A sends it to B, B to C: C's path does not begin with the creating transmission. */
const chain = createChain(4)
const [a, b, c, d] = chain.hospitals as [Hospital, Hospital, Hospital, Hospital]
const creation = chain.firstSend(a, [d], commitment)
const { recordId } = creation.body
const one = chain.sendOn(a, [b], recordId, null, commitment)
const ackB = chain.ack(b, one.id)
const two = chain.sendOn(b, [c, d], recordId, one.id, commitment)
for (const tx of [creation, one, ackB, two]) {
  assert.equal(chain.add(tx), { kind: 'accept' })
  chain.commit()
}

const evidence: PathEvidence = {
  chain: chain.id,
  creation,
  links: [
    { send: one, opened: ackB },
    { send: two, opened: null }
  ],
  receiver: c.member
}
const keyOf: KeyOf = (member, keyIndex) =>
  keyIndex === 0 ? chain.hospitals.find((hospital) => hospital.member === member)?.sign.publicKey : undefined

function verify(
  changed: Partial<PathEvidence>,
  options: { keyOf?: KeyOf; isSigned?: IsSigned; content?: Content } = {}
): Promise<PathVerdict> {
  return verifyPath({ ...evidence, ...changed }, options.content ?? content, {
    keyOf,
    isSigned: verifyTransaction,
    ...options
  })
}

test('a true path is verified, from the graph alone and with its own evidence', async () => {
  assert.equal(await verify({}), { kind: 'verified' })
  const graph = await traceRecord(chain.rows(), recordId)
  assert.ok(graph !== undefined)
  const plan = pathPlan(graph, two.id)
  assert.equal(plan, {
    creation: creation.id,
    links: [
      { send: one.id, opened: ackB.id },
      { send: two.id, opened: null }
    ]
  })
  const fetched: PathEvidence = {
    chain: chain.id,
    receiver: c.member,
    creation: chain.get(plan?.creation as never) as Send,
    links: (plan?.links ?? []).map(({ send, opened }) => ({
      send: chain.get(send) as Send,
      opened: opened === null ? null : (chain.get(opened) as Ack)
    }))
  }
  assert.equal(await verifyPath(fetched, content, { keyOf, isSigned: verifyTransaction }), { kind: 'verified' })
  assert.is(pathPlan(graph, hash('unknown') as never), undefined)
})

test('a path of one link, which is the creation itself', async () => {
  assert.equal(await verify({ links: [{ send: creation, opened: null }], receiver: d.member }), { kind: 'verified' })
})

test('content that is not what was committed to is a mismatch: bytes, descriptor or salt', async () => {
  const rows: readonly Content[] = [
    { ...content, bytes: new TextEncoder().encode('Record') },
    { ...content, descriptor: new Uint8Array(4) },
    { ...content, salt: new Uint8Array(32) }
  ]
  for (const changed of rows) assert.equal(await verify({}, { content: changed }), { kind: 'mismatch' })
})

test('every broken path has its code and the link that broke', async () => {
  const otherRecord = chain.firstSend(a, [b], commitment)
  const otherContent = chain.sendOn(b, [c], recordId, one.id, hash('other'))
  const forged = chain.sendOn(c, [d], recordId, one.id, commitment)
  const wrongVia = chain.sendOn(b, [c], recordId, creation.id, commitment)
  const claimed = chain.sendOn(b, [c], otherRecord.body.recordId, null, commitment)
  const refusedB = chain.ack(b, one.id, 'refused')
  const ackOther = chain.ack(b, two.id)
  const ackByD = chain.ack(d, one.id)
  const [first, last] = evidence.links as [PathEvidence['links'][number], PathEvidence['links'][number]]
  const rows: readonly (readonly [what: string, changed: Partial<PathEvidence>, code: string, link: number])[] = [
    ['no links', { links: [] }, 'no-path', 0],
    ['too many links', { links: new Array(1001).fill(first) }, 'path-too-long', 1000],
    ['the middle is missing', { links: [last] }, 'not-the-origin', 0],
    ['another creation', { creation: otherRecord }, 'other-record', 0],
    ['a later send passed off as the creation', { creation: one }, 'record-id-mismatch', 0],
    [
      "a record that somebody else's nonce made",
      { creation: claimed, links: [{ send: claimed, opened: null }] },
      'record-id-mismatch',
      0
    ],
    ['a creation by another hospital', { creation: chain.firstSend(b, [c], commitment) }, 'not-the-origin', 0],
    ['content changed on the way', { links: [first, { send: otherContent, opened: null }] }, 'content-changed', 1],
    [
      'a sender who never received',
      { links: [first, { send: forged, opened: null }], receiver: d.member },
      'not-a-receiver',
      0
    ],
    ['another source is named', { links: [first, { send: wrongVia, opened: null }] }, 'wrong-via', 0],
    ['the receiver is not named', { receiver: a.member }, 'not-a-receiver', 1],
    ['never opened', { links: [{ send: one, opened: null }, last] }, 'not-opened', 0],
    ['refused instead of opened', { links: [{ send: one, opened: refusedB }, last] }, 'not-opened', 0],
    ['opened something else', { links: [{ send: one, opened: ackOther }, last] }, 'not-opened', 0],
    ['opened by somebody else', { links: [{ send: one, opened: ackByD }, last] }, 'not-opened', 0],
    [
      'for another chain',
      { links: [first, { send: { ...two, chain: hash('chain') as never }, opened: null }] },
      'other-chain',
      1
    ]
  ]
  for (const [what, changed, code, link] of rows)
    assert.equal(await verify(changed), { kind: 'broken-path', code, link }, what)
})

test('every signature and every key counts: the creation, each send, each acknowledgement', async () => {
  const faults: readonly (readonly [tx: ParsedTransaction, link: number])[] = [
    [creation, 0],
    [one, 0],
    [ackB, 0],
    [two, 1]
  ]
  for (const [bad, link] of faults) {
    const isSigned: IsSigned = (tx) => tx.leaf !== bad.leaf && verifyTransaction(tx)
    assert.equal(await verify({}, { isSigned }), { kind: 'broken-path', code: 'bad-signature', link })
  }
  const damaged = { ...two, signature: two.signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte)) }
  assert.equal(await verify({ links: [evidence.links[0] as never, { send: damaged, opened: null }] }), {
    kind: 'broken-path',
    code: 'bad-signature',
    link: 1
  })
  const replaced: KeyOf = (member, keyIndex) => (member === b.member ? a.sign.publicKey : keyOf(member, keyIndex))
  assert.equal(await verify({}, { keyOf: replaced }), { kind: 'broken-path', code: 'wrong-key', link: 0 })
  assert.equal(await verify({}, { keyOf: () => undefined }), { kind: 'broken-path', code: 'wrong-key', link: 0 })
})

test.run()
