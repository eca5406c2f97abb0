import { toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ChangeDraft,
  changeApprovalText,
  changeDraftText,
  changeFingerprint,
  parseChangeApproval,
  parseChangeDraft,
  validatorChangeDigest
} from '../../src/index.ts'
import { alpha, chain, delta, hash } from '../world.ts'
import { changeBody } from './changes.ts'

const test = suite('ledger/membership/change-file')

function draftOf(action: 'rotate' | 'remove'): ChangeDraft {
  const { proof, approvals: _, ...change } = changeBody(action, delta, { key: alpha.vote })
  return { chain, change, proof }
}

for (const action of ['rotate', 'remove'] as const) {
  test(`a draft to ${action} is read as it was written`, () => {
    const draft = draftOf(action)
    assert.equal(parseChangeDraft(changeDraftText(draft)), { kind: 'ok', draft })
    assert.equal(parseChangeDraft(changeDraftText(draft).replaceAll('\n', '\r\n')), { kind: 'ok', draft })
  })
}

test('an approval is read as it was written', () => {
  const { approvals } = changeBody('remove', delta)
  const approval = { chain, digest: hash('change') as never, approval: approvals[0] as (typeof approvals)[0] }
  assert.equal(parseChangeApproval(changeApprovalText(approval)), { kind: 'ok', approval })
  const edited = changeApprovalText(approval).replace('  "v": 1', '   "v": 1')
  assert.is(parseChangeApproval(edited).kind, 'failed')
})

test('a draft of another form is refused with a sentence', () => {
  const text = changeDraftText(draftOf('rotate'))
  const rows: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
    ['no JSON', '{', /not JSON/],
    ['a field too many', text.replace('"v": 1', '"v": 1,\n  "w": 1'), /unknown field/],
    ['an action that there is not', text.replace('"rotate"', '"replace"'), /action must be add, remove, rotate/],
    ['a removal with a key', text.replace('"rotate"', '"remove"'), /for a removal, none/],
    ['a block of another form', text.replace(/"height": \d+/, '"height": -1'), /height must be/],
    ['other spaces', text.replace('"v": 1', '"v":  1'), /not written as Wardline/],
    ['too long', text + ' '.repeat(5000), /larger than/]
  ]
  for (const [name, given, problem] of rows) {
    const parsed = parseChangeDraft(given)
    assert.ok(parsed.kind === 'failed' && parsed.problems.some(({ message }) => problem.test(message)), name)
  }
})

test('the fingerprint names everything that is approved, and not the proof', () => {
  const draft = draftOf('rotate')
  assert.is(changeFingerprint(draft).replaceAll(' ', ''), validatorChangeDigest(chain, draft.change).slice(0, 40))
  assert.is(changeFingerprint({ ...draft, proof: null }), changeFingerprint(draft))
  const fingerprints = [
    draft,
    { ...draft, chain: hash('other') as never },
    { ...draft, change: { ...draft.change, expires: draft.change.expires + 1 } },
    { ...draft, change: { ...draft.change, epoch: 1 } },
    { ...draft, change: { ...draft.change, synced: null } }
  ].map(changeFingerprint)
  assert.is(new Set(fingerprints).size, fingerprints.length)
  assert.ok(toHex(draft.proof ?? new Uint8Array(0)).length > 0)
})

test.run()
