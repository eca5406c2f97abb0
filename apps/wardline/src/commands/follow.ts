/** What happens, as it happens: one line for each event, until it is interrupted. */
import { once } from 'node:events'
import type { EventOf, Notice, TopicName } from '@wardline/api'
import { height, unreachable } from '@wardline/codec'
import { usage } from '../exit.ts'
import { type Common, printable, say, short, utc, who } from '../output.ts'
import { withDaemon } from '../settings.ts'

const TOPICS = ['blocks', 'handoffs', 'accesses', 'alerts'] as const satisfies readonly TopicName[]

export type FollowOptions = { readonly chain?: string; readonly from?: number; readonly actor?: string }

/** The first interrupt ends it well: what was written was whole. */
export async function follow(common: Common, name: string, options: FollowOptions): Promise<void> {
  const topic = TOPICS.find((one) => one === name)
  if (topic === undefined) throw usage(`What can be followed is ${TOPICS.join(', ')}.`)
  const { chain, from, actor } = options
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  // Whoever read it is gone.
  process.stdout.once('error', () => interrupted.abort())
  await withDaemon(common, async (client) => {
    const notices = client.follow(
      { topic, chain, from: from === undefined ? undefined : height(from), actor },
      {
        signal: interrupted.signal,
        onStanding(standing) {
          if (standing.kind === 'broken') say(`The daemon is not there (${standing.code}); trying again.`)
          else say(`Following ${topic} above height ${standing.subscribed.height}.`)
        }
      }
    )
    for await (const notice of notices) await write(textOf(common, topic, notice), interrupted.signal)
  })
}

/** With `--json` one line for each height, so that what was read last is a whole height to go on from. */
function textOf(common: Common, topic: TopicName, { height, events }: Notice): string {
  if (common.json) return `${JSON.stringify({ height, events })}\n`
  // A topic's events are of its own type.
  const line = LINES[topic] as (event: EventOf<TopicName>) => string
  return events.map((event) => `${String(height).padStart(8)}  ${utc(event.timeMs)}  ${line(event)}\n`).join('')
}

/** Waits for a reader that is slower than the chain. */
async function write(text: string, signal: AbortSignal): Promise<void> {
  if (text === '' || process.stdout.write(text)) return
  // Interrupted, or the reader is gone, which ends the loop.
  await once(process.stdout, 'drain', { signal }).catch(() => undefined)
}

const LINES: { readonly [T in TopicName]: (event: EventOf<T>) => string } = {
  blocks: ({ digest, proposer, transactions }) => `${short(digest)}  ${transactions} transactions  by ${who(proposer)}`,
  handoffs(event) {
    const record = short(event.record)
    switch (event.kind) {
      case 'sent':
        return `${record}  ${who(event.from)} -> ${event.to.map(who).join(', ')}  ${event.purpose}`
      case 'acknowledged':
        return `${record}  ${who(event.by)}: ${event.outcome}`
      case 'recalled':
      case 'destroyed':
        return `${record}  ${event.kind} by ${who(event.by)}`
      default:
        return unreachable(event)
    }
  },
  accesses({ alias, hospital, reader, purpose, records, status, code }) {
    const by = reader === null ? who(hospital) : `${who(reader)} (${who(hospital)})`
    const found = [status, code].filter((one) => one !== null).join(', ')
    return `${short(alias)}  ${by}  ${purpose}  ${records.length} records  ${found}`.trimEnd()
  },
  alerts: ({ kind, severity, code, problem, remedy }) =>
    `${severity === 'fail' ? 'FAIL' : 'warn'}  ${kind}  ${code}  ${printable(`${problem} ${remedy}`)}`
}
