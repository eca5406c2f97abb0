/** The fence of a DSS chain: what its members agreed to share, on which basis, and what never enters it. */
import {
  arrayOf,
  type CborValue,
  decodeStored,
  encodeCbor,
  integerFrom,
  limits,
  mapOf,
  type Read,
  text
} from '@wardline/codec'
import { ascending } from './membership/member.ts'
import type { StateView } from './overlay.ts'
import { stateKeys } from './state-keys.ts'

/** Whether a fence can exclude this label: 1 to 64 of `a-z 0-9 -`, beginning with a letter or digit. */
export function isExcludableLabel(label: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,63}$/.test(label)
}

const readLabel = (value: CborValue | undefined): string | undefined =>
  typeof value === 'string' && isExcludableLabel(value) ? value : undefined

export const readFenceMap = mapOf({
  /** Why the alliance shares records, in words. */
  purpose: text(limits.fenceTextBytesMax),
  legalBasis: text(limits.fenceTextBytesMax),
  /** How long records are kept, years. */
  retentionYears: integerFrom(1, limits.retentionYearsMax),
  /** Whom a patient asks. */
  contact: text(limits.fenceTextBytesMax),
  /** Records with one of these labels are refused. Ascending, each once. */
  excludedLabels: ascending(arrayOf(readLabel, 0, limits.excludedLabelsMax))
})

export type Fence = Read<typeof readFenceMap>

/** Labels that a DSS chain excludes unless its drafter says otherwise. */
export const EXCLUDED_LABELS_BY_DEFAULT: readonly string[] = ['hiv', 'psychotherapy', 'sexual-health', 'substance-use']

/** The fence of the chain, or undefined if it is not a DSS chain. */
export function readFence(state: StateView): Fence | undefined {
  return decodeStored(state.get(stateKeys.fence), readFenceMap)
}

export function encodeFence(fence: Fence): Uint8Array {
  return encodeCbor(fence)
}

/** In the order in which a genesis file has them. */
export function orderedFence({ purpose, legalBasis, retentionYears, contact, excludedLabels }: Fence): Fence {
  return { purpose, legalBasis, retentionYears, contact, excludedLabels }
}
