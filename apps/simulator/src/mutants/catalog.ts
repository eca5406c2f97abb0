/**
 * Guards broken on purpose, one at a time, to prove that the checkers bite: each with a world in which it matters, the
 * invariants that may catch it, and a seed that does.
 */
import type { Mode } from '@wardline/ledger'
import type { Mutant } from '../world/daemon.ts'
import type { Profile } from '../world/profile.ts'
import type { ViolationCode } from '../world/watch.ts'
import { forgetfulStore, hastyJournal, hastyOwner, lazyStore, restoredBackup, stubbornOwner } from './composed.ts'
import type { Replacement } from './replaced-source.ts'

export type BrokenGuard = {
  readonly name: string
  /** What is wrong with it, in a few words. */
  readonly what: string
  readonly mode: Mode
  readonly nodes: number
  readonly profile?: Partial<Profile>
  /** The invariants that must catch it; only these are looked at. */
  readonly caughtBy: readonly ViolationCode[]
  /** The first seed to try: one that catches it. */
  readonly seed: number
} & (
  | { readonly kind: 'source'; readonly replacements: readonly Replacement[] }
  | { readonly kind: 'composed'; readonly mutant: () => Mutant }
)

/** Nothing goes wrong but what the guard is there for. */
const CALM: Partial<Profile> = {
  network: { delayMs: [0.25, 5], dropRate: 0, duplicateRate: 0, slowRate: 0, streamBreakRate: 0 },
  cutEveryMs: null,
  crashEveryMs: null,
  restartEveryMs: null,
  outputsPerCrash: null,
  partsPerCrash: null,
  writesPerFault: null,
  clockOffsetMs: 0,
  clockJumpEveryMs: null,
  changeEveryMs: null,
  flips: [],
  byzantine: [],
  diskLatencyMs: [0.05, 2]
}
const CRASHES: Partial<Profile> = {
  ...CALM,
  crashEveryMs: 1500,
  losses: ['nothing', 'prefix', 'pages', 'kill'],
  awayMs: [10, 1000],
  outputsPerCrash: 100,
  actionEveryMs: 50
}
const LOSSES: Partial<Profile> = {
  ...CALM,
  network: { delayMs: [1, 300], dropRate: 0.2, duplicateRate: 0.1, slowRate: 0.2, slowMs: [500, 4000] }
}
const CUTS: Partial<Profile> = {
  ...CALM,
  cutEveryMs: 3000,
  cutLastsMs: [4000, 9000],
  cuts: ['split'],
  safetyMs: 60_000
}
const INVALID: Partial<Profile> = {
  ...CALM,
  byzantine: ['invalid-proposer'],
  actionEveryMs: 100,
  actionsMax: 400,
  safetyMs: 60_000
}

const FALSE_SKIPS: Partial<Profile> = {
  ...CALM,
  byzantine: ['skip-forger'],
  actionEveryMs: 100,
  actionsMax: 400,
  safetyMs: 60_000
}
const FLOODS: Partial<Profile> = { ...CALM, byzantine: ['flooder'], actionEveryMs: 100, safetyMs: 60_000 }
const CHANGES: Partial<Profile> = { ...CALM, changeEveryMs: 1500, safetyMs: 40_000 }

const journal = 'packages/consensus/src/journal.ts'
const justification = 'packages/consensus/src/engine/justification.ts'
const advance = 'packages/consensus/src/engine/advance.ts'
const executor = 'packages/node/src/executor.ts'

