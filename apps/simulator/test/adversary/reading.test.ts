import { encodeCbor } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseWanted, receive } from '../../src/adversary/reading.ts'

const test = suite('simulator/adversary/reading')

const NAME = 'ab'.repeat(32)

/** A peer that answers with these frames. */
function answering(...frames: readonly Uint8Array[]): Parameters<typeof receive>[0] {
  return {
    async *request() {
      yield* frames
    }
  }
}

test('an entry and a refusal are no content; every other frame is, whatever is in it', async () => {
  const entry = encodeCbor({ entry: new Uint8Array(100) })
  const refused = encodeCbor({ refused: 'no-grant' })
  const chunk = encodeCbor({ chunk: { offset: 0, total: 9, sealed: new Uint8Array(9) } })
  const more = encodeCbor({ entry: new Uint8Array(1), sealed: new Uint8Array(9) })
  const noise = new Uint8Array([0xff, 1, 2, 3])
  const rows: readonly (readonly [frames: readonly Uint8Array[], contentBytes: number])[] = [
    [[], 0],
    [[entry], 0],
    [[refused], 0],
    [[entry, refused], 0],
    [[chunk], chunk.length],
    [[more], more.length],
    [[refused, chunk, noise], chunk.length + noise.length],
    [[encodeCbor({ refused: new Uint8Array(5) })], encodeCbor({ refused: new Uint8Array(5) }).length]
  ]
  for (const [frames, contentBytes] of rows) {
    const received = await receive(answering(...frames), 'peer', new Uint8Array())
    assert.is(received.contentBytes, contentBytes)
    assert.is(
      received.streamBytes,
      frames.reduce((sum, frame) => sum + frame.length, 0)
    )
    assert.is(received.refusal, frames.includes(refused) ? 'no-grant' : undefined)
    assert.is(received.entry !== undefined, frames.includes(entry))
  }
})

test('what is wanted: an owner, an alias and at least one record', () => {
  const wanted = { owner: NAME, alias: NAME, records: [NAME] }
  assert.equal(parseWanted(JSON.stringify(wanted)) as object, wanted)
  for (const wrong of [{}, { ...wanted, records: [] }, { ...wanted, records: ['x'] }, { ...wanted, owner: 'Beta' }]) {
    assert.throws(() => parseWanted(JSON.stringify(wrong)), /not what can be wanted/)
  }
})

test.run()
