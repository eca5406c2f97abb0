/** Reading state, and changes laid over it. */

/**
 * The state that rules read: keys as in `state-keys.ts`, values canonical CBOR. Reading does not change anything, and the
 * value must not be modified.
 */
export interface StateView {
  get(key: string): Uint8Array | undefined
}

/** One key's new value; null removes the key. */
export type Change = { readonly key: string; readonly value: Uint8Array | null }

/** A view that can be written to; what it is laid over stays as it was. */
export interface Overlay extends StateView {
  set(key: string, value: Uint8Array | null): void
  /** The last value of every key that was set, ascending by key. A key set to what it was before is listed too. */
  changes(): readonly Change[]
}

/** An empty overlay over `base`, whose answers must not change while the overlay is in use. */
export function createOverlay(base: StateView): Overlay {
  const written = new Map<string, Uint8Array | null>()
  return {
    get(key) {
      const value = written.get(key)
      return value === undefined ? base.get(key) : (value ?? undefined)
    },
    set(key, value) {
      written.set(key, value)
    },
    changes() {
      return Array.from(written, ([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1))
    }
  }
}

/** `base`, asked for each key once: while its answers do not change. Who reads a row again gets the same array. */
export function remembering(base: StateView): StateView {
  const known = new Map<string, Uint8Array | undefined>()
  return {
    get(key) {
      const value = known.get(key)
      if (value !== undefined || known.has(key)) return value
      const read = base.get(key)
      known.set(key, read)
      return read
    }
  }
}

/** `base` with the changes of executed but not yet final blocks over it, oldest block first. */
export function layered(base: StateView, layers: readonly (readonly Change[])[]): StateView {
  if (layers.length === 0) return base
  const overlay = createOverlay(base)
  for (const layer of layers) for (const { key, value } of layer) overlay.set(key, value)
  return overlay
}

export const emptyState: StateView = { get: () => undefined }
