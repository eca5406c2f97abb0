/** Evidence against validators. */
import { type Common, emit, table, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'

export async function listEvidence(common: Common, { chain }: { readonly chain?: string }): Promise<void> {
  const result = await withDaemon(common, (client) => client.call('evidence.list', { chain }))
  const rows = await table(
    ['validator', 'signed both', 'epoch', 'view', 'recorded'],
    result.evidence.map(({ offender, conflict, epoch, view, recorded, keyReplaced }) => [
      who(offender),
      conflict.replace('-', ' and '),
      epoch,
      view,
      recorded === null
        ? keyReplaced
          ? 'no, its key was replaced'
          : 'not yet'
        : `at height ${recorded.height}, ${utc(recorded.timeMs)}, by ${who(recorded.by)}`
    ])
  )
  emit(common, result, () => (result.evidence.length === 0 ? 'no validator is known to have signed twice' : rows))
}
