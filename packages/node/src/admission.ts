/**
 * The one way into the mempool. A transaction is parsed once, its signatures are verified once, and it is judged on the
 * final state, whether a client submitted it or a neighbour gossiped it.
 */
import { type ChainId, type Leaf, limits, type MemberId } from '@wardline/codec'
import type { Verifier } from '@wardline/crypto'
import {
  chargedTo,
  judge,
  leafOf,
  type ParsedTransaction,
  parseTransaction,
  type RefusalCode,
  readMember,
  type StateView,
  signatureChecks,
  type Verdict
} from '@wardline/ledger'
import type { Clock } from '@wardline/ports'
import type { Head } from './head.ts'
import type { Mempool } from './mempool.ts'
import { allHold } from './signatures.ts'

/** Whatever context-free fault the bytes have; its sender is to blame, whoever wrote them. */
export type FaultCode = string

export type Opened =
  | { readonly kind: 'known'; readonly leaf: Leaf }
  | { readonly kind: 'fault'; readonly code: FaultCode }
  /** Well formed, for this chain, and every signature under the keys that it carries is good. */
  | { readonly kind: 'opened'; readonly transaction: ParsedTransaction }

/** What the bytes and the final state say before any signature has been verified. */
export type Looked =
  | { readonly kind: 'fault'; readonly code: FaultCode }
  | {
      readonly kind: 'refused'
      readonly transaction: ParsedTransaction
      readonly code: RefusalCode
      readonly permanent: boolean
    }
  /** The state would take it, and the mempool has no room for it. */
  | { readonly kind: 'busy'; readonly transaction: ParsedTransaction }
  | { readonly kind: 'acceptable'; readonly transaction: ParsedTransaction }

export type Admitted =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'known' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly permanent: boolean }

export type Admission = {
  /** Parses and verifies, unless the leaf is pending or was met lately. */
  open(bytes: Uint8Array): Promise<Opened>
  /**
   * Parses and verifies even what was met lately, for a block that needs it: whether it was refused here does not matter.
   * @returns undefined if the bytes have a fault
   */
  openForBlock(bytes: Uint8Array): Promise<ParsedTransaction | undefined>
  /** Parses, and judges on the final state as of now, which costs far less than a signature. */
  look(bytes: Uint8Array): Looked
  /** Whether the mempool would take it in now. */
  hasRoomFor(transaction: ParsedTransaction): boolean
  /** Whether all its signatures hold. Asked again while it is being verified, it gives the same answer. */
  verify(transaction: ParsedTransaction): Promise<boolean>
  /** Judges on the final state as of now, and takes the transaction into the mempool if that accepts it. */
  admit(transaction: ParsedTransaction): Admitted
  /** Takes back what was admitted before a restart. The caller has judged it; what was promised once needs no share. */
  readmit(transaction: ParsedTransaction): void
  /** What the final state says now of a transaction, without admitting it. */
  judge(transaction: ParsedTransaction): Verdict
  /** Whether this leaf needs no second look: it is pending, final, or refused for good. */
  knows(leaf: Leaf): boolean
  /** Remembers that this leaf needs no second look: it is final, or refused for good. */
  settle(leaf: Leaf): void
}

/** Leaves that were met lately, so that a late copy costs one hash; about two minutes of a busy chain. */
const LEAVES_REMEMBERED_MAX = 65_536

/** Within this no end of a registration or a transaction need be looked for again: a block does, when it takes it. */
const ACCEPTED_MS = 1_000

export type AdmissionParts = {
  readonly chain: ChainId
  readonly verifier: Verifier
  readonly clock: Clock
  readonly mempool: Mempool
  readonly state: StateView
  readonly head: () => Head
  /** How many members may sponsor transactions: shares of the mempool. */
  readonly sponsors: () => number
}

