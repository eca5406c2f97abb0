import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTurns } from '../src/turns.ts'

const test = suite('vault-files/turns')

test('work for one name follows what came before, even if that failed; work for another does not wait', async () => {
  const turns = createTurns()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.take('a', async () => {
    await gate.promise
    order.push('first')
    throw new Error('broken')
  })
  const second = turns.take('a', async () => order.push('second'))
  await turns.take('b', async () => order.push('other'))
  await turns.take(null, async () => order.push('any'))
  assert.equal(order, ['other', 'any'])
  gate.resolve()
  assert.match(String(await first.catch((error: unknown) => error)), 'broken')
  await second
  assert.equal(order, ['other', 'any', 'first', 'second'])
})

test.run()
