import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crashesTolerated, faultsTolerated, quorum, signersOfFork } from '../src/index.ts'

const test = suite('consensus/quorum')

test('for n = 1 to 100 quorums intersect in a correct member and n-f members suffice', () => {
  for (let n = 1; n <= 100; n++) {
    const [q, f] = [quorum(n), faultsTolerated(n)]
    assert.ok(2 * q - n >= f + 1, `intersection, n=${n}`)
    assert.ok(q <= n - f, `progress, n=${n}`)
    assert.ok(2 * q > n, `more than half, n=${n}`)
    assert.is(q, Math.floor((n + f) / 2) + 1, `the other formula, n=${n}`)
  }
})

test('the table of sizes', () => {
  const rows = [
    // n, q, crashed with progress, f, signers of a fork
    [1, 1, 0, 0, 1],
    [2, 2, 0, 0, 2],
    [3, 2, 1, 0, 1],
    [4, 3, 1, 1, 2],
    [5, 4, 1, 1, 3],
    [6, 4, 2, 1, 2],
    [7, 5, 2, 2, 3],
    [10, 7, 3, 3, 4],
    [100, 67, 33, 33, 34]
  ]
  for (const [n = 0, ...expected] of rows) {
    assert.equal([quorum(n), crashesTolerated(n), faultsTolerated(n), signersOfFork(n)], expected, `n=${n}`)
  }
})

test('an empty set has no quorum', () => {
  for (const n of [0, -1, 1.5, Number.NaN]) assert.throws(() => quorum(n))
})

test.run()
