/** A finalized chain for tests of receipts: five blocks of first transmissions, the fourth of them empty. */
import {
  appendLeaf,
  type Digest,
  emptyFrontier,
  epoch,
  frontierRoot,
  type Hash,
  height,
  inclusionProof,
  type Leaf,
  name32,
  nameBytes,
  view
} from '@wardline/codec'
import { type Certificate, type Header, headerDigest, setHash, voteBytes } from '@wardline/consensus'
import {
  appHash,
  createOverlay,
  execute,
  genesisAppHash,
  type ParsedTransaction,
  type Pin,
  txRoot,
  validatorsOf
} from '../src/index.ts'
import { alpha, beta, CREATED, chain, firstSend, founders, genesis, genesisState, parent } from './world.ts'

export type Block = {
  readonly header: Header
  readonly digest: Digest
  readonly transactions: readonly ParsedTransaction[]
}

/** A chain of blocks with these transactions, every header as a correct daemon makes it. */
function chainOf(bodies: readonly (readonly ParsedTransaction[])[]): readonly Block[] {
  const state = createOverlay(genesisState())
  const set = validatorsOf(genesis)
  let frontier = appendLeaf(emptyFrontier, nameBytes(chain))
  let app = genesisAppHash(genesis)
  const blocks: Block[] = []
  for (const [i, transactions] of bodies.entries()) {
    const position = { height: height(i + 1), time: CREATED + 1000 * (i + 1), parent }
    const result = execute(state, { ...position, transactions })
    if (result.kind === 'invalid') throw new Error(result.code)
    for (const { key, value } of [...result.changes, ...result.seen]) state.set(key, value)
    app = appHash(app, result.changes)
    const header: Header = {
      version: 1,
      chain,
      epoch: epoch(0),
      view: view(i + 3),
      ...position,
      parent: blocks.at(-1)?.digest ?? (chain as string as Digest),
      proposer: alpha.member,
      txRoot: txRoot(transactions.map(({ leaf }) => leaf)),
      history: name32<Hash>(frontierRoot(frontier)),
      appHash: app,
      nextSetHash: setHash(set.validators)
    }
    const digest = headerDigest(header)
    frontier = appendLeaf(frontier, nameBytes(digest))
    blocks.push({ header, digest, transactions })
  }
  return blocks
}

export function finalize(header: Header, signers: readonly number[]): Certificate {
  const digest = headerDigest(header)
  const statement = { kind: 'finalize', epoch: header.epoch, view: header.view, digest } as const
  const { validators } = validatorsOf(genesis)
  const message = voteBytes('finalize', header.chain, header.epoch, header.view, digest)
  const signatures = signers.map((i) => {
    const founder = founders.find(({ member }) => member === validators[i]?.member)
    if (founder === undefined) throw new Error('no such validator')
    return founder.vote.sign(message)
  })
  return { ...statement, signers, signatures }
}

const sends = [3, 1, 5, 0, 7].map((count) => Array.from({ length: count }, () => firstSend(alpha, [beta])))
export const blocks = chainOf(sends)

export function blockAt(at: number): Block {
  const block = blocks[at - 1]
  if (block === undefined) throw new Error('no such block')
  return block
}

export function historyProof(of: number, inBlock: number): readonly Uint8Array[] {
  const digests = [nameBytes(chain), ...blocks.slice(0, inBlock - 1).map(({ digest }) => nameBytes(digest))]
  return inclusionProof(digests, of)
}

export function digestAt(at: number): Digest {
  return at === 0 ? (chain as string as Digest) : blockAt(at).digest
}

export function leavesOf({ transactions }: Block): readonly Leaf[] {
  return transactions.map(({ leaf }) => leaf)
}

export function pinAt(at: number): Pin {
  return { height: height(at), digest: digestAt(at) }
}
