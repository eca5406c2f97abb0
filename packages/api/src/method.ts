/** What one row of the method table says. */
import type { z } from 'zod'

/** A socket is a role: `admin` may all, `ehr` sends and opens records, `read` sees what is on the chain and no content. */
const ROLES = ['admin', 'ehr', 'read'] as const
export type Role = (typeof ROLES)[number]

export const everybody = ROLES
export const writers = ['admin', 'ehr'] as const
export const administrators = ['admin'] as const

/** One row of the table. Parameters are given by name, or by position in the order of the schema's keys. */
export type Method = {
  /** One sentence. */
  readonly summary: string
  readonly roles: readonly Role[]
  /** Changes something, or reads a record's content: belongs into the local log, with `actor`. */
  readonly audited: boolean
  readonly params: z.ZodObject
  readonly result: z.ZodType
  /** Codes that callers should expect beside those every method may answer. */
  readonly errors: readonly string[]
}

export function method<P extends z.ZodObject, R extends z.ZodType>(row: {
  readonly summary: string
  readonly roles: readonly Role[]
  readonly audited?: true
  readonly params: P
  readonly result: R
  readonly errors?: readonly string[]
}) {
  return { ...row, audited: row.audited ?? false, errors: row.errors ?? [] }
}
