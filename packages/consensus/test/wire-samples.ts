/** One value of each encoded type, the same in every run: for frozen formats, round trips and mutations. */
import type { Epoch, Leaf, View } from '@wardline/codec'
import { type Header, headerDigest, type JournalEntry, type Message, type Validator } from '../src/index.ts'
import { askBytes } from '../src/status.ts'
import {
  certificateOf,
  chain,
  fakeSet,
  fakeSignature,
  genesisParent,
  hashOf,
  headerOf,
  parentOf,
  proposalOf,
  statusOf,
  voteOf
} from './chain-fixture.ts'

export const set = fakeSet(4)
const first: Header = headerOf(set, 1, genesisParent)
const leaves = [hashOf<Leaf>('leaf 1'), hashOf<Leaf>('leaf 2')]
export const header: Header = headerOf(set, 4, parentOf(first), leaves)
const digest = headerDigest(header)
const notarization = certificateOf(set, 'notarize', 1, headerDigest(first), [0, 2, 3])
const skips = [certificateOf(set, 'nullify', 2), certificateOf(set, 'nullify', 3)]
const proposal = proposalOf(set, header, leaves, notarization, skips)
/** A block that closes its epoch, proposed again in view 6 on its notarization in view 4. */
const closing: Header = { ...header, nextSetHash: hashOf('the next set') }
const again = proposalOf(
  set,
  closing,
  leaves,
  certificateOf(set, 'notarize', 4, headerDigest(closing)),
  [certificateOf(set, 'nullify', 5)],
  6 as View
)

const asker = set.validators[0] as Validator
const unsigned = { epoch: set.epoch, asker: asker.member, nonce: 1_800_000_000_000 }
const ask = { ...unsigned, signature: fakeSignature(asker.key, askBytes(chain, unsigned)) }

export const messages: Record<string, Message> = {
  notarize: { kind: 'vote', vote: voteOf(set, 1, 'notarize', 4, digest) },
  nullify: { kind: 'vote', vote: { ...voteOf(set, 1, 'nullify', 4), attempt: 1_800_000_000 } },
  finalize: { kind: 'vote', vote: voteOf(set, 1, 'finalize', 4, digest) },
  certificate: { kind: 'certificate', certificate: notarization, attempt: 7 },
  'first proposal': { kind: 'proposal', proposal: proposalOf(set, first, [], null) },
  proposal: { kind: 'proposal', proposal },
  'proposal again': { kind: 'proposal', proposal: again },
  'status ask': { kind: 'status-ask', ask },
  'first status': { kind: 'status', status: statusOf(set, 1, ask) },
  status: {
    kind: 'status',
    status: statusOf(set, 1, ask, {
      ...{ view: 2 as View, certificate: notarization, heard: voteOf(set, 0, 'notarize', 1, headerDigest(first)) }
    })
  }
}

export const entries: Record<string, JournalEntry> = {
  'entered at start': { kind: 'entered', epoch: 0 as Epoch, view: 1 as View, certificate: null },
  entered: { kind: 'entered', epoch: 0 as Epoch, view: 2 as View, certificate: notarization },
  kept: { kind: 'kept', certificate: notarization },
  proposed: { kind: 'proposed', proposal },
  'proposed again': { kind: 'proposed', proposal: again },
  'voted notarize': { kind: 'voted', vote: voteOf(set, 1, 'notarize', 4, digest), header },
  'voted nullify': { kind: 'voted', vote: voteOf(set, 1, 'nullify', 4), header: null },
  pruned: { kind: 'pruned', epoch: 0 as Epoch, view: 9 as View, firstSeq: 12 }
}
