/** I3: what a client was told stays true: `accepted` is durable and ends, `committed` is final everywhere, `ended` is the end. */
import { decodeCbor, type Leaf, type TransactionId } from '@wardline/codec'
import { judge, type ParsedTransaction } from '@wardline/ledger'
import type { Chain, Outcome } from '@wardline/node'
import type { Report, Watch } from '../watch.ts'

const TRANSACTION = 'blocks/transaction/'

export type Promised = Pick<Watch, 'storeOpened' | 'storeDurable' | 'forgotten'> & {
  accepted(node: string, transaction: ParsedTransaction): void
  ended(node: string, transaction: ParsedTransaction, outcome: Outcome): void
  /** A transaction that no chain may ever take. */
  forbidden(transaction: ParsedTransaction): void
  /** Accepted transactions that have not ended yet and that a block could take, as far as this chain knows. */
  open(chain: Chain, nowMs: number): readonly ParsedTransaction[]
  counts(): {
    readonly accepted: number
    readonly committed: number
    readonly expired: number
    readonly refused: number
    readonly waiting: number
  }
}

export type PromisesParts = {
  readonly report: Report
  readonly isOnDisk: (node: string, key: string) => boolean
}

export function createPromises({ report, isOnDisk }: PromisesParts): Promised {
  /** With the nodes that answered so. */
  const accepted = new Map<TransactionId, { readonly transaction: ParsedTransaction; readonly by: Set<string> }>()
  const final = new Map<TransactionId, number>()
  const refused = new Map<TransactionId, string>()
  const forbidden = new Set<TransactionId>()
  const counts = { committed: 0, expired: 0, refused: 0, waiting: 0 }

  const isDurable = (node: string, { id, leaf }: { id: TransactionId; leaf: Leaf }): boolean =>
    isOnDisk(node, `mempool/${leaf}`) || isOnDisk(node, `blocks/transaction/${id}`)

  /** Every node keeps where each final transaction is. */
  const noteRow = (key: string, value: Uint8Array): void => {
    if (!key.startsWith(TRANSACTION)) return
    const id = key.slice(TRANSACTION.length) as TransactionId
    const place = decodeCbor(value)
    const height = Array.isArray(place) ? Number(place[0]) : Number.NaN
    const before = final.get(id)
    if (before === height) return
    if (before !== undefined) report('I3', `${id} is final twice, at ${before} and ${height}`)
    final.set(id, height)
    if (refused.has(id)) report('I3', `${id} is final, and ${refused.get(id)}`)
    if (forbidden.has(id)) report('M2', `${id} is final, and forged`)
  }

  return {
    accepted(node, transaction) {
      if (!isDurable(node, transaction))
        report('I8', `${node} answers accepted for ${transaction.id} before it is durable`)
      const { payload } = transaction
      if (payload !== undefined && !isOnDisk(node, `payloads/bytes/${transaction.id}`)) {
        report('I8', `${node} answers accepted for ${transaction.id} before its payload is durable`)
      }
      const known = accepted.get(transaction.id) ?? { transaction, by: new Set<string>() }
      known.by.add(node)
      accepted.set(transaction.id, known)
    },
    ended(node, { id }, outcome) {
      if (outcome.kind === 'committed') {
        const height = final.get(id)
        if (height !== outcome.height) report('I3', `${node} says ${id} is final at ${outcome.height}, which it is not`)
        if (!isOnDisk(node, `blocks/transaction/${id}`))
          report('I8', `${node} says ${id} is final before that is durable`)
      } else {
        if (final.has(id)) report('I3', `${node} says ${id} is ${outcome.kind}, and it is final`)
        refused.set(id, `${node} said ${outcome.kind}`)
      }
    },
    forbidden: ({ id }) => forbidden.add(id),
    forgotten(node) {
      for (const [id, { by }] of accepted) if (by.delete(node) && by.size === 0) accepted.delete(id)
    },
    storeOpened(_, rows) {
      for (const [key, value] of rows) noteRow(key, value)
    },
    storeDurable(_, writes) {
      for (const { key, value } of writes) if (value !== null) noteRow(key, value)
    },
    open(chain, nowMs) {
      counts.committed = counts.expired = counts.refused = counts.waiting = 0
      const open = [...accepted.values()].map(({ transaction }) => transaction)
      return open.filter((transaction) => {
        const place = chain.query.place(transaction.id)
        if (place !== undefined) {
          counts.committed += 1
          if (final.get(transaction.id) !== place.height) report('I3', `${transaction.id} moved`)
          return false
        }
        if (final.has(transaction.id) && chain.head().height >= (final.get(transaction.id) ?? 0)) {
          report('I3', `${transaction.id} is missing on ${chain.self}`)
        }
        if (transaction.expires <= nowMs) {
          counts.expired += 1
          return false
        }
        const verdict = judge(chain.state, transaction, chain.head().time + 1)
        if (verdict.kind === 'accept') return true
        // What the state refuses for now stays pending until its time is over: nobody enrols that patient again.
        if (verdict.permanent) counts.refused += 1
        else counts.waiting += 1
        return false
      })
    },
    counts: () => ({ accepted: accepted.size, ...counts })
  }
}
