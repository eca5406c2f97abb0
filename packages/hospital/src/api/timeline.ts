/** `patient.timeline`: every entry of a patient in an alliance, newest first. */
import { type Api, ApiError, type Params, type Result } from '@wardline/api'
import { type Alias, limits, type TransactionId, unreachable } from '@wardline/codec'
import { decodeContent } from '@wardline/crypto'
import {
  asLabel,
  type Descriptor,
  readDescriptor,
  readEnrolment,
  readEntries,
  readPatientRecord
} from '@wardline/ledger'
import {
  isVersion,
  type TimelineEntry,
  type TimelineFilter,
  type TimelinePage,
  timelinePage,
  type VersionEntry
} from '@wardline/views'
import { about } from '../about.ts'
import { deadlineIn } from '../deadline.ts'
import { enterLook } from '../dss/look.ts'
import { quarantined, versionOf } from '../dss/quarantine.ts'
import { type Membership, type Memberships, nextBlockMs } from '../membership.ts'
import { chainOfMode, headOf, memberNamed, nameOf, seenBy } from './lookup.ts'
import { aliasNamed } from './patients.ts'

type Row = Result<'patient.timeline'>['entries'][number]

type Wanted = { readonly category?: string | undefined; readonly label?: string | undefined }

export function timelineMethods(memberships: Memberships): Pick<Api, 'patient.timeline'> {
  return {
    async 'patient.timeline'(params, { role, signal }) {
      const member = seenBy(role, chainOfMode(memberships, params.chain, 'DSS'))
      const { chain, quarantine } = member
      const readsContent = params.category !== undefined || params.label !== undefined
      if (readsContent && role === 'read') {
        throw new ApiError(
          'not-permitted',
          'category and label are part of the content, which this socket does not read'
        )
      }
      const alias = await aliasNamed(member, params, role)
      const before = standing(member, alias)
      const { access, ...page } = readsContent
        ? await about({ alias }, async () => {
            quarantine.check(alias)
            return pageByContent(member, alias, params, signal)
          })
        : { access: null, ...(await timelinePage(chain.store, alias, pageOf(member, params))) }
      // A look into content is an entry itself, which counts.
      const { entries, ...at } = readsContent ? standing(member, alias) : before
      return {
        ...at,
        alias,
        count: entries?.count ?? 0,
        head: entries?.head ?? null,
        enrolment: enrolmentOf(member, alias),
        quarantined: quarantine.has(alias),
        access,
        entries: page.entries.map((entry) => rowOf(member, entry)),
        next: page.next === null ? null : String(page.next)
      }
    }
  }
}

function standing(member: Membership, alias: Alias) {
  return { ...headOf(member), entries: readEntries(member.chain.state, alias) }
}

/**
 * The versions of a page whose content says so. Whatever says it is content too: the versions that are looked into are on the
 * patient's chain, by one entry, before any of them is. They are as many as an entry holds, so a page may be short.
 */
async function pageByContent(
  member: Membership,
  alias: Alias,
  params: Params<'patient.timeline'>,
  signal: AbortSignal | undefined
): Promise<TimelinePage & { readonly access: TransactionId | null }> {
  const { chain, clock } = member
  const { filter, ...page } = pageOf(member, params)
  const { entries, next } = await timelinePage(chain.store, alias, {
    ...page,
    limit: limits.accessRecordsMax,
    filter: { ...filter, also: (entry) => isVersion(entry) && chain.payloads.has({ id: entry.id }) }
  })
  const versions = entries.filter(isVersion)
  if (versions.length === 0) return { entries: [], next, access: null }
  const about = {
    alias,
    records: versions.map(({ record, id }) => ({ record, version: id })),
    reader: params.reader === undefined ? null : memberNamed(member, params.reader),
    purpose: params.purpose
  }
  const access = await enterLook(member, about, deadlineIn(member, params.timeoutMs, signal), signal)
  const passing: TimelineEntry[] = []
  for (const version of versions) {
    if (passing.length === params.limit) return { entries: passing, next: passing.at(-1)?.number ?? null, access }
    // Reading payloads takes time: votes and other calls come between.
    await new Promise<void>((resolve) => clock.after(0, resolve))
    if (saysSo(await descriptorOf(member, version), params)) passing.push(version)
  }
  return { entries: passing, next, access }
}

