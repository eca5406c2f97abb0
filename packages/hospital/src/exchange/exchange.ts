/** The record exchange of one SPV chain: this hospital as owner and as requester, and the records that it has anchored. */
import { ApiError } from '@wardline/api'
import { assert, type Hash, type RecordId, unreachable } from '@wardline/codec'
import { CONTENT_SALT_BYTES, type Content, commitContent } from '@wardline/crypto'
import { type Descriptor, encodeDescriptor, NONCE_BYTES, recordIdOf } from '@wardline/ledger'
import type { Submission } from '@wardline/node'
import { build } from '../author.ts'
import type { Deadline } from '../deadline.ts'
import { forgetRecord, keepRecord, keptRecord, unpackContent } from './kept-records.ts'
import { type Owner, type OwnerParts, serveRecords } from './owner.ts'
import { type RecordAnswer, type RecordQuestion, requestRecords } from './requester.ts'

export type Anchoring = {
  readonly submission: Submission
  readonly record: RecordId
  readonly commitment: Hash
  readonly content: Content
}

export type Exchange = Owner & {
  /** Keeps a record and commits to it on the chain: a crash between leaves a record that nobody can ask for. */
  anchor(alias: RecordQuestion['alias'], bytes: Uint8Array, descriptor: Descriptor): Promise<Anchoring>
  /** An own record, held against its anchor. @throws ApiError `vault-damaged | record-not-here` */
  own(record: RecordId, anchored: Hash): Promise<Content>
  /** @throws ApiError with the owner's code, `bad-answer`, `verification-failed`, `timeout` */
  request(question: RecordQuestion, deadline: Deadline, signal: AbortSignal | undefined): Promise<RecordAnswer>
}

/** Starts to serve; it ends with the network. */
export function startExchange(parts: OwnerParts): Exchange {
  const { member, network, vault } = parts
  const { chain, random, log } = member
  const owner = serveRecords(parts)
  return {
    ...owner,
    async anchor(alias, bytes, descriptor) {
      const nonce = random.bytes(NONCE_BYTES)
      const record = recordIdOf(chain.id, chain.self, nonce)
      const content: Content = {
        salt: random.bytes(CONTENT_SALT_BYTES),
        descriptor: encodeDescriptor(descriptor),
        bytes
      }
      const commitment = commitContent(content)
      await keepRecord(vault, record, content)
      const anchor = build(member, 'spv.anchor', { alias, recordId: record, content: commitment }, { nonce })
      const submission = await chain.submit(anchor)
      if (submission.kind === 'refused') await forgetRecord(vault, record)
      return { submission, record, commitment, content }
    },
    async own(record, anchored) {
      const kept = await keptRecord(vault, record, anchored)
      switch (kept.kind) {
        case 'absent':
          throw new ApiError('record-not-here', 'this hospital does not have the record any more')
        case 'damaged':
          log.error('a record in the vault is damaged', { record })
          throw new ApiError('vault-damaged', 'the record in the vault is damaged; restore it from a backup')
        case 'found': {
          const content = unpackContent(kept.packed)
          assert(content !== undefined, 'what was held against the anchor is a record')
          return content
        }
        default:
          return unreachable(kept)
      }
    },
    request: (question, deadline, signal) => requestRecords(member, network, question, deadline, signal)
  }
}
