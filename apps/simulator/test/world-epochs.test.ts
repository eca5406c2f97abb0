/** Worlds in which the validators change all the time, while everything else goes wrong as the seeds drew it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runSeed } from '../src/world/run-seed.ts'

const test = suite('simulator/world-epochs')

const FIRST = 300
const COUNT = 24

const sums = { ended: 0, added: 0, removed: 0, rotated: 0, receipts: 0, liars: 0 }

for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
  test(`seed ${seed} keeps every invariant over its epochs`, async () => {
    const { violations, epochs, receipts, profile } = await runSeed({
      seed,
      nodes: 3 + (seed % 5),
      profile: (drawn) => ({ ...drawn, changeEveryMs: 1500 })
    })
    assert.equal(
      violations.map(({ code, what }) => `${code}: ${what}`),
      []
    )
    sums.ended += epochs.ended
    sums.added += epochs.added
    sums.removed += epochs.removed
    sums.rotated += epochs.rotated
    sums.receipts += receipts
    sums.liars += profile.byzantine.length
  })
}

test('epochs ended by each kind of change, with Byzantine members, and receipts of them verify', () => {
  const { ended, added, removed, rotated, receipts, liars } = sums
  assert.is(ended, added + removed + rotated)
  assert.ok(ended > 5 * COUNT && added > COUNT / 2 && removed > COUNT / 2 && rotated > COUNT, JSON.stringify(sums))
  assert.ok(receipts > ended, 'more daemons than one give receipts of each epoch')
  assert.ok(liars > 0)
})

test.run()
