/**
 * Record keys in memory, for tests and simulated worlds. They outlive the process that made them; `crash` is the end of that
 * process: its handles go dead, and keys that it was making are there or not.
 */
import { assert, type TransactionId, WardlineError } from '@wardline/codec'
import type { Clock, Random, RecordKeys } from '@wardline/ports'

export type MemoryRecordKeysOptions = {
  /** With a clock every sync takes `latencyMs()` of its time; without, it is done after a turn of the microtasks. */
  readonly clock?: Clock
  readonly latencyMs?: () => number
}

export type MemoryRecordKeysCrash = {
  /** A whole number from 0 to `bound` - 1: how many of the keys being written, oldest first, are kept. None without. */
  readonly below?: (bound: number) => number
}

/** What lies under record keys. */
export type MemoryRecordKeysDisk = {
  open(random: Random): RecordKeys
  crash(options?: MemoryRecordKeysCrash): void
  /** The next sync fails, and with it every later one of what is open now. */
  failNext(): void
  /** Makes the key of this transaction vanish. */
  lose(id: TransactionId): void
  /** How many keys are durable. */
  size(): number
}

type Fresh = { readonly id: TransactionId; readonly key: Uint8Array }

type Process = { isAlive: boolean }

export function createMemoryRecordKeysDisk(options: MemoryRecordKeysOptions = {}): MemoryRecordKeysDisk {
  const { clock, latencyMs } = options
  const durable = new Map<TransactionId, Uint8Array>()
  const writing = new Set<Fresh>()
  const processes = new Set<Process>()
  let isNextFailing = false

  const passTime = async (): Promise<void> => {
    if (clock === undefined || latencyMs === undefined) return
    await new Promise<void>((resolve) => {
      clock.after(latencyMs(), resolve)
    })
  }

  const write = async (group: readonly Fresh[], process: Process): Promise<void> => {
    await unlessDead(process)
    for (const fresh of group) writing.add(fresh)
    await passTime()
    await unlessDead(process)
    for (const fresh of group) writing.delete(fresh)
    if (isNextFailing) {
      isNextFailing = false
      throw new Error('EIO: injected by the simulation')
    }
    for (const { id, key } of group) durable.set(id, key)
  }

  return {
    open(random) {
      const process: Process = { isAlive: true }
      processes.add(process)
      return openMemoryRecordKeys(durable, random, (group) => write(group, process), process)
    },
    crash({ below } = {}) {
      const kept = [...writing].slice(0, below?.(writing.size + 1) ?? 0)
      for (const { id, key } of kept) durable.set(id, key)
      writing.clear()
      for (const process of processes) process.isAlive = false
      processes.clear()
    },
    failNext() {
      isNextFailing = true
    },
    lose(id) {
      assert(durable.delete(id), 'only a key that is there can be lost')
    },
    size: () => durable.size
  }
}

function openMemoryRecordKeys(
  durable: ReadonlyMap<TransactionId, Uint8Array>,
  random: Random,
  write: (group: readonly Fresh[]) => Promise<void>,
  process: Process
): RecordKeys {
  const fresh = new Map<TransactionId, Fresh & { readonly written: PromiseWithResolvers<void> }>()
  let waiting: (Fresh & { readonly written: PromiseWithResolvers<void> })[] = []
  let isWorking = false
  let work = Promise.resolve()
  let failure: WardlineError | undefined
  let isClosed = false

  const refuseClosed = (): void => {
    if (isClosed) throw new WardlineError('record-keys-closed', 'the record keys are closed')
  }

  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      try {
        await write(group)
      } catch (cause) {
        failure = new WardlineError('record-keys-failed', 'the record keys cannot be written', { cause })
        for (const { written } of [...group, ...waiting]) written.reject(failure)
        waiting = []
        break
      }
      for (const { id, written } of group) {
        fresh.delete(id)
        written.resolve()
      }
    }
    isWorking = false
  }

  return {
    get(id) {
      refuseClosed()
      return durable.get(id)?.slice()
    },
    async create(id) {
      if (!process.isAlive) return new Promise(() => {})
      refuseClosed()
      const known = durable.get(id)
      if (known !== undefined) return known.slice()
      if (failure !== undefined) throw failure
      let one = fresh.get(id)
      if (one === undefined) {
        one = { id, key: random.bytes(32), written: Promise.withResolvers<void>() }
        fresh.set(id, one)
        waiting.push(one)
        if (!isWorking) {
          isWorking = true
          work = writeWaiting()
        }
      }
      await one.written.promise
      return one.key.slice()
    },
    async close() {
      isClosed = true
      await work
      await unlessDead(process)
    }
  }
}

/** Resolves while the process lives, and never once it has ended, as for code that no longer runs. */
async function unlessDead(process: Process): Promise<void> {
  if (!process.isAlive) await new Promise(() => {})
}
