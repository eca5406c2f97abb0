/** What each kind of transaction consists of: the rules of one kind, and what they are given. */
import type { ChainId, Hash, Height, MemberId, Reader, SignKey, TransactionId } from '@wardline/codec'
import type { SignatureCheck } from '@wardline/consensus'
import type { Member } from './membership/member.ts'
import type { Overlay, StateView } from './overlay.ts'
import type { FormCode, RefusalCode } from './refusals.ts'

/** What every transaction says, whatever its kind. */
export type Envelope = {
  readonly v: 1
  readonly chain: ChainId
  readonly author: Author
  /** The author's public key number `author.keyIndex`, which signs. */
  readonly key: SignKey
  /** 16 bytes, never used twice by one author. */
  readonly nonce: Uint8Array
  /** Milliseconds since the epoch by the author's clock; information only, no rule reads it but `created < expires`. */
  readonly created: number
  /** The transaction may be in a block of time t iff `t < expires <= t + 48 h`. */
  readonly expires: number
  readonly payload?: Payload
}

export type Author = { readonly member: MemberId; readonly keyIndex: number }

/** Bytes that belong to the transaction but travel and are stored beside it. `size` is in bytes. */
export type Payload = { readonly commitment: Hash; readonly size: number }

/** A transaction with a body of kind `B`, as the rules of that kind see it. */
export type Subject<B> = Envelope & { readonly id: TransactionId; readonly body: B }

export type JudgeContext = {
  readonly state: StateView
  /** Time of the block, milliseconds. */
  readonly timeMs: number
  /** The author, in good standing and with a key in force. */
  readonly author: Member
}

/** Where a transaction is being applied. `time` is the block's, milliseconds. */
export type Position = { readonly height: Height; readonly time: number }

/** The rules of one kind. All are pure; `judge` and `apply` read state and block time only. */
export type KindRules<B> = {
  readonly read: Reader<B>
  readonly payload: 'required' | 'none'
  /** A fault of the transaction alone, beyond the shape of its body. */
  readonly fault: (tx: Subject<B>) => FormCode | undefined
  /** The signatures inside the body. They have been verified before `judge` and `apply` see the transaction. */
  readonly checks: (tx: Subject<B>) => readonly SignatureCheck[]
  /** Why the transaction may not follow on this state, or undefined if it may. */
  readonly judge: (context: JudgeContext, tx: Subject<B>) => RefusalCode | undefined
  /** Writes what an accepted transaction changes. */
  readonly apply: (state: Overlay, tx: Subject<B>, position: Position) => void
}
