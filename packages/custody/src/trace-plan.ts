/** What goes into a receipt of a trace: the ids of its transactions, in the order of the chain, the record's creation first. */
import { assert, type MemberId, type RecordId, type TransactionId } from '@wardline/codec'
import { type Attestation, type CustodyGraph, comparePositions, handOffs, type Position } from './graph.ts'
import { type Edge, edgeOf, pathOfCopy, sendOf, sentOf } from './queries.ts'
import { decodeSendRow, rowRanges } from './rows.ts'
import { type Rows, readRecall } from './trace.ts'

/**
 * Transactions that a receipt of a path may hold for attestations of transmissions that are not on it. Members choose the
 * one that they name: without a bound, whoever is on a path could make its receipt too large.
 */
const BESIDE_MAX = 128
/** Of one attestation. */
const BESIDE_EACH_MAX = 32

type Placed = Position & { readonly id: TransactionId }

/** All of a record's story, as far as the graph has it. */
export function tracePlan(graph: CustodyGraph): TransactionId[] {
  const { transmissions, recall } = graph
  const acks = handOffs(graph).flatMap(({ delivery: { ack } }) => ack ?? [])
  const recalled = recall === undefined ? [] : [recall, ...recall.attested.values()]
  return inOrder([...transmissions, ...acks, ...recalled])
}

/**
 * The path by which a member came to hold a record, up to its own acknowledgement, the recall if there was one, and what those
 * on the path attest. Reads the path alone, however often the record travelled elsewhere. An attestation is left out where more than
 * 32 transactions lead to what it names, or more than 128 for all such attestations together. Undefined where the member never
 * held the record; `too-long` where the path has more than `limits.custodyPathMax` hand-offs.
 */
export async function tracePlanTo(
  rows: Rows,
  record: RecordId,
  holder: MemberId
): Promise<TransactionId[] | 'too-long' | undefined> {
  const path = pathOfCopy(rows, record, holder)
  if (path === undefined) return undefined
  if (!path.complete) return 'too-long'
  const story = [
    await creationOf(rows, record),
    ...path.hops.flatMap(({ transmission, delivery }) => [transmission, openingOf(delivery)])
  ]
  const recall = await readRecall(rows, record)
  if (recall === undefined) return inOrder(story)
  const members = new Set([...path.hops.map(({ transmission }) => transmission.sender), holder])
  const attestations = [...members].flatMap((member) => recall.attested.get(member) ?? [])
  return inOrder([...story, recall, ...attestedBy(rows, record, story, attestations)])
}

async function creationOf(rows: Rows, record: RecordId): Promise<Placed> {
  for await (const [, value] of rows.range({ ...rowRanges.sends(record), limit: 1 })) {
    return sentOf(decodeSendRow(value))
  }
  throw new Error('a held record has a transmission')
}

/** The attestations, each with what leads to the transmission that it names. */
function attestedBy(
  rows: Rows,
  record: RecordId,
  story: readonly Placed[],
  attestations: readonly Attestation[]
): readonly Placed[] {
  const known = new Set(story.map(({ id }) => id))
  const found: Placed[] = []
  let room = BESIDE_MAX
  for (const attestation of attestations) {
    const way = wayTo(rows, record, attestation.via, known, Math.min(room, BESIDE_EACH_MAX))
    if (way === undefined) continue
    for (const { id } of way) known.add(id)
    room -= way.length
    found.push(attestation, ...way)
  }
  return found
}

/**
 * What leads to a transmission from those that are known, itself included: of each the acknowledgement by which its sender
 * had the record before. Undefined where that is more than `max`.
 */
function wayTo(
  rows: Rows,
  record: RecordId,
  to: TransactionId | null,
  known: ReadonlySet<TransactionId>,
  max: number
): readonly Placed[] | undefined {
  const way: Placed[] = []
  for (let next = to; next !== null && !known.has(next); ) {
    const send = sendOf(rows, next)
    way.push(sentOf(send))
    if (send.via !== null) way.push(openingOf(edgeOf(rows, record, sendOf(rows, send.via), send.sender).delivery))
    if (way.length > max) return undefined
    next = send.via
  }
  return way
}

function openingOf({ ack }: Edge['delivery']): Placed {
  assert(ack !== null, 'who holds a record has acknowledged opening it')
  return ack
}

/** One acknowledgement may be of several hand-offs. */
function inOrder(story: readonly Placed[]): TransactionId[] {
  return [...new Set(story.toSorted(comparePositions).map(({ id }) => id))]
}
