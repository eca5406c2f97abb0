/**
 * Traces of the specification (`test/model/validator.qnt`) played to real engines: one for each correct validator, fed
 * with what the trace says reached it. After each step the engine must have signed exactly what the specification signed,
 * and stand where it stands.
 */
import { assert, type Digest, type Leaf } from '@wardline/codec'
import { parseTrace } from '../../../../test/model/itf.ts'
import {
  type BuildRequest,
  type Certificate,
  engineStatus,
  headerDigest,
  type Message,
  NO_DIGEST,
  type Output,
  type Proposal,
  step,
  type ValidatorSet,
  type VoteKind
} from '../../src/index.ts'
import {
  certificateOf,
  fakeSet,
  genesisParent,
  hashOf,
  headerOf,
  type Parent,
  parentOf,
  proposalOf,
  voteOf
} from '../chain-fixture.ts'
import { checked, createLone, feed, type Lone, restart, screenHere } from './lone-engine.ts'

/** A block's view and tag; `[0, 0]` is genesis, and where no block is meant. */
type BlockName = readonly [view: number, tag: number]
type Ballot = readonly [kind: VoteKind, view: number, block: BlockName]

/** What the specification knows of one correct validator, as far as it is compared. */
type SpecNode = {
  readonly view: number
  readonly floor: number
  readonly final: BlockName
  readonly signed: readonly Ballot[]
  readonly held: readonly Ballot[]
  readonly work: boolean
  readonly asked: readonly (readonly [parent: BlockName, proof: VoteKind])[]
}

type SpecState = {
  readonly nodes: ReadonlyMap<number, SpecNode>
  readonly parentOf: ReadonlyMap<string, BlockName>
  readonly awake: readonly number[]
  readonly event: readonly [name: string, node: number, said: Ballot, signer: number]
}

/** `parent` is what the block is to its children. */
type Block = { readonly parent: Parent; readonly digest: Digest; readonly proposal: Proposal }

type Replay = {
  readonly set: ValidatorSet
  readonly byzantine: readonly number[]
  readonly engines: ReadonlyMap<number, Lone>
  /** What engines asked to have built and did not get. */
  readonly builds: Map<number, BuildRequest>
  readonly blocks: Map<string, Block>
  readonly names: Map<Digest, string>
  deliveries: number
}

/** The timer of a view after one that was not nullified. */
const VIEW_TIMER_MS = 1600

/**
 * @param text a trace in the Informal Trace Format
 * @param byzantine those of the `validators` that no engine plays
 * @returns how often each kind of event was replayed
 * @throws Error at the first step after which an engine differs from the specification
 */
export function replayTrace(
  text: string,
  validators: number,
  byzantine: readonly number[]
): ReadonlyMap<string, number> {
  const [first, ...rest] = parseTrace(text) as readonly SpecState[]
  assert(first !== undefined, 'a trace has a state')
  const set = fakeSet(validators)
  const replay: Replay = {
    set,
    byzantine,
    engines: new Map([...first.nodes.keys()].map((node) => [node, createLone(set, node)])),
    builds: new Map(),
    blocks: new Map(),
    names: new Map([[genesisParent.digest, '0,0']]),
    deliveries: 0
  }
  const counts = new Map<string, number>()
  let before = first
  for (const [at, state] of rest.entries()) {
    const [name] = state.event
    try {
      play(replay, before, state)
      for (const index of replay.engines.keys()) compare(replay, state, index)
    } catch (error) {
      throw new Error(`step ${at + 1}, ${JSON.stringify(state.event)}: ${(error as Error).message}`, { cause: error })
    }
    counts.set(name, (counts.get(name) ?? 0) + 1)
    before = state
  }
  return counts
}

