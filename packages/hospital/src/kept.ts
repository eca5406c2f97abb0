/** Submitting once what is asked for again: the bytes are kept before they are sent, and a retry sends the same. */
import { unreachable } from '@wardline/codec'
import type { Chain, Submission } from '@wardline/node'

export type Kept = {
  /** What an earlier call signed. */
  readonly bytes: Uint8Array | null
  readonly write: () => Written
  /** Keeps what was signed, durably before resolving. */
  readonly keep: (bytes: Uint8Array) => Promise<void>
}

export type Written =
  | { readonly kind: 'ok'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: string }

/** Submits the kept bytes, or new ones where there are none or they can never become final. */
export async function submitKept(chain: Pick<Chain, 'submit'>, { bytes, write, keep }: Kept): Promise<Submission> {
  if (bytes !== null) {
    const again = await chain.submit(bytes)
    if (!isDead(again)) return again
  }
  const written = write()
  if (written.kind === 'refused') return written
  await keep(written.bytes)
  return chain.submit(written.bytes)
}

function isDead(submission: Submission): boolean {
  switch (submission.kind) {
    case 'accepted':
      return false
    case 'refused':
      return submission.code !== 'busy'
    case 'ended':
      return submission.outcome.kind !== 'committed'
    default:
      return unreachable(submission)
  }
}
