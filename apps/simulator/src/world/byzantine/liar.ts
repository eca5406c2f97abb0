/**
 * Answers requests with frames that are altered, old, missing, foreign or too many. Some give final blocks one at a time and
 * late instead, which is no lie: it keeps who catches up waiting.
 */
import { decodeCbor, encodeCbor } from '@wardline/codec'
import type { ByzantineMember, Misconduct } from './member.ts'

/** Frames of earlier answers that it may give again. */
const OLD_MAX = 32
const EXTRA_FRAMES = 12
/** Up to just inside the 20 s that who asks waits for the whole answer. */
const DRIP_MS = [5_000, 18_000] as const

export const lie: Misconduct = (network, member) => {
  const old: Uint8Array[] = []
  const isDripping = member.prng.chance(0.5)
  return {
    ...network,
    serve(protocol, handler, options) {
      network.serve(
        protocol,
        async function* (request, from) {
          const drop = isDripping && member.isActive() ? firstOnly(request) : undefined
          if (drop !== undefined) {
            await new Promise<void>((resolve) => member.clock.after(member.prng.between(...DRIP_MS), resolve))
            yield* handler(drop, from)
            return
          }
          for await (const frame of handler(request, from)) {
            if (old.length < OLD_MAX) old.push(frame.slice())
            yield* member.isActive() ? untruths(member, frame, old) : [frame]
          }
        },
        options
      )
    }
  }
}

function untruths({ prng }: ByzantineMember, frame: Uint8Array, old: readonly Uint8Array[]): readonly Uint8Array[] {
  switch (prng.below(8)) {
    case 0:
      return [withFlippedBit(frame, prng.below(Math.max(1, frame.length * 8)))]
    case 1:
      return [frame.slice(0, prng.below(frame.length + 1))]
    case 2:
      return [prng.pick(old)]
    case 3:
      return []
    case 4:
      return [prng.bytes(1 + prng.below(200))]
    case 5:
      return Array.from({ length: EXTRA_FRAMES }, () => frame)
    default:
      return [frame]
  }
}

/** The request for final blocks, of which it asks for the first only; undefined if it is for something else. */
function firstOnly(request: Uint8Array): Uint8Array | undefined {
  const asked = decodeCbor(request) as { readonly ask?: unknown; readonly from?: unknown } | undefined
  if (asked?.ask !== 'blocks' || typeof asked.from !== 'number') return undefined
  return encodeCbor({ ask: 'blocks', from: asked.from, max: 1 })
}

function withFlippedBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice()
  const at = bit >>> 3
  if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << (bit & 7))
  return flipped
}
