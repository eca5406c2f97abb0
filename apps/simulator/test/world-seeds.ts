/** One test for each of `count` seeds from `first` on; a failing one names the command that replays it. */
import * as assert from 'uvu/assert'
import { runSeed } from '../src/world/run-seed.ts'

type Test = (name: string, run: () => Promise<void>) => void

export function testSeeds(test: Test, first: number, count: number): void {
  for (let seed = first; seed < first + count; seed++) {
    test(`seed ${seed} keeps every invariant`, async () => {
      const { violations, height } = await runSeed({ seed })
      const broken = violations.slice(0, 5).map(({ code, what }) => `${code}: ${what}`)
      assert.equal(broken, [], `pnpm sim --seed ${seed}`)
      assert.ok(height > 0, 'the world came to life')
    })
  }
}
