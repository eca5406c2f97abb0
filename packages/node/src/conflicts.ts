/** Which pending transactions exclude each other, so that the mempool need not hold thousands of which one can be final. */
import { toHex, unreachable } from '@wardline/codec'
import { evidenceName } from '@wardline/consensus'
import { chargedTo, type ParsedTransaction, requestIdOf } from '@wardline/ledger'

/**
 * Equal for transactions of one author that exclude each other, or of which no author needs more than a few at once. Those of
 * different authors never have the same key: nobody may use up another's few.
 */
export function conflictKey(transaction: ParsedTransaction): string {
  return `${chargedTo(transaction)}/${transaction.kind}/${subjectOf(transaction)}`
}

function subjectOf(transaction: ParsedTransaction): string {
  switch (transaction.kind) {
    case 'stt.ack':
      return transaction.body.acks[0]?.via ?? ''
    // An author uses a nonce once; that of a record's first transmission names the record.
    case 'stt.send':
      return toHex(transaction.nonce)
    case 'dss.record':
    case 'dss.access':
      return toHex(transaction.nonce)
    // Of what one patient says of its enrolment, the last word counts.
    case 'dss.enrol':
    case 'dss.withdraw':
      return transaction.author.alias
    case 'alias.open':
      return transaction.author.alias
    case 'spv.anchor':
    case 'spv.grant':
      return toHex(transaction.nonce)
    case 'spv.revoke':
      return transaction.body.grant
    case 'spv.access':
      return requestIdOf(transaction.body.request.request)
    case 'dss.amend':
    case 'stt.recall':
    case 'stt.attest':
      return transaction.body.recordId
    case 'evidence.report':
      return evidenceName(transaction.body)
    case 'member.register':
      return transaction.body.sign
    case 'member.revoke':
    case 'member.rotate':
    case 'validator.change':
      return transaction.body.member
    default:
      return unreachable(transaction)
  }
}
