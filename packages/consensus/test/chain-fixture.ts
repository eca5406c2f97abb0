/** Members, keys and blocks for tests. Signatures are hashes: the engine never looks inside them, and hashes are fast. */
import {
  bytesEqual,
  type ChainId,
  concatBytes,
  type Digest,
  epoch,
  type Hash,
  type Height,
  type Leaf,
  type MemberId,
  name32,
  nameBytes,
  type SignKey,
  sha256,
  type View
} from '@wardline/codec'
import type { VoteSigner } from '@wardline/crypto'
import {
  type Certificate,
  DEFAULT_TIMING,
  type EngineConfig,
  type Header,
  headerDigest,
  indexOfMember,
  leaderOf,
  leavesRoot,
  NO_DIGEST,
  type Proposal,
  quorum,
  setHash,
  type Validator,
  type ValidatorSet,
  type Vote,
  type VoteKind,
  validatorSet,
  voteBytes
} from '../src/index.ts'
import { type Status, type StatusAsk, statusBytes } from '../src/status.ts'

const text = new TextEncoder()

export const hashOf = <T extends string = Hash>(label: string): T =>
  name32<Hash>(sha256(text.encode(label))) as string as T

export const chain = hashOf<ChainId>('chain')
export const GENESIS_TIME_MS = 1_800_000_000_000

export function fakeSignature(key: SignKey, message: Uint8Array): Uint8Array {
  const half = sha256(nameBytes(key), message)
  return concatBytes(half, half)
}

export function fakeVerify(key: SignKey, message: Uint8Array, signature: Uint8Array): boolean {
  return bytesEqual(fakeSignature(key, message), signature)
}

export function fakeSigner(validator: Validator): VoteSigner {
  return { publicKey: validator.key, sign: (vote) => fakeSignature(validator.key, vote) }
}

/** `n` members; index i of the set is the i-th in the order of leadership by position. */
export function fakeSet(n: number): ValidatorSet {
  const validators = Array.from({ length: n }, (_, i) => ({
    member: hashOf<MemberId>(`member ${i}`),
    key: hashOf<SignKey>(`key ${i}`)
  }))
  return validatorSet(epoch(0), validators)
}

export function fakeConfig(
  set: ValidatorSet,
  index: number | null,
  overrides: Partial<EngineConfig> = {}
): EngineConfig {
  const validator = index === null ? undefined : set.validators[index]
  return {
    chain,
    set,
    start: null,
    earlier: () => undefined,
    self: validator === undefined ? null : { member: validator.member, signer: fakeSigner(validator) },
    genesisTimeMs: GENESIS_TIME_MS,
    timing: DEFAULT_TIMING,
    ...overrides
  }
}

export function voteOf(
  set: ValidatorSet,
  index: number,
  kind: VoteKind,
  view: number,
  digest: Digest = NO_DIGEST
): Vote {
  const validator = set.validators[index] as Validator
  const message = voteBytes(kind, chain, set.epoch, view as View, digest)
  const signature = fakeSignature(validator.key, message)
  return { kind, epoch: set.epoch, view: view as View, digest, signer: validator.member, signature, attempt: 0 }
}

/** A certificate by `signers`, by default the first quorum. */
export function certificateOf(
  set: ValidatorSet,
  kind: VoteKind,
  view: number,
  digest: Digest = NO_DIGEST,
  signers = set.validators.slice(0, quorum(set.validators.length)).map((_, index) => index)
): Certificate {
  const signatures = signers.map((index) => voteOf(set, index, kind, view, digest).signature)
  return { kind, epoch: set.epoch, view: view as View, digest, signers, signatures }
}

/** The answer of validator `index`, by default in view 1 and without a memory of the asker. */
export function statusOf(
  set: ValidatorSet,
  index: number,
  { asker, nonce }: StatusAsk,
  facts: Partial<Pick<Status, 'view' | 'certificate' | 'heard'>> = {}
): Status {
  const { member: signer, key } = set.validators[index] as Validator
  const view = facts.view ?? (1 as View)
  const unsigned = { epoch: set.epoch, signer, asker, nonce, view, certificate: null, heard: null, ...facts }
  return { ...unsigned, signature: fakeSignature(key, statusBytes(chain, unsigned)) }
}

export type Parent = { readonly digest: Digest; readonly height: number; readonly time: number }

export const genesisParent: Parent = { digest: chain as string as Digest, height: 0, time: GENESIS_TIME_MS }

export function parentOf(header: Header): Parent {
  return { digest: headerDigest(header), height: header.height, time: header.time }
}

/** A header that the fixture's rule of execution accepts: `appHash` names parent and leaves. */
export function headerOf(
  set: ValidatorSet,
  view: number,
  parent: Parent,
  leaves: readonly Leaf[] = [],
  time = parent.time + 1
): Header {
  return {
    version: 1,
    chain,
    epoch: set.epoch,
    view: view as View,
    height: (parent.height + 1) as Height,
    parent: parent.digest,
    time,
    proposer: leaderOf(set, view as View).member,
    txRoot: leavesRoot(leaves),
    history: hashOf('history'),
    appHash: appHashOf(parent.digest, leaves),
    nextSetHash: setHash(set.validators)
  }
}

export function appHashOf(parent: Digest, leaves: readonly Leaf[]): Hash {
  return hashOf(`state ${parent} ${leaves.join()}`)
}

export function proposalOf(
  set: ValidatorSet,
  header: Header,
  leaves: readonly Leaf[],
  parentCertificate: Certificate | null,
  skips: readonly Certificate[] = [],
  view: View = header.view
): Proposal {
  const leader = indexOfMember(set, leaderOf(set, view).member)
  const { signature } = voteOf(set, leader, 'notarize', view, headerDigest(header))
  return { header, view, leaves, signature, parentCertificate, skips }
}
