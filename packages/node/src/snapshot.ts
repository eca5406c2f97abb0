/** A chain's store as it is at one moment, for a verification while blocks go on being added. */
import { bytesEqual } from '@wardline/codec'
import { validatorsIn } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { parseHead } from './head.ts'
import { keys, under } from './layout.ts'

const STATE = under('state/')
/** A try fails only when a block lands between two reads. */
const TRIES_MAX = 1_000

/**
 * What a verification reads of the store, up to its present head. Blocks never change, so only the head and the state are copied
 * (the state is then in memory twice); what blocks bring later is hidden.
 * @param store of an open chain
 * @returns undefined if blocks followed each other too fast for head and state to be read together
 */
export async function snapshotOf(store: KeyValueStore): Promise<KeyValueStore | undefined> {
  const taken = await takeTogether(store)
  if (taken === undefined) return undefined
  const { head, state } = taken
  const height = (head && parseHead(head))?.height ?? 0
  const { epoch } = validatorsIn({ get: (key) => state.get(keys.state(key)) })
  const hidden = [
    { ...under('blocks/header/'), from: keys.header(height + 1) },
    { ...under('blocks/certificate/'), from: keys.certificate(height + 1) },
    { ...under('blocks/closing/'), from: keys.closing(epoch) }
  ]
  const isHidden = (key: string): boolean => hidden.some(({ from, to }) => key >= from && key < to)
  const readOnly = (): Promise<never> => Promise.reject(new TypeError('a snapshot is only read'))
  return {
    get(key) {
      if (key === keys.head) return head
      if (isHidden(key)) return undefined
      return key.startsWith(STATE.from) ? state.get(key) : store.get(key)
    },
    async *range(options) {
      if (options.from.startsWith(STATE.from)) {
        yield* state
        return
      }
      const { limit = Infinity, ...all } = options
      let count = 0
      for await (const row of store.range(all)) {
        if (isHidden(row[0])) continue
        if (count++ >= limit) return
        yield row
      }
    },
    write: readOnly,
    purge: readOnly,
    close: () => Promise.resolve()
  }
}

/** The head and the state after it. A range is a snapshot, so no block landed before it if the head is the same around it. */
async function takeTogether(store: KeyValueStore) {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const head = store.get(keys.head)
    const rows = store.range(STATE)[Symbol.asyncIterator]()
    const first = rows.next()
    const headAfter = store.get(keys.head)
    const state = new Map<string, Uint8Array>()
    for (let row = await first; !row.done; row = await rows.next()) state.set(...row.value)
    if (head === headAfter || (head !== undefined && headAfter !== undefined && bytesEqual(head, headAfter))) {
      return { head, state }
    }
  }
  return undefined
}