/** Lets happen what the specification says happened between `before` and now. */
function play(replay: Replay, before: SpecState, { event, parentOf: parents }: SpecState): void {
  const [name, node, ballot, signer] = event
  const [kind, view, block] = ballot
  if (name === 'byzantine') {
    const parent = parents.get(block.join())
    assert(parent !== undefined, 'a proposed block has a parent')
    proposeByzantine(replay, before, node, block, parent)
    return
  }
  const lone = engineOf(replay, node)
  switch (name) {
    case 'work':
      obey(replay, node, feed(lone, { kind: 'work', hasWork: true }))
      break
    case 'propose':
      propose(replay, node, block)
      break
    case 'hear-proposal':
      deliver(replay, node, { kind: 'proposal', proposal: blockOf(replay, block).proposal })
      break
    case 'hear-certificate':
      deliver(replay, node, { kind: 'certificate', certificate: certify(replay, before, ballot), attempt: 0 })
      break
    case 'hear-vote':
      deliver(replay, node, { kind: 'vote', vote: voteOf(replay.set, signer, kind, view, digestOf(replay, ballot)) })
      break
    case 'timeout':
      // At most all views before were nullified. In one go, so that nothing else that is due in between is done.
      lone.nowMs += Math.ceil(VIEW_TIMER_MS * 1.5 ** (engineStatus(lone.engine).view - 1))
      obey(replay, node, feed(lone, { kind: 'alarm' }))
      break
    case 'crash':
      replay.builds.delete(node)
      obey(replay, node, restart(lone))
      if (before.nodes.get(node)?.work) obey(replay, node, feed(lone, { kind: 'work', hasWork: true }))
      break
    default:
      throw new RangeError(`no event is called ${name}`)
  }
  // Whatever the engine now wants to fetch, it gets at once.
  for (const { proposal } of replay.blocks.values()) {
    obey(replay, node, feed(lone, { kind: 'fetched', header: proposal.header }))
  }
}

/** Does what the engine asks: every block is valid, and every commit is written at once. */
function obey(replay: Replay, node: number, outputs: readonly Output[]): void {
  const lone = engineOf(replay, node)
  for (const output of outputs) {
    if (output.kind === 'build') replay.builds.set(node, output)
    if (output.kind === 'check') obey(replay, node, checked(lone, output.digest))
    if (output.kind === 'commit') {
      const last = output.blocks.at(-1)
      assert(last !== undefined, 'a commit names blocks')
      obey(replay, node, step(lone.engine, { kind: 'committed', digest: headerDigest(last) }))
    }
  }
}

/** What was screened away changes nothing, and nothing honest is the fault of who delivers it. */
function deliver(replay: Replay, node: number, message: Message): void {
  const lone = engineOf(replay, node)
  replay.deliveries += 1
  const from = `peer ${replay.deliveries}`
  const screening = screenHere(lone, message, from)
  if (screening.kind === 'ignore') return
  assert(screening.kind === 'verify', `let through, not ${JSON.stringify(screening)}`)
  obey(replay, node, feed(lone, { kind: 'message', from, message: screening.instead ?? message }))
}

function propose(replay: Replay, node: number, block: BlockName): void {
  const lone = engineOf(replay, node)
  const request = replay.builds.get(node)
  assert(request !== undefined, 'the leader asked for a block')
  replay.builds.delete(node)
  const parent = parentNamed(replay, replay.names.get(request.parent.digest))
  const { header, leaves } = makeBlock(replay, block, parent)
  const outputs = feed(lone, { kind: 'built', view: request.view, parent: parent.digest, header, leaves })
  const sent = outputs.flatMap((output) => (output.kind === 'send' ? [output.message] : []))
  const proposal = sent.find((message) => message.kind === 'proposal')?.proposal
  assert(proposal !== undefined, 'the leader proposed')
  remember(replay, block, proposal)
  obey(replay, node, outputs)
}

