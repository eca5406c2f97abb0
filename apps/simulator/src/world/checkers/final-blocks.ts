/** I1 and I2: all nodes hold the same final blocks, and what a node has held or announced as final stays what it was. */
import { bytesEqual, toHex } from '@wardline/codec'
import { encodeHeader } from '@wardline/consensus'
import type { Report, Watch } from '../watch.ts'

const HEADER = 'blocks/header/'
const BODY = 'blocks/body/'

export type FinalBlocks = Pick<Watch, 'storeOpened' | 'storeDurable' | 'committed' | 'forgotten'> & {
  /** Height of the highest block that any node holds as final. */
  height(): number
}

export function createFinalBlocks(report: Report): FinalBlocks {
  /** By height, in hex: the header that the first node wrote, and the body of that block. */
  const agreed = new Map<number, { readonly header: string; readonly node: string }>()
  const bodies = new Map<string, Uint8Array>()
  /** What each node has written or announced. */
  const held = new Map<string, Map<number, string>>()
  let highest = 0

  const heldBy = (node: string): Map<number, string> => {
    const known = held.get(node) ?? new Map<number, string>()
    held.set(node, known)
    return known
  }

  const hold = (node: string, height: number, header: string): void => {
    const first = agreed.get(height)
    if (first === undefined) agreed.set(height, { header, node })
    else if (first.header !== header)
      report('I1', `${node} and ${first.node} have different blocks at height ${height}`)
    const mine = heldBy(node)
    const before = mine.get(height)
    if (before !== undefined && before !== header) report('I2', `block ${height} of ${node} has changed`)
    mine.set(height, header)
    highest = Math.max(highest, height)
  }

  return {
    storeOpened(node, rows) {
      for (const [height, header] of heldBy(node)) {
        const row = rows.get(`${HEADER}${String(height).padStart(12, '0')}`)
        if (row === undefined) report('I2', `block ${height} of ${node} is gone after a restart`)
        else if (toHex(row) !== header) report('I2', `block ${height} of ${node} has changed in a restart`)
      }
      for (const [key, value] of rows)
        if (key.startsWith(HEADER)) hold(node, Number(key.slice(HEADER.length)), toHex(value))
    },
    storeDurable(node, writes) {
      for (const { key, value } of writes) {
        if (key.startsWith(HEADER)) {
          const height = Number(key.slice(HEADER.length))
          if (value === null) report('I2', `${node} deletes block ${height}`)
          else hold(node, height, toHex(value))
        }
        if (key.startsWith(BODY) && value !== null) {
          const known = bodies.get(key)
          if (known === undefined) bodies.set(key, value)
          else if (!bytesEqual(known, value)) report('I1', `${node} has another body under one digest`)
        }
      }
    },
    committed(node, { header }) {
      if (!heldBy(node).has(header.height))
        report('I8', `${node} announces block ${header.height} before it is durable`)
      hold(node, header.height, toHex(encodeHeader(header)))
    },
    forgotten: (node) => void held.delete(node),
    height: () => highest
  }
}
