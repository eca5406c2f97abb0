/**
 * Patients of whom stored content is damaged on this daemon. Until it has been fetched anew and verified nothing of such a
 * patient is read here, and nothing is published from here: who reads on would not notice that something is missing.
 * Judging, voting and what others do are not concerned.
 *
 * | key | value |
 * |---|---|
 * | `duties/quarantine/<alias>/<transaction id>` | empty: the payload of this transaction is damaged |
 *
 * A row is written when the damage is seen, whoever came upon it, and removed when the payload is whole again; so a restart
 * forgets nothing.
 */
import { ApiError } from '@wardline/api'
import type { Alias, TransactionId } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Chain } from '@wardline/node'
import type { Clock, Log, Timer } from '@wardline/ports'

/** A version whose payload every member holds. */
export type Version = ParsedTransaction<'dss.record' | 'dss.amend'>

export type Quarantine = {
  /** @throws ApiError `quarantined` */
  check(alias: Alias): void
  has(alias: Alias): boolean
  /** How many patients are in quarantine. */
  count(): number
  /** Puts a patient into quarantine, durably before resolving, and has the payload fetched in the background. */
  add(version: Version): Promise<void>
  stop(): void
}

export type QuarantineParts = {
  readonly chain: Pick<Chain, 'store' | 'payloads' | 'query'>
  readonly clock: Clock
  readonly log: Log
  /** What fails in the background and must not go on. */
  readonly fail: (error: unknown) => void
}

type Heal = { readonly version: Version; readonly delayMs: number }

const PREFIX = 'duties/quarantine/'
/** From one attempt to the next: others may be away, but somebody waits for the patient's records. */
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
/** Payloads that are read and fetched at once: a disk that lost many must not hold them all in memory. */
const HEALS_MAX = 4

/** Goes on with what was in quarantine before a restart. */
export async function openQuarantine({ chain, clock, log, fail }: QuarantineParts): Promise<Quarantine> {
  const damaged = new Map<Alias, Set<TransactionId>>()
  const timers = new Map<TransactionId, Timer>()
  /** Whose time has come, in that order. */
  const due: Heal[] = []
  let healing = 0
  let isStopped = false

  function note(alias: Alias, id: TransactionId): boolean {
    const ids = damaged.get(alias) ?? new Set()
    if (ids.has(id)) return false
    damaged.set(alias, ids.add(id))
    return true
  }

  function heal(version: Version, delayMs: number): void {
    const { id } = version
    const isDue = () => {
      timers.delete(id)
      due.push({ version, delayMs })
      healNext()
    }
    timers.set(id, clock.after(delayMs, isDue))
  }

  function healNext(): void {
    if (healing === HEALS_MAX) return
    const next = due.shift()
    if (next === undefined) return
    healing += 1
    attempt(next)
      .catch((error: unknown) => isStopped || fail(error))
      .finally(() => {
        healing -= 1
        healNext()
      })
  }

  async function attempt({ version, delayMs }: Heal): Promise<void> {
    if (chain.payloads.read(version).kind !== 'here') await chain.payloads.fetch(version)
    if (isStopped) return
    if (chain.payloads.read(version).kind === 'here') return lift(version)
    heal(version, Math.min(2 * Math.max(delayMs, RETRY_MS_MIN), RETRY_MS_MAX))
  }

  async function lift({ id, body: { alias } }: Version): Promise<void> {
    await chain.store.write([{ key: keyOf(alias, id), value: null }], { sync: false })
    const ids = damaged.get(alias)
    ids?.delete(id)
    if (ids?.size === 0) damaged.delete(alias)
    log.info('a damaged payload was fetched anew', { transaction: id })
  }

  for await (const [key] of chain.store.range({ from: PREFIX, to: 'duties/quarantine0' })) {
    const [alias, id] = key.slice(PREFIX.length).split('/') as [Alias, TransactionId]
    const version = versionOf(chain.query.transaction(id))
    if (version === undefined) continue
    note(alias, id)
    heal(version, 0)
  }

  return {
    check(alias) {
      if (damaged.has(alias)) throw quarantined()
    },
    has: (alias) => damaged.has(alias),
    count: () => damaged.size,
    async add(version) {
      const { id, body } = version
      if (!note(body.alias, id)) return
      log.error('a stored payload is damaged; its patient is in quarantine on this daemon', { transaction: id })
      await chain.store.write([{ key: keyOf(body.alias, id), value: new Uint8Array(0) }], { sync: true })
      heal(version, 0)
    },
    stop() {
      isStopped = true
      for (const timer of timers.values()) timer.cancel()
      timers.clear()
      due.length = 0
    }
  }
}

/** The transaction, if it wrote a version of a record. */
export function versionOf(transaction: ParsedTransaction | undefined): Version | undefined {
  return transaction?.kind === 'dss.record' || transaction?.kind === 'dss.amend' ? transaction : undefined
}

export function quarantined(): ApiError {
  const message = 'stored content of this patient is damaged here; it is being fetched anew from the other hospitals'
  return new ApiError('quarantined', message)
}

function keyOf(alias: Alias, id: TransactionId): string {
  return `${PREFIX}${alias}/${id}`
}
