/** Where the envelope of a transmission belongs, by the transaction that came with it. */
import { envelopeReceivers, type SealContext } from '@wardline/crypto'
import type { ParsedTransaction } from '@wardline/ledger'

/**
 * The receivers as the transaction lists them, and behind them the sender, who seals to itself as well: under which of its
 * keys says the envelope alone. Undefined where the envelope names anybody else, in another order, or is none.
 */
export function sealContextOf(
  { chain, author, body }: ParsedTransaction<'stt.send'>,
  envelope: Uint8Array
): SealContext | undefined {
  const sealed = envelopeReceivers(envelope)
  const own = sealed?.at(-1)
  if (sealed === undefined || own?.member !== author.member || sealed.length !== body.to.length + 1) return undefined
  const isAsNamed = body.to.every(({ member, sealingKey }, i) => {
    const receiver = sealed[i]
    return receiver?.member === member && receiver.key === sealingKey
  })
  return isAsNamed ? { chain, record: body.recordId, sender: author.member, receivers: sealed } : undefined
}
