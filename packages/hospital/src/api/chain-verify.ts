/**
 * `chain.verify` on a running chain: everything up to the head of this moment, verified and executed again while blocks go
 * on being added above it.
 */
import { type Api, ApiError } from '@wardline/api'
import { bytesEqual, bytesOf, decodeCbor, mapOf, uint } from '@wardline/codec'
import { type ChainVerification, verifyChain } from '@wardline/node'
import type { KeyValueStore } from '@wardline/ports'
import { deadlineIn } from '../deadline.ts'
import type { Membership, Memberships } from '../membership.ts'
import { chainNamed } from './lookup.ts'

export function chainVerify(memberships: Memberships): Pick<Api, 'chain.verify'> {
  const verifying = new Set<Membership>()
  return {
    async 'chain.verify'({ chain: name, timeoutMs }, { signal }) {
      const member = chainNamed(memberships, name)
      if (verifying.has(member)) throw new ApiError('busy', 'this chain is being verified already')
      verifying.add(member)
      try {
        return await verify(member, timeoutMs, signal)
      } finally {
        verifying.delete(member)
      }
    }
  }
}

async function verify(member: Membership, timeoutMs: number, signal: AbortSignal | undefined) {
  const { chain, clock, verifier } = member
  const startMs = clock.nowMs()
  const deadline = deadlineIn(member, timeoutMs, signal)
  const verdict = await verifyChain({
    store: await storeOfNow(chain.store),
    genesis: chain.genesis,
    verify: (key, message, signature) => verifier.verify(key, message, signature),
    onProgress: () => deadline.check('the chain is not verified to its end yet')
  })
  return { chain: chain.id, elapsedMs: Math.max(0, clock.nowMs() - startMs), ...answerOf(verdict) }
}

function answerOf(verdict: ChainVerification) {
  if (verdict.kind === 'verified') {
    const { height, digest, appHash, transactions } = verdict
    return { ok: true, height, head: digest, appHash, transactions, fault: null }
  }
  const { height, code, what } = verdict
  const agreed = height > 0 ? ((height - 1) as typeof height) : height
  return { ok: false, height: agreed, head: null, appHash: null, transactions: null, fault: { height, code, what } }
}

const HEAD = 'meta/head'
const STATE = { from: 'state/', to: 'state0' } as const
/** Rows whose keys end in a height of twelve digits. */
const BY_HEIGHT = ['blocks/header/', 'blocks/certificate/']
/** A try fails only when a block lands between two reads. */
const TRIES_MAX = 1_000

const readHead = mapOf({ digest: bytesOf(32), height: uint, history: bytesOf(0, 64 * 64), transactions: uint })

/**
 * What the store holds at this moment, as far as a verification reads it. Blocks never change, so only the head and the
 * state are copied (the state is then in memory twice); blocks that come later are hidden.
 */
async function storeOfNow(store: KeyValueStore): Promise<KeyValueStore> {
  const { head, state } = await snapshotOf(store)
  const height = readHead(decodeCbor(head ?? new Uint8Array(0)))?.height ?? 0
  return {
    get(key) {
      if (key === HEAD) return head
      return key.startsWith(STATE.from) ? state.get(key) : store.get(key)
    },
    async *range(options) {
      const prefix = BY_HEIGHT.find((one) => options.from.startsWith(one))
      if (options.from.startsWith(STATE.from)) yield* state
      else if (prefix === undefined) yield* store.range(options)
      else yield* store.range({ ...options, to: `${prefix}${String(height + 1).padStart(12, '0')}` })
    },
    write: () => Promise.reject(new TypeError('a chain is only read while it is verified')),
    purge: () => Promise.reject(new TypeError('a chain is only read while it is verified')),
    close: () => Promise.resolve()
  }
}

/** The head and the state after it. A range is a snapshot, so no block landed before it if the head is the same around it. */
async function snapshotOf(store: KeyValueStore) {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const head = store.get(HEAD)
    const rows = store.range(STATE)[Symbol.asyncIterator]()
    const first = rows.next()
    const headAfter = store.get(HEAD)
    const state = new Map<string, Uint8Array>()
    for (let row = await first; !row.done; row = await rows.next()) state.set(...row.value)
    if (head === headAfter || (head !== undefined && headAfter !== undefined && bytesEqual(head, headAfter))) {
      return { head, state }
    }
  }
  throw new ApiError('busy', 'blocks follow each other too fast to be verified now')
}
