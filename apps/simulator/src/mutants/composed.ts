/** Guards broken by what stands between a daemon and its ports: disks that lie, owners that leak, keys that are used twice. */
import { decodeCbor, encodeCbor } from '@wardline/codec'
import type { Journal, KeyValueStore, Network, StoreWrite } from '@wardline/ports'
import type { MemoryDiskImage } from '@wardline/store-memory'
import type { Mutant } from '../world/daemon.ts'

/** Answers at once, and writes when the disk has time: a power cut takes what it had acknowledged. */
export function hastyJournal(): Mutant {
  return { journal: hasty }
}

function hasty(journal: Journal): Journal {
  let appends = 0
  let last = 0
  let writing: Promise<void> = Promise.resolve()
  const writeLater = async (before: Promise<void>, bytes: Uint8Array): Promise<void> => {
    await before
    last = await journal.append(bytes)
  }
  return {
    ...journal,
    async append(bytes) {
      appends += 1
      // Opening reads back what it has just written.
      if (appends === 1) {
        last = await journal.append(bytes)
        return last
      }
      writing = writeLater(writing, bytes.slice())
      return last
    }
  }
}

/** Syncs nothing. */
export function lazyStore(): Mutant {
  return { store: (store) => ({ ...store, write: (writes) => store.write(writes, { sync: false }) }) }
}

/** Never writes rows whose key begins so. */
export function forgetfulStore(prefix: string): Mutant {
  const kept = (writes: readonly StoreWrite[]) => writes.filter(({ key }) => !key.startsWith(prefix))
  const wrap = (store: KeyValueStore): KeyValueStore => ({
    ...store,
    write: (writes, options) => store.write(kept(writes), options)
  })
  return { store: wrap }
}

const A_CHUNK = encodeCbor({ chunk: { offset: 0, total: 1, sealed: Uint8Array.of(1) } })

type Frames = (request: Uint8Array, honest: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/** An owner that answers whoever asks for a record with `frames`, whatever its own decision was. */
function leaking(frames: Frames): Mutant {
  return {
    network: (network: Network): Network => ({
      ...network,
      serve(protocol, handler, options) {
        const isExchange = protocol === '/wardline/record/1'
        network.serve(
          protocol,
          isExchange ? (request, from) => frames(request, handler(request, from)) : handler,
          options
        )
      }
    })
  }
}

/** Gives bytes while it decides. */
export function hastyOwner(): Mutant {
  return leaking(async function* (request, honest) {
    const asked = decodeCbor(request) as { readonly fetch?: object }
    if (asked.fetch === undefined) yield A_CHUNK
    yield* honest
  })
}

/** Does not look at the grants again before it gives. */
export function stubbornOwner(): Mutant {
  return leaking(async function* (request, honest) {
    const asked = decodeCbor(request) as { readonly fetch?: object }
    for await (const frame of honest) {
      const { refused } = decodeCbor(frame) as { readonly refused?: string }
      yield asked.fetch !== undefined && refused !== undefined ? A_CHUNK : frame
    }
  })
}

/** Two hospitals vote with the key of one. */
export function sharedKey(): Mutant {
  return {
    self: (hospital, { hospitals }) => {
      const [first = hospital, second] = hospitals
      return hospital === second ? first : hospital
    }
  }
}

/** Every restart but the first finds the disk as it was at the first. */
export function restoredBackup(): Mutant {
  const backups = new Map<string, MemoryDiskImage>()
  return {
    beforeRestart: (disk, node) => {
      const backup = backups.get(node)
      if (backup === undefined) backups.set(node, disk.image())
      else disk.restore(backup)
    }
  }
}
