import type { WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryKeys, sealKeysOf, voteKeysOf } from '../src/index.ts'
import { countingRandom } from './counting-random.ts'

const test = suite('keys-files/key-lines')
const first = new Uint8Array(32).fill(7)

for (const [use, lineOf] of [
  ['vote', voteKeysOf],
  ['seal', sealKeysOf]
] as const) {
  async function withFirst() {
    const keys = createMemoryKeys()
    await keys.create('region', { sign: new Uint8Array(32), [use]: first })
    return { keys, line: lineOf(keys, 'region', countingRandom()) }
  }

  test(`${use}: the first is that of the key set; each that is made comes behind the ones before`, async () => {
    const { keys, line } = await withFirst()
    assert.equal(await line.all(), [first])
    const second = await line.make()
    const third = await line.make()
    assert.not.equal(second, third)
    assert.equal(await line.all(), [first, second, third])
    assert.equal(await keys.load(`region.${use}-2`), { [use]: second })
    assert.equal(await lineOf(keys, 'region', countingRandom()).all(), [first, second, third], 'and stay')
  })

  test(`${use}: a file that is missing before another is told of, and nothing is made in its place`, async () => {
    const { keys, line } = await withFirst()
    for (let count = 0; count < 3; count++) await line.make()
    for (const gone of ['region', `region.${use}-2`, `region.${use}-3`]) {
      const rest = { ...keys, load: async (name: string) => (name === gone ? undefined : keys.load(name)) }
      const left = lineOf(rest, 'region', countingRandom())
      for (const asked of [left.all(), left.make()]) {
        const error = await asked.catch((reason: unknown) => reason)
        assert.is((error as WardlineError).code, 'keys-incomplete')
        assert.ok((error as WardlineError).message.includes(`${gone} is missing`))
      }
    }
  })

  test(`${use}: two that are made at once are two`, async () => {
    const { line } = await withFirst()
    const made = await Promise.all([line.make(), line.make()])
    assert.equal(await line.all(), [first, ...made])
  })

  test(`${use}: those of another chain are its own`, async () => {
    const { keys, line } = await withFirst()
    await line.make()
    await keys.create('other', { [use]: new Uint8Array(32).fill(9) })
    assert.is((await lineOf(keys, 'other', countingRandom()).all()).length, 1)
    assert.equal(await lineOf(keys, 'absent', countingRandom()).all(), [])
  })
}

test('the keys of two uses are told apart', async () => {
  const keys = createMemoryKeys()
  await keys.create('region', { vote: first, seal: new Uint8Array(32).fill(8) })
  const seal = await sealKeysOf(keys, 'region', countingRandom()).make()
  assert.equal(await voteKeysOf(keys, 'region', countingRandom()).all(), [first])
  assert.equal((await sealKeysOf(keys, 'region', countingRandom()).all()).at(-1), seal)
})

test.run()
