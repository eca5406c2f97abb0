/** On an SPV chain the state knows every earlier block, because a release of a record names the block it was decided at. */
import {
  bytes32,
  type Digest,
  decodeStored,
  encodeCbor,
  type Height,
  height,
  mapOf,
  nameBytes,
  uint
} from '@wardline/codec'
import type { Position } from './kind.ts'
import type { Overlay, StateView } from './overlay.ts'
import { stateKeys } from './state-keys.ts'

/** `time` is the block's, milliseconds. */
export type PastBlock = { readonly digest: Digest; readonly time: number }

/** A block below the one that is being executed; undefined above, and on chains of other modes. */
export function readBlockAt(state: StateView, at: Height): PastBlock | undefined {
  return decodeStored(state.get(stateKeys.block(at)), readPastBlock)
}

/** Notes the block before the one at `position`. */
export function notePastBlock(state: Overlay, position: Position): void {
  state.set(stateKeys.block(height(position.height - 1)), encodePastBlock(position.parent))
}

/**
 * A state that knows the last block too, as the block after it will: what is judged between two blocks may name it.
 * @param last the block that the state is after
 */
export function withLastBlock(state: StateView, last: () => PastBlock & { readonly height: Height }): StateView {
  return {
    get(key) {
      if (!key.startsWith(BLOCK_PREFIX)) return state.get(key)
      const { height: at, digest, time } = last()
      return key === stateKeys.block(at) ? encodePastBlock({ digest, time }) : state.get(key)
    }
  }
}

const BLOCK_PREFIX = 'chain/block/'

function encodePastBlock({ digest, time }: PastBlock): Uint8Array {
  return encodeCbor({ digest: nameBytes(digest), time })
}

const readPastBlock = mapOf({ digest: bytes32<Digest>, time: uint })
