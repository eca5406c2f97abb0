/**
 * Reading a record of an alliance: first the look is entered on the patient's chain, and once that is final the bytes are
 * given. Whatever happens in between, no content leaves this daemon without an entry that everybody sees.
 */
import { ApiError } from '@wardline/api'
import { type Alias, assert, type MemberId, type RecordId, type TransactionId, unreachable } from '@wardline/codec'
import { type Content, decodeContent } from '@wardline/crypto'
import {
  type CommittedBlock,
  type Purpose,
  type RecordVersion,
  readPatientRecord,
  readRecordVersion
} from '@wardline/ledger'
import { about } from '../about.ts'
import { build } from '../author.ts'
import { type Deadline, hasLeft } from '../deadline.ts'
import type { Membership } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { quarantined, type Version, versionOf } from './quarantine.ts'

/** A version, or the newest one of a record. Exactly one of the two is given. */
export type WantedVersion = {
  readonly record?: RecordId | undefined
  /** The one that wrote the version. */
  readonly transaction?: TransactionId | undefined
}

export type Look = {
  readonly version: Version
  readonly stored: RecordVersion
  readonly content: Content
  /** The final `dss.access`. */
  readonly access: TransactionId
}

/**
 * @throws ApiError `not-found | quarantined | payload-not-here | busy | timeout | unavailable`, or the refusal of the entry;
 *   no bytes were given then
 */
export async function look(
  member: Membership,
  wanted: WantedVersion,
  why: { readonly reader: MemberId | null; readonly purpose: Purpose },
  deadline: Deadline,
  signal: AbortSignal | undefined
): Promise<Look> {
  const { version, stored } = await waitUntilKnown(member, wanted, deadline)
  const { alias, recordId } = version.body
  return about({ alias, record: recordId }, async () => {
    member.quarantine.check(alias)
    // Before the entry: what cannot be read here needs none.
    await payloadOf(member, version, deadline)
    const records = [{ record: recordId, version: version.id }]
    const access = await enterLook(member, { alias, records, ...why }, deadline, signal)
    const content = decodeContent(await about({ access }, () => payloadOf(member, version, deadline)))
    assert(content !== undefined, 'a payload that fits its transaction is a content')
    return { version, stored, content, access }
  })
}

/** What one entry is about. */
export type Looked = {
  readonly alias: Alias
  /** Each version once, 1 to `limits.accessRecordsMax` of them. */
  readonly records: readonly { readonly record: RecordId; readonly version: TransactionId }[]
  readonly reader: MemberId | null
  readonly purpose: Purpose
}

/**
 * Submits the entry of a look and waits until it is final: only then is anything read for whoever asked.
 * @throws ApiError `busy | timeout | unavailable`, or the refusal of the entry
 */
export async function enterLook(
  member: Membership,
  { records, ...about }: Looked,
  deadline: Deadline,
  signal: AbortSignal | undefined
): Promise<TransactionId> {
  const { chain, left } = member
  const ascending = [...records].sort((one, other) => (one.version < other.version ? -1 : 1))
  const bytes = build(member, 'dss.access', { ...about, records: ascending })
  const submission = await chain.submit(bytes)
  if (submission.kind === 'refused') throw refusal(submission.code)
  const { id } = submission
  const stopped = signal === undefined ? left : AbortSignal.any([signal, left])
  const outcome = submission.kind === 'ended' ? submission.outcome : await chain.outcome(id, deadline.leftMs(), stopped)
  if (outcome === undefined && left.aborted) throw hasLeft()
  switch (outcome?.kind) {
    case undefined:
      throw new ApiError('timeout', 'the entry of this look is accepted and not final yet', { id })
    case 'committed':
      return id
    case 'expired':
      throw refusal('expired')
    case 'refused':
      throw refusal(outcome.code)
    default:
      return unreachable(outcome)
  }
}

/** The stored payload, held against the chain; fetched if it is not here. */
async function payloadOf({ chain, quarantine }: Membership, version: Version, deadline: Deadline): Promise<Uint8Array> {
  const stored = chain.payloads.read(version)
  switch (stored.kind) {
    case 'here':
      return stored.payload
    case 'damaged':
      await quarantine.add(version)
      throw quarantined()
    case 'absent': {
      const fetched = await deadline.wait(chain.payloads.fetch(version), 'the content has not arrived yet')
      if (fetched === undefined) {
        throw new ApiError('payload-not-here', 'the content is not here, and nobody who has it is connected')
      }
      return fetched
    }
    default:
      return unreachable(stored)
  }
}

/**
 * The version, once this daemon's chain has it: who heard of it elsewhere may be a block ahead.
 * @throws ApiError `not-found` if the chain did not get to know of it in time
 */
async function waitUntilKnown(member: Membership, wanted: WantedVersion, deadline: Deadline) {
  try {
    return await deadline.untilFound(
      member.chain,
      (block) => (block === undefined || concerns(wanted, block) ? find(member, wanted) : undefined),
      'the chain has no such record yet'
    )
  } catch (error) {
    const isLate = error instanceof ApiError && error.code === 'timeout'
    throw isLate ? new ApiError('not-found', 'the chain has no such record', undefined, { cause: error }) : error
  }
}

function concerns({ record, transaction }: WantedVersion, { transactions }: CommittedBlock): boolean {
  return transactions.some((tx) => tx.id === transaction || versionOf(tx)?.body.recordId === record)
}

function find({ chain }: Membership, { record, transaction: named }: WantedVersion) {
  const id = named ?? (record === undefined ? undefined : readPatientRecord(chain.state, record)?.latest)
  const stored = id === undefined ? undefined : readRecordVersion(chain.state, id)
  const version = id === undefined || stored === undefined ? undefined : versionOf(chain.query.transaction(id))
  return stored === undefined || version === undefined ? undefined : { version, stored }
}
