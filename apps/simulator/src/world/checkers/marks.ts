/**
 * What an SPV chain marks of each access, held against a look at all of its transactions, by code that shares nothing with
 * the ledger's evaluator. In this world accessors are founders, which keep their first keys, and grants are to members.
 */
import { decodeCbor, height } from '@wardline/codec'
import { type ParsedTransaction, requestIdOf } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Report } from '../watch.ts'
import { covers, fieldOf } from './releases.ts'

type Place = { readonly height: number; readonly index: number }
type Granted = { readonly grant: ParsedTransaction<'spv.grant'>; readonly at: number; revoked: Place | null }
type Anchored = { readonly alias: string; readonly at: number; readonly timeMs: number }

const LATE_MS = 10 * 60 * 1000

/** @returns how many permitted entries have their grant revoked after the block of the decision and before themselves */
export function checkMarks([chain]: readonly Chain[], report: Report): number {
  if (chain === undefined || chain.genesis.mode !== 'SPV') return 0
  const grants = new Map<string, Granted>()
  const anchored = new Map<string, Anchored>()
  /** Of each block, by height. */
  const times = [chain.genesis.created]
  let revokedMeanwhile = 0

  for (let at = 1; at <= chain.head().height; at++) {
    const block = chain.query.block(height(at))
    if (block === undefined) throw new Error(`there is no block at ${at}`)
    times.push(block.header.time)
    for (const [index, transaction] of block.transactions.entries()) {
      take(transaction, { height: at, index })
      if (transaction.kind === 'spv.access') look(transaction, at)
    }
  }
  return revokedMeanwhile

  function take(transaction: ParsedTransaction, place: Place): void {
    if (transaction.kind === 'spv.grant') {
      grants.set(transaction.id, { grant: transaction, at: place.height, revoked: null })
    } else if (transaction.kind === 'spv.revoke') {
      const granted = grants.get(transaction.body.grant)
      if (granted !== undefined) granted.revoked = place
    } else if (transaction.kind === 'spv.anchor') {
      const { alias, recordId } = transaction.body
      anchored.set(recordId, { alias, at: place.height, timeMs: times[place.height] as number })
    }
  }

  function look(entry: ParsedTransaction<'spv.access'>, at: number): void {
    const { decidedAt, decision, basis } = entry.body
    // Whatever was revoked so far stands before this entry.
    const revoked = grants.get(basis ?? '')?.revoked
    if (decision === 'permit' && revoked && revoked.height > decidedAt.height) revokedMeanwhile += 1
    const expected =
      decision === 'deny' ? 'denied' : isPermitted(entry) ? (isLate(entry, at) ? 'late' : 'covered') : 'violation'
    const stored = statusOf(entry)
    if (stored !== expected) report('M4', `the access ${entry.id} is marked ${stored}, and is ${expected}`)
  }

  function isPermitted({ body }: ParsedTransaction<'spv.access'>): boolean {
    const { request } = body.request
    const { height: decidedAt } = body.decidedAt
    const timeMs = times[decidedAt] as number
    const isAnchored = request.records.every((record) => {
      const anchor = anchored.get(record)
      return anchor !== undefined && anchor.alias === request.alias && anchor.at <= decidedAt
    })
    if (!isAnchored) return false
    return [...grants.values()].some(({ grant: { author, body: terms }, at, revoked }) => {
      const { grantee, purposes, from, to, scope } = terms
      const isForThem =
        author.alias === request.alias && 'member' in grantee && grantee.member === request.accessor.member
      const isInForce =
        at <= decidedAt && (revoked === null || revoked.height > decidedAt) && from <= timeMs && timeMs < to
      const isInScope = request.records.every((record) => covers(scope, record, anchored.get(record)?.timeMs))
      return isForThem && isInForce && purposes.includes(request.purpose) && isInScope
    })
  }

  function isLate({ body }: ParsedTransaction<'spv.access'>, at: number): boolean {
    const { height: decidedAt } = body.decidedAt
    const first = times[decidedAt + 1] as number
    return (times[decidedAt] as number) >= body.request.request.notAfter || (times[at] as number) - first > LATE_MS
  }

  function statusOf({ body }: ParsedTransaction<'spv.access'>): string {
    const row = chain?.store.get(`state/spv/request/${requestIdOf(body.request.request)}`)
    const status = row && fieldOf(decodeCbor(row), 'status')
    return typeof status === 'string' ? status : 'nothing'
  }
}
