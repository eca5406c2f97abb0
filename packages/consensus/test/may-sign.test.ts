import type { Digest, Epoch, View } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Ballot, EMPTY_SLOT, maySign, NO_DIGEST, type SigningBounds, type Slot, signedSlot } from '../src/index.ts'
import { hashOf } from './chain-fixture.ts'

const test = suite('consensus/may-sign')

const [a, b] = [hashOf<Digest>('a'), hashOf<Digest>('b')]
const bounds: SigningBounds = { epoch: 0 as Epoch, floorView: 4 as View, noVoteBelow: 0 as View }
const ballot = (kind: Ballot['kind'], digest: Digest, view = 5): Ballot => ({
  kind,
  epoch: 0 as Epoch,
  view: view as View,
  digest
})
const ballots = [
  ballot('notarize', a),
  ballot('notarize', b),
  ballot('nullify', NO_DIGEST),
  ballot('finalize', a),
  ballot('finalize', b)
]

/** The voting patterns of the exhaustive model: at most one digest, and never both nullify and finalize. */
function isLawful({ notarize, nullify, finalize }: Slot): boolean {
  if (nullify && finalize !== null) return false
  return notarize === null || finalize === null || notarize === finalize
}

test('every slot and ballot: allowed exactly when the model says so', () => {
  let allowed = 0
  for (const notarize of [null, a, b]) {
    for (const nullify of [false, true]) {
      for (const finalize of [null, a, b]) {
        const slot: Slot = { notarize, nullify, finalize }
        if (!isLawful(slot)) continue
        for (const one of ballots) {
          const repeats = (kind: 'notarize' | 'finalize') => slot[kind] === null || slot[kind] === one.digest
          const expected =
            one.kind === 'notarize'
              ? repeats('notarize') && repeats('finalize') && !nullify
              : one.kind === 'nullify'
                ? finalize === null
                : repeats('finalize') && repeats('notarize') && !nullify
          assert.is(maySign(bounds, slot, one), expected, JSON.stringify([slot, one]))
          if (!expected) continue
          allowed += 1
          assert.ok(isLawful(signedSlot(slot, one)), 'what is allowed leads to a lawful slot')
        }
      }
    }
  }
  assert.ok(allowed > 10)
})

test('every sequence of ballots keeps one digest per view and never both nullify and finalize', () => {
  const walk = (slot: Slot, signed: readonly Ballot[]): void => {
    const digests = new Set(signed.filter((one) => one.kind !== 'nullify').map((one) => one.digest))
    assert.ok(digests.size <= 1)
    assert.not.ok(signed.some((one) => one.kind === 'nullify') && signed.some((one) => one.kind === 'finalize'))
    if (signed.length === 5) return
    for (const one of ballots) if (maySign(bounds, slot, one)) walk(signedSlot(slot, one), [...signed, one])
  }
  walk(EMPTY_SLOT, [])
})

test('nothing is signed at or below the floor, below the quarantine, or in another epoch', () => {
  for (const { kind, digest } of ballots) {
    assert.ok(maySign(bounds, EMPTY_SLOT, ballot(kind, digest, 5)))
    assert.not.ok(maySign(bounds, EMPTY_SLOT, ballot(kind, digest, 4)))
    assert.not.ok(maySign(bounds, EMPTY_SLOT, ballot(kind, digest, 3)))
    const quarantined = { ...bounds, noVoteBelow: 9 as View }
    assert.not.ok(maySign(quarantined, EMPTY_SLOT, ballot(kind, digest, 8)))
    assert.ok(maySign(quarantined, EMPTY_SLOT, ballot(kind, digest, 9)))
    assert.not.ok(maySign({ ...bounds, epoch: 1 as Epoch }, EMPTY_SLOT, ballot(kind, digest)))
  }
})

test.run()
