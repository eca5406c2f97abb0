/** What validators say to each other, as bytes. Malformed input yields undefined, never an error. */
import { limits, unreachable } from '@wardline/codec'
import { type Certificate, readCertificate, writeCertificate } from './certificate.ts'
import { type Proposal, readProposal, writeProposal } from './proposal.ts'
import { readStatus, readStatusAsk, type Status, type StatusAsk, writeStatus, writeStatusAsk } from './status.ts'
import { readVote, type Vote, writeVote } from './vote.ts'
import { createReader, createWriter } from './wire.ts'

export type Message =
  | { readonly kind: 'vote'; readonly vote: Vote }
  /** `attempt` as in a vote: not signed, makes the bytes of a re-sent certificate differ. */
  | { readonly kind: 'certificate'; readonly certificate: Certificate; readonly attempt: number }
  | { readonly kind: 'proposal'; readonly proposal: Proposal }
  | { readonly kind: 'status-ask'; readonly ask: StatusAsk }
  | { readonly kind: 'status'; readonly status: Status }

/** First byte of each kind. */
const TAGS = { vote: 1, certificate: 2, proposal: 3, 'status-ask': 4, status: 5 } as const

export function encodeMessage(message: Message): Uint8Array {
  const writer = createWriter(512)
  writer.u8(TAGS[message.kind])
  switch (message.kind) {
    case 'vote':
      writeVote(writer, message.vote)
      break
    case 'certificate':
      writer.u32(message.attempt)
      writeCertificate(writer, message.certificate)
      break
    case 'proposal':
      writeProposal(writer, message.proposal)
      break
    case 'status-ask':
      writeStatusAsk(writer, message.ask)
      break
    case 'status':
      writeStatus(writer, message.status)
      break
    default:
      unreachable(message)
  }
  return writer.done()
}

/** @returns undefined for anything but the one encoding of one message of at most `limits.gossipMessageBytesMax` bytes */
export function parseMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.length > limits.gossipMessageBytesMax) return undefined
  const reader = createReader(bytes)
  const tag = reader.u8()
  let message: Message
  if (tag === TAGS.vote) {
    message = { kind: 'vote', vote: readVote(reader) }
  } else if (tag === TAGS.certificate) {
    const attempt = reader.u32()
    message = { kind: 'certificate', certificate: readCertificate(reader), attempt }
  } else if (tag === TAGS.proposal) {
    message = { kind: 'proposal', proposal: readProposal(reader) }
  } else if (tag === TAGS['status-ask']) {
    message = { kind: 'status-ask', ask: readStatusAsk(reader) }
  } else if (tag === TAGS.status) {
    message = { kind: 'status', status: readStatus(reader) }
  } else {
    return undefined
  }
  return reader.complete() ? message : undefined
}
