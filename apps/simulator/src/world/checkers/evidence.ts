/** I7: what a correct node keeps as evidence, or a block records, names no correct member. */
import type { Report, Watch } from '../watch.ts'

const PREFIXES = ['evidence/', 'state/evidence/']

export type EvidenceCheck = Pick<Watch, 'storeDurable'> & {
  /** Members that some correct node has evidence against. */
  named(): number
}

export function createEvidenceCheck(report: Report, isCorrect: (member: string) => boolean): EvidenceCheck {
  const named = new Set<string>()
  return {
    storeDurable(node, writes) {
      for (const { key, value } of writes) {
        const prefix = PREFIXES.find((one) => key.startsWith(one))
        if (prefix === undefined || value === null) continue
        const member = key.slice(prefix.length).split('/')[0] ?? ''
        named.add(member)
        if (isCorrect(member)) report('I7', `${node} has evidence against the correct member ${member}`)
      }
    },
    named: () => named.size
  }
}
