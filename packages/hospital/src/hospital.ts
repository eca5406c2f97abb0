/** One hospital's daemon across its chains: opens them, works off their duties, answers the method table. */
import { type Api, type Denied, type OpenFeed, topics } from '@wardline/api'
import { WardlineError } from '@wardline/codec'
import type { DiskSpace, LineLog } from '@wardline/ports'
import { acknowledgingMethods } from './api/acknowledging.ts'
import { chainChanges } from './api/chain-changes.ts'
import { chainMeant } from './api/chain-meant.ts'
import { chainVerify } from './api/chain-verify.ts'
import { chainMethods } from './api/chains.ts'
import { consentMethods } from './api/consents.ts'
import { custodyMethods } from './api/custody.ts'
import { evidenceMethods } from './api/evidence.ts'
import { grantMethods } from './api/grants.ts'
import { chainIfNamed, memberIfNamed } from './api/lookup.ts'
import { memberMethods } from './api/members.ts'
import { patientMethods } from './api/patients.ts'
import { personMethods } from './api/persons.ts'
import { recordMethods } from './api/records.ts'
import { sharedRecordMethods } from './api/shared-records.ts'
import { spvMethods } from './api/spv.ts'
import { type Facts, standingOf, statusMethods } from './api/status.ts'
import { timelineMethods } from './api/timeline.ts'
import { validatorMethods } from './api/validators.ts'
import { type AuditBook, openAuditBook } from './audit.ts'
import { type Audit, auditApi } from './audited.ts'
import { type DiskWatch, startDiskWatch } from './disk-watch.ts'
import { feedsOf } from './feeds/open-feed.ts'
import { createProblemWatch } from './feeds/problems.ts'
import { createRoster, type Failed, type Roster, type RosterParts } from './roster.ts'

export type HospitalParts = Omit<RosterParts, 'name' | 'book'> & {
  readonly facts: Facts
  /** The local log of audited calls; closed by who opened it, after `stop`. */
  readonly audit: LineLog
  /** Where the chains are written; left out, nobody looks how full it is. */
  readonly diskSpace?: DiskSpace
}

export type Hospital = {
  readonly api: Api
  /** To be told of calls that a socket may not make: they are in the audit log too. */
  readonly denied: Denied
  /** What can be subscribed to. */
  readonly openFeed: OpenFeed
  /** How many run. */
  chains(): number
  /** Ends every chain and closes what they were opened with. */
  stop(): Promise<void>
}

/**
 * Opens the chains of these labels. One that cannot be opened keeps no other from running; `status` says why it does not.
 * @throws WardlineError `audit-log-unreadable`, or where there are chains and none can be opened, why the first cannot
 */
export async function openHospital(labels: readonly string[], parts: HospitalParts): Promise<Hospital> {
  const book = openAuditBook(parts.audit, parts.clock)
  const roster = createRoster({ ...parts, name: parts.facts.name, book })
  let diskWatch: DiskWatch | undefined
  const stop = async () => {
    diskWatch?.stop()
    await roster.stop()
  }
  try {
    const failed = () => [...roster.failed(), ...auditFailure(book), ...(diskWatch?.failed() ?? [])]
    const audit: Audit = auditApi(apiOf(roster, parts, failed), {
      book,
      clock: parts.clock,
      chainOf: (method, asked) => chainMeant(roster.memberships, method, asked)?.chain.id,
      memberOf(chain, reference) {
        const member = chainIfNamed(roster.memberships, chain)
        if (member === undefined) return undefined
        return reference === undefined ? member.chain.self : memberIfNamed(member, reference)
      }
    })
    await openAll(roster, labels)
    diskWatch = watchDisk(roster, parts)
    const openFeed = auditedFeeds(feedsOfRoster(roster, parts, failed), audit)
    return { api: audit.api, denied: audit.denied, openFeed, chains: () => roster.running().length, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function watchDisk(roster: Roster, { diskSpace, clock, log }: HospitalParts): DiskWatch | undefined {
  if (diskSpace === undefined) return undefined
  const pauseVoting = (isPaused: boolean): void => {
    for (const { member } of roster.running()) member.chain.pauseVoting(isPaused)
  }
  return startDiskWatch({ disk: diskSpace, clock, log, pauseVoting })
}

/** The whole table, not yet logged. */
export function apiOf(roster: Roster, { facts }: HospitalParts, failed: () => readonly Failed[]): Api {
  const { memberships } = roster
  return {
    ...statusMethods(roster.running, failed, facts),
    ...memberMethods(memberships),
    ...validatorMethods(memberships),
    ...personMethods(memberships),
    ...patientMethods(memberships),
    ...grantMethods(memberships),
    ...recordMethods(roster.running),
    ...acknowledgingMethods(roster.running),
    ...custodyMethods(() => roster.running().map(({ member }) => member)),
    ...consentMethods(memberships),
    ...sharedRecordMethods(memberships),
    ...timelineMethods(memberships),
    ...spvMethods(roster.running),
    ...chainMethods(memberships),
    ...evidenceMethods(memberships),
    ...chainVerify(memberships),
    ...chainChanges(roster)
  }
}

function feedsOfRoster(roster: Roster, parts: HospitalParts, failed: () => readonly Failed[]): OpenFeed {
  const { clock, log, onFailure } = parts
  const look = async () => (await standingOf(roster.running(), failed())).problems
  return feedsOf(roster.memberships, createProblemWatch({ look, clock, log, onFailure }), clock)
}

/** Following what tells of patients is logged when it begins, as looking at one of them is. */
function auditedFeeds(openFeed: OpenFeed, audit: Audit): OpenFeed {
  return (params, context) => {
    const { topic } = params
    const open = topics[topic].audited ? audit.logged(`subscribe ${topic}`, openFeed) : openFeed
    return open(params, context)
  }
}

async function openAll(roster: Roster, labels: readonly string[]): Promise<void> {
  const opened = await Promise.allSettled(labels.map((label) => roster.add(label, { expected: true })))
  const failures = opened.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  const bug = failures.find((reason) => !(reason instanceof WardlineError))
  if (bug !== undefined) throw bug
  const [first] = failures
  if (first !== undefined && roster.running().length === 0) throw first
}

function auditFailure(book: AuditBook): Failed[] {
  const code = book.failure()
  const problem =
    'The audit log cannot be written: no call that belongs into it is answered, and no record is given to another hospital.'
  const remedy = 'See whether the disk is full, then start the daemon again.'
  return code === undefined ? [] : [{ label: null, code, problem, remedy }]
}
