/**
 * Work of many senders, of whom some may be slow or hostile: each gets its turn, none gets more than its share of those who
 * work, and when there is no more room the one that takes most of it loses its newest. Pure.
 */

export type FairQueue<Sender, Id> = {
  /**
   * Adds work that is ready, unless its id is here already.
   * @returns false if something did not fit and was dropped: this, or the newest of the sender that has most
   */
  add(sender: Sender, id: Id): boolean
  /** The next to work on, which then runs; undefined while nothing may run. */
  next(): Id | undefined
  /** What ran is over and gone. */
  done(id: Id): void
  /** What ran must be tried again: it keeps its room, and is ready when `ready` says so. */
  rest(id: Id): void
  /** What rested is ready again; nothing happens if it was dropped meanwhile. */
  ready(id: Id): void
  has(id: Id): boolean
  readonly size: number
}

export type FairQueueLimits = {
  readonly itemsMax: number
  readonly runningMax: number
  readonly runningPerSenderMax: number
}

type Item<Sender, Id> = { readonly id: Id; readonly sender: Sender; state: 'ready' | 'running' | 'resting' }
/** Its items in order of arrival; a map keeps that order and finds them. */
type Share<Sender, Id> = { readonly items: Map<Id, Item<Sender, Id>>; readonly ready: Set<Id>; running: number }

/** @param onDrop told of what had to give way, so that its timer can be cancelled */
export function createFairQueue<Sender, Id>(
  limits: FairQueueLimits,
  onDrop: (id: Id) => void = () => {}
): FairQueue<Sender, Id> {
  const items = new Map<Id, Item<Sender, Id>>()
  /** In the order of their turns. */
  const shares = new Map<Sender, Share<Sender, Id>>()
  let running = 0

  function remove({ id, sender, state }: Item<Sender, Id>): void {
    const share = shares.get(sender) as Share<Sender, Id>
    items.delete(id)
    share.items.delete(id)
    share.ready.delete(id)
    if (state === 'running') {
      running -= 1
      share.running -= 1
    }
    if (share.items.size === 0) shares.delete(sender)
  }

  /** Makes room for one of `sender`. @returns false if it is `sender` itself that has most */
  function makeRoom(sender: Sender): boolean {
    let largest: Share<Sender, Id> | undefined
    for (const share of shares.values()) if (share.items.size > (largest?.items.size ?? 0)) largest = share
    if (largest === undefined || largest === shares.get(sender)) return false
    const newest = [...largest.items.values()].findLast(({ state }) => state !== 'running')
    if (newest === undefined) return false
    remove(newest)
    onDrop(newest.id)
    return true
  }

  return {
    add(sender, id) {
      if (items.has(id)) return true
      const isFull = items.size >= limits.itemsMax
      if (isFull && !makeRoom(sender)) return false
      const item: Item<Sender, Id> = { id, sender, state: 'ready' }
      const share = shares.get(sender) ?? { items: new Map(), ready: new Set(), running: 0 }
      shares.set(sender, share)
      items.set(id, item)
      share.items.set(id, item)
      share.ready.add(id)
      return !isFull
    },

    next() {
      if (running >= limits.runningMax) return undefined
      for (const [sender, share] of shares) {
        if (share.running >= limits.runningPerSenderMax) continue
        for (const id of share.ready) {
          const item = items.get(id) as Item<Sender, Id>
          item.state = 'running'
          share.ready.delete(id)
          share.running += 1
          running += 1
          // To the end of the line.
          shares.delete(sender)
          shares.set(sender, share)
          return id
        }
      }
      return undefined
    },

    done(id) {
      const item = items.get(id)
      if (item !== undefined) remove(item)
    },

    rest(id) {
      const item = items.get(id)
      if (item === undefined) return
      item.state = 'resting'
      running -= 1
      ;(shares.get(item.sender) as Share<Sender, Id>).running -= 1
    },

    ready(id) {
      const item = items.get(id)
      if (item === undefined) return
      item.state = 'ready'
      ;(shares.get(item.sender) as Share<Sender, Id>).ready.add(id)
    },

    has: (id) => items.has(id),
    get size() {
      return items.size
    }
  }
}