export const BROKEN_GUARDS: readonly BrokenGuard[] = [
  {
    kind: 'source',
    name: 'no-may-sign',
    what: 'every vote that is asked for is signed',
    mode: 'STT',
    nodes: 4,
    profile: { ...LOSSES, network: { delayMs: [1, 900], dropRate: 0.1 }, actionEveryMs: 200 },
    caughtBy: ['I6'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/may-sign.ts',
        find: "  switch (ballot.kind) {\n    case 'notarize':\n      return noneOr",
        replace:
          "  if (slot !== undefined) return true\n  switch (ballot.kind) {\n    case 'notarize':\n      return noneOr"
      }
    ]
  },
  {
    kind: 'source',
    name: 'quorum-2f+1',
    what: 'of six, three are taken for a quorum',
    mode: 'STT',
    nodes: 6,
    profile: CUTS,
    caughtBy: ['I1'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/quorum.ts',
        find: 'return Math.ceil((2 * n) / 3)',
        replace: 'return 2 * Math.floor((n - 1) / 3) + 1'
      }
    ]
  },
  {
    kind: 'source',
    name: 'small-quorum-certificates',
    what: 'certificates of one signature too few are made and believed',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I5'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/quorum.ts',
        find: 'return Math.ceil((2 * n) / 3)',
        replace: 'return Math.max(1, Math.ceil((2 * n) / 3) - 1)'
      }
    ]
  },
  {
    kind: 'source',
    name: 'notarization-not-kept',
    what: 'a finalize vote is said without its notarization on the disk',
    mode: 'STT',
    nodes: 4,
    profile: LOSSES,
    caughtBy: ['I8'],
    seed: 4,
    replacements: [
      { file: advance, find: "    journal(state, { kind: 'kept', certificate: notarization })\n", replace: '' }
    ]
  },
  {
    kind: 'source',
    name: 'entry-not-journaled',
    what: 'a view is voted in without the certificate that let into it on the disk',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    replacements: [
      {
        file: advance,
        find: "  journal(state, { kind: 'entered', epoch: state.config.set.epoch, view, certificate })\n",
        replace: ''
      }
    ]
  },
  {
    kind: 'source',
    name: 'own-votes-not-retallied',
    what: 'after a restart own votes do not count',
    mode: 'STT',
    nodes: 2,
    profile: { ...CRASHES, ...LOSSES, crashEveryMs: 1500, outputsPerCrash: 100, losses: ['kill', 'prefix'] },
    caughtBy: ['I10'],
    seed: 2,
    replacements: [
      {
        file: 'packages/consensus/src/engine/recover.ts',
        find: '  for (const vote of own) acceptVote(state, vote, state.selfIndex, 0)\n',
        replace: ''
      }
    ]
  },
  {
    kind: 'source',
    name: 'certificates-not-resent',
    what: 'nobody is told again what it has missed',
    mode: 'STT',
    nodes: 2,
    profile: { ...LOSSES, cutEveryMs: 2000, cutLastsMs: [1000, 6000], cuts: ['several one-way', 'alone'] },
    caughtBy: ['I10'],
    seed: 2,
    replacements: [
      {
        file: 'packages/consensus/src/engine/timers.ts',
        find: '  for (const certificate of certificatesToRepeat(state)) sendToAll(state, {',
        replace: '  for (const certificate of certificatesToRepeat(state).slice(0, 0)) sendToAll(state, {'
      },
      {
        file: 'packages/consensus/src/engine/lag.ts',
        find: ' : lagAnswer(state)) {',
        replace: ' : lagAnswer(state).slice(0, 0)) {'
      }
    ]
  },
  {
    kind: 'source',
    name: 'votes-not-resent',
    what: 'a vote that was lost is lost for good',
    mode: 'STT',
    nodes: 4,
    profile: { ...LOSSES, cutEveryMs: 2000, cutLastsMs: [1000, 6000], cuts: ['split', 'alone'] },
    caughtBy: ['I10'],
    seed: 14,
    replacements: [
      {
        file: 'packages/consensus/src/engine/timers.ts',
        find: '  for (const vote of votesToRepeat(state)) sendToAll(',
        replace: '  for (const vote of votesToRepeat(state).slice(0, 0)) sendToAll('
      }
    ]
  },
  {
    kind: 'source',
    name: 'vote-before-save',
    what: 'what is said does not wait for the journal',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/agree.ts',
        find: 'if (entries.length > 0) await append(entries)',
        replace: 'if (entries.length > 0) void append(entries)'
      }
    ]
  },
  {
    kind: 'source',
    name: 'leaves-unchecked',
    what: 'the list of transactions is not held against the root that was signed',
    mode: 'STT',
    nodes: 4,
    profile: INVALID,
    caughtBy: ['I4'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/engine/screen.ts',
        find: "  if (leavesRoot(leaves) !== header.txRoot) return reject('wrong-leaves')\n",
        replace: ''
      },
      {
        file: executor,
        find: '      if (header.txRoot !== txRoot(transactions.map(({ leaf }) => leaf)))\n',
        replace: '      if (header.txRoot === undefined)\n'
      }
    ]
  },
  {
    kind: 'source',
    name: 'app-hash-unchecked',
    what: 'the state that a leader claims is believed',
    mode: 'STT',
    nodes: 4,
    profile: INVALID,
    caughtBy: ['I4'],
    seed: 2,
    replacements: [
      {
        file: executor,
        find: '      if (header.appHash !== appHash(parent.appHash, changes)) return',
        replace: '      if (header.appHash === undefined) return'
      }
    ]
  },
  {
    kind: 'source',
    name: 'history-unchecked',
    what: 'the history that a leader claims is believed',
    mode: 'STT',
    nodes: 4,
    profile: INVALID,
    caughtBy: ['I4'],
    seed: 1,
    replacements: [
      {
        file: executor,
        find: '      if (header.history !== rootOf(parent.history)) return',
        replace: '      if (header.history === undefined) return'
      }
    ]
  },
  {
    kind: 'source',
    name: 'payload-precondition-dropped',
    what: 'a block of an alliance is voted for without its records',
    mode: 'DSS',
    nodes: 4,
    profile: { ...LOSSES, actionEveryMs: 100 },
    caughtBy: ['I8'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/agree.ts',
        find: "const isHeld = verdict !== 'valid' || (await application.hold(proposal))",
        replace: 'const isHeld = true'
      }
    ]
  },
  {
    kind: 'source',
    name: 'sequential-judging-dropped',
    what: 'transactions of one block are all judged on the state before it',
    mode: 'STT',
    nodes: 4,
    profile: { ...CALM, actionEveryMs: 20 },
    caughtBy: ['M1', 'M2', 'I3', 'I4'],
    seed: 3,
    replacements: [
      {
        file: 'packages/ledger/src/block.ts',
        find: 'const verdict = judge(overlay, tx, position.time)',
        replace: 'const verdict = judge(base, tx, position.time)'
      }
    ]
  },
  {
    kind: 'source',
    name: 'holder-unchecked',
    what: 'who has not opened a record may send it on',
    mode: 'STT',
    nodes: 4,
    profile: { ...CALM, actionEveryMs: 50 },
    caughtBy: ['M2'],
    seed: 1,
    replacements: [
      {
        file: 'packages/ledger/src/stt/send.ts',
        find: "  if (!isHolder(state, body.recordId, author.member, body.via)) return 'not-a-holder'\n",
        replace: ''
      }
    ]
  },
  {
    kind: 'source',
    name: 'recall-unheeded',
    what: 'a holder sends a recalled record on',
    mode: 'STT',
    nodes: 4,
    profile: { ...CALM, actionEveryMs: 50 },
    caughtBy: ['M2'],
    seed: 1,
    replacements: [
      {
        file: 'packages/ledger/src/stt/send.ts',
        find: "  if (readRecall(state, body.recordId) !== undefined) return 'recalled'\n",
        replace: ''
      },
      {
        file: 'packages/ledger/src/stt/record.ts',
        find: '  if (readRecall(state, record) !== undefined) return false\n',
        replace: ''
      }
    ]
  },
  {
    kind: 'source',
    name: 'torn-tail-kept',
    what: 'what a power cut left of a journal record is not cut off',
    mode: 'STT',
    nodes: 4,
    profile: { ...CRASHES, losses: ['prefix', 'pages'], diskLatencyMs: [5, 20] },
    caughtBy: ['failed', 'I6'],
    seed: 2,
    replacements: [
      {
        file: 'packages/node/src/open.ts',
        find: 'if (scan.torn !== undefined) await journal.truncate(',
        replace: 'if (scan.torn?.size === -1) await journal.truncate('
      }
    ]
  },
  {
    kind: 'source',
    name: 'damage-taken-for-torn',
    what: 'a damaged journal is cut off where it is damaged',
    mode: 'STT',
    nodes: 4,
    profile: { ...CALM, flips: ['journal-flip'] },
    caughtBy: ['I6', 'failed'],
    seed: 1,
    replacements: [
      {
        file: journal,
        find: 'if (!isLast || hasRecordBehind(segment.bytes, offset + 1, seq)) return',
        replace: 'if (!isLast) return'
      }
    ]
  },
  {
    kind: 'source',
    name: 'block-not-synced',
    what: 'a block is announced before the disk has it for sure',
    mode: 'STT',
    nodes: 4,
    profile: CRASHES,
    caughtBy: ['I2', 'I8'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/commit.ts',
        find: '    isWriting = true\n    try {\n      await store.write(writes, { sync: true })',
        replace: '    isWriting = true\n    try {\n      await store.write(writes, { sync: false })'
      }
    ]
  },
  {
    kind: 'composed',
    name: 'hasty-journal',
    what: 'the journal answers before it writes: said before durable',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    mutant: hastyJournal
  },
  {
    kind: 'composed',
    name: 'hasty-journal-power-cut',
    what: 'the journal answers before it writes: two votes after a power cut',
    mode: 'STT',
    nodes: 4,
    profile: { ...CRASHES, network: { delayMs: [1, 300], dropRate: 0.1 }, diskLatencyMs: [20, 60] },
    caughtBy: ['I6'],
    seed: 6,
    mutant: hastyJournal
  },
  {
    kind: 'composed',
    name: 'lazy-store',
    what: 'the database does not sync: announced before durable',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    mutant: lazyStore
  },
  {
    kind: 'composed',
    name: 'lazy-store-power-cut',
    what: 'the database does not sync: final blocks vanish in a power cut',
    mode: 'STT',
    nodes: 4,
    profile: CRASHES,
    caughtBy: ['I2'],
    seed: 1,
    mutant: lazyStore
  },
  {
    kind: 'composed',
    name: 'accepted-not-saved',
    what: 'what was accepted is not on the disk',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    mutant: () => forgetfulStore('mempool/')
  },
  {
    kind: 'composed',
    name: 'accepted-lost',
    what: 'what was accepted is gone after a crash',
    mode: 'STT',
    nodes: 4,
    profile: CRASHES,
    caughtBy: ['I3', 'I10'],
    seed: 1,
    mutant: () => forgetfulStore('mempool/')
  },
  {
    kind: 'composed',
    name: 'body-not-saved',
    what: 'a vote without the block on the disk',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    mutant: () => forgetfulStore('blocks/body/')
  },
  {
    kind: 'composed',
    name: 'payload-not-saved',
    what: 'a vote without the record on the disk',
    mode: 'DSS',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I8'],
    seed: 1,
    mutant: () => forgetfulStore('payloads/bytes/')
  },
  {
    kind: 'source',
    name: 'late-hides-violation',
    what: 'a release that no grant covers is marked as late',
    mode: 'SPV',
    nodes: 4,
    profile: CALM,
    caughtBy: ['M4'],
    seed: 2,
    replacements: [
      {
        file: 'packages/ledger/src/spv/access.ts',
        find: "own.kind === 'deny' ? 'violation' : isLate ? 'late' : 'covered'",
        replace: "isLate ? 'late' : own.kind === 'deny' ? 'violation' : 'covered'"
      }
    ]
  },
  {
    kind: 'composed',
    name: 'hasty-owner',
    what: 'bytes of a record before the entry about it is final',
    mode: 'SPV',
    nodes: 4,
    profile: CALM,
    caughtBy: ['M3'],
    seed: 1,
    mutant: hastyOwner
  },
  {
    kind: 'composed',
    name: 'stubborn-owner',
    what: 'bytes of a record after the grant has ended',
    mode: 'SPV',
    nodes: 4,
    profile: { ...LOSSES, restartEveryMs: 5000, actionsMax: 400, actionEveryMs: 150, safetyMs: 60_000 },
    caughtBy: ['M4'],
    seed: 1,
    mutant: stubbornOwner
  },
  {
    kind: 'composed',
    name: 'restored-backup-votes',
    what: 'a backup put back signs again what it has forgotten',
    mode: 'STT',
    nodes: 1,
    profile: CRASHES,
    caughtBy: ['I6'],
    seed: 1,
    mutant: restoredBackup
  },
  {
    kind: 'composed',
    name: 'restored-backup-blocks',
    what: 'a backup put back has lost final blocks',
    mode: 'STT',
    nodes: 1,
    profile: CRASHES,
    caughtBy: ['I2'],
    seed: 1,
    mutant: restoredBackup
  },
  {
    kind: 'source',
    name: 'approvals-unchecked',
    what: 'any number of approvals changes the validators',
    mode: 'STT',
    nodes: 4,
    profile: CHANGES,
    caughtBy: ['M2', 'I5'],
    seed: 1,
    replacements: [
      {
        file: 'packages/ledger/src/membership/validators.ts',
        find: "return approvals.length < quorum(set.validators.length) ? 'too-few-approvals' : undefined",
        replace: 'return undefined'
      }
    ]
  },
  {
    kind: 'source',
    name: 'old-key-votes',
    what: 'who has replaced its vote key goes on with the first one',
    mode: 'STT',
    nodes: 4,
    profile: CHANGES,
    caughtBy: ['I6'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/chain.ts',
        find: 'const signer = signers.find(({ publicKey }) => publicKey === key) ?? null',
        replace: 'const signer = signers[0] ?? null'
      },
      {
        file: 'packages/consensus/src/engine/state.ts',
        find: 'set.validators[selfIndex]?.key === self',
        replace: 'undefined !== self'
      }
    ]
  },
  {
    kind: 'source',
    name: 'next-set-unchecked',
    what: 'the validators that a leader names for the next block are believed',
    mode: 'STT',
    nodes: 4,
    profile: INVALID,
    caughtBy: ['I4', 'I5'],
    seed: 2,
    replacements: [
      {
        file: executor,
        find: '      if (header.nextSetHash !== ',
        replace: '      if (header.nextSetHash === undefined && header.nextSetHash !== '
      }
    ]
  },
  {
    kind: 'source',
    name: 'epoch-not-ended',
    what: 'an epoch goes on after the block that changes its validators',
    mode: 'STT',
    nodes: 4,
    profile: { ...CHANGES, ...LOSSES, changeEveryMs: 1500 },
    caughtBy: ['I4', 'I5', 'I10', 'failed'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/engine/epoch.ts',
        find: 'return header.epoch === state.config.set.epoch && header.nextSetHash !== state.setHash',
        replace: 'return header.epoch !== state.config.set.epoch && header.nextSetHash !== state.setHash'
      }
    ]
  },
  {
    kind: 'source',
    name: 'last-certificate-not-kept',
    what: 'the finalization of the block that ends an epoch is not kept',
    mode: 'STT',
    nodes: 4,
    profile: CHANGES,
    caughtBy: ['I5'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/commit.ts',
        find: '    if (certificate !== null)\n      writes.push({ key: keys.certificate',
        replace:
          '    if (certificate !== null && !parts.epochs.isClosing(block.header))\n      writes.push({ key: keys.certificate'
      }
    ]
  },
  {
    kind: 'source',
    name: 'skip-proof-unchecked',
    what: 'a leader that passes over views need not prove that they were given up',
    mode: 'STT',
    nodes: 4,
    profile: FALSE_SKIPS,
    caughtBy: ['I1', 'I2', 'failed'],
    seed: 1,
    replacements: [
      {
        file: justification,
        find: "  if (skips.length > needed) return 'unjustified'\n",
        replace: "  if (skips.length <= needed) return 'justified'\n"
      }
    ]
  },
  {
    kind: 'source',
    name: 'skips-may-lack',
    what: 'the proof may leave out a view that was not given up',
    mode: 'STT',
    nodes: 4,
    profile: FALSE_SKIPS,
    caughtBy: ['I1', 'I2', 'failed'],
    seed: 1,
    replacements: [
      {
        file: justification,
        find: "  if (!isFull(skips)) return 'unjustified'\n",
        replace: "  if (!isFull(skips)) return 'justified'\n"
      }
    ]
  },
  {
    kind: 'source',
    name: 'skip-quorum-unchecked',
    what: 'one validator alone gives a view up',
    mode: 'STT',
    nodes: 4,
    profile: FALSE_SKIPS,
    caughtBy: ['I1', 'I2', 'failed'],
    seed: 1,
    replacements: [
      {
        file: justification,
        find: ' || !hasQuorumForm(state.config.set, skip))\n',
        replace: ')\n'
      }
    ]
  },
  {
    kind: 'source',
    name: 'skip-signatures-unchecked',
    what: 'signatures of the proof are not verified',
    mode: 'STT',
    nodes: 4,
    profile: FALSE_SKIPS,
    caughtBy: ['I1', 'I2', 'failed'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/engine/screen.ts',
        find: 'const certificates = parentCertificate === null ? skips : [parentCertificate, ...skips]',
        replace: 'const certificates = parentCertificate === null ? skips.slice(0, 0) : [parentCertificate]'
      }
    ]
  },
  {
    kind: 'source',
    name: 'skip-view-unchecked',
    what: 'a view that was given up stands for another one',
    mode: 'STT',
    nodes: 4,
    profile: { ...FALSE_SKIPS, restartEveryMs: 2000 },
    caughtBy: ['I1', 'I2', 'failed'],
    seed: 2,
    replacements: [{ file: justification, find: ' || skip.view !== first + at', replace: '' }]
  },
  {
    kind: 'source',
    name: 'correct-accused',
    what: 'who gives a view up after voting in it is accused',
    mode: 'STT',
    nodes: 4,
    profile: LOSSES,
    caughtBy: ['I7'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/evidence.ts',
        find: "      if (second.kind === 'nullify' || sameDigest) return undefined\n",
        replace:
          "      if (second.kind === 'nullify') return 'nullify-finalize'\n      if (sameDigest) return undefined\n"
      }
    ]
  },
  {
    kind: 'source',
    name: 'far-votes-counted',
    what: 'votes for views that nobody has reached are all kept',
    mode: 'STT',
    nodes: 4,
    profile: FLOODS,
    caughtBy: ['I9'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/engine/screen.ts',
        find: '  if (vote.view > current.view + 1) {\n',
        replace: '  if (vote.view > current.view + 2 ** 40) {\n'
      },
      {
        file: 'packages/consensus/src/engine/receive.ts',
        find: 'vote.view > state.current.view + 1',
        replace: 'vote.view > state.current.view + 2 ** 40'
      }
    ]
  },
  {
    kind: 'source',
    name: 'parked-without-end',
    what: 'what a neighbour sends and the state does not permit yet is kept without a bound',
    mode: 'STT',
    nodes: 4,
    profile: FLOODS,
    caughtBy: ['I9'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/receive.ts',
        find: '    if (used + transaction.bytes.length > limits.parkedBytesPerPeerMax) return false\n',
        replace: ''
      }
    ]
  },
  {
    kind: 'source',
    name: 'never-asleep',
    what: 'a chain without work goes on from view to view',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I11'],
    seed: 1,
    replacements: [
      {
        file: 'packages/consensus/src/engine/work.ts',
        find: '  return hasWork(state) || hasProposal ||',
        replace: '  return true || hasWork(state) || hasProposal ||'
      }
    ]
  },
  {
    kind: 'source',
    name: 'unseeded',
    what: 'a pause depends on something else than the seed',
    mode: 'STT',
    nodes: 4,
    profile: CALM,
    caughtBy: ['I12'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/outbox.ts',
        find: 'clock.after(HOLD_MS, release)',
        replace: 'clock.after(HOLD_MS * Math.random(), release)'
      }
    ]
  },
  {
    kind: 'source',
    name: 'payload-for-all',
    what: 'a payload is given to whoever asks for it',
    mode: 'STT',
    nodes: 4,
    profile: FLOODS,
    caughtBy: ['M6'],
    seed: 1,
    replacements: [
      {
        file: 'packages/node/src/payloads.ts',
        find: 'return member !== undefined && isPayloadHolder(state, transaction, member)',
        replace: 'return member !== undefined'
      }
    ]
  },
  {
    kind: 'source',
    name: 'again-not-journaled',
    what: 'a closing block is proposed again before the journal holds the vote that this is',
    mode: 'STT',
    nodes: 4,
    profile: { ...CHANGES, ...LOSSES, changeEveryMs: 1500 },
    caughtBy: ['I8'],
    seed: 1,
    replacements: [
      {
        file: advance,
        find: "  journal(state, { kind: 'proposed', proposal: { ...proposal, skips } })\n",
        replace:
          "  if (proposal.view === proposal.header.view) journal(state, { kind: 'proposed', proposal: { ...proposal, skips } })\n"
      }
    ]
  },
  {
    kind: 'source',
    name: 'again-without-payloads',
    what: 'a closing block is proposed again by who followed it without its records',
    mode: 'DSS',
    nodes: 5,
    profile: {
      ...CHANGES,
      network: {
        delayMs: [1, 600],
        dropRate: 0.2,
        duplicateRate: 0,
        slowRate: 0.2,
        slowMs: [500, 4000],
        streamBreakRate: 0.4
      },
      changeEveryMs: 800,
      actionEveryMs: 60,
      actionsMax: 400
    },
    caughtBy: ['I8'],
    seed: 9,
    replacements: [
      {
        file: 'packages/node/src/blocks.ts',
        find: 'return (await hold(request.parent.digest)) ? ',
        replace: 'return request.again ? '
      }
    ]
  }
]
