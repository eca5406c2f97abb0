/** Which pairs of votes are evidence, and what certificates alone tell of a fork. */
import type { Digest, View } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  conflictOf,
  EMPTY_SLOT,
  type Evidence,
  evidenceOf,
  forkEvidence,
  hasEvidenceForm,
  maySign,
  NO_DIGEST,
  quorum,
  signedSlot,
  signersOfFork,
  type Vote,
  type VoteKind,
  verifyEvidence
} from '../src/index.ts'
import { certificateOf, chain, fakeSet, fakeVerify, hashOf, voteOf } from './chain-fixture.ts'

const test = suite('consensus/evidence')
const set = fakeSet(4)
const [a, b] = [hashOf<Digest>('a'), hashOf<Digest>('b')].sort() as [Digest, Digest]

type Ballot = readonly [VoteKind, Digest]
const BALLOTS: readonly Ballot[] = [
  ['notarize', a],
  ['notarize', b],
  ['nullify', NO_DIGEST],
  ['finalize', a],
  ['finalize', b]
]
const vote = ([kind, digest]: Ballot, view = 5, signer = 1): Vote => voteOf(set, signer, kind, view, digest)

test('a pair is evidence exactly when no correct node signs both, in either order', () => {
  const bounds = { epoch: set.epoch, floorView: 0 as View, noVoteBelow: 0 as View }
  for (const first of BALLOTS) {
    for (const second of BALLOTS) {
      const [one, two] = [vote(first), vote(second)]
      const mayFollow = (early: Vote, late: Vote) => maySign(bounds, signedSlot(EMPTY_SLOT, early), late)
      const isForbidden = !mayFollow(one, two) && !mayFollow(two, one)
      const evidence = evidenceOf(one, two)
      assert.is(evidence !== undefined, isForbidden, `${first.join()} and ${second.join()}`)
      assert.equal(evidenceOf(two, one), evidence)
      if (evidence === undefined) continue
      assert.ok(hasEvidenceForm(evidence))
      assert.not.ok(hasEvidenceForm({ votes: [evidence.votes[1], evidence.votes[0]] }), 'one order')
      assert.ok(verifyEvidence(set, chain, evidence, fakeVerify))
    }
  }
})

test('votes of different signers, views or epochs are no evidence', () => {
  const one = vote(['notarize', a])
  for (const other of [
    vote(['notarize', b], 6),
    vote(['notarize', b], 5, 2),
    { ...vote(['notarize', b]), epoch: 1 as Vote['epoch'] }
  ]) {
    assert.is(evidenceOf(one, other), undefined)
  }
})

test('evidence that was changed in any part proves nothing', () => {
  const evidence = evidenceOf(vote(['notarize', a]), vote(['finalize', b])) as Evidence
  const [first, second] = evidence.votes
  const forgeries: readonly Evidence[] = [
    { ...evidence, view: 6 as View },
    { ...evidence, epoch: 1 as Evidence['epoch'] },
    { ...evidence, signer: (set.validators[2] as (typeof set.validators)[0]).member },
    { ...evidence, signer: hashOf('a stranger') },
    { ...evidence, votes: [second, first] },
    { ...evidence, votes: [first, { ...second, digest: hashOf('c') }] },
    { ...evidence, votes: [first, { ...second, digest: a }] },
    { ...evidence, votes: [first, { ...second, signature: first.signature }] }
  ]
  for (const forgery of forgeries)
    assert.not.ok(verifyEvidence(set, chain, forgery, fakeVerify), JSON.stringify(forgery))
})

test('two certificates of one view that conflict name at least 2q-n signers, for every size', () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 10, 31, 100]) {
    const many = fakeSet(n)
    const q = quorum(n)
    const low = Array.from({ length: q }, (_, i) => i)
    const high = low.map((i) => n - q + i)
    const pairs = [
      [certificateOf(many, 'finalize', 9, a, low), certificateOf(many, 'nullify', 9, NO_DIGEST, high)],
      [certificateOf(many, 'finalize', 9, a, low), certificateOf(many, 'notarize', 9, b, high)],
      [certificateOf(many, 'notarize', 9, a, low), certificateOf(many, 'notarize', 9, b, high)],
      [certificateOf(many, 'finalize', 9, a, low), certificateOf(many, 'finalize', 9, b, high)]
    ]
    for (const pair of pairs) {
      // What else a disk holds does no harm.
      const rest = [certificateOf(many, 'notarize', 8, b), certificateOf(many, 'notarize', 9, a, low)]
      const found = forkEvidence(many, [...rest, ...pair])
      const offenders = new Set(found.map(({ signer }) => signer))
      assert.ok(offenders.size >= signersOfFork(n), `${n}: ${offenders.size}`)
      for (const evidence of found) assert.ok(verifyEvidence(many, chain, evidence, fakeVerify))
    }
  }
})

test('certificates that agree name nobody', () => {
  const view = (at: number) => [certificateOf(set, 'notarize', at, a), certificateOf(set, 'finalize', at, a, [1, 2, 3])]
  const skipped = [
    certificateOf(set, 'notarize', 3, b, [0, 1, 2]),
    certificateOf(set, 'nullify', 3, NO_DIGEST, [0, 2, 3])
  ]
  assert.equal(forkEvidence(set, [...view(1), ...view(2), ...skipped, ...view(4)]), [])
})

test('the kinds of conflict', () => {
  const named = (one: Ballot, two: Ballot) =>
    conflictOf({ kind: one[0], digest: one[1] }, { kind: two[0], digest: two[1] })
  assert.is(named(['notarize', a], ['notarize', b]), 'notarize-notarize')
  assert.is(named(['notarize', a], ['finalize', b]), 'notarize-finalize')
  assert.is(named(['nullify', NO_DIGEST], ['finalize', a]), 'nullify-finalize')
  assert.is(named(['finalize', a], ['finalize', b]), 'finalize-finalize')
  assert.is(named(['notarize', a], ['nullify', NO_DIGEST]), undefined)
})

test.run()
