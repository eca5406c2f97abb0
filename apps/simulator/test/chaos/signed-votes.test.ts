/** Two votes that exclude each other are found, wherever each of them was seen. */
import { type Digest, epoch, type MemberId, type SignKey, type View } from '@wardline/codec'
import { type Certificate, type JournalEntry, NO_DIGEST, type VoteKind, validatorSet } from '@wardline/consensus'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createSignedVotes } from '../../src/chaos/signed-votes.ts'

const test = suite('simulator/chaos/signed-votes')

const hex = (letter: string) => letter.repeat(64)
const set = validatorSet(
  epoch(0),
  ['1', '2', '3', '4'].map((letter) => ({ member: hex(letter) as MemberId, key: hex(letter) as SignKey }))
)
const [first] = set.validators
const A = hex('a') as Digest
const B = hex('b') as Digest

type Seen = readonly [where: 'journal' | 'certificate', kind: VoteKind, view: number, digest: Digest]

function conflictsOf(...seen: readonly Seen[]): number {
  const votes = createSignedVotes()
  votes.epoch(set)
  for (const [where, kind, view, digest] of seen) {
    const statement = { kind, epoch: epoch(0), view: view as View, digest }
    const signed = { ...statement, signer: first?.member, signature: new Uint8Array(64), attempt: 0 }
    if (where === 'certificate') votes.certificate({ ...statement, signers: [0, 1, 2], signatures: [] } as Certificate)
    else votes.journal(first?.member ?? '', [{ kind: 'voted', vote: signed, header: null } as unknown as JournalEntry])
  }
  return votes.conflicts().length
}

const rows: readonly (readonly [what: string, conflicts: number, ...seen: readonly Seen[]])[] = [
  ['the same vote again', 0, ['journal', 'notarize', 1, A], ['journal', 'notarize', 1, A]],
  ['notarize and finalize one block', 0, ['journal', 'notarize', 1, A], ['certificate', 'finalize', 1, A]],
  ['notarize and nullify', 0, ['journal', 'notarize', 1, A], ['journal', 'nullify', 1, NO_DIGEST]],
  ['two blocks in two views', 0, ['journal', 'notarize', 1, A], ['journal', 'notarize', 2, B]],
  ['two blocks in one view', 1, ['journal', 'notarize', 1, A], ['journal', 'notarize', 1, B]],
  ['two blocks finalized', 1, ['journal', 'finalize', 1, A], ['journal', 'finalize', 1, B]],
  ['notarize one and finalize another', 1, ['journal', 'notarize', 1, A], ['journal', 'finalize', 1, B]],
  ['nullify after finalize', 1, ['journal', 'finalize', 1, A], ['journal', 'nullify', 1, NO_DIGEST]],
  ['finalize after nullify', 1, ['journal', 'nullify', 1, NO_DIGEST], ['journal', 'finalize', 1, A]],
  [
    'forgotten by its journal, kept in a certificate',
    1,
    ['certificate', 'finalize', 1, A],
    ['journal', 'nullify', 1, NO_DIGEST]
  ]
]
for (const [what, conflicts, ...seen] of rows) test(what, () => assert.is(conflictsOf(...seen), conflicts))

test('certificates of a fork name every signer that they share', () => {
  assert.is(conflictsOf(['certificate', 'finalize', 1, A], ['certificate', 'finalize', 1, B]), 3)
})

test('a certificate of an epoch is counted as soon as the validators of that epoch are told', () => {
  const votes = createSignedVotes()
  const later = validatorSet(epoch(1), set.validators.slice(1))
  const signed = { epoch: epoch(1), view: 1 as View, signers: [0, 1, 2], signatures: [] }
  votes.certificate({ ...signed, kind: 'finalize', digest: A } as Certificate)
  votes.certificate({ ...signed, kind: 'finalize', digest: B } as Certificate)
  assert.equal([votes.untold(), votes.conflicts()], [[1], []])
  votes.epoch(later)
  votes.epoch(set)
  assert.equal([votes.untold(), votes.conflicts().length], [[], 3])
  assert.not.ok(votes.conflicts().some((line) => line.includes(first?.member ?? '')))
})

test.run()
