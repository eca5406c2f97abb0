/**
 * The committee: physicians of another hospital ask for records that the patient's hospital has anchored. First without a
 * grant, which must be refused with no byte of content and an entry on the chain; then with one that the patient gave, which
 * must release exactly the bytes that were anchored, after its entry is final. Every hospital must see both entries.
 */
import type { Result } from '@wardline/api'
import type { Alias, TransactionId } from '@wardline/codec'
import { recordBytes } from '@wardline/records'
import { memberOn, type Site } from '../local-network/network.ts'
import type { AnchoredFile } from './anchorer.ts'
import { PERMISSIONS } from './chains.ts'
import { type Hospitals, siteOf } from './hospitals.ts'
import { isBareRefusal, type Prying } from './prying.ts'

export type Access = {
  readonly permitted: number
  readonly denied: number
  /** Content that went to the reader who fetched in spite of a refusal, bytes: counted where it reads its streams. */
  readonly deniedBytes: number
}

export type Meeting = {
  readonly access: Access
  /** Why the first request was refused. */
  readonly code: string | null
  readonly owner: Site
  readonly requester: Site
  readonly file: AnchoredFile
  /** Records and bytes that the second request got. */
  readonly records: number
  readonly contentBytes: number
}

export type Committee = {
  readonly hospitals: Hospitals
  readonly files: readonly AnchoredFile[]
  /** The request of somebody else without a grant, made before. */
  readonly prying: Prying
  readonly check: (holds: boolean, difference: string) => void
  readonly onStep: (text: string) => void
}

type Released = Result<'record.request'>['records'][number]

/** The newest ones of the patient's file: what a committee reads before it meets. */
const RECORDS_ASKED_MAX = 4
const PURPOSE = 'treatment'
const NO_GRANT = 'no-grant'
const REQUEST_MS_MAX = 60_000
const SEEN_MS_MAX = 20_000
const POLL_MS = 50

export async function holdCommittee({ hospitals, files, prying, check, onStep }: Committee): Promise<Meeting> {
  const file = longestFile(files)
  const owner = siteOf(hospitals, file.hospital)
  const requester = [...hospitals.values()].find((site) => site !== owner)
  if (requester === undefined) throw new RangeError('a demo has hospitals')
  const wanted = file.records.slice(-RECORDS_ASKED_MAX)
  const ask = () =>
    requester.daemon.ehr.call('record.request', {
      chain: PERMISSIONS,
      owner: memberOn(owner, PERMISSIONS),
      alias: file.alias,
      records: wanted.map(({ record }) => record).sort(),
      purpose: PURPOSE,
      timeoutMs: REQUEST_MS_MAX
    })

  check(prying.code === NO_GRANT, `who fetched in spite of a refusal was not refused as ${NO_GRANT}`)
  check(prying.contentBytes === 0, `${prying.contentBytes} bytes of content went to who fetched in spite of a refusal`)
  onStep(`${requester.name} asks without a grant`)
  const refused = await ask()
  check(refused.decision === 'deny' && refused.code === NO_GRANT, `the request without a grant was not ${NO_GRANT}`)
  check(refused.records.length === 0, 'records came with the refusal')

  onStep('the patient grants it')
  await owner.daemon.ehr.call('grant.create', {
    chain: PERMISSIONS,
    alias: file.alias,
    grantee: { member: memberOn(requester, PERMISSIONS) },
    scope: { kind: 'all' },
    purposes: [PURPOSE]
  })
  onStep(`${requester.name} asks again`)
  const released = await ask()
  check(released.decision === 'permit', `the request with a grant was refused (${released.code})`)
  const sources = new Map(wanted.map(({ record, source }) => [record, source]))
  check(
    released.records.length === wanted.length,
    `${released.records.length} of ${wanted.length} records were released`
  )
  for (const record of released.records) await examine(record)

  async function examine({ record, content, salt, descriptorBytes }: Released): Promise<void> {
    const source = sources.get(record)
    const isExact = source !== undefined && Buffer.from(content, 'base64').equals(recordBytes(source))
    check(isExact, 'a released record is not what was anchored')
    for (const { name, daemon } of hospitals.values()) {
      const given = { chain: PERMISSIONS, record, content, salt, descriptorBytes }
      const verified = await daemon.ehr.call('record.verify', given)
      check(verified.ok, `a released record does not verify against its anchor at ${name}`)
    }
  }

  onStep('every hospital reads the log')
  for (const [{ alias }, { entry }, status] of [
    [prying.file, prying, 'denied'],
    [file, refused, 'denied'],
    [file, released, 'covered']
  ] as const) {
    const seen = await Promise.all([...hospitals.values()].map((site) => isLogged(site, alias, entry, status)))
    check(!seen.includes(false), `not every hospital has the entry that the access was ${status}`)
  }
  const pried = siteOf(hospitals, prying.file.hospital).daemon
  const { sizeBytes } = await pried.ehr.call('tx.get', { chain: PERMISSIONS, id: prying.entry })
  check(
    isBareRefusal(prying, sizeBytes),
    `${prying.streamBytes} bytes came over ${prying.fetches} streams that were refused, and for an entry of ${sizeBytes}`
  )
  return {
    access: {
      permitted: released.decision === 'permit' ? 1 : 0,
      denied: (refused.decision === 'deny' ? 1 : 0) + (prying.code === null ? 0 : 1),
      deniedBytes: prying.contentBytes
    },
    code: refused.code,
    owner,
    requester,
    file,
    records: released.records.length,
    contentBytes: released.contentBytes
  }
}

/** The patient's log as this hospital has it, waiting until the entry is final there. */
async function isLogged(
  { daemon }: Site,
  alias: Alias,
  entry: TransactionId,
  status: 'denied' | 'covered'
): Promise<boolean> {
  for (const untilMs = performance.now() + SEEN_MS_MAX; ; ) {
    const { entries } = await daemon.ehr.call('audit.patient', { chain: PERMISSIONS, alias })
    const found = entries.find(({ transaction }) => transaction === entry)
    if (found !== undefined) return found.status === status
    if (performance.now() > untilMs) return false
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function longestFile(files: readonly AnchoredFile[]): AnchoredFile {
  const [longest] = [...files].sort((a, b) => b.records.length - a.records.length)
  if (longest === undefined) throw new RangeError('a demo has anchors')
  return longest
}
