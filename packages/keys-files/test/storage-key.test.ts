import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryKeys, storageKeyOf } from '../src/index.ts'
import { countingRandom } from './counting-random.ts'

const test = suite('keys-files/storage-key')

const none = async () => false

test('it is made once and stays the same, also for two that ask at once', async () => {
  const keys = createMemoryKeys()
  const [one, two] = await Promise.all([
    storageKeyOf(keys, countingRandom(), none),
    storageKeyOf(keys, countingRandom(), none)
  ])
  assert.is(one.length, 32)
  assert.equal(two, one)
  assert.equal(await storageKeyOf(keys, countingRandom(), none), one)
})

test('where something is there that only a lost key opens, none is made', async () => {
  const keys = createMemoryKeys()
  const missed = await storageKeyOf(keys, countingRandom(), async () => true).catch(({ code }) => code)
  assert.equal([missed, await keys.load('storage')], ['storage-key-absent', undefined])
  const made = await storageKeyOf(keys, countingRandom(), none)
  assert.equal(await storageKeyOf(keys, countingRandom(), async () => true), made)
})

test('a key set of that name without the key is refused, not replaced', async () => {
  const keys = createMemoryKeys()
  await keys.create('storage', { other: new Uint8Array(32) })
  try {
    await storageKeyOf(keys, countingRandom(), none)
    assert.unreachable('it was given out')
  } catch (error) {
    assert.is((error as { code?: string }).code, 'keys-unreadable')
  }
})

test.run()
