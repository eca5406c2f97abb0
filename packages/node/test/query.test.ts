import { type Height, height } from '@wardline/codec'
import { verifyReceipt } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, chainWorld, type Hospital, registered, sent } from './chain-world.ts'

const test = suite('node/query')

const BLOCKS = 6

async function withBlocks(): Promise<{ it: ChainWorld; ids: readonly ReturnType<typeof registered>[] }> {
  const it = await chainWorld(4, [0, 1, 2])
  const ids: ReturnType<typeof registered>[] = []
  for (let i = 0; i < BLOCKS; i++) {
    const transaction = registered(it.genesis, it.hospitals[0] as Hospital, `query ${i}`)
    await it.commit(0, { transaction })
    ids.push(transaction)
  }
  return { it, ids }
}

test('a final transaction is found by its id, in its block', async () => {
  const { it, ids } = await withBlocks()
  const { query } = it.chain(0)
  for (const { id, leaf } of ids) {
    const place = query.place(id)
    assert.ok(place !== undefined)
    assert.is(query.transaction(id)?.leaf, leaf)
    assert.is(query.block(place.height)?.transactions[place.index]?.id, id)
  }
  assert.is(query.block(height(0)), undefined)
  assert.is(query.block((it.chain(0).head().height + 1) as Height), undefined)
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  const unknown = sent(it.genesis, alpha, [beta]).transaction.id
  assert.is(query.place(unknown), undefined)
  assert.is(query.transaction(unknown), undefined)
  assert.is(await query.receipt(unknown), undefined)
})

test('receipts verify by themselves and against every pinned block from the transaction to the head', async () => {
  const { it, ids } = await withBlocks()
  const { query, head } = it.chain(0)
  for (const { id } of ids) {
    const own = await query.receipt(id)
    const verdict = verifyReceipt(own as string, it.genesis)
    assert.is(verdict.kind, 'verified', JSON.stringify(verdict))
    const from = query.place(id)?.height as number
    for (let anchor = from; anchor <= head().height; anchor++) {
      const receipt = await query.receipt(id, height(anchor))
      const digest = query.block(height(anchor))?.digest
      assert.ok(receipt !== undefined && digest !== undefined)
      const pinned = verifyReceipt(receipt, it.genesis, { pin: { height: height(anchor), digest } })
      assert.is(pinned.kind, 'verified', `${from} by ${anchor}: ${JSON.stringify(pinned)}`)
    }
    for (const anchor of [from - 1, head().height + 1]) {
      try {
        await query.receipt(id, height(anchor))
        assert.unreachable('an anchor outside was taken')
      } catch (error) {
        assert.instance(error, RangeError)
      }
    }
  }
})

test('a daemon that caught up has few certificates of its own, and its receipts verify all the same', async () => {
  const { it, ids } = await withBlocks()
  it.crash(1)
  it.start(3)
  await it.run(20_000, () => {
    try {
      return it.chain(3).head().height >= BLOCKS
    } catch {
      return false
    }
  })
  const { query, head } = it.chain(3)
  assert.is(query.block(height(1))?.certificate, undefined)
  for (const { id } of ids) {
    const receipt = await query.receipt(id)
    assert.is(verifyReceipt(receipt as string, it.genesis).kind, 'verified')
    const pin = { height: height(2), digest: query.block(height(2))?.digest as never }
    const place = query.place(id)?.height ?? 0
    if (place <= 2) {
      const pinned = verifyReceipt((await query.receipt(id, height(2))) as string, it.genesis, { pin })
      assert.is(pinned.kind, 'verified', JSON.stringify(pinned))
    }
  }
  assert.ok(head().height >= BLOCKS)
})

test.run()
