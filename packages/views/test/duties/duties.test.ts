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
import {
  DUTY_DUE_MS,
  dutiesFold,
  dutyOfChange,
  isOverdue,
  openDuty,
  openDutyRange,
  pendingDuties
} from '../../src/index.ts'

const test = suite('views/duties/duties')

const name = <T extends ChainId | Digest | Hash | MemberId | SealKey | TransactionId>(text: string) =>
  name32<T>(sha256(new TextEncoder().encode(text)))
const [self, sender, other] = ['self', 'sender', 'other'].map((text) => name<MemberId>(text)) as [
  MemberId,
  MemberId,
  MemberId
]

/** What the fold reads of a transaction; the ledger's own tests make whole ones. */
function send(id: string, to: readonly MemberId[]): ParsedTransaction {
  const receivers = to.map((member) => ({ member, sealingKey: name<SealKey>('seal') }))
  const body = { recordId: name(`record of ${id}`), to: receivers }
  return {
    kind: 'stt.send',
    id: name(id),
    author: { member: sender, keyIndex: 0 },
    body
  } as unknown as ParsedTransaction
}

function ack(via: string, author: MemberId): ParsedTransaction {
  const body = { via: name(via), outcome: 'opened' }
  return {
    kind: 'stt.ack',
    id: name(`ack of ${via}`),
    author: { member: author, keyIndex: 0 },
    body
  } as unknown as ParsedTransaction
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

test('the changes tell which work begins and which ends', () => {
  const { changes } = folded(block(1, send('a', [self])), block(2, ack('a', self)))
  assert.equal(changes.map(dutyOfChange), [
    { transmission: name('a'), isOpen: true },
    { transmission: name('a'), isOpen: false }
  ])
  assert.is(dutyOfChange({ key: 'views/custody/x', value: null }), undefined)
  assert.ok(changes.every(({ key }) => key >= openDutyRange.from && key < openDutyRange.to))
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

test.run()
