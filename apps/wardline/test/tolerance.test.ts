import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toleranceText } from '../src/tolerance.ts'

const test = suite('wardline/tolerance')

const rows: readonly (readonly [n: number, text: string])[] = [
  [1, 'Every block needs 1 of 1 validators. The chain stands and falls with it.'],
  [2, 'Every block needs 2 of 2 validators. It stops whenever one is away, and cannot fork while none lies.'],
  [3, 'Every block needs 2 of 3 validators. It goes on while one is away, and cannot fork while none lies.'],
  [
    4,
    'Every block needs 3 of 4 validators. It goes on while one is away, and cannot fork while no more than one lies.'
  ],
  [
    6,
    'Every block needs 4 of 6 validators. It goes on while no more than 2 are away, and cannot fork while no more than one lies.'
  ],
  [
    7,
    'Every block needs 5 of 7 validators. It goes on while no more than 2 are away, and cannot fork while no more than 2 lie.'
  ]
]
for (const [n, text] of rows) test(`of ${n}`, () => assert.is(toleranceText(n), text))

test.run()
