/**
 * A vault in memory, for tests and simulated worlds. What lies in it outlives the process that put it there; `crash` is the
 * end of that process: its handles go dead, and what it was writing is there or not.
 */
import { assert, limits, WardlineError } from '@wardline/codec'
import { assertVaultName, type Clock, type Vault } from '@wardline/ports'
import { createTurns } from './turns.ts'

export type MemoryVaultOptions = {
  /** With a clock every put and removal takes `latencyMs()` of its time; without, it is done at once. */
  readonly clock?: Clock
  readonly latencyMs?: () => number
}

export type MemoryVaultCrash = {
  /** A whole number from 0 to `bound` - 1: how many of the changes under way, oldest first, are kept. None without. */
  readonly below?: (bound: number) => number
}

/** The disk under a vault: it outlives the process, and can be told to go wrong. */
export type MemoryVaultDisk = {
  open(): Vault
  crash(options?: MemoryVaultCrash): void
  /** Alters what lies under `name`, as somebody does who edits the file. */
  damage(name: string): void
  /** Puts a copy of what lies under `from` under `to`, as somebody does who copies the file. */
  swapIn(from: string, to: string): void
  /** From now on every `put` fails, as on a full disk; false ends this. */
  fill(isFull: boolean): void
}

/** What lies under a name, and the name it was put under: null for an altered one. */
type Blob = { readonly sealedAs: string | null; readonly bytes: Uint8Array }

type Process = { isAlive: boolean }

export function createMemoryVaultDisk({ clock, latencyMs }: MemoryVaultOptions = {}): MemoryVaultDisk {
  const blobs = new Map<string, Blob>()
  /** Changes that take their time, oldest first. */
  const underWay = new Set<() => void>()
  const processes = new Set<Process>()
  let isFull = false

  const blobAt = (name: string): Blob => {
    const blob = blobs.get(name)
    assert(blob !== undefined, `nothing lies under ${name}`)
    return blob
  }

  /** The change is on the disk once this resolves; for a process that has ended it never does. */
  const make = async (process: Process, apply: () => void): Promise<void> => {
    if (process.isAlive && clock !== undefined && latencyMs !== undefined) {
      underWay.add(apply)
      await new Promise<void>((resolve) => {
        clock.after(latencyMs(), resolve)
      })
      underWay.delete(apply)
    }
    await unlessDead(process)
    apply()
  }

  return {
    open() {
      const turns = createTurns()
      const process: Process = { isAlive: true }
      processes.add(process)
      return {
        async put(name, bytes) {
          assertVaultName(name)
          assert(bytes.length <= limits.vaultBytesMax, 'what is put into the vault is within its limit')
          const blob: Blob = { sealedAs: name, bytes: bytes.slice() }
          await turns.take(name, async () => {
            if (isFull) throw new WardlineError('vault-failed', `${name} cannot be written: the disk is full`)
            await make(process, () => blobs.set(name, blob))
          })
        },
        async get(name) {
          assertVaultName(name)
          return turns.take(name, async () => {
            await unlessDead(process)
            const blob = blobs.get(name)
            if (blob === undefined) return { kind: 'absent' }
            return blob.sealedAs === name ? { kind: 'found', bytes: blob.bytes.slice() } : { kind: 'damaged' }
          })
        },
        async has(name) {
          assertVaultName(name)
          return turns.take(name, async () => {
            await unlessDead(process)
            return blobs.has(name)
          })
        },
        async names(prefix) {
          return turns.take(null, async () => {
            await unlessDead(process)
            return [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort()
          })
        },
        async remove(name) {
          assertVaultName(name)
          await turns.take(name, () => make(process, () => blobs.delete(name)))
        },
        async close() {
          await turns.close()
          await unlessDead(process)
          processes.delete(process)
        }
      }
    },
    crash({ below } = {}) {
      const changes = [...underWay]
      for (const apply of changes.slice(0, below?.(changes.length + 1) ?? 0)) apply()
      underWay.clear()
      for (const process of processes) process.isAlive = false
      processes.clear()
    },
    damage(name) {
      blobs.set(name, { ...blobAt(name), sealedAs: null })
    },
    swapIn(from, to) {
      assertVaultName(to)
      blobs.set(to, blobAt(from))
    },
    fill(full) {
      isFull = full
    }
  }
}

/** Resolves while the process lives, and never once it has ended, as for code that no longer runs. */
async function unlessDead(process: Process): Promise<void> {
  if (!process.isAlive) await new Promise(() => {})
}
