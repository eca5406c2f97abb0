/** What one connection follows. Events are asked for one height at a time, and only when there is room to send them. */
import { ApiError, type Notice, type OpenedFeed, parseUnsubscribe, type Role } from '@wardline/api'
import { limits } from '@wardline/codec'
import type { Budget } from './bounds.ts'
import { type Rpc, toApiError } from './rpc.ts'

export type Subscriptions = {
  /**
   * Serves `subscribe`. Its events come after `begin`, so that the answer which names it can go first.
   * @throws ApiError of the feed, and `busy`
   */
  open(params: unknown): Promise<Opened>
  /** Serves `unsubscribe`: nothing is said of it any more. @throws ApiError `invalid-params | not-found` */
  end(params: unknown): unknown
  /** Ends all of them, without a word unless `why` is given. */
  endAll(why?: ApiError): void
  count(): number
}

export type Opened = { readonly answer: unknown; begin(): void }

export type SubscriptionsParts = {
  readonly rpc: Rpc
  readonly role: Role
  readonly budget: Budget
  readonly send: (text: string) => void
  /** Undefined while this client may be sent something, or is gone; else resolves when it is worth asking again. */
  readonly room: () => Promise<void> | undefined
  /** Told when one has ended. */
  readonly onEnd: () => void
}

type Subscription = { readonly id: number; readonly feed: OpenedFeed; readonly ending: AbortController }

export function createSubscriptions({ rpc, role, budget, send, room, onEnd }: SubscriptionsParts): Subscriptions {
  const running = new Map<number, Subscription>()
  /** Those that are being opened, too. */
  let taken = 0
  let lastId = 0
  let isOver = false

  function free(): void {
    taken -= 1
    budget.subscriptions -= 1
    onEnd()
  }

  function forget({ id, ending }: Subscription): void {
    if (!running.delete(id)) return
    ending.abort()
    free()
  }

  async function follow(subscription: Subscription): Promise<void> {
    const { id, feed, ending } = subscription
    const { signal } = ending
    const notices = feed.notices[Symbol.asyncIterator]()
    try {
      for (;;) {
        for (let change = room(); change !== undefined; change = room()) await change
        const next = signal.aborted ? undefined : await notices.next()
        // Many may have waited for the same block, and what it brought is in memory once as long as it is not text. They
        // wait for the same room, too: nothing may come between its being seen and its being taken.
        for (let change = room(); change !== undefined; change = room()) await change
        if (next === undefined || next.done || signal.aborted) break
        send(eventText(id, next.value))
      }
    } catch (error) {
      const why = toApiError(rpc, 'subscribe', error)
      if (!signal.aborted) send(endedText(id, why))
    } finally {
      forget(subscription)
      await notices.return?.().catch(() => undefined)
    }
  }

  return {
    async open(params) {
      if (taken >= limits.rpcSubscriptionsMax || budget.subscriptions >= limits.rpcSubscriptionsOfAllMax) {
        throw new ApiError('busy', 'too many subscriptions: end one of them first')
      }
      taken += 1
      budget.subscriptions += 1
      const ending = new AbortController()
      try {
        const feed = await rpc.subscribe(params, { role, signal: ending.signal })
        if (isOver) throw new ApiError('unavailable', 'the connection is ending')
        lastId += 1
        const subscription = { id: lastId, feed, ending }
        running.set(lastId, subscription)
        const { topic, chain, height } = feed
        return { answer: { subscription: lastId, topic, chain, height }, begin: () => void follow(subscription) }
      } catch (error) {
        ending.abort()
        free()
        throw error
      }
    },

    end(params) {
      const id = parseUnsubscribe(params)
      const found = running.get(id)
      if (found === undefined) throw new ApiError('not-found', 'this connection has no such subscription')
      forget(found)
      return { subscription: id }
    },

    endAll(why) {
      isOver = true
      for (const subscription of [...running.values()]) {
        if (why !== undefined) send(endedText(subscription.id, why))
        forget(subscription)
      }
    },

    count: () => taken
  }
}

function eventText(subscription: number, { height, events }: Notice): string {
  return notificationText('event', { subscription, height, events })
}

function endedText(subscription: number, { code, message }: ApiError): string {
  return notificationText('ended', { subscription, code, message })
}

function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params })
}
