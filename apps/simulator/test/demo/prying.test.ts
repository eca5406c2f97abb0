import type { TransactionId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isBareRefusal, type Prying } from '../../src/demo/prying.ts'

const test = suite('simulator/demo/prying')

const ENTRY_BYTES = 700

function pried(streamBytes: number): Prying {
  const file = { alias: 'alias', hospital: 'Alpha', records: [] } as unknown as Prying['file']
  return { file, entry: 'id' as TransactionId, code: 'no-grant', fetches: 12, contentBytes: 0, streamBytes }
}

test('an entry and a refusal for each fetch, and not a record beside', () => {
  const frames = ENTRY_BYTES + 10 + 12 * (1 + 8 + 1 + 'no-grant'.length)
  const longest = ENTRY_BYTES + 10 + 12 * (1 + 8 + 2 + 'accessor-not-in-standing'.length)
  assert.equal(
    [frames, longest].map((bytes) => isBareRefusal(pried(bytes), ENTRY_BYTES)),
    [true, true]
  )
  assert.is(isBareRefusal(pried(frames + 1_000), ENTRY_BYTES), false, 'a small record came, too')
  assert.is(isBareRefusal(pried(0), ENTRY_BYTES), false, 'nothing was counted')
})

test.run()
