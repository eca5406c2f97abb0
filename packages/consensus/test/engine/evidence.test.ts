/** The machine keeps the first vote of each signer and kind, and names who signs a second that excludes it. */
import { type Digest, type Leaf, limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Evidence, evidenceName, headerDigest, type Output, verifyEvidence } from '../../src/index.ts'
import {
  certificateOf,
  chain,
  fakeSet,
  fakeVerify,
  genesisParent,
  hashOf,
  headerOf,
  proposalOf,
  voteOf
} from '../chain-fixture.ts'
import {
  checked,
  createLone,
  hear,
  hearCertificate,
  hearProposal,
  hearVote,
  screenHere,
  viewOf,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/evidence')
const set = fakeSet(4)
const [a, b, c] = ['a', 'b', 'c'].map((label) => hashOf<Digest>(label)) as [Digest, Digest, Digest]
const foundIn = (outputs: readonly Output[]): readonly Evidence[] =>
  outputs.flatMap((output) => (output.kind === 'evidence' ? [output.evidence] : []))

function assertNames(outputs: readonly Output[], signer: number, conflict: string): void {
  const [evidence, ...more] = foundIn(outputs)
  assert.ok(evidence !== undefined && more.length === 0, conflict)
  assert.ok(verifyEvidence(set, chain, evidence, fakeVerify))
  assert.match(evidenceName(evidence), new RegExp(`^${set.validators[signer]?.member}/0/1/${conflict}$`))
}

test('a second notarize vote: the first stays, the pair is told once, and the vote is carried on once', () => {
  const lone = createLone(set, 3)
  hearVote(lone, voteOf(set, 0, 'notarize', 1, a))
  const second = { kind: 'vote', vote: voteOf(set, 0, 'notarize', 1, b) } as const
  const screening = screenHere(lone, second)
  assert.ok(screening.kind === 'verify' && screening.forward && screening.checks.length === 1)
  assertNames(hear(lone, second), 0, 'notarize-notarize')
  assert.equal(screenHere(lone, second), { kind: 'ignore', code: 'slot-taken' })
  const third = { kind: 'vote', vote: voteOf(set, 0, 'notarize', 1, c) } as const
  assert.equal(screenHere(lone, third), { kind: 'ignore', code: 'slot-taken' }, 'a third adds nothing')
  hearVote(lone, voteOf(set, 1, 'notarize', 1, b))
  hearVote(lone, voteOf(set, 2, 'notarize', 1, b))
  assert.is(viewOf(lone), 1, 'the second vote counts for nothing')
})

test('votes of different kinds that exclude each other', () => {
  const rows = [
    [voteOf(set, 0, 'nullify', 1), voteOf(set, 0, 'finalize', 1, a), 'nullify-finalize'],
    [voteOf(set, 0, 'finalize', 1, a), voteOf(set, 0, 'nullify', 1), 'nullify-finalize'],
    [voteOf(set, 0, 'finalize', 1, a), voteOf(set, 0, 'notarize', 1, b), 'notarize-finalize']
  ] as const
  for (const [first, second, conflict] of rows) {
    const lone = createLone(set, 3)
    hearVote(lone, first)
    assertNames(hearVote(lone, second), 0, conflict)
  }
})

test('a leader that signs two blocks is named by its second proposal, which is not taken for one', () => {
  const lone = createLone(set, 3)
  const block = (label: string) => {
    const leaves = [hashOf<Leaf>(label)]
    return proposalOf(set, headerOf(set, 1, genesisParent, leaves, genesisParent.time + 900), leaves, null)
  }
  hearProposal(lone, block('one'))
  const two = block('two')
  assert.equal(
    screenHere(lone, { kind: 'proposal', proposal: { ...two, signature: new Uint8Array(64) } }).kind,
    'verify'
  )
  const outputs = hearProposal(lone, two)
  assertNames(outputs, 1, 'notarize-notarize')
  assert.not.ok(outputs.some(({ kind }) => kind === 'check'))
  assert.equal(votesSent(checked(lone, headerDigest(two.header))), [])
  assert.equal(screenHere(lone, { kind: 'proposal', proposal: two }), { kind: 'ignore', code: 'slot-taken' })
})

test('a vote inside a certificate counts as heard', () => {
  const lone = createLone(set, 3)
  hearVote(lone, voteOf(set, 0, 'finalize', 1, a))
  assertNames(hearCertificate(lone, certificateOf(set, 'nullify', 1, undefined, [0, 1, 2])), 0, 'nullify-finalize')
})

test('honest votes of one view, and of different views, name nobody', () => {
  const lone = createLone(set, 3)
  const outputs = [
    voteOf(set, 0, 'notarize', 1, a),
    voteOf(set, 0, 'nullify', 1),
    voteOf(set, 1, 'notarize', 1, a),
    voteOf(set, 1, 'finalize', 1, a),
    voteOf(set, 0, 'notarize', 2, b)
  ].flatMap((vote) => hearVote(lone, vote))
  assert.equal(foundIn(outputs), [])
})

test('no more is told of one member than a chain records', () => {
  const lone = createLone(set, 3)
  let told = 0
  for (let view = 1; view <= limits.evidencePerOffenderMax + 4; view++) {
    lone.nowMs += 200
    hearVote(lone, voteOf(set, 0, 'notarize', view, a))
    const second = { kind: 'vote', vote: voteOf(set, 0, 'notarize', view, b) } as const
    if (screenHere(lone, second).kind === 'verify') told += foundIn(hear(lone, second)).length
    hearCertificate(lone, certificateOf(set, 'nullify', view, undefined, [1, 2, 3]))
  }
  assert.is(told, limits.evidencePerOffenderMax)
})

test.run()
