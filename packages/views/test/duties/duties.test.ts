import {
  type ChainId,
  type Digest,
  type Hash,
  height,
  type MemberId,
  name32,
  type SealKey,
  sha256,
  type TransactionId
} from '@wardline/codec'
import type { Change, CommittedBlock, ParsedTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DUTY_DUE_MS, dutiesFold, isOverdue, openDuty, pendingDuties, pendingErasures } from '../../src/index.ts'

const test = suite('views/duties/duties')

const name = <T extends ChainId | Digest | Hash | MemberId | SealKey | TransactionId>(text: string) =>
  name32<T>(sha256(new TextEncoder().encode(text)))
const [self, sender, other] = ['self', 'sender', 'other'].map((text) => name<MemberId>(text)) as [
  MemberId,
  MemberId,
  MemberId
]

/** What the fold reads of a transaction; the ledger's own tests make whole ones. */
function made(
  kind: ParsedTransaction['kind'],
  author: MemberId,
  body: object,
  id = `${kind} ${author}`
): ParsedTransaction {
  return { kind, id: name(id), author: { member: author, keyIndex: 0 }, body } as unknown as ParsedTransaction
}

function receivers(members: readonly MemberId[]) {
  return members.map((member) => ({ member, sealingKey: name<SealKey>('seal') }))
}

function send(id: string, to: readonly MemberId[]): ParsedTransaction {
  return made('stt.send', sender, { recordId: name(`record of ${id}`), via: null, to: receivers(to) }, id)
}

function ack(via: string, author: MemberId): ParsedTransaction {
  return made('stt.ack', author, { acks: [{ via: name(via), outcome: 'opened' }] })
}

function block(at: number, ...transactions: readonly ParsedTransaction[]): CommittedBlock {
  const header = { height: height(at), time: at * 1000 } as CommittedBlock['header']
  return { header, digest: name<Digest>(`block ${at}`), transactions, changes: [] }
}

function folded(...blocks: readonly CommittedBlock[]) {
  const rows = new Map<string, Uint8Array>()
  const changes: Change[] = []
  for (const one of blocks) {
    for (const change of dutiesFold(self)({ get: (key) => rows.get(key) }, one)) {
      changes.push(change)
      if (change.value === null) rows.delete(change.key)
      else rows.set(change.key, change.value)
    }
  }
  return {
    changes,
    get: (key: string) => rows.get(key),
    async *range({ from, to, limit = 1000 }: { readonly from: string; readonly to: string; readonly limit?: number }) {
      yield* [...rows]
        .filter(([key]) => key >= from && key < to)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
    }
  }
}

test('a transmission to this hospital makes a duty, others do not', async () => {
  const table = folded(block(3, send('a', [other, self]), send('b', [other])))
  assert.equal(await pendingDuties(table.range, { limit: 10 }), [
    { transmission: name('a'), record: name('record of a'), sender, sinceMs: 3000, height: 3 }
  ])
  assert.is(openDuty(table, name('b')), undefined)
  assert.is(openDuty(table, name('a'))?.sinceMs, 3000)
})

test("only this hospital's own acknowledgement ends it", async () => {
  const open = folded(block(1, send('a', [self, other])), block(2, ack('a', other)))
  assert.is((await pendingDuties(open.range, { limit: 10 })).length, 1)
  const done = folded(block(1, send('a', [self, other])), block(2, ack('a', self)))
  assert.is((await pendingDuties(done.range, { limit: 10 })).length, 0)
  assert.is(openDuty(done, name('a')), undefined)
})

test('made and ended in one block: nothing is left', async () => {
  const table = folded(block(1, send('a', [self]), ack('a', self)))
  assert.equal(await pendingDuties(table.range, { limit: 10 }), [])
})

test('duties come in pages, each once', async () => {
  const table = folded(block(1, ...['a', 'b', 'c', 'd', 'e'].map((id) => send(id, [self]))))
  const seen: TransactionId[] = []
  for (;;) {
    const last = seen.at(-1)
    const page = await pendingDuties(table.range, last === undefined ? { limit: 2 } : { limit: 2, after: last })
    if (page.length === 0) break
    assert.ok(page.length <= 2)
    seen.push(...page.map(({ transmission }) => transmission))
  }
  assert.equal(seen, ['a', 'b', 'c', 'd', 'e'].map((id) => name<TransactionId>(id)).sort())
})

test('overdue after 24 hours', async () => {
  const [duty] = await pendingDuties(folded(block(1, send('a', [self]))).range, { limit: 1 })
  assert.ok(duty !== undefined)
  assert.not.ok(isOverdue(duty, 1000 + DUTY_DUE_MS))
  assert.ok(isOverdue(duty, 1001 + DUTY_DUE_MS))
})

const EVERY = { limit: 100 }
const recall = (record: string) => made('stt.recall', other, { recordId: name(record), subject: null })
const attest = (record: string, author: MemberId) => made('stt.attest', author, { recordId: name(record), via: null })
const erasuresAfter = async (...transactions: readonly ParsedTransaction[]) =>
  pendingErasures(folded(...transactions.map((tx, i) => block(i + 1, tx))).range, EVERY)

test('who was sent a record, or is its origin, must destroy it after a recall; nobody else must', async () => {
  const origin = made('stt.send', self, { recordId: name('own'), via: null, to: receivers([other]) })
  const due = { sinceMs: 2000, height: 2 }
  assert.equal(await erasuresAfter(send('a', [self]), recall('record of a')), [
    { ...due, record: name('record of a'), via: name('a') }
  ])
  assert.equal(await erasuresAfter(origin, recall('own')), [{ ...due, record: name('own'), via: null }])
  assert.equal(await erasuresAfter(send('a', [other]), recall('record of a')), [])
  assert.equal(await erasuresAfter(send('a', [self]), recall('record of b')), [])
})

test('an erasure names the first transmission to this hospital, and ends with its own attestation', async () => {
  const again = made('stt.send', sender, { recordId: name('record of a'), via: name('x'), to: receivers([self]) })
  const [duty] = await erasuresAfter(send('a', [self]), again, recall('record of a'), attest('record of a', other))
  assert.is(duty?.via, name('a'))
  assert.equal(await erasuresAfter(send('a', [self]), recall('record of a'), attest('record of a', self)), [])
})

test('sent, recalled and destroyed in one block: nothing is left', async () => {
  const whole = block(1, send('a', [self]), recall('record of a'))
  assert.is((await pendingErasures(folded(whole).range, EVERY)).length, 1)
  const done = block(1, send('a', [self]), recall('record of a'), attest('record of a', self))
  assert.equal(await pendingErasures(folded(done).range, EVERY), [])
})

test.run()
