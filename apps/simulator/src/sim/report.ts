/** The figures of a long run as a page to keep: what was run, on what, and what came of it. */
import { availableParallelism } from 'node:os'
import { revision } from '../revision.ts'
import type { SeedReport } from '../world/run-seed.ts'
import { type Chosen, commandFor } from './options.ts'
import type { Totals } from './totals.ts'

/**
 * @param chosen what was chosen for all seeds
 * @param broken those that broke an invariant
 */
export function reportOf(
  args: readonly string[],
  chosen: Chosen,
  totals: Totals,
  broken: readonly SeedReport[]
): string {
  const rows = Object.entries(totals).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value] as const] : []
  )
  const table = (head: string, list: readonly (readonly [string, number])[]): string[] => [
    `| ${head} | |`,
    '|---|---:|',
    ...list.map(([name, value]) => `| ${name} | ${value} |`),
    ''
  ]
  const lines = [
    '# A run of the simulator',
    '',
    `- commit: \`${revision()}\``,
    `- command: \`pnpm sim ${args.join(' ')}\``,
    `- on: Node ${process.versions.node}, ${availableParallelism()} cores, ended ${new Date().toISOString()}`,
    '',
    ...table('figure', rows),
    ...table('hospitals', Object.entries(totals.nodes)),
    ...table('mode', Object.entries(totals.modes)),
    ...table('fault', Object.entries(totals.faults)),
    broken.length === 0 ? 'No invariant was broken.' : '## Broken invariants',
    '',
    ...broken.flatMap(({ seed, violations }) => [
      ...violations.map(({ code, what }) => `- seed ${seed}: ${code}: ${what}`),
      `  (\`${commandFor(seed, chosen)}\`)`
    ])
  ]
  return `${lines.join('\n').trimEnd()}\n`
}
