/**
 * What is said on a connection that stays, by WebSocket or as a raw stream: calls and their answers, and the events of what
 * was subscribed to. Knows no transport. Whatever a client leaves undone is bounded: messages that it does not finish, calls
 * that it piles up, and answers and events that it does not read.
 */
import { setMaxListeners } from 'node:events'
import { ApiError, type Dispatch, type Role } from '@wardline/api'
import { limits } from '@wardline/codec'
import { type Budget, createShare, isFull, type Timeouts, takeAnswer, wakeAll } from './bounds.ts'
import { answerMessage, errorText, type Rpc } from './rpc.ts'
import { createSubscriptions, type Opened } from './subscriptions.ts'

/** The connection below. */
export type Wire = {
  /** Calls `sent` once the bytes have left this process, or cannot any more. */
  send(text: Buffer, sent: () => void): void
  /** Reads no more until `resume`. */
  pause(): void
  resume(): void
  /** Ends the connection after what was sent; `why` is undefined where nothing is wrong. */
  close(why: ApiError | undefined): void
  destroy(): void
}

/** What the transport tells, and the server. */
export type Conversation = {
  receive(message: Uint8Array): void
  /** How much of a message that has not ended is here, bytes, and which it is, counted from the connection's first. */
  progress(pendingBytes: number, begun: number): void
  /** Says why, and ends the connection. */
  refuse(why: ApiError): void
  /** The client will say nothing more: what runs is answered, what was subscribed to ends. */
  inputEnded(): void
  /** Nothing has moved for the idle time. */
  idle(): void
  closed(): void
  /** The daemon stops: as `inputEnded`, and subscribers are told. */
  finish(): void
  cut(): void
}

export type ConversationParts = {
  readonly rpc: Rpc
  readonly role: Role
  readonly budget: Budget
  readonly timeouts: Timeouts
}

/** Counted for a message beside its bytes: many small ones cost more than they hold. */
const MESSAGE_OVERHEAD_BYTES = 512
/** A client that is told why its connection ends gets this long to read it. */
const LAST_WORD_MS = 1_000

