/**
 * M6: the sealed content of a transmission goes to its author and its receivers and to nobody else, on the wire and on the
 * disks. Who they are is read here from the blocks, apart from the rules by which a daemon gives and keeps.
 */
import { taggedHash } from '@wardline/codec'
import type { ParsedTransaction } from '@wardline/ledger'
import type { Report, Watch } from '../watch.ts'

export type PayloadCheck = Pick<Watch, 'answered' | 'storeDurable'> & {
  block(transactions: readonly ParsedTransaction[]): void
  /** Payloads that were handed over. */
  given(): number
}

const PROTOCOL = '/wardline/payload/1'
/** The first byte of a frame that has a payload behind it. */
const HERE = 1
const ROW = 'payloads/bytes/'

/** @param memberOf the member whose daemon a node is */
export function createPayloadCheck(report: Report, memberOf: (node: string) => string): PayloadCheck {
  /** By the id of a transmission, and by the commitment to its content. */
  const holders = new Map<string, ReadonlySet<string>>()
  /** Members that have the content of what is in no block yet. */
  const early = new Map<string, Set<string>>()
  let given = 0

  function has(name: string, member: string, how: string): void {
    const members = holders.get(name)
    if (members?.has(member) === false) report('M6', `${member} ${how} the content of ${name}, which is for others`)
    if (members === undefined) early.set(name, (early.get(name) ?? new Set()).add(member))
  }

  function settle(name: string, members: ReadonlySet<string>): void {
    holders.set(name, members)
    for (const member of early.get(name) ?? []) has(name, member, 'already had')
    early.delete(name)
  }

  return {
    answered(_node, peer, protocol, _request, frame) {
      if (protocol !== PROTOCOL || frame[0] !== HERE) return
      given += 1
      has(taggedHash('wardline/envelope/1', frame.subarray(1)), memberOf(peer), 'is given')
    },
    storeDurable(node, writes) {
      for (const { key, value } of writes) {
        if (value !== null && key.startsWith(ROW)) has(key.slice(ROW.length), memberOf(node), 'keeps')
      }
    },
    block(transactions) {
      for (const { kind, id, author, body, payload } of transactions) {
        if (kind !== 'stt.send' || payload === undefined || !('member' in author)) continue
        const members = new Set<string>([author.member, ...body.to.map(({ member }) => member)])
        settle(id, members)
        settle(payload.commitment, members)
      }
    },
    given: () => given
  }
}
