/**
 * Whether a receiver that claims `mismatch` is right: what anybody who has the envelope can check, with the content key that the
 * receiver revealed or, where the envelope is not even sealed as its transaction says, without.
 */
import type { ContentKey } from '@wardline/codec'
import { commitContent, decodeContent, openWithContentKey } from '@wardline/crypto'
import { envelopeCommitment, type ParsedTransaction } from '@wardline/ledger'
import { sealContextOf } from './seal-context.ts'

/**
 * `proven`: the sender sealed something else than it committed to. `refuted`: the envelope holds what was committed to, under the
 * very key that the receiver revealed. `unproven`: there is no key, or the envelope does not decrypt under it: either of the two
 * may be lying. `other-envelope`: these bytes are not the envelope of that transmission, so nothing can be said.
 */
export type MismatchVerdict = 'proven' | 'refuted' | 'unproven' | 'other-envelope'

export function verifyMismatch(
  send: ParsedTransaction<'stt.send'>,
  envelope: Uint8Array,
  contentKey: ContentKey | undefined
): MismatchVerdict {
  if (envelopeCommitment(envelope) !== send.payload?.commitment) return 'other-envelope'
  const context = sealContextOf(send, envelope)
  if (context === undefined) return 'proven'
  const opened = contentKey && openWithContentKey(context, envelope, contentKey)
  if (opened === undefined) return 'unproven'
  const content = decodeContent(opened)
  return content !== undefined && commitContent(content) === send.body.content ? 'refuted' : 'proven'
}