export function createAdmission(parts: AdmissionParts): Admission {
  const { chain, verifier, clock, mempool, state, head } = parts
  const met = new Set<Leaf>()
  const verifying = new Map<Leaf, Promise<boolean>>()
  const accepted = new WeakMap<ParsedTransaction, { readonly head: Head; readonly atMs: number }>()

  function remember(leaf: Leaf): void {
    if (met.size >= LEAVES_REMEMBERED_MAX) {
      for (const oldest of met) {
        met.delete(oldest)
        break
      }
    }
    met.add(leaf)
  }

  /** Whose share of the mempool it takes: a person's is its hospital's. */
  function sponsorOf(author: MemberId): MemberId {
    return readMember(state, author)?.hospital ?? author
  }

  /**
   * What was accepted a moment ago, on the same final state, is accepted: on its way into the mempool a transaction is judged
   * before and after its signatures are verified or its row is written, and mostly no block comes between.
   */
  function judgeNow(transaction: ParsedTransaction): Verdict {
    const nowMs = clock.nowMs()
    const now = head()
    const last = accepted.get(transaction)
    if (last?.head === now && nowMs >= last.atMs && nowMs < last.atMs + ACCEPTED_MS) return { kind: 'accept' }
    const verdict = judge(state, transaction, Math.max(nowMs, now.time + 1))
    if (verdict.kind === 'accept') accepted.set(transaction, { head: now, atMs: nowMs })
    return verdict
  }

  function hasRoomFor(transaction: ParsedTransaction): boolean {
    return mempool.hasRoomFor(transaction, sponsorOf(chargedTo(transaction)), parts.sponsors())
  }

  function knows(leaf: Leaf): boolean {
    return met.has(leaf) || mempool.has(leaf)
  }

  /** The same transaction may come from several neighbours at once. */
  function verify(transaction: ParsedTransaction): Promise<boolean> {
    const running = verifying.get(transaction.leaf)
    if (running !== undefined) return running
    const verdict = allHold(verifier, signatureChecks(transaction), 'normal').finally(() =>
      verifying.delete(transaction.leaf)
    )
    verifying.set(transaction.leaf, verdict)
    return verdict
  }

  async function parseAndVerify(bytes: Uint8Array): Promise<Exclude<Opened, { kind: 'known' }>> {
    const parsed = parseTransaction(bytes, chain)
    if (parsed.kind === 'reject') return { kind: 'fault', code: parsed.code }
    if (!(await verify(parsed.transaction))) return { kind: 'fault', code: 'bad-signature' }
    return { kind: 'opened', transaction: parsed.transaction }
  }

  return {
    async open(bytes) {
      if (bytes.length > limits.transactionBytesMax) return { kind: 'fault', code: 'too-large' }
      const leaf = leafOf(bytes)
      return knows(leaf) ? { kind: 'known', leaf } : parseAndVerify(bytes)
    },

    async openForBlock(bytes) {
      const pending = mempool.get(leafOf(bytes))
      if (pending !== undefined) return pending
      const opened = await parseAndVerify(bytes)
      return opened.kind === 'opened' ? opened.transaction : undefined
    },

    look(bytes) {
      const parsed = parseTransaction(bytes, chain)
      if (parsed.kind === 'reject') return { kind: 'fault', code: parsed.code }
      const { transaction } = parsed
      const verdict = judgeNow(transaction)
      if (verdict.kind === 'refuse') {
        return { kind: 'refused', transaction, code: verdict.code, permanent: verdict.permanent }
      }
      return hasRoomFor(transaction) ? { kind: 'acceptable', transaction } : { kind: 'busy', transaction }
    },

    hasRoomFor,

    verify,

    judge: judgeNow,

    admit(transaction) {
      if (met.has(transaction.leaf)) return { kind: 'known' }
      const verdict = judgeNow(transaction)
      if (verdict.kind === 'refuse') {
        if (verdict.permanent) remember(transaction.leaf)
        return { kind: 'refused', code: verdict.code, permanent: verdict.permanent }
      }
      const added = mempool.add(transaction, sponsorOf(chargedTo(transaction)), parts.sponsors())
      return { kind: added === 'added' ? 'admitted' : added }
    },

    readmit(transaction) {
      mempool.add(transaction, sponsorOf(chargedTo(transaction)), 1)
    },

    knows,
    settle: remember
  }
}
