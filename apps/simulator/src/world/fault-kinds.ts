/** The menu of what can go wrong in a world, by name; `--faults` chooses from it. */

export const FAULT_KINDS = {
  drop: 'gossip is lost on a hop',
  delay: 'the network is slow, up to hundreds of milliseconds a hop',
  duplicate: 'gossip arrives a second time, later',
  reorder: 'some gossip takes seconds and is overtaken',
  stall: 'a request stream loses a frame and all behind it',
  partition: 'the network falls into two parts',
  'one-way': 'some ways of the network are cut in one direction',
  kill: 'a process ends at once; its disk keeps what it was given',
  'power-cut': 'a process ends and its unsynced writes are lost, all or from some point on',
  'torn-tail': 'a power cut leaves pages of the journal write under way',
  'last-output': 'a process ends right after a write was called for or done, or a message handed over',
  'mid-release': 'the owner or the requester of a record ends right after a part of it has come',
  restart: 'an operator stops a daemon and starts it again',
  'write-error': 'a write fails with EIO or ENOSPC, on the disk or not',
  'journal-flip': 'a bit of the vote journal turns over while the daemon is off',
  'store-flip': 'a row of the database fails its checksum from some start on',
  'clock-offset': 'clocks are off by up to three seconds, some by an hour',
  'clock-jump': 'a clock jumps while its daemon runs',
  'validator-change': 'not a fault: a validator is removed, comes back or gets another key, and the epoch ends',
  twins: 'a member runs two daemons with the same keys, each for a part of the others',
  equivocator:
    'a member signs against each of its votes and proposals, and tells each half of the others another story',
  withholder: 'a member keeps votes, proposals or answers to itself',
  liar: 'a member answers requests with altered, old, missing or foreign frames, or gives blocks one at a time and late',
  flooder:
    'a member sends garbage, far votes, false certificates and transactions of nobody, and asks for what is not for it',
  'invalid-proposer': 'a member signs proposals that break a rule',
  'skip-forger': 'a leader passes over a block of the others with a false proof that its view was given up',
  replayer: 'a member sends what it has heard again, later and changed where nothing is signed'
} as const

export type FaultKind = keyof typeof FAULT_KINDS

export const BYZANTINE_KINDS = [
  'twins',
  'equivocator',
  'withholder',
  'liar',
  'flooder',
  'invalid-proposer',
  'skip-forger',
  'replayer'
] as const satisfies readonly FaultKind[]

export type ByzantineKind = (typeof BYZANTINE_KINDS)[number]

export const ALL_FAULTS: readonly FaultKind[] = Object.keys(FAULT_KINDS) as FaultKind[]

/** The kinds named in a list with commas, or `none`; undefined for a name that is not on the menu. */
export function parseFaultKinds(text: string): readonly FaultKind[] | undefined {
  if (text === 'none') return []
  const names = text.split(',').map((name) => name.trim())
  return names.every(isFaultKind) ? ALL_FAULTS.filter((kind) => names.includes(kind)) : undefined
}

function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(FAULT_KINDS, name)
}
