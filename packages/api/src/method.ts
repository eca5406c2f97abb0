/** What one row of the method table says. */
import type { z } from 'zod'

/** A socket is a role: `admin` may all, `ehr` sends and opens records, `read` sees what is on the chain and no content. */
const ROLES = ['admin', 'ehr', 'read'] as const
export type Role = (typeof ROLES)[number]

type Mode = 'dss' | 'stt' | 'spv'

export const everybody = ROLES
export const writers = ['admin', 'ehr'] as const
export const administrators = ['admin'] as const

/** One row of the table. Parameters are given by name, or by position in the order of the schema's keys. */
export type Method = {
  /** What it does, in a sentence, and what is to be known before it is called. */
  readonly summary: string
  readonly roles: readonly Role[]
  /** It is for chains of these modes; empty where it is for all, or for the daemon. */
  readonly modes: readonly Mode[]
  /** Changes something, or reads a record's content: belongs into the local log, with `actor`, also where the role may not. */
  readonly audited: boolean
  readonly params: z.ZodObject
  readonly result: z.ZodType
  /** Codes that callers should expect beside those that `codesOf` adds. */
  readonly errors: readonly string[]
}

/**
 * The codes with which a call may fail, each once: those of its row, and what follows from the row. Beside them, any call may be
 * answered `busy` or `too-large` by the socket, and `internal-error`.
 */
export function codesOf({ errors, roles, modes, params }: Method): readonly string[] {
  const ofChain = Object.hasOwn(params.shape, 'chain') ? ['not-found', 'ambiguous'] : []
  const ofMode = modes.length > 0 ? ['wrong-mode'] : []
  const ofRoles = roles.length < ROLES.length ? ['not-permitted'] : []
  return [...new Set([...errors, ...ofChain, ...ofMode, 'invalid-params', ...ofRoles, 'unavailable'])]
}

export function method<P extends z.ZodObject, R extends z.ZodType>(row: {
  readonly summary: string
  readonly roles: readonly Role[]
  readonly modes?: readonly Mode[]
  readonly audited?: true
  readonly params: P
  readonly result: R
  readonly errors?: readonly string[]
}) {
  const { audited = false, errors = [] } = row
  // So many lines of the log a second, and no more.
  return { ...row, modes: row.modes ?? [], audited, errors: audited ? [...new Set([...errors, 'busy'])] : errors }
}
