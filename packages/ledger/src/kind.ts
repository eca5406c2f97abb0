/** What each kind of transaction consists of: the rules of one kind, and what they are given. */
import type { Alias, ChainId, Digest, Hash, Height, MemberId, Reader, SignKey, TransactionId } from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import type { Member } from './membership/member.ts'
import type { Overlay, StateView } from './overlay.ts'
import type { FormCode, RefusalCode } from './refusals.ts'

/** What a chain is for: plaintext inside an alliance, ciphertext with every hop, or hashes with permissions. */
export const MODES = ['DSS', 'STT', 'SPV'] as const
export type Mode = (typeof MODES)[number]

/** A member that speaks for itself. */
export type MemberAuthor = { readonly member: MemberId; readonly keyIndex: number }
/** A patient, by one of its aliases; a member hospital sponsors what it writes. */
export type AliasAuthor = { readonly alias: Alias }
export type Author = MemberAuthor | AliasAuthor

/** Of a transaction's nonce, and of a signed request's. */
export const NONCE_BYTES = 16

/** What every transaction says, whatever its kind. */
export type Envelope<A extends Author = MemberAuthor> = {
  readonly v: 1
  readonly chain: ChainId
  readonly author: A
  /** The author's public key, which signs: a member's number `author.keyIndex`, or the alias itself. */
  readonly key: SignKey
  /** 16 bytes, never used twice by one author. */
  readonly nonce: Uint8Array
  /**
   * Milliseconds since the epoch by the author's clock. Only `created < expires` holds for every kind; what a patient says of
   * its enrolment is put in order by it.
   */
  readonly created: number
  /** The transaction may be in a block of time t iff `t < expires <= t + 48 h`; `NO_EXPIRY` for a kind without end. */
  readonly expires: number
  readonly payload?: Payload
}

/** `expires` of a kind whose lifetime is `unbounded`. */
export const NO_EXPIRY = Number.MAX_SAFE_INTEGER

/** Bytes that belong to the transaction but travel and are stored beside it. `size` is in bytes. */
export type Payload = { readonly commitment: Hash; readonly size: number }

/** The hospital that stands in for an alias: it is charged for the transaction, and signs its id. */
export type Sponsor = MemberAuthor & { readonly key: SignKey; readonly signature: Uint8Array }

/** A transaction with a body of kind `B`, before anybody has sponsored it. */
export type Unsponsored<B, A extends Author = MemberAuthor> = Envelope<A> & {
  readonly id: TransactionId
  readonly body: B
}

/** A transaction with a body of kind `B`, as the rules of that kind see it. An alias's has a sponsor, a member's none. */
export type Subject<B, A extends Author = MemberAuthor> = Unsponsored<B, A> &
  (A extends AliasAuthor ? { readonly sponsor: Sponsor } : { readonly sponsor?: undefined })

export type JudgeContext = {
  readonly state: StateView
  /** Time of the block, milliseconds. */
  readonly timeMs: number
  /** The author, or the sponsor of an alias, in good standing and with a key in force. */
  readonly author: Member
}

/** Where a transaction is being applied. `time` is the block's, milliseconds. */
export type Position = {
  readonly height: Height
  readonly time: number
  /** The block before it. */
  readonly parent: { readonly digest: Digest; readonly time: number }
}

/** The rules of one kind. All are pure; `judge` and `apply` read state and block time only. */
export type KindRules<B, A extends Author = MemberAuthor> = {
  /** The chains that have this kind. */
  readonly modes: readonly Mode[]
  readonly author: A extends AliasAuthor ? 'alias' : 'member'
  readonly read: Reader<B>
  /** Who must hold the payload that a transaction of this kind names; `none`: it names none. */
  readonly payload: 'none' | 'receivers' | 'everyone'
  /** `unbounded`: it never expires, and no used id is kept: the rules themselves refuse a repetition. */
  readonly lifetime: 'bounded' | 'unbounded'
  /** A fault of the transaction alone, beyond the shape of its body. */
  readonly fault: (tx: Unsponsored<B, A>) => FormCode | undefined
  /** The signatures inside the body. They have been verified before `judge` and `apply` see the transaction. */
  readonly checks: (tx: Unsponsored<B, A>) => readonly SignatureCheck[]
  /** Why the transaction may not follow on this state, or undefined if it may. */
  readonly judge: (context: JudgeContext, tx: Subject<B, A>) => RefusalCode | undefined
  /** Writes what an accepted transaction changes. */
  readonly apply: (state: Overlay, tx: Subject<B, A>, position: Position) => void
}
