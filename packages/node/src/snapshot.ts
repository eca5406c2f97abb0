/** A chain's store as it is at one moment, for a verification while blocks go on being added. */
import { validatorsIn } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import type { Chain } from './chain.ts'
import { parseHead } from './head.ts'
import { keys, under } from './layout.ts'

const STATE = under('state/')

/**
 * What a verification reads of the store, up to its present head. Blocks never change, so only the head and the state are copied
 * (the state is then in memory twice); what blocks bring later is hidden.
 */
export async function snapshotOf({ store, atRest }: Pick<Chain, 'store' | 'atRest'>): Promise<KeyValueStore> {
  const { head, state } = await atRest(() => takeTogether(store))
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

/** The head and the state after it: a range is a snapshot, which is taken within the call. */
async function takeTogether(store: KeyValueStore) {
  const head = store.get(keys.head)
  const state = new Map<string, Uint8Array>()
  for await (const row of store.range(STATE)) state.set(...row)
  return { head, state }
}
