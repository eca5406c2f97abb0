/**
 * Sends garbage, votes for views that nobody has reached, false certificates and transactions of nobody, and asks for nothing
 * and for what is meant for others.
 */
import {
  type Epoch,
  encodeCbor,
  limits,
  name32,
  nameBytes,
  type TransactionId,
  type View,
  WardlineError
} from '@wardline/codec'
import { type Certificate, type Message, NO_DIGEST } from '@wardline/consensus'
import { createSigner } from '@wardline/crypto'
import { buildTransaction, decodeBlockBody, encodeBlockBody, memberIdOf, parseTransaction } from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import type { Network } from '@wardline/ports'
import {
  type ByzantineMember,
  everyNowAndThen,
  type Misconduct,
  messageIn,
  overhear,
  randomDigest,
  signVote,
  topicOf,
  whisperMessage
} from './member.ts'

const PIECES_MAX = 300
/** Transactions overheard whose payloads may be asked for. */
const OVERHEARD_MAX = 16
const ASKED_AT_ONCE = 8
const LENGTH_BYTES = 4
const SIGNATURE_BYTES = 64

/** What it has overheard. */
type Overheard = { newest: Message | undefined; readonly transactions: TransactionId[] }

/** One thing that it does. */
type Piece = (network: Network, member: ByzantineMember, overheard: Overheard) => void

/** What shows at once that its sender is faulty: the others soon listen to it no more. */
const LOUD: readonly Piece[] = [garbage, falseCertificate, askForNothing]
/** What may come from a member that is ahead of the others, or behind. */
const QUIET: readonly Piece[] = [farVote, farSurrender, transactionsOfNobody, askForOthersPayloads]

export const flood: Misconduct = (network, member) => {
  const overheard: Overheard = { newest: undefined, transactions: [] }
  const listening = overhear(network, (topic, data) => {
    overheard.newest = messageIn(topic, data) ?? overheard.newest
    if (topic === topicOf(member.chain, 'tx')) noteTransactions(member, overheard.transactions, data)
  })
  const pieces = member.prng.chance(0.5) ? QUIET : [...QUIET, ...LOUD]
  everyNowAndThen(member, [5, 150], PIECES_MAX, () => {
    if (member.others.length > 0) member.prng.pick(pieces)(network, member, overheard)
  })
  return listening
}

function noteTransactions({ chain }: ByzantineMember, known: TransactionId[], data: Uint8Array): void {
  for (const bytes of decodeBlockBody(data) ?? []) {
    const parsed = parseTransaction(bytes, chain)
    if (parsed.kind === 'ok' && parsed.transaction.payload !== undefined) known.push(parsed.transaction.id)
    if (known.length > OVERHEARD_MAX) known.shift()
  }
}

function garbage(_: Network, { prng, others, chain, whisper }: ByzantineMember): void {
  whisper(others, topicOf(chain, prng.pick(['vote', 'proposal', 'tx'] as const)), prng.bytes(1 + prng.below(400)))
}

/** A view that may be far beyond the one that was last heard of. */
function farView(prng: Prng, { newest }: Overheard): { readonly epoch: Epoch; readonly view: View } {
  const { epoch, view: near } = placeOf(newest)
  return { epoch, view: (near + 1 + prng.below(prng.pick([2, 100, 2 ** 31]))) as View }
}

function farVote(_: Network, member: ByzantineMember, overheard: Overheard): void {
  const statement = { ...farView(member.prng, overheard), digest: randomDigest(member.prng) }
  whisperMessage(member, member.others, { kind: 'vote', vote: signVote(member, 'notarize', statement) })
}

function farSurrender(_: Network, member: ByzantineMember, overheard: Overheard): void {
  const statement = { ...farView(member.prng, overheard), digest: NO_DIGEST }
  whisperMessage(member, member.others, { kind: 'vote', vote: signVote(member, 'nullify', statement) })
}

function falseCertificate(_: Network, member: ByzantineMember, overheard: Overheard): void {
  const { prng, others } = member
  const signers = [...others, ''].map((_name, index) => index)
  const signatures = signers.map(() => prng.bytes(64))
  const named = { ...farView(prng, overheard), digest: randomDigest(prng) }
  const certificate: Certificate = { kind: 'finalize', ...named, signers, signatures }
  whisperMessage(member, others, { kind: 'certificate', certificate, attempt: prng.uint32() })
}

/**
 * A full batch of transactions whose author a later block might make a member: they may have to wait, and their signatures,
 * which are no good, are not looked at before.
 */
function transactionsOfNobody(_: Network, { prng, chain, clock, others, whisper }: ByzantineMember): void {
  const signer = createSigner(prng.bytes(32))
  const created = clock.nowMs()
  const genuine = buildTransaction(
    {
      chain,
      kind: 'member.revoke',
      author: { member: memberIdOf(signer.publicKey), keyIndex: 0 },
      nonce: prng.bytes(16),
      created,
      expires: created + 60 * 60 * 1000,
      body: { member: name32(prng.bytes(32)) }
    },
    signer
  )
  const count = Math.floor(limits.gossipBatchBytesMax / (genuine.length + LENGTH_BYTES))
  const batch = Array.from({ length: count }, () => {
    const bytes = genuine.slice()
    bytes.set(prng.bytes(32), bytes.length - SIGNATURE_BYTES)
    return bytes
  })
  whisper(others, topicOf(chain, 'tx'), encodeBlockBody(batch))
}

function askForNothing(network: Network, { prng, others }: ByzantineMember): void {
  void ask(network, prng.pick(others), '/wardline/sync/1', prng.bytes(1 + prng.below(100)))
}

function askForOthersPayloads(network: Network, { prng, others }: ByzantineMember, { transactions }: Overheard): void {
  const wanted = Array.from({ length: Math.min(ASKED_AT_ONCE, transactions.length) }, () => prng.pick(transactions))
  if (wanted.length === 0) return
  const request = encodeCbor({ transactions: wanted.map((id) => nameBytes(id)) })
  void ask(network, prng.pick(others), '/wardline/payload/1', request)
}

async function ask(network: Network, peer: string, protocol: string, request: Uint8Array): Promise<void> {
  try {
    const options = { timeoutMs: 1000, frameBytesMax: limits.payloadBytesMax + 1, framesMax: ASKED_AT_ONCE }
    for await (const _ of network.request(peer, protocol, request, options));
  } catch (error) {
    // The other side closes the stream, as it should.
    if (!(error instanceof WardlineError)) throw error
  }
}

/** Where in the chain's course a message belongs; the very beginning where it does not say. */
function placeOf(message: Message | undefined): { readonly epoch: Certificate['epoch']; readonly view: number } {
  switch (message?.kind) {
    case 'vote':
      return message.vote
    case 'certificate':
      return message.certificate
    case 'proposal':
      return message.proposal.header
    case 'status':
      return message.status
    case 'status-ask':
      return { epoch: message.ask.epoch, view: 0 }
    case undefined:
      return { epoch: 0 as Certificate['epoch'], view: 0 }
  }
}
