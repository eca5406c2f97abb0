import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BROKEN_GUARDS } from '../src/mutants/catalog.ts'
import { sharedKey } from '../src/mutants/composed.ts'
import { hunt } from '../src/mutants/hunt.ts'
import { replaceOnce } from '../src/mutants/replaced-source.ts'
import { runSeed } from '../src/world/run-seed.ts'

const test = suite('simulator/world-mutants')

/** The first seed tried is one that catches it; a change elsewhere may make it the next. */
const SEEDS_MAX = 10

for (const { name, what, caughtBy } of BROKEN_GUARDS) {
  test(`${name} is caught: ${what}`, async () => {
    const { caught } = await hunt({ name, seedsMax: SEEDS_MAX })
    assert.ok(caught !== undefined, 'some seed from the one in the catalog on catches it')
    assert.ok(
      caughtBy.some((code) => code === caught.code),
      caught.what
    )
  })
}

test('a place that is not there, or there twice, is not replaced in silence', () => {
  const of = (find: string) => ({ file: 'some.ts', find, replace: 'c' })
  assert.is(replaceOnce('a b', of('b')), 'a c')
  assert.throws(() => replaceOnce('a b', of('d')), /0 times/)
  assert.throws(() => replaceOnce('a b b', of('b')), /2 times/)
})

test('a second daemon with the vote key of another is answered by nobody, and signs nothing against it', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const { violations } = await runSeed({ seed, nodes: 4, mode: 'STT', mutant: sharedKey() })
    assert.equal(
      violations.filter(({ code }) => code === 'I6'),
      []
    )
  }
})

test('one seed gives one trace', async () => {
  for (const seed of [3, 5, 8, 13]) {
    const [once, again] = [await runSeed({ seed }), await runSeed({ seed })]
    assert.is(once.traceHash, again.traceHash, `seed ${seed}`)
    assert.is(once.events, again.events, `seed ${seed}`)
  }
  assert.is.not((await runSeed({ seed: 3 })).traceHash, (await runSeed({ seed: 5 })).traceHash)
})

test.run()
