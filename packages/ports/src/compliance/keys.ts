/** The promises of `Keys`. */
import { type ChainId, type SignKey, WardlineError } from '@wardline/codec'
import { suite, type Test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KeySet, Keys } from '../keys.ts'

/** One place where keys are kept: `open` opens it again, as a daemon that starts anew does. */
export type KeysSubject = { open(): Promise<Keys>; cleanup(): Promise<void> }

/** The suite `name` against places made by `make`, empty at first. */
export function keysCompliance(name: string, make: () => Promise<KeysSubject>): Test {
  const test = suite(name)

  const check = (title: string, run: (keys: Keys, subject: KeysSubject) => Promise<void>): void => {
    test(title, async () => {
      const subject = await make()
      try {
        await run(await subject.open(), subject)
      } finally {
        await subject.cleanup()
      }
    })
  }

  check('what was never created is undefined', async (keys) => {
    assert.is(await keys.load('identity'), undefined)
  })

  check('what was created is loaded, also after opening again', async (keys, subject) => {
    const secrets = keySet(1, 'sign', 'vote', 'host-2')
    await keys.create('identity', secrets)
    assert.equal(await keys.load('identity'), secrets)
    assert.equal(await (await subject.open()).load('identity'), secrets)
  })

  check('names are kept apart', async (keys) => {
    await keys.create('identity', keySet(1, 'sign'))
    await keys.create('ward-7', keySet(2, 'sign', 'seal'))
    assert.equal(await keys.load('identity'), keySet(1, 'sign'))
    assert.equal(await keys.load('ward-7'), keySet(2, 'sign', 'seal'))
    assert.is(await keys.load('ward'), undefined)
  })

  check('nothing is ever overwritten', async (keys, subject) => {
    await keys.create('identity', keySet(1, 'sign'))
    assert.is(await failure(keys.create('identity', keySet(2, 'sign'))), 'keys-exist')
    assert.is(await failure((await subject.open()).create('identity', keySet(3, 'other'))), 'keys-exist')
    assert.equal(await keys.load('identity'), keySet(1, 'sign'))
  })

  check('of two that create one name at once, one wins and the other is told', async (keys, subject) => {
    const other = await subject.open()
    const codes = await Promise.all([
      failure(keys.create('identity', keySet(1, 'sign'))),
      failure(other.create('identity', keySet(2, 'sign')))
    ])
    assert.equal(codes.toSorted(), ['keys-exist', 'none'])
    assert.equal(await keys.load('identity'), keySet(codes[0] === 'none' ? 1 : 2, 'sign'))
  })

  check('which keys have voted on which chain is remembered, also after opening again', async (keys, subject) => {
    const [chain, otherChain] = ['ab'.repeat(32) as ChainId, 'cd'.repeat(32) as ChainId]
    const [key, otherKey] = ['01'.repeat(32) as SignKey, '02'.repeat(32) as SignKey]
    assert.is(await keys.hasVoted(chain, key), false)
    await keys.markVoted(chain, key)
    await keys.markVoted(chain, key)
    const again = await subject.open()
    for (const opened of [keys, again]) {
      assert.is(await opened.hasVoted(chain, key), true)
      assert.is(await opened.hasVoted(otherChain, key), false)
      assert.is(await opened.hasVoted(chain, otherKey), false)
    }
    assert.is(await keys.load('identity'), undefined)
  })

  check('the caller may wipe what it gave and what it got', async (keys) => {
    const secrets = keySet(1, 'sign')
    const created = keys.create('identity', secrets)
    secrets['sign']?.fill(0)
    await created
    const loaded = (await keys.load('identity')) as KeySet
    assert.equal(loaded, keySet(1, 'sign'))
    loaded['sign']?.fill(0)
    assert.equal(await keys.load('identity'), keySet(1, 'sign'))
  })

  check('a name that is not a label, and a secret that is not 32 bytes, are our bug', async (keys) => {
    for (const name of ['', '.', '..', 'a/b', '../a', 'A', 'a.', '.a', 'a.b.c', 'a b', 'é', '-a', 'a'.repeat(64)]) {
      assert.is(await failure(keys.create(name, keySet(1, 'sign'))), 'AssertionError', name)
      assert.is(await failure(keys.load(name)), 'AssertionError', name)
    }
    for (const size of [0, 31, 33]) {
      assert.is(await failure(keys.create('identity', { sign: new Uint8Array(size) })), 'AssertionError')
    }
    for (const use of ['', 'Sign', '__proto__', 'a b']) {
      assert.is(await failure(keys.create('identity', keySet(1, use))), 'AssertionError', use)
    }
    assert.is(await keys.load('identity'), undefined)
  })

  return test
}

function keySet(fill: number, ...uses: readonly string[]): KeySet {
  return Object.fromEntries(uses.map((use, index) => [use, new Uint8Array(32).fill(fill * 16 + index)]))
}

/** The code of the WardlineError that `work` fails with, `AssertionError` for our bug, or `none`. */
async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    if (error instanceof Error && error.name === 'AssertionError') return error.name
    throw error
  }
  return 'none'
}
