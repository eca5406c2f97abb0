/**
 * Where an epoch begins and ends. One engine serves one epoch. It begins on a final block, its start, and ends with the
 * finalization of its closing block, the first whose successor has other validators: nothing but that block again may
 * follow in the epoch, and once it is final this engine signs nothing more. The driver replaces it by that of the next epoch.
 */
import type { Digest, Epoch, Height, View } from '@wardline/codec'
import { genesisDigest, type Header } from '../header.ts'
import { entryEpoch } from '../journal.ts'
import type { EngineConfig, Recovered } from './interface.ts'
import type { Floor, State } from './state.ts'

/** Whether the block after `header`, a block of this epoch, has other validators. */
export function isClosing(state: State, header: Header): boolean {
  return header.epoch === state.config.set.epoch && header.nextSetHash !== state.setHash
}

/** Whether the closing block is final. */
export function isClosed(state: State): boolean {
  return state.floor.header !== null && isClosing(state, state.floor.header)
}

/** The start of the epoch as a floor: view 0, whatever view it became final in. */
export function startOf({ chain, start, genesisTimeMs }: EngineConfig): Floor {
  if (start === null) {
    return {
      view: 0 as View,
      height: 0 as Height,
      digest: genesisDigest(chain),
      timeMs: genesisTimeMs,
      header: null,
      certificate: null
    }
  }
  const { header, certificate } = start
  const { digest } = certificate
  return { view: 0 as View, height: header.height, digest, timeMs: header.time, header, certificate }
}

/** Whether `digest` is what the first block of the epoch stands on. */
export function isStart(state: State, digest: Digest): boolean {
  const { start, chain } = state.config
  return digest === (start?.certificate.digest ?? genesisDigest(chain))
}

/** Above every view that a chain reaches. */
const NO_VIEW = Number.MAX_SAFE_INTEGER as View

/**
 * The view from which this journal lets the epoch be signed in, 0 if from the first. Entries may be missing up to where it
 * was pruned, which only a store that lost a write does not have as final. If it speaks of a later epoch, this one had ended.
 */
export function firstUnsigned(epoch: Epoch, { journal }: Pick<Recovered, 'journal'>): View {
  let view = 0
  for (const entry of journal) {
    if (entryEpoch(entry) > epoch) return NO_VIEW
    if (entry.kind === 'pruned' && entry.epoch === epoch) view = Math.max(view, entry.view + 1)
  }
  return view as View
}
