/** What a daemon on a damaged disk serves, held against what another hospital serves of the same blocks. */
import { fromHex, height, type MemberId, type RecordId } from '@wardline/codec'
import { parseTransaction } from '@wardline/ledger'
import { type Arena, eventually, type Hospital, stateOf } from './arena.ts'

/** Answers by which a daemon says that it, or its disk, cannot give one. Any other that the others do not give is wrong. */
const HONEST: ReadonlySet<string> = new Set([
  'daemon-gone',
  'daemon-not-running',
  'store-corrupt',
  'store-failed',
  'unavailable'
])

/** Records that are looked at, the newest. */
const RECORDS_MAX = 40
const OPEN_MS_MAX = 2_000

export type Answer =
  | { readonly kind: 'given'; readonly text: string }
  | { readonly kind: 'refused'; readonly code: string }

/**
 * What is wrong with an answer that others answer with `expected`; null if nothing is. `mayLack`: what the daemon need not have,
 * so that it may refuse in any way.
 */
export function faultOf(served: Answer, expected: Answer, mayLack: boolean): string | null {
  if (served.kind === 'given') {
    // Nothing to hold it against.
    if (expected.kind === 'refused') return mayLack ? null : `${served.text}, where others refuse: ${expected.code}`
    return served.text === expected.text ? null : `${served.text}, not ${expected.text}`
  }
  if (mayLack || HONEST.has(served.code)) return null
  return expected.kind === 'refused' && expected.code === served.code ? null : `nothing: ${served.code}`
}

/**
 * Every block up to the head of `hospital`, who held each record then, and the bytes of those that it holds.
 * @returns how many answers were the same, and how many it did not give
 */
export async function compareServed(arena: Arena, hospital: Hospital, where: string): Promise<string> {
  const others = arena.hospitals.filter((each) => each !== hospital && each.daemon !== undefined)
  const [other] = others
  let head: number | undefined
  await eventually(`${hospital.name} says how it is, or has ended`, async () => {
    head = (await stateOf(hospital))?.height
    return head !== undefined || hospital.daemon?.end() !== null
  })
  if (other === undefined || head === undefined) return 'nothing is compared'
  const last = head
  await eventually(`${other.name} has block ${last}`, async () => ((await stateOf(other))?.height ?? 0) >= last)
  let same = 0
  let absent = 0

  async function compare(what: string, with_: Hospital, ask: (of: Hospital) => Promise<Answer>, mayLack = false) {
    const [served, expected] = await Promise.all([ask(hospital), ask(with_)])
    const fault = faultOf(served, expected, mayLack)
    if (fault !== null) arena.violate('edited-database', `${hospital.name} (${where}) serves as ${what} ${fault}`)
    else if (served.kind === 'given') same += 1
    else absent += 1
    return expected
  }

  for (let at = 1; at <= last; at++) await compare(`block ${at}`, other, (of) => block(of, at))
  for (const record of await newestRecords(arena, other, last)) {
    const held = await compare(`holders of ${record}`, other, (of) => holders(of, record, last))
    const holds = ({ member }: { readonly member: MemberId }) => held.kind === 'given' && held.text.includes(member)
    const holder = others.find(holds)
    if (holder !== undefined && holds(hospital)) {
      await compare(`content of ${record}`, holder, (of) => content(of, record), true)
    }
  }
  return `${same} answers are the same, ${absent} are not given`
}

function block({ admin }: Hospital, at: number): Promise<Answer> {
  return answered(async () => {
    const { digest, transactions } = await admin.call('chain.block', { height: height(at) })
    return `${digest} ${transactions.map(({ id }) => id).join(' ')}`
  })
}

function holders({ admin }: Hospital, record: RecordId, at: number): Promise<Answer> {
  return answered(async () => {
    const answer = await admin.call('record.holders', { record, atHeight: height(at) })
    return answer.holders.map(({ member, via, sinceHeight }) => `${member} by ${via} at ${sinceHeight}`).join(', ')
  })
}

function content({ admin }: Hospital, record: RecordId): Promise<Answer> {
  return answered(async () => (await admin.call('record.open', { record, timeoutMs: OPEN_MS_MAX })).content)
}

/** Records that were sent in blocks up to `head`, as `hospital` has them. */
async function newestRecords({ chain }: Arena, { admin }: Hospital, head: number): Promise<readonly RecordId[]> {
  const records = new Set<RecordId>()
  for (let at = head; at > 0 && records.size < RECORDS_MAX; at--) {
    const { transactions } = await admin.call('chain.block', { height: height(at) })
    for (const { id, kind } of transactions) {
      if (kind !== 'stt.send' || records.size === RECORDS_MAX) continue
      const { transaction } = await admin.call('tx.get', { id })
      const parsed = parseTransaction(fromHex(transaction ?? ''), chain)
      if (parsed.kind === 'ok' && parsed.transaction.kind === 'stt.send') records.add(parsed.transaction.body.recordId)
    }
  }
  return [...records]
}

async function answered(call: () => Promise<string>): Promise<Answer> {
  try {
    return { kind: 'given', text: await call() }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    return { kind: 'refused', code: String(error.code) }
  }
}
