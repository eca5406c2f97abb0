/**
 * `spv.access`: the owner's entry about one request: what it decided, at which block, on which grant. An entry is refused
 * for its form, its signatures, parties that nobody knows, a request that was answered already or a block that is not the
 * chain's, and never for want of permission: a release that no grant covers must not stay off the chain. What the chain
 * itself finds is marked in state:
 *
 * - `denied`: the owner released nothing; its reason is the code
 * - `violation`: the owner permitted it, and no grant did at that block, however early or late the entry is; the code says why
 * - `late`: a grant permitted it, and the entry came on the chain more than ten minutes, by block time, after the first block
 *   that could have had it, or the accessor had asked for a decision by an earlier time
 * - `covered`: a grant permitted it at that block, and the entry came in time
 */
import {
  type Alias,
  assert,
  bytes32,
  type CborValue,
  type Digest,
  type Height,
  height,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  type Reader,
  type TransactionId,
  uint
} from '@wardline/codec'
import { appendEntry } from '../entries.ts'
import type { JudgeContext, KindRules, Position, Subject, Unsponsored } from '../kind.ts'
import { isAscending, nullableBytes, readMember } from '../membership/member.ts'
import type { Overlay, StateView } from '../overlay.ts'
import { readBlockAt } from '../past-blocks.ts'
import type { FormCode, RefusalCode } from '../refusals.ts'
import { decideAccess } from './decide.ts'
import { encodeSignedRequest, readSignedRequest, requestCheck, requestIdOf } from './request.ts'
import { type AccessStatus, DENIALS, readAnsweredRequest, readOpenedAlias, writeAnsweredRequest } from './rows.ts'

/** An entry belongs on the chain within this time of the first block that could have had it. */
const LATE_MS = 10 * 60 * 1000

const readShape = mapOf({
  request: readSignedRequest,
  /** The block at whose state the owner decided, below the one that has the entry. */
  decidedAt: mapOf({ height: uint, digest: bytes32<Digest> }),
  decision: oneOf('permit', 'deny'),
  /** Why it was denied; null iff it was permitted. */
  code: nullable(oneOf(...DENIALS)),
  /** The grant on which it was permitted; null iff it was denied. */
  basis: nullable(bytes32<TransactionId>)
})

export type SpvAccessBody = Read<typeof readShape>

const read: Reader<SpvAccessBody> = (value) => {
  const body = readShape(value)
  if (body === undefined) return undefined
  const isPermitted = body.decision === 'permit'
  return isPermitted === (body.code === null) && isPermitted === (body.basis !== null) ? body : undefined
}

export function encodeSpvAccessBody({ request, decidedAt, decision, code, basis }: SpvAccessBody): CborValue {
  return {
    request: encodeSignedRequest(request),
    decidedAt: { height: decidedAt.height, digest: nameBytes(decidedAt.digest) },
    decision,
    code,
    basis: nullableBytes(basis)
  }
}

function fault({ chain, author, body }: Unsponsored<SpvAccessBody>): FormCode | undefined {
  const { request } = body.request
  if (request.chain !== chain || request.owner !== author.member) return 'not-the-owner'
  if (body.decidedAt.height < request.minHeight) return 'decided-too-early'
  return isAscending(request.records) ? undefined : 'records-not-sorted'
}

function judge({ state, author: hospital }: JudgeContext, { author, body }: Subject<SpvAccessBody>) {
  if (hospital.role !== 'hospital') return 'author-not-hospital'
  const { request } = body.request
  const alias = readOpenedAlias(state, request.alias)
  if (alias === undefined) return 'unknown-alias'
  if (alias.hospital !== author.member) return 'not-alias-hospital'
  const decided = readBlockAt(state, height(body.decidedAt.height))
  if (decided === undefined) return 'unknown-decision'
  if (decided.digest !== body.decidedAt.digest) return 'wrong-decision'
  return judgeAccessor(state, body, decided.time)
}

/**
 * An entry never expires, so what is wrong with its accessor must hold for good: the key that signed was in force at the time
 * of the block at which the owner decided. Such a key stays, and one that came later can never have been.
 */
function judgeAccessor(
  state: StateView,
  { request: { request } }: SpvAccessBody,
  decidedMs: number
): RefusalCode | undefined {
  const accessor = readMember(state, request.accessor.member)
  if (accessor === undefined) return 'unknown-accessor'
  const registered = accessor.keys[request.accessor.keyIndex]
  if (registered?.key !== request.accessor.key) return 'accessor-key-mismatch'
  if (registered.from > decidedMs) return 'accessor-key-not-in-force'
  return readAnsweredRequest(state, requestIdOf(request)) === undefined ? undefined : 'request-used'
}

function apply(state: Overlay, { chain, id, body }: Subject<SpvAccessBody>, position: Position): void {
  const { request } = body.request
  const at = height(body.decidedAt.height)
  const decided = readBlockAt(state, at)
  assert(decided !== undefined, 'an accepted access was decided at a block below')
  const own = decideAccess(state, request, at, decided.time)
  const found = own.kind === 'permit' ? { code: null, grant: own.grant } : { code: own.code, grant: null }
  const isLate = decided.time >= request.notAfter || position.time - firstAfter(state, at, position) > LATE_MS
  const status: AccessStatus =
    body.decision === 'deny' ? 'denied' : own.kind === 'deny' ? 'violation' : isLate ? 'late' : 'covered'
  writeAnsweredRequest(state, requestIdOf(request), {
    access: id,
    status,
    code: body.decision === 'deny' ? body.code : found.code,
    grant: found.grant,
    height: position.height,
    time: position.time
  })
  appendEntry(state, chain, request.alias as Alias, id)
}

/** Time of the first block after the one at `at`. An idle chain has none for long, which makes nobody late. */
function firstAfter(state: StateView, at: Height, position: Position): number {
  return readBlockAt(state, height(at + 1))?.time ?? position.time
}

export const spvAccess: KindRules<SpvAccessBody> = {
  modes: ['SPV'],
  author: 'member',
  read,
  payload: 'none',
  lifetime: 'unbounded',
  fault,
  checks: ({ body }) => [requestCheck(body.request)],
  judge,
  apply
}
