import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createInTurn } from '../src/in-turn.ts'

const test = suite('codec/in-turn')

/** Work that says when it runs and ends when it is told to. */
function work(log: string[], name: string) {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const run = async () => {
    log.push(`${name} begins`)
    await ended
    log.push(`${name} ends`)
    return name
  }
  return { run, end }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('work of one name runs one after another, of two names at once', async () => {
  const inTurn = createInTurn()
  const log: string[] = []
  const [one, two, other] = [work(log, 'one'), work(log, 'two'), work(log, 'other')]
  const all = [inTurn('a', one.run), inTurn('a', two.run), inTurn('b', other.run)]
  await turn()
  assert.equal(log, ['one begins', 'other begins'])
  two.end()
  await turn()
  assert.equal(log, ['one begins', 'other begins'])
  one.end()
  other.end()
  assert.equal(await Promise.all(all), ['one', 'two', 'other'])
  assert.ok(log.indexOf('one ends') < log.indexOf('two begins'))
})

test('work that fails tells its own caller, and the next one runs', async () => {
  const inTurn = createInTurn()
  const failing = inTurn('a', async () => {
    throw new Error('broken')
  })
  const next = inTurn('a', async () => 'fine')
  assert.is(await failing.catch((error: Error) => error.message), 'broken')
  assert.is(await next, 'fine')
  assert.is(await inTurn('a', async () => 'later'), 'later')
})

test.run()
