/** The promises of `RecordKeys`. */
import { type TransactionId, WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RecordKeys } from '../record-keys.ts'

/** One place where record keys are: `open` opens it again, as a daemon that starts anew does. */
export type RecordKeysSubject = { open(): Promise<RecordKeys>; cleanup(): Promise<void> }

/** As unlike each other as hashes are. */
function idOf(number: number): TransactionId {
  return number.toString(16).padStart(64, '0') as TransactionId
}

/** The suite `name` against places made by `make`, empty at first. */
export function recordKeysCompliance(name: string, make: () => Promise<RecordKeysSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (keys: RecordKeys, subject: RecordKeysSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      const keys = await subject.open()
      try {
        await run(keys, subject)
      } finally {
        await keys.close()
        await subject.cleanup()
      }
    })
  }

  check('what has no key has none', async (keys) => {
    assert.is(keys.get(idOf(1)), undefined)
  })

  check('a key has 32 bytes, is like no other, and is there as soon as it was made', async (keys) => {
    const made = [await keys.create(idOf(1)), await keys.create(idOf(2))]
    for (const key of made) assert.is(key.length, 32)
    assert.not.equal(made[0], made[1])
    assert.equal(keys.get(idOf(1)), made[0])
    assert.equal(keys.get(idOf(2)), made[1])
  })

  check('made twice, also at once, it is the same key', async (keys) => {
    const first = await Promise.all([keys.create(idOf(1)), keys.create(idOf(1)), keys.create(idOf(1))])
    for (const key of [...first, await keys.create(idOf(1))]) assert.equal(key, first[0])
  })

  check('keys are there after opening again, and new ones beside them', async (keys, subject) => {
    const made = await Promise.all([...Array(50).keys()].map((number) => keys.create(idOf(number))))
    await keys.close()
    const again = await subject.open()
    try {
      for (const [number, key] of made.entries()) assert.equal(again.get(idOf(number)), key)
      const next = await again.create(idOf(50))
      assert.equal(again.get(idOf(50)), next)
      assert.equal(again.get(idOf(49)), made[49])
    } finally {
      await again.close()
    }
  })

  check('many at once each get their own', async (keys, subject) => {
    const made = await Promise.all([...Array(300).keys()].map((number) => keys.create(idOf(number))))
    assert.is(new Set(made.map((key) => key.join())).size, 300)
    await keys.close()
    const again = await subject.open()
    for (const [number, key] of made.entries()) assert.equal(again.get(idOf(number)), key)
    await again.close()
  })

  check('ids that begin alike are kept apart', async (keys) => {
    const ids = [`${'ab'.repeat(31)}01` as TransactionId, `${'ab'.repeat(31)}02` as TransactionId] as const
    const key = await keys.create(ids[0])
    assert.is(keys.get(ids[1]), undefined)
    assert.not.equal(await keys.create(ids[1]), key)
    assert.equal(keys.get(ids[0]), key)
  })

  check('the caller may wipe what it got', async (keys) => {
    const [first, second] = await Promise.all([keys.create(idOf(1)), keys.create(idOf(1))])
    const kept = first.slice()
    first.fill(0)
    assert.equal(second, kept)
    second.fill(0)
    keys.get(idOf(1))?.fill(0)
    ;(await keys.create(idOf(1))).fill(0)
    assert.equal(keys.get(idOf(1)), kept)
  })

  check('closing waits for the keys being made; later calls fail', async (keys, subject) => {
    const made = keys.create(idOf(1))
    await keys.close()
    const key = await made
    await keys.close()
    assert.is(await failure(() => keys.create(idOf(2))), 'record-keys-closed')
    assert.is(await failure(() => keys.create(idOf(1))), 'record-keys-closed')
    assert.is(await failure(async () => keys.get(idOf(1))), 'record-keys-closed')
    const again = await subject.open()
    assert.equal(again.get(idOf(1)), key)
    assert.is(again.get(idOf(2)), undefined)
    await again.close()
  })

  return test
}

/** The code of the WardlineError that `work` fails with. */
async function failure(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}
