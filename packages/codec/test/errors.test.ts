import { suite } from 'uvu'
import * as check from 'uvu/assert'
import { AssertionError, assert, unreachable, WardlineError } from '../src/index.ts'

const test = suite('codec/errors')

test('an error of the world keeps its code and its cause', () => {
  const cause = new Error('ENOSPC')
  const error = new WardlineError('store-failed', 'the store cannot be written', { cause })
  check.is(error.code, 'store-failed')
  check.is(error.cause, cause)
  check.is(error.name, 'WardlineError')
  check.instance(error, Error)
})

test('an assertion stops on anything false and passes anything else', () => {
  assert(1, 'fine')
  for (const condition of [false, 0, '', null, undefined]) {
    check.throws(
      () => assert(condition, 'not so'),
      (error: Error) => error instanceof AssertionError && error.message === 'not so'
    )
  }
})

test('reaching the unreachable stops, and shows little of the value', () => {
  check.throws(
    () => unreachable({ text: 'x'.repeat(500) } as never),
    (error: Error) => error instanceof AssertionError && error.message.length < 120
  )
})

test.run()
