import type { RecordId, TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Trail } from '../../src/demo/courier.ts'
import { mostTravelled, neverAt } from '../../src/demo/most-travelled.ts'

const test = suite('simulator/demo/most-travelled')

/** A trail along hospitals of one letter each: `trail('abc')` goes from a to b, then from b to c. */
function trail(route: string): Trail {
  const deliveries = [...route].slice(1).map((to, i) => ({
    transmission: `${route}${i}` as TransactionId,
    from: route[i] as string,
    to
  }))
  return { record: route as RecordId, deliveries }
}

test('the most travelled is the one with the most deliveries, of several the first', () => {
  assert.is(mostTravelled([trail('ab'), trail('abc'), trail('bcd')])?.record, 'abc')
  assert.is(mostTravelled([]), undefined)
})

test('a record that a hospital made, got or sent on was there', () => {
  const trails = [trail('dab'), trail('abd'), trail('adb'), trail('abc')]
  assert.is(neverAt(trails, 'd')?.record, 'abc')
  assert.is(neverAt(trails.slice(0, 3), 'd'), undefined)
})

test.run()
