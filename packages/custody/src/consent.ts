/**
 * What the consent is worth that a hand-off names. The chain has a hash and nothing else of it; the terms are what the asking
 * hospital knows, so another hospital may come to another answer.
 */
import type { Hash, MemberId } from '@wardline/codec'
import { EDGES_MAX, type Edge, edgesOfConsent, type Page, type PageOptions } from './queries.ts'
import type { Rows } from './trace.ts'

/** Milliseconds since the epoch; null where there is no such bound. */
export type ConsentTerms = {
  /** Included. */
  readonly fromMs: number | null
  /** Not included. */
  readonly untilMs: number | null
  /** From then on it holds no more. */
  readonly withdrawnMs: number | null
}

/** `absent`: none is named; `unknown`: of the one that is named no terms are known. */
export type ConsentStanding = 'absent' | 'valid' | 'invalid' | 'unknown'

/** The terms of a consent; undefined where none are known. */
export type TermsOf = (consent: Hash) => ConsentTerms | undefined

/** How a consent stood at a block time, milliseconds. */
export function consentStanding(consent: Hash | null, timeMs: number, termsOf: TermsOf): ConsentStanding {
  if (consent === null) return 'absent'
  const terms = termsOf(consent)
  if (terms === undefined) return 'unknown'
  const { fromMs, untilMs, withdrawnMs } = terms
  const isBefore = fromMs !== null && timeMs < fromMs
  const isAfter = (endMs: number | null) => endMs !== null && timeMs >= endMs
  return isBefore || isAfter(untilMs) || isAfter(withdrawnMs) ? 'invalid' : 'valid'
}

/** Whether the terms can make any hand-off invalid. */
export function isBounded({ fromMs, untilMs, withdrawnMs }: ConsentTerms): boolean {
  return fromMs !== null || untilMs !== null || withdrawnMs !== null
}

/**
 * The hand-offs of all records whose consent is one of these and did not hold at their block times: consent by consent in the
 * given order, which must be ascending, and of each the oldest first. `limit` counts transmissions that name one of them, and
 * consents that none names; a page has at most about twice `EDGES_MAX` hand-offs.
 */
export async function edgesOfInvalidConsents(
  rows: Rows,
  consents: readonly Hash[],
  { termsOf, member, after, limit }: PageOptions & { readonly termsOf: TermsOf; readonly member?: MemberId }
): Promise<Page<Edge>> {
  const isWanted = ({ transmission: { consent, timeMs, sender }, delivery }: Edge) =>
    consentStanding(consent, timeMs, termsOf) === 'invalid' &&
    (member === undefined || member === sender || member === delivery.member)
  // A cursor is a consent that is done, or one and where to go on in it.
  const [begun = '', at = ''] = (after ?? '').split('/')
  const items: Edge[] = []
  let last = ''
  let left = limit
  for (const consent of consents) {
    if (at === '' ? consent <= begun : consent < begun) continue
    if (left <= 0 || items.length >= EDGES_MAX) return { items, next: last }
    const rest = at !== '' && consent === begun ? { after: at } : {}
    // All of the page, for `left` to count what was read.
    const page = await edgesOfConsent(rows, consent, { ...rest, limit: left })
    items.push(...page.items.filter(isWanted))
    if (page.next !== null) return { items, next: `${consent}/${page.next}` }
    left -= Math.max(1, new Set(page.items.map(({ transmission }) => transmission.id)).size)
    last = consent
  }
  return { items, next: null }
}
