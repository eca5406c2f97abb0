/** Which sealing key is announced next: a new one, unless the last was never announced. */
import { type TransactionId, WardlineError } from '@wardline/codec'
import { envelopes, publicSealKey } from '@wardline/crypto'
import type { Submission } from '@wardline/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openOwnSeals } from '../src/own-seals.ts'
import { memoryKeyLine } from './key-lines.ts'

const test = suite('hospital/own-seals')

const accepted: Submission = { kind: 'accepted', id: 'a'.repeat(64) as TransactionId }
const refused: Submission = { kind: 'refused', code: 'busy' }
const check = (): void => undefined

function lineOf(keys: Readonly<Record<string, Uint8Array>>, made: Uint8Array[] = []) {
  let count = 0
  const bytes = (size: number): Uint8Array => {
    count += 1
    return new Uint8Array(size).fill(100 + count)
  }
  return memoryKeyLine(keys, 'seal', { bytes }, made)
}

const options = { label: 'transfers', openerOf: envelopes.openerOf }
const first = new Uint8Array(32).fill(7)

test('a key that was announced is not announced again; one that was refused at once is', async () => {
  const made: Uint8Array[] = []
  const seals = await openOwnSeals(lineOf({ seal: first }, made), options)
  const one = await seals.renew({ check, announce: async () => refused })
  const again = await seals.renew({ check, announce: async () => accepted })
  const other = await seals.renew({ check, announce: async () => accepted })
  assert.is(again.key, one.key)
  assert.not.equal(other.key, one.key)
  assert.equal([one.key, other.key], made.map(publicSealKey))
  assert.is(seals.newest(), other.key)
  assert.ok(seals.openerOf(one.key) !== undefined && seals.openerOf(publicSealKey(first)) !== undefined)
})

test('one after the other: the second is looked at when the first is announced, and where none may be, none is made', async () => {
  const made: Uint8Array[] = []
  const seals = await openOwnSeals(lineOf({ seal: first }, made), options)
  let announced = 0
  const renew = () =>
    seals.renew({
      check() {
        if (announced > 0) throw new RangeError('one waits')
      },
      async announce() {
        await new Promise<void>((resolve) => setTimeout(resolve, 5))
        announced += 1
        return accepted
      }
    })
  const answers = await Promise.allSettled([renew(), renew()])
  assert.equal(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected']
  )
  assert.is(made.length, 1)
})

test('without a key it does not open', async () => {
  const error = await openOwnSeals(lineOf({}), options).catch((reason: unknown) => reason)
  assert.is(error instanceof WardlineError && error.code, 'keys-incomplete')
})

test.run()
