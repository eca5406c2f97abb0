/** What an adversary process tells the one that started it: one JSON object a line on standard output. */
import type { Leaf, TransactionId } from '@wardline/codec'

export type Speech =
  /** The forged hand-off was given to the gossip of `peers` hospitals. */
  | { readonly kind: 'published'; readonly peers: number; readonly id: TransactionId; readonly transaction: string }
  /** Connected to `peers` hospitals, with the forged hand-off in the own mempool. */
  | { readonly kind: 'ready'; readonly peers: number; readonly id: TransactionId; readonly leaf: Leaf }
  /** A block with the forged hand-off in it was proposed. */
  | { readonly kind: 'proposed'; readonly view: number; readonly height: number }
  /** Records were asked for, and fetched in spite of the answer; `refusals` has one item for each fetch. */
  | {
      readonly kind: 'read'
      /** The owner's access entry, and what it says. */
      readonly id: TransactionId
      readonly decision: 'permit' | 'deny'
      readonly code: string | null
      readonly refusals: readonly (string | null)[]
      readonly contentBytes: number
      readonly streamBytes: number
    }

export function speak(speech: Speech): void {
  process.stdout.write(`${JSON.stringify(speech)}\n`)
}

/** @throws SyntaxError for anything that `speak` does not write */
export function parseSpeech(line: string): Speech {
  return JSON.parse(line) as Speech
}
