/** Three hospitals that found a chain, and receipts of what they write on it. */
import {
  appendLeaf,
  type ChainId,
  type Digest,
  emptyFrontier,
  epoch,
  type Frontier,
  frontierRoot,
  type Hash,
  height,
  name32,
  nameBytes,
  view
} from '@wardline/codec'
import { type Certificate, type Header, headerDigest, setHash, voteBytes } from '@wardline/consensus'
import { createSigner, createVoteSigner, publicSealKey } from '@wardline/crypto'
import {
  cardMember,
  chainIdOf,
  draftGenesis,
  encodeReceipt,
  type Genesis,
  type GenesisMode,
  leafOf,
  leafPath,
  makeCard,
  type ParsedTransaction,
  signGenesis,
  txRoot,
  validatorsOf,
  withSignatures
} from '@wardline/ledger'

export const CREATED = 1_800_000_000_000

export const secret = (of: number) => new Uint8Array(32).fill(of)

export const founders = ['Alder', 'Birch', 'Cedar'].map((name, i) => {
  const signers = {
    identity: createSigner(secret(10 * i + 1)),
    sign: createSigner(secret(10 * i + 2)),
    vote: createVoteSigner(secret(10 * i + 3)),
    host: createSigner(secret(10 * i + 4))
  }
  const seal = publicSealKey(secret(10 * i + 5))
  const card = makeCard({ name, label: 'region', seal, addresses: ['/ip4/127.0.0.1/tcp/20001'] }, signers)
  return { ...signers, seal, card, member: cardMember(card) }
})
export type Founder = (typeof founders)[number]
export const [alder, birch, cedar] = founders as [Founder, Founder, Founder]

/** A genesis that all of them have signed; Alder is the registrar. */
export function genesisOf(mode: GenesisMode): Genesis {
  const drafted = draftGenesis({
    ...mode,
    label: 'region',
    created: CREATED,
    random: secret(9),
    founders: founders.map(({ card }) => card),
    registrar: { kind: 'founder', member: alder.member }
  })
  return withSignatures(
    drafted,
    founders.map(({ identity }) => signGenesis(drafted, identity))
  )
}

type Signed = Pick<ParsedTransaction, 'leaf'>

/** The headers of blocks with these transactions, from height 1. */
export function headersOf(genesis: Genesis, bodies: readonly (readonly Signed[])[]): readonly Header[] {
  const chain = chainIdOf(genesis)
  let history: Frontier = appendLeaf(emptyFrontier, nameBytes(chain))
  const headers: Header[] = []
  for (const [i, transactions] of bodies.entries()) {
    const last = headers.at(-1)
    const header: Header = {
      version: 1,
      chain,
      epoch: epoch(0),
      view: view(i + 1),
      height: height(i + 1),
      parent: last === undefined ? (chain as string as Digest) : headerDigest(last),
      time: CREATED + 2_000 * (i + 1),
      proposer: alder.member,
      txRoot: txRoot(transactions.map(({ leaf }) => leaf)),
      history: name32<Hash>(frontierRoot(history)),
      appHash: '00'.repeat(32) as Hash,
      nextSetHash: setHash(validatorsOf(genesis).validators)
    }
    history = appendLeaf(history, nameBytes(headerDigest(header)))
    headers.push(header)
  }
  return headers
}

/** A finalization by all founders. */
export function certificateOf(genesis: Genesis, header: Header): Certificate {
  const digest = headerDigest(header)
  const message = voteBytes('finalize', chainIdOf(genesis), header.epoch, header.view, digest)
  const { validators } = validatorsOf(genesis)
  const signatures = validators.map(({ member }) =>
    (founders.find((founder) => founder.member === member) as Founder).vote.sign(message)
  )
  const { epoch, view } = header
  return { kind: 'finalize', epoch, view, digest, signers: validators.map((_, i) => i), signatures }
}

/** The text of a receipt of a signed transaction, the only one of block 1. No rule has judged it. */
export function receiptOf(genesis: Genesis, transaction: Uint8Array): string {
  const leaf = leafOf(transaction)
  const [header] = headersOf(genesis, [[{ leaf }]]) as [Header]
  const chain: ChainId = chainIdOf(genesis)
  const path = leafPath([leaf], 0)
  const certificate = certificateOf(genesis, header)
  return `${encodeReceipt({ chain, transaction, path, header, anchor: null, ancestor: null, epochs: [], certificate })}\n`
}
