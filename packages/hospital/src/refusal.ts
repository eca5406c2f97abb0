/** A refusal by the rules, as a caller hears it. */
import { ApiError } from '@wardline/api'
import { REFUSALS } from '@wardline/ledger'

/** Refusals of a submission that are not the ledger's. */
const OWN: Readonly<Record<string, string>> = {
  'bad-descriptor': 'the labels or the category of the record have another shape than a record’s have',
  busy: 'too many transactions are pending; try again later',
  'excluded-label': 'the fence of the chain keeps records with this label or category out',
  'payload-mismatch': 'the payload is not the one that the transaction names',
  'payload-absent': 'the transaction names a payload, and it is neither given nor here'
}

/** @param code of the ledger's, or one that a submission can be refused with */
export function refusal(code: string): ApiError {
  const ledger = Object.entries(REFUSALS).find(([name]) => name === code)
  return new ApiError(code, ledger?.[1].sentence ?? OWN[code] ?? 'the transaction was refused')
}
