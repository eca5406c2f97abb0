/**
 * `evidence.report`: a hospital shows the chain two votes by which a validator signed what excludes each other. The two
 * signatures prove it, so nobody can be accused of what it did not do, whoever reports; what follows from it is for people
 * to decide. One report for each view and kind of conflict, and no more against one member than anybody needs.
 */
import {
  arrayOf,
  assert,
  bytes32,
  bytesOf,
  type CborValue,
  type Digest,
  decodeStored,
  type Epoch,
  encodeCbor,
  epoch,
  type Height,
  integerFrom,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  oneOf,
  type Reader,
  readHeight,
  type SignKey,
  type TransactionId,
  uint,
  type View,
  view
} from '@wardline/codec'
import {
  CONFLICTS,
  type Conflict,
  conflictOf,
  type Evidence,
  evidenceChecks,
  hasEvidenceForm
} from '@wardline/consensus'
import { type KindRules, MODES } from './kind.ts'
import { readMember } from './membership/member.ts'
import type { Overlay, StateView } from './overlay.ts'
import { stateKeys } from './state-keys.ts'

/** The evidence, and the consensus key that both votes are signed with. */
export type ReportBody = Evidence & { readonly key: SignKey }

const readBallot = mapOf({
  kind: oneOf('notarize', 'nullify', 'finalize'),
  digest: bytes32<Digest>,
  signature: bytesOf(64)
})
const readBallots = arrayOf(readBallot, 2, 2)

/** Two votes as `encodeBallots` wrote them; undefined for two that are no evidence, or not in order. */
export const readEvidenceVotes: Reader<Evidence['votes']> = (value) => {
  const [first, second] = readBallots(value) ?? []
  if (first === undefined || second === undefined) return undefined
  const votes = [first, second] as const
  return hasEvidenceForm({ votes }) ? votes : undefined
}

export function encodeEvidenceVotes(votes: Evidence['votes']): CborValue {
  return votes.map(({ kind, digest, signature }) => ({ kind, digest: nameBytes(digest), signature }))
}

const readShape = mapOf({
  signer: bytes32<MemberId>,
  key: bytes32<SignKey>,
  epoch: uint,
  view: integerFrom(1, Number.MAX_SAFE_INTEGER),
  votes: readEvidenceVotes
})

const read: Reader<ReportBody> = (value) => {
  const body = readShape(value)
  return body && { ...body, epoch: epoch(body.epoch), view: view(body.view) }
}

export function encodeReportBody(body: ReportBody): CborValue {
  const { signer, key, votes } = body
  const names = { signer: nameBytes(signer), key: nameBytes(key) }
  return { ...names, epoch: body.epoch, view: body.view, votes: encodeEvidenceVotes(votes) }
}

/** What the chain keeps of one report. */
export type Offence = {
  readonly epoch: Epoch
  readonly view: View
  readonly conflict: Conflict
  /** The report, and the block that holds it; `time` is the block's, milliseconds. */
  readonly report: TransactionId
  readonly height: Height
  readonly time: number
}

/** What was reported of a member, oldest first. */
export function readOffences(state: StateView, member: MemberId): readonly Offence[] {
  return decodeStored(state.get(stateKeys.offences(member)), readStored) ?? []
}

/** Whether a report of `evidence` would be refused because the chain has it, or enough against its signer. */
export function isReported(state: StateView, evidence: Evidence): boolean {
  const offences = readOffences(state, evidence.signer)
  return offences.length >= limits.evidencePerOffenderMax || has(offences, evidence)
}

function has(offences: readonly Offence[], evidence: Evidence): boolean {
  const conflict = conflictOf(...evidence.votes)
  return offences.some((one) => one.epoch === evidence.epoch && one.view === evidence.view && one.conflict === conflict)
}

function writeOffences(state: Overlay, member: MemberId, offences: readonly Offence[]): void {
  const rows = offences.map(({ report, ...offence }) => ({ ...offence, report: nameBytes(report) }))
  state.set(stateKeys.offences(member), encodeCbor(rows))
}

const readOffence: Reader<Offence> = (value) => {
  const row = readOffenceRow(value)
  return row && { ...row, epoch: epoch(row.epoch), view: view(row.view) }
}
const readOffenceRow = mapOf({
  epoch: uint,
  view: uint,
  conflict: oneOf(...CONFLICTS),
  report: bytes32<TransactionId>,
  height: readHeight,
  time: uint
})
const readStored = arrayOf(readOffence, 1, limits.evidencePerOffenderMax)

export const report: KindRules<ReportBody> = {
  modes: MODES,
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'bounded',
  fault: () => undefined,
  checks: ({ chain, body }) => evidenceChecks(chain, body.key, body),
  judge({ state, author }, { body }) {
    if (author.role !== 'hospital') return 'author-not-hospital'
    if (readMember(state, body.signer)?.vote !== body.key) return 'not-its-vote-key'
    const offences = readOffences(state, body.signer)
    if (has(offences, body)) return 'already-reported'
    return offences.length < limits.evidencePerOffenderMax ? undefined : 'enough-reported'
  },
  apply(state, { id, body }, { height, time }) {
    const conflict = conflictOf(...body.votes)
    assert(conflict !== undefined, 'an accepted report has votes in conflict')
    const offence = { epoch: body.epoch, view: body.view, conflict, report: id, height, time }
    writeOffences(state, body.signer, [...readOffences(state, body.signer), offence])
  }
}