export function converse({ rpc, role, budget, timeouts }: ConversationParts, wire: Wire): Conversation {
  /** `ending`: nothing more is read, and the connection ends when all is answered. `closing`: nothing more is sent. */
  let state: 'open' | 'ending' | 'closing' | 'closed' = 'open'
  const queue: Uint8Array[] = []
  let running = 0
  let isPaused = false
  const pending = createShare(budget.pending)
  const unread = createShare(budget.unread)
  /** Waiting for this client to read. */
  const waiting = new Set<() => void>()
  /** The message that is coming in. */
  let incomplete = { bytes: 0, number: 0 }
  let patience: NodeJS.Timeout | undefined
  let lastWord: NodeJS.Timeout | undefined
  const gone = new AbortController()
  // Every call that waits may listen.
  setMaxListeners(0, gone.signal)
  const subscriptions = createSubscriptions({ rpc, role, budget, send, room, onEnd: work })

  function send(text: string): void {
    if (state === 'closing' || state === 'closed') return
    const bytes = Buffer.from(text)
    unread.add(bytes.length)
    const timer = setTimeout(cutSlow, timeouts.stalledAnswerMs)
    wire.send(bytes, () => {
      clearTimeout(timer)
      if (state === 'closed') return
      unread.add(-bytes.length)
      wakeAll(waiting)
      work()
    })
  }

  function cutSlow(): void {
    if (state === 'closing' || state === 'closed') return
    rpc.log.info('A client was cut off: it does not read what it is sent.', { role })
    refuse(new ApiError('slow-reader', 'the connection ends: what was sent is not read'))
  }

  function room(): Promise<void> | undefined {
    if (state === 'closing' || state === 'closed') return undefined
    const isBehind = unread.bytes() >= limits.rpcUnreadBytesMax
    if (!isBehind && !isFull(budget)) return undefined
    return new Promise((resolve) => (isBehind ? waiting : budget.unread.waiting).add(resolve))
  }

  /** Takes up what waits, as far as there is room, and stops reading where there is none. */
  function work(): void {
    const mustWait = () =>
      running >= limits.rpcPipelineMax || unread.bytes() >= limits.rpcUnreadBytesMax || isFull(budget)
    while (queue.length > 0 && !mustWait() && state !== 'closing' && state !== 'closed') {
      begin(queue.shift() as Uint8Array)
    }
    if (state === 'open' && isPaused !== (queue.length > 0 || mustWait())) {
      isPaused = !isPaused
      if (isPaused) wire.pause()
      else wire.resume()
      setDeadline()
    }
    if (state === 'ending' && isAtRest()) close(undefined)
    // What other clients read makes room here.
    if ((state === 'open' || state === 'ending') && isFull(budget)) budget.unread.waiting.add(work)
  }

  function isAtRest(): boolean {
    return running === 0 && queue.length === 0 && subscriptions.count() === 0
  }

  /** The incomplete message must end in time, counted from here; a client that is not read cannot be late. */
  function setDeadline(): void {
    clearTimeout(patience)
    if (isPaused || incomplete.bytes === 0) return
    patience = setTimeout(
      () => refuse(new ApiError('invalid-request', 'the message took too long')),
      timeouts.requestMs
    )
  }

  /**
   * Nothing that outlives this function may refer to the message: it is a part of what came in one piece, of which the rest
   * is counted nowhere.
   */
  function begin(message: Uint8Array): void {
    const cost = costOf(message)
    const opened: Opened[] = []
    const dispatch: Dispatch = async (method, params, caller) => {
      if (method === 'unsubscribe') return subscriptions.end(params)
      if (method !== 'subscribe') return rpc.dispatch(method, params, caller)
      const subscription = await subscriptions.open(params)
      opened.push(subscription)
      return subscription.answer
    }
    const made = createShare(budget.unread)
    const takeRoom = (bytes: number) => takeAnswer(budget, made, bytes)
    running += 1
    void answerMessage({ ...rpc, dispatch }, message, { role, signal: gone.signal }, takeRoom).then((text) => {
      if (text !== undefined) send(text)
      // Sent, it is the connection's; given back before, it would seem to be room for others.
      made.end()
      for (const subscription of opened) subscription.begin()
      running -= 1
      pending.add(-cost)
      work()
    })
  }

  function refuse(why: ApiError): void {
    if (state === 'closing' || state === 'closed') return
    send(errorText(null, why))
    close(why)
  }

  function close(why: ApiError | undefined): void {
    if (state === 'closing' || state === 'closed') return
    state = 'closing'
    queue.length = 0
    clearTimeout(patience)
    subscriptions.endAll()
    wire.close(why)
    lastWord = setTimeout(() => wire.destroy(), LAST_WORD_MS)
  }

  function end(why?: ApiError): void {
    if (state !== 'open') return
    state = 'ending'
    clearTimeout(patience)
    subscriptions.endAll(why)
    work()
  }

  return {
    receive(message) {
      if (state !== 'open') return
      pending.add(costOf(message))
      queue.push(message)
      work()
    },

    progress(bytes, number) {
      if (state !== 'open') return
      pending.add(bytes - incomplete.bytes)
      const goesOn = bytes > 0 && incomplete.bytes > 0 && number === incomplete.number
      incomplete = { bytes, number }
      if (!goesOn) setDeadline()
      if (budget.pending.bytes > budget.pending.bytesMax) {
        refuse(new ApiError('busy', 'too many bytes wait in other calls; try again'))
      }
    },

    refuse,
    inputEnded: () => end(),
    finish: () => end(new ApiError('unavailable', 'the daemon is stopping')),
    cut: () => wire.destroy(),

    idle() {
      if (isAtRest()) close(undefined)
    },

    closed() {
      if (state === 'closed') return
      state = 'closed'
      clearTimeout(patience)
      clearTimeout(lastWord)
      queue.length = 0
      gone.abort()
      subscriptions.endAll()
      pending.end()
      unread.end()
      wakeAll(waiting)
      wakeAll(budget.unread.waiting)
    }
  }
}

function costOf(message: Uint8Array): number {
  return message.length + MESSAGE_OVERHEAD_BYTES
}