function proposeByzantine(
  replay: Replay,
  before: SpecState,
  leader: number,
  block: BlockName,
  parent: BlockName
): void {
  const [view] = block
  const { header, leaves } = makeBlock(replay, block, parentNamed(replay, parent.join()))
  assert(replay.set.validators[leader]?.member === header.proposer, 'the view is that of the leader')
  const isOnGenesis = parent[0] === 0
  const proof = isOnGenesis ? null : certify(replay, before, ['notarize', parent[0], parent])
  const skips: Certificate[] = []
  for (let skipped = parent[0] + 1; skipped < view; skipped++) {
    skips.push(certify(replay, before, ['nullify', skipped, [0, 0]]))
  }
  remember(replay, block, proposalOf(replay.set, header, leaves, proof, skips))
}

/** A block with one transaction of its own. */
function makeBlock(replay: Replay, block: BlockName, parent: Parent) {
  const leaves = [hashOf<Leaf>(`leaf ${block.join()}`)]
  return { header: headerOf(replay.set, block[0], parent, leaves), leaves }
}

function remember(replay: Replay, block: BlockName, proposal: Proposal): void {
  const parent = parentOf(proposal.header)
  replay.blocks.set(block.join(), { parent, digest: parent.digest, proposal })
  replay.names.set(parent.digest, block.join())
}

/** By everybody who has signed it, and the Byzantine. */
function certify(replay: Replay, state: SpecState, ballot: Ballot): Certificate {
  const [kind, view] = ballot
  const signers = replay.set.validators.flatMap((_, index) => {
    const signed = state.nodes.get(index)?.signed.map(ballotName)
    return signed === undefined || signed.includes(ballotName(ballot)) ? [index] : []
  })
  return certificateOf(replay.set, kind, view, digestOf(replay, ballot), signers)
}

function compare(replay: Replay, state: SpecState, index: number): void {
  const lone = engineOf(replay, index)
  const spec = state.nodes.get(index)
  assert(spec !== undefined, 'the specification knows every correct validator')
  const status = engineStatus(lone.engine)
  const build = replay.builds.get(index)
  const asked = build?.view === status.view ? build.parent.digest : undefined
  const actual = {
    view: status.view,
    floor: `${status.floor.view}: ${replay.names.get(status.floor.digest)}`,
    signed: votesIn(replay, lone),
    notarized: status.unfinalized,
    awake: status.awake,
    asked: asked && replay.names.get(asked)
  }
  const expected = {
    view: spec.view,
    floor: `${spec.floor}: ${spec.final.join()}`,
    signed: spec.signed.map(ballotName).sort(),
    notarized: spec.held.filter(([kind]) => kind === 'notarize').length,
    awake: state.awake.includes(index),
    asked: spec.asked[0]?.[0].join()
  }
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  assert(got === wanted, `validator ${index} is ${got}, by the specification ${wanted}`)
}

/** Everything the journal says was signed. */
function votesIn(replay: Replay, lone: Lone): readonly string[] {
  const votes = lone.journal.flatMap((entry) => {
    if (entry.kind === 'voted') return [entry.vote]
    if (entry.kind !== 'proposed') return []
    const { header } = entry.proposal
    return [{ kind: 'notarize', view: header.view, digest: headerDigest(header) }]
  })
  return votes.map(({ kind, view, digest }) => `${kind} ${view} ${replay.names.get(digest) ?? '0,0'}`).sort()
}

const ballotName = ([kind, view, block]: Ballot): string => `${kind} ${view} ${block.join()}`

function digestOf(replay: Replay, [kind, , block]: Ballot): Digest {
  return kind === 'nullify' ? NO_DIGEST : blockOf(replay, block).digest
}

function parentNamed(replay: Replay, name: string | undefined): Parent {
  if (name === '0,0') return genesisParent
  const block = name === undefined ? undefined : replay.blocks.get(name)
  assert(block !== undefined, 'the parent was proposed')
  return block.parent
}

function blockOf(replay: Replay, block: BlockName): Block {
  const found = replay.blocks.get(block.join())
  assert(found !== undefined, 'the block was proposed')
  return found
}

function engineOf(replay: Replay, node: number): Lone {
  const lone = replay.engines.get(node)
  assert(lone !== undefined, 'the node is a correct validator')
  return lone
}
