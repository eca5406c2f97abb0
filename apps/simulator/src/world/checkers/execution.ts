/**
 * I4: every final block follows from the ones before it. Each is executed here once more, as soon as the first node holds it
 * as final, on a state of the checker's own that began with the genesis; the roots are computed by the checker's own code.
 * The rules of single transactions are the ledger's (they are pure, and the nodes' caches, overlays and databases are not).
 */
import type { Digest } from '@wardline/codec'
import {
  execute,
  type Genesis,
  genesisAppHash,
  genesisChanges,
  type ParsedTransaction,
  parseTransaction
} from '@wardline/ledger'
import type { Report, Watch } from '../watch.ts'
import {
  type BlockFacts,
  BODY_PREFIX,
  createGrowingTree,
  HEADER_PREFIX,
  hashOf,
  merkleRootOf,
  readBlockBody,
  readBlockHeader
} from './bytes.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export type ReExecution = Pick<Watch, 'storeOpened' | 'storeDurable'> & {
  /** Height up to which every block has been executed again. */
  height(): number
}

export type ReExecutionParts = {
  readonly report: Report
  readonly genesis: Genesis
  readonly chain: string
  /** Told of each block after its execution, in order of height. */
  readonly onBlock?: (header: BlockFacts, transactions: readonly ParsedTransaction[]) => void
}

export function createReExecution({ report, genesis, chain, onBlock }: ReExecutionParts): ReExecution {
  const state = new Map<string, Uint8Array>()
  for (const { key, value } of genesisChanges(genesis)) if (value !== null) state.set(key, value)
  const bodies = new Map<string, Uint8Array>()
  const waiting = new Map<number, BlockFacts>()
  const used = new Set<string>()
  const history = createGrowingTree()
  history.add(Buffer.from(chain, 'hex'))
  let last = chain
  let height = 0
  let appHash: string = genesisAppHash(genesis)
  let timeMs = genesis.created
  let stuck = false

  const note = (key: string, value: Uint8Array): void => {
    if (key.startsWith(BODY_PREFIX)) bodies.set(key.slice(BODY_PREFIX.length), value)
    if (!key.startsWith(HEADER_PREFIX)) return
    const header = readBlockHeader(value)
    if (header === undefined) report('I4', `the header at ${key} cannot be read`)
    else if (header.height > height) waiting.set(header.height, header)
  }

  const advance = (): void => {
    for (;;) {
      const header = waiting.get(height + 1)
      const body = header && bodies.get(header.digest)
      if (header === undefined || body === undefined || stuck) return
      waiting.delete(header.height)
      stuck = !executeNext(header, body)
    }
  }

  const executeNext = (header: BlockFacts, body: Uint8Array): boolean => {
    const wrong = (what: string): false => {
      report('I4', `block ${header.height}: ${what}`)
      return false
    }
    if (header.chain !== chain || header.parent !== last) return wrong('it does not follow the one before it')
    if (header.timeMs <= timeMs) return wrong('it is not later than the one before it')
    const transactions = (readBlockBody(body) ?? []).flatMap((bytes) => {
      const parsed = parseTransaction(bytes, genesisChain(chain))
      return parsed.kind === 'ok' ? [parsed.transaction] : []
    })
    const leaves = transactions.map(({ leaf }) => Buffer.from(leaf, 'hex'))
    if (merkleRootOf(leaves) !== header.txRoot) return wrong('its transactions are not the ones that it names')
    if (history.root() !== header.history) return wrong('its history is not that of the blocks before it')
    for (const { id, kind, expires } of transactions) {
      if (used.has(id)) return wrong(`${id} is in it, and was final before`)
      used.add(id)
      // An access entry has no time after which it may not be told any more.
      if (kind === 'spv.access') continue
      if (header.timeMs >= expires || expires > header.timeMs + 2 * DAY_MS) return wrong(`${id} is out of its time`)
    }
    const position = {
      height: header.height as Parameters<typeof execute>[1]['height'],
      time: header.timeMs,
      parent: { digest: header.parent as Digest, time: timeMs }
    }
    const execution = execute({ get: (key) => state.get(key) }, { ...position, transactions })
    if (execution.kind === 'invalid') return wrong(`transaction ${execution.index} breaks a rule: ${execution.code}`)
    const { changes, seen } = execution
    appHash = hashOf(
      'wardline/app/1',
      Buffer.from(appHash, 'hex'),
      Buffer.from(merkleRootOf(changes.map(changeLeaf)), 'hex'),
      Buffer.alloc(32)
    )
    if (appHash !== header.appHash) return wrong('its transactions give another state than it names')
    for (const { key, value } of [...changes, ...seen]) {
      if (value === null) state.delete(key)
      else state.set(key, value)
    }
    history.add(Buffer.from(header.digest, 'hex'))
    last = header.digest
    height = header.height
    timeMs = header.timeMs
    onBlock?.(header, transactions)
    return true
  }

  return {
    storeOpened(_, rows) {
      for (const [key, value] of rows) note(key, value)
      advance()
    },
    storeDurable(_, writes) {
      for (const { key, value } of writes) if (value !== null) note(key, value)
      advance()
    },
    height: () => height
  }
}

function genesisChain(chain: string): Parameters<typeof parseTransaction>[1] {
  return chain as Parameters<typeof parseTransaction>[1]
}

/** `key size (2, big-endian) || key || SHA-256("wardline/value/1" || value)`; nothing follows the key of a removal. */
function changeLeaf({ key, value }: { readonly key: string; readonly value: Uint8Array | null }): Uint8Array {
  const name = Buffer.from(key)
  const size = Buffer.from([name.length >> 8, name.length & 255])
  const parts = [size, name]
  if (value !== null) parts.push(Buffer.from(hashOf('wardline/value/1', value), 'hex'))
  return Buffer.concat(parts)
}
