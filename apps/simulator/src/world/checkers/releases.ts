/**
 * M3: no byte of an SPV record leaves its owner before the access entry about it is final on the owner's disk. M4: none goes
 * to whom no grant permits it at that moment, by the blocks that the owner has announced. The grants are weighed here from
 * the transactions alone, by code that shares nothing with the ledger's evaluator.
 */
import { type CborValue, decodeCbor, toHex } from '@wardline/codec'
import { type ParsedTransaction, requestIdOf } from '@wardline/ledger'
import type { Report, Watch } from '../watch.ts'

export type ReleaseCheck = Pick<Watch, 'answered' | 'given' | 'closed' | 'died' | 'committed'> & {
  /** Frames with content that were handed over. */
  released(): number
  /** Processes of an owner or a requester that ended after the first part of a record had come, and before its stream had ended. */
  endedMidway(): number
}

export type ReleaseCheckParts = {
  readonly report: Report
  /** Whether the row would survive a power cut now. */
  readonly isOnDisk: (node: string, key: string) => boolean
  /** The member whose daemon a node is. */
  readonly memberOf: (node: string) => string
}

type Grant = ParsedTransaction<'spv.grant'>
type Access = ParsedTransaction<'spv.access'>

/** What the blocks announced by one node say. */
type Known = {
  readonly grants: Grant[]
  readonly revoked: Set<string>
  /** By request. */
  readonly entries: Map<string, Access>
  /** Block time of each anchor, by record. */
  readonly anchored: Map<string, number>
  timeMs: number
}

const PROTOCOL = '/wardline/record/1'

export function createReleaseCheck({ report, isOnDisk, memberOf }: ReleaseCheckParts): ReleaseCheck {
  const nodes = new Map<string, Known>()
  let released = 0
  /** Streams of which content has come, by requester and fetch. */
  const underWay = new Map<string, { readonly owner: string; readonly requester: string }>()
  let endedMidway = 0

  const knownTo = (node: string): Known => {
    const known = nodes.get(node) ?? {
      grants: [],
      revoked: new Set<string>(),
      entries: new Map<string, Access>(),
      anchored: new Map<string, number>(),
      timeMs: 0
    }
    nodes.set(node, known)
    return known
  }

  const check = (owner: string, peer: string, request: string, record: string): void => {
    const known = knownTo(owner)
    const entry = known.entries.get(request)
    const say = (what: string): string => `${owner} gives ${peer} bytes of ${record.slice(0, 8)} ${what}`
    if (entry === undefined || !isOnDisk(owner, `blocks/transaction/${entry.id}`)) {
      report('M3', say('without a final entry'))
      return
    }
    const { request: asked } = entry.body.request
    if (entry.body.decision !== 'permit') report('M4', say('though it denied them'))
    if (asked.accessor.member !== memberOf(peer)) report('M4', say('on the entry of another'))
    if (!asked.records.some((one) => one === record)) report('M4', say('that were not asked for'))
    const { alias, purpose, records, accessor } = asked
    const permits = (grant: Grant): boolean => {
      const { grantee, purposes, from, to, scope } = grant.body
      return (
        grant.author.alias === alias &&
        !known.revoked.has(grant.id) &&
        'member' in grantee &&
        grantee.member === accessor.member &&
        purposes.includes(purpose) &&
        from <= known.timeMs &&
        known.timeMs < to &&
        records.every((one) => covers(scope, one, known.anchored.get(one)))
      )
    }
    if (!known.grants.some(permits)) report('M4', say('that no grant permits'))
  }

  return {
    released: () => released,
    endedMidway: () => endedMidway,
    committed(node, { header, transactions }) {
      const known = knownTo(node)
      known.timeMs = header.time
      for (const transaction of transactions) {
        if (transaction.kind === 'spv.grant') known.grants.push(transaction)
        if (transaction.kind === 'spv.revoke') known.revoked.add(transaction.body.grant)
        if (transaction.kind === 'spv.anchor') known.anchored.set(transaction.body.recordId, header.time)
        // The first entry about a request is the only one, and its id is written with it.
        if (transaction.kind === 'spv.access')
          known.entries.set(requestIdOf(transaction.body.request.request), transaction)
      }
    },
    answered(node, peer, protocol, request, frame) {
      if (!isPart(protocol, frame)) return
      released += 1
      const fetch = fieldOf(decodeCbor(request), 'fetch')
      if (fetch === undefined) report('M3', `${node} gives ${peer} bytes while it decides`)
      else check(node, peer, hexOf(fieldOf(fetch, 'request')), hexOf(fieldOf(fetch, 'record')))
    },
    given(requester, owner, protocol, request, frame) {
      if (isPart(protocol, frame)) underWay.set(`${requester} ${toHex(request)}`, { owner, requester })
    },
    closed(requester, _protocol, request) {
      underWay.delete(`${requester} ${toHex(request)}`)
    },
    died(node) {
      for (const [stream, { owner, requester }] of underWay) {
        if (node !== owner && node !== requester) continue
        endedMidway += 1
        underWay.delete(stream)
      }
    }
  }
}

/** Whether this frame of an answer has content of a record. */
export function isPart(protocol: string, frame: Uint8Array): boolean {
  return protocol === PROTOCOL && fieldOf(decodeCbor(frame), 'chunk') !== undefined
}

export function covers(scope: Grant['body']['scope'], record: string, anchoredMs: number | undefined): boolean {
  if (anchoredMs === undefined) return false
  switch (scope.kind) {
    case 'all':
      return true
    case 'records':
      return scope.records.some((one) => one === record)
    case 'anchored':
      return scope.from <= anchoredMs && anchoredMs < scope.to
  }
}

export function fieldOf(value: CborValue | undefined, name: string): CborValue | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isMap ? (value as Readonly<Record<string, CborValue>>)[name] : undefined
}

export function hexOf(value: CborValue | undefined): string {
  return value instanceof Uint8Array ? toHex(value) : ''
}
