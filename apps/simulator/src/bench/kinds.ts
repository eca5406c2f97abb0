/** What the bench measures, what it costs at least, and the bounds that the project set itself. */
import type { ChainMode } from '../local-network/ceremony.ts'

/** What clients do on four daemons. */
const LOADS = ['stt.send', 'member.register', 'dss.record', 'dss.record-10k', 'spv.anchor', 'spv.access'] as const
export type LoadKind = (typeof LOADS)[number]

export const KINDS = [...LOADS, 'socket.clients', 'grant.decision', 'custody.fold', 'sealing', 'one-dead'] as const
export type Kind = (typeof KINDS)[number]

/** Whether its clients make transactions. */
export function isLoad(kind: Kind): kind is LoadKind {
  return (LOADS as readonly Kind[]).includes(kind)
}

export type KindTraits = {
  /** Of the chain that it needs. */
  readonly mode: ChainMode
  /** Whose signatures a transaction must carry: every daemon verifies each of them once. */
  readonly signatures: readonly string[]
  /** Hospitals to which the content of one call is sealed, and which open it. */
  readonly receivers: number
  /** Whether receivers say in transactions of their own that they have opened the content. */
  readonly isAcknowledged: boolean
  /** What a client waits for. */
  readonly answer: string
  readonly reach: { readonly ratio?: number; readonly loneP50Ms?: number }
}

const FINAL = 'that it is final'

export const TRAITS: Readonly<Record<LoadKind, KindTraits>> = {
  'stt.send': {
    mode: 'stt',
    signatures: ['author'],
    receivers: 1,
    isAcknowledged: true,
    answer: FINAL,
    reach: { ratio: 3, loneP50Ms: 25 }
  },
  'member.register': {
    mode: 'stt',
    // The proof of the new key is left out, as it was when the bound was set.
    signatures: ['author'],
    receivers: 0,
    isAcknowledged: false,
    answer: FINAL,
    reach: { ratio: 3, loneP50Ms: 25 }
  },
  'dss.record': plain('dss', ['author', 'doctor']),
  'dss.record-10k': plain('dss', ['author', 'doctor']),
  'spv.anchor': plain('spv', ['author']),
  'spv.access': {
    mode: 'spv',
    signatures: ['author', 'request'],
    receivers: 1,
    isAcknowledged: false,
    answer: 'with the verified record, the entry being final',
    reach: { loneP50Ms: 60 }
  }
}

function plain(mode: ChainMode, signatures: readonly string[]): KindTraits {
  return { mode, signatures, receivers: 0, isAcknowledged: false, answer: FINAL, reach: {} }
}
