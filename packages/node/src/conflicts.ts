/** Which pending transactions exclude each other, so that the mempool need not hold thousands of which one can be final. */
import { toHex, unreachable } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'

/**
 * Equal for transactions of one author that exclude each other, or of which no author needs more than a few at once. Those of
 * different authors never have the same key: nobody may use up another's few.
 */
export function conflictKey(transaction: ParsedTransaction): string {
  return `${transaction.author.member}/${transaction.kind}/${subjectOf(transaction)}`
}

function subjectOf(transaction: ParsedTransaction): string {
  switch (transaction.kind) {
    case 'stt.ack':
      return transaction.body.via
    // An author uses a nonce once; that of a record's first transmission names the record.
    case 'stt.send':
      return toHex(transaction.nonce)
    case 'member.register':
      return transaction.body.sign
    case 'member.revoke':
    case 'member.rotate':
      return transaction.body.member
    default:
      return unreachable(transaction)
  }
}
