/** What a run saw, as a page. */
import type { ChaosResult } from './run.ts'

export function reportText(result: ChaosResult, run: { readonly commit: string; readonly command: string }): string {
  const { violations, skipped } = result
  const lines = [
    `# Chaos: ${violations.length === 0 ? 'no violation' : `${violations.length} violations`}`,
    '',
    `- command: \`${run.command}\``,
    `- commit: ${run.commit}`,
    `- seed ${result.seed}, ${result.nodes} hospitals, ${result.seconds} s`,
    '',
    ...table('faults', result.faults),
    ...table('scenarios', result.played),
    ...table('what clients were told', result.answers),
    ...table('verified', {
      'blocks, executed again on every disk': result.blocks,
      transactions: result.transactions,
      'certificates, on all disks': result.certificates,
      'signed votes, none excluding another': result.votes,
      'connections through the proxy': result.connections
    })
  ]
  for (const [name, why] of Object.entries(skipped)) lines.push(`Left out: ${name} (${why}).`, '')
  for (const { code, what } of violations) lines.push(`- VIOLATION ${code}: ${what}`)
  return `${lines.join('\n').trimEnd()}\n`
}

function table(title: string, figures: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(figures).sort(([a], [b]) => (a < b ? -1 : 1))
  if (rows.length === 0) return []
  return [`| ${title} | |`, '|---|---:|', ...rows.map(([name, figure]) => `| ${name} | ${figure} |`), '']
}
