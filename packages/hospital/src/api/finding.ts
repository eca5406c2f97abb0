/** How this daemon finds a transmission that it has not acknowledged, for a caller who waits. */
import { ApiError } from '@wardline/api'
import type { Outcome, ParsedTransaction } from '@wardline/ledger'
import { payloadNotHere } from '../content.ts'
import type { Deadline } from '../deadline.ts'
import type { Duties } from '../duties.ts'

/** @throws ApiError `payload-not-here`; `unavailable` where this version cannot tell; `timeout` */
export async function findingOf(
  duties: Pick<Duties, 'look'>,
  sent: ParsedTransaction<'stt.send'>,
  deadline: Deadline
): Promise<Outcome> {
  const finding = await deadline.wait(duties.look(sent), 'the payload has not arrived yet')
  if (finding === 'no-payload') throw payloadNotHere()
  if (finding === 'unknown') {
    throw new ApiError('unavailable', 'the path of the record is longer than this version verifies')
  }
  return finding
}
