/** One answer of a peer, frame by frame: what the peer or the network does wrong ends it, and only our own work may throw. */
import { AssertionError } from '@wardline/codec'

/**
 * Hands the frames of an answer to `each`, which says whether to go on.
 * @param answer what `Network.request` gave
 * @returns `ended` after the last frame, `refused` if `each` wanted no more, `failed` if the peer went away, was too slow
 * or sent something that the transport could not take
 * @throws what `each` throws, and an AssertionError of the transport, which is a fault of this program
 */
export async function converse(
  answer: AsyncIterable<Uint8Array>,
  each: (frame: Uint8Array, index: number) => Promise<boolean>
): Promise<'ended' | 'refused' | 'failed'> {
  const frames = answer[Symbol.asyncIterator]()
  for (let index = 0; ; index++) {
    const next = await frames.next().catch(peerFailure)
    if (next === undefined) return 'failed'
    if (next.done) return 'ended'
    let goOn = false
    try {
      goOn = await each(next.value, index)
    } finally {
      if (!goOn) await frames.return?.().catch(peerFailure)
    }
    if (!goOn) return 'refused'
  }
}

/** Whatever a foreign library throws while it talks to a peer must not stop the chain: peers could provoke it. */
function peerFailure(error: unknown): undefined {
  if (error instanceof AssertionError) throw error
  return undefined
}
