import type { Height, TransactionId } from '@wardline/codec'
import type { Submission } from '@wardline/node'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { submitKept } from '../src/kept.ts'

const test = suite('hospital/kept')

const id = 'ab'.repeat(32) as TransactionId
const old = Uint8Array.of(1)
const fresh = Uint8Array.of(2)
const accepted: Submission = { kind: 'accepted', id }
const committed: Submission = { kind: 'ended', id, outcome: { kind: 'committed', height: 3 as Height } }
const expired: Submission = { kind: 'ended', id, outcome: { kind: 'expired' } }
const lost: Submission = { kind: 'ended', id, outcome: { kind: 'refused', code: 'key-revoked' } }
const refused: Submission = { kind: 'refused', code: 'key-mismatch' }
const busy: Submission = { kind: 'refused', code: 'busy' }

const rows: readonly (readonly [what: string, kept: Uint8Array | null, first: Submission, sent: readonly number[]])[] =
  [
    ['nothing is kept: new bytes', null, accepted, [2]],
    ['what is kept is pending: the same bytes', old, accepted, [1]],
    ['what is kept is final: the same bytes', old, committed, [1]],
    ['there is no room: the same bytes, another time', old, busy, [1]],
    ['what is kept has expired: new bytes', old, expired, [1, 2]],
    ['what is kept was refused in the end: new bytes', old, lost, [1, 2]],
    ['what is kept is refused now: new bytes', old, refused, [1, 2]]
  ]
for (const [what, kept, first, expected] of rows) {
  test(what, async () => {
    const log: string[] = []
    const chain = {
      async submit(bytes: Uint8Array) {
        log.push(`submit ${bytes[0]}`)
        return bytes === old ? first : accepted
      }
    }
    const result = await submitKept(chain, {
      bytes: kept,
      write: () => ({ kind: 'ok', bytes: fresh }),
      keep: async (bytes) => void log.push(`keep ${bytes[0]}`)
    })
    assert.equal(result, expected.includes(2) ? accepted : first)
    assert.equal(
      log,
      expected.flatMap((each) => (each === 2 ? ['keep 2', 'submit 2'] : ['submit 1']))
    )
  })
}

test('what cannot be kept is not sent', async () => {
  const chain = { submit: () => assert.unreachable() as never }
  const keep = async () => {
    throw new Error('the disk is full')
  }
  const failed = submitKept(chain, { bytes: null, write: () => ({ kind: 'ok', bytes: fresh }), keep })
  assert.is(await failed.catch((error: Error) => error.message), 'the disk is full')
})

test('what is refused before it is signed is neither kept nor sent', async () => {
  const chain = { submit: () => assert.unreachable() as never }
  const write = () => ({ kind: 'refused', code: 'malformed' }) as const
  const result = await submitKept(chain, { bytes: null, write, keep: () => assert.unreachable() as never })
  assert.equal(result, { kind: 'refused', code: 'malformed' })
})

test.run()
