/** Reads what one uvu test file printed: how many tests passed, failed and were skipped, or why that cannot be known. */

export type FileCounts = { readonly passed: number; readonly failed: number; readonly skipped: number }

export type FileOutcome =
  | { readonly kind: 'counted'; readonly counts: FileCounts; readonly reasons: readonly string[] }
  | { readonly kind: 'broken'; readonly why: string }

const SUMMARY = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n {2}Duration: /gm
const SKIP = /skipped: (.*)$/gm

/**
 * A test that finds its input absent prints `skipped: <why>`. Printed before the suite's title, the line explains tests
 * that were registered with `suite.skip` or not at all; printed behind it, from within a test, it turns that test from
 * passed into skipped. uvu counts neither a skip of the first kind that was not registered nor one of the second kind.
 * @param output standard output and standard error of the file, in the order of writing, without colours
 * @param owner what the suite's name begins with, before its first slash; uvu prints the name before it runs the first test
 */
export function readUvuOutput(output: string, owner: string): FileOutcome {
  const summaries = [...output.matchAll(SUMMARY)]
  const summary = summaries[0]
  if (summary === undefined) return { kind: 'broken', why: 'printed no uvu summary (is `.run()` missing?)' }
  if (summaries.length > 1) return { kind: 'broken', why: 'printed more than one uvu summary' }
  const [total, passed, skippedByUvu] = summary.slice(1).map(Number) as [number, number, number]

  const start = output.indexOf(` ${owner}/`)
  if (start < 0) return { kind: 'broken', why: `ran no suite named ${owner}/…` }
  const reasons = [...output.matchAll(SKIP)]
  const before = reasons.filter((reason) => reason.index < start).length
  const within = reasons.length - before
  if (within > passed) return { kind: 'broken', why: `says "skipped:" ${within} times in ${passed} passed tests` }

  const skipped = within + Math.max(before, skippedByUvu)
  if (total === 0 && skipped === 0) return { kind: 'broken', why: 'ran no test' }
  return {
    kind: 'counted',
    counts: { passed: passed - within, failed: total - passed, skipped },
    reasons: reasons.map((reason) => (reason[1] as string).trim())
  }
}