function pageOf(member: Membership, params: Params<'patient.timeline'>) {
  const { before, limit } = params
  return { limit, filter: filterOf(member, params), ...(before !== undefined && { before: Number(before) }) }
}

function filterOf(member: Membership, params: Params<'patient.timeline'>): TimelineFilter {
  const { kinds, hospital, doctor, record, fromMs, toMs } = params
  return {
    ...(kinds !== undefined && { kinds }),
    ...(hospital !== undefined && { hospital: memberNamed(member, hospital) }),
    ...(doctor !== undefined && { doctor: memberNamed(member, doctor) }),
    ...(record !== undefined && { record }),
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs })
  }
}

/** How labels are written is of no matter, as with those that the fence excludes. */
function saysSo(descriptor: Descriptor | undefined, { category, label }: Wanted): boolean {
  if (descriptor === undefined) return false
  const isSame = (one: string | undefined, other: string) => one !== undefined && asLabel(one) === asLabel(other)
  return (
    (category === undefined || isSame(descriptor.category, category)) &&
    (label === undefined || (descriptor.labels ?? []).some((one) => isSame(one, label)))
  )
}

/** What describes a version, if its payload is here. @throws ApiError `quarantined` if it is damaged */
async function descriptorOf({ chain, quarantine }: Membership, { id }: VersionEntry): Promise<Descriptor | undefined> {
  const version = versionOf(chain.query.transaction(id))
  const stored = version && chain.payloads.read(version)
  if (version !== undefined && stored?.kind === 'damaged') {
    await quarantine.add(version)
    throw quarantined()
  }
  const content = stored?.kind === 'here' ? decodeContent(stored.payload) : undefined
  return content && readDescriptor(content.descriptor)
}

function enrolmentOf(member: Membership, alias: Alias): Result<'patient.timeline'>['enrolment'] {
  const enrolment = readEnrolment(member.chain.state, alias)
  if (enrolment === undefined) return null
  const { basis, until, withdrawn } = enrolment
  const nowMs = nextBlockMs(member)
  return { basis, untilMs: until, status: withdrawn !== null ? 'withdrawn' : until <= nowMs ? 'ended' : 'enrolled' }
}

const NO_VERSION = {
  record: null,
  version: null,
  isLatest: false,
  supersedes: null,
  commitment: null,
  doctors: [],
  concurrent: false,
  sizeBytes: null,
  payloadHere: null
} as const
const NO_LOOK = { reads: null, reader: null, purpose: null } as const
const NO_ENROLMENT = { basis: null, untilMs: null } as const

function rowOf(member: Membership, entry: TimelineEntry): Row {
  const { number, hash, kind, id, hospital, time, height } = entry
  const common = { number, hash, transaction: id, hospital: nameOf(member, hospital), timeMs: time, height }
  switch (entry.kind) {
    case 'dss.enrol':
      return { ...common, kind, ...NO_VERSION, ...NO_LOOK, basis: entry.basis, untilMs: entry.until }
    case 'dss.withdraw':
      return { ...common, kind, ...NO_VERSION, ...NO_LOOK, ...NO_ENROLMENT }
    case 'dss.access': {
      const { records, reader, purpose } = entry
      const reads = records.map(({ record, version }) => ({ record, transaction: version }))
      const who = reader === null ? null : nameOf(member, reader)
      return { ...common, kind, ...NO_VERSION, reads, reader: who, purpose, ...NO_ENROLMENT }
    }
    case 'dss.record':
    case 'dss.amend':
      return { ...common, kind, ...versionRow(member, entry), ...NO_LOOK, ...NO_ENROLMENT }
    default:
      return unreachable(entry)
  }
}

function versionRow(member: Membership, entry: VersionEntry) {
  const { chain } = member
  const { id, record, version, supersedes, content, concurrent, size } = entry
  return {
    record,
    version,
    isLatest: readPatientRecord(chain.state, record)?.latest === id,
    supersedes,
    commitment: content,
    doctors: entry.doctors.map(({ member: doctor, role }) => ({ ...nameOf(member, doctor), role })),
    concurrent,
    sizeBytes: size,
    payloadHere: chain.payloads.has({ id })
  }
}
