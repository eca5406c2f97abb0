import { type Digest, limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Message, VoteKind } from '../../src/index.ts'
import { certificateOf, fakeSet, genesisParent, hashOf, headerOf, proposalOf, voteOf } from '../chain-fixture.ts'
import { seededRandom } from '../world.ts'
import { createLone, feed, screenHere, viewOf } from './lone-engine.ts'

const test = suite('consensus/engine/memory')
const set = fakeSet(4)

/** The one of four that may be faulty. */
const LIAR = 3
const KINDS: readonly VoteKind[] = ['notarize', 'nullify', 'finalize']

/** About the bytes of everything that can be reached from `value`. */
function sizeOf(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  if (seen.has(value)) return 8
  seen.add(value)
  if (value instanceof Uint8Array) return value.length
  const parts = value instanceof Map || value instanceof Set ? [...value] : Object.values(value)
  return parts.reduce<number>((sum, part) => sum + sizeOf(part, seen), 16)
}

test('what one member signs, and any number of peers deliver, fills an engine up to a bound and no further', () => {
  const lone = createLone(set, 0)
  const random = seededRandom(1)
  const below = (bound: number) => Math.floor(random() * bound)
  const digestOf = (kind: VoteKind) => (kind === 'nullify' ? undefined : hashOf<Digest>(`block ${below(1_000_000)}`))

  function lie(): Message {
    const near = Math.max(1, viewOf(lone) - 70 + below(140))
    const view = below(4) === 0 ? 1 + below(2 ** 40) : near
    if (below(4) === 0) {
      const turn = view - (view % 4) + LIAR
      const header = { ...headerOf(set, turn, genesisParent), history: hashOf(`history ${below(1_000_000)}`) }
      return { kind: 'proposal', proposal: proposalOf(set, header, [], null) }
    }
    const kind = KINDS[below(3)] as VoteKind
    return { kind: 'vote', vote: { ...voteOf(set, LIAR, kind, view, digestOf(kind)), attempt: below(2 ** 32) } }
  }

  const sizes: number[] = []
  for (let round = 0; round < 4; round++) {
    for (let count = 0; count < 10_000; count++) {
      const message = lie()
      const from = `peer ${below(2 * limits.peersMax)}`
      lone.nowMs += 1
      if (screenHere(lone, message, from).kind === 'verify') feed(lone, { kind: 'message', from, message })
      // A certificate of others moves the engine on, at times.
      if (count % 50 === 0) {
        const certificate = certificateOf(set, 'nullify', viewOf(lone))
        feed(lone, { kind: 'message', from, message: { kind: 'certificate', certificate, attempt: 0 } })
      }
    }
    // What a quorum of others has said stays until something is final: that is not the liar's doing.
    const certificates = (lone.engine as object as { readonly nullifications: unknown }).nullifications
    sizes.push(sizeOf(lone.engine) - sizeOf(certificates))
  }
  assert.ok(Math.max(...sizes) < 512 * 1024, `${sizes.join(', ')} bytes`)
  assert.ok((sizes[3] as number) < 1.05 * (sizes[1] as number), `${sizes.join(', ')} bytes`)
})

test.run()
