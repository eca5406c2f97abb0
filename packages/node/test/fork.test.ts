/** What contradicts the final chain: finalizations that a quorum did sign, and a pinned block that is not there. */
import { type Digest, encodeCbor, epoch, height, name32, view, WardlineError } from '@wardline/codec'
import {
  type Certificate,
  encodeCertificate,
  encodeHeader,
  encodeMessage,
  type Header,
  headerDigest,
  voteBytes
} from '@wardline/consensus'
import { chainIdOf } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SYNC_PROTOCOL } from '../src/sync.ts'
import { type ChainWorld, chainWorld, type Hospital, registered, secret } from './chain-world.ts'

const test = suite('node/fork')
const OTHER = name32<Digest>(secret('another block'))

async function commitMore(it: ChainWorld, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, name) })
  }
  await it.run(500)
}

/** What the keys of these hospitals sign, all of it genuine. */
function finalization(it: ChainWorld, at: number, digest: Digest, signers: readonly number[]): Certificate {
  const message = voteBytes('finalize', chainIdOf(it.genesis), epoch(0), view(at), digest)
  const signatures = signers.map((index) => (it.hospitals[index] as Hospital).vote.sign(message))
  return { kind: 'finalize', epoch: epoch(0), view: view(at), digest, signers, signatures }
}

/** Hospital 3's node says it to all. */
function say(it: ChainWorld, certificate: Certificate): void {
  it.play(3, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    const message = encodeMessage({ kind: 'certificate', certificate, attempt: 1 })
    clock.after(500, () => void network.gossip.publish(`/wardline/${chainIdOf(it.genesis)}/vote/1`, message))
  })
}

const codeOf = (it: ChainWorld, index: number): string | undefined => {
  const error = it.failures.get(it.hospitals[index]?.name as string)
  assert.ok(error === undefined || error instanceof WardlineError, String(error))
  return error?.code
}

/** The block of hospital 0's chain at this height. */
function blockAt(it: ChainWorld, at: number) {
  const block = it.chain(0).query.block(height(at))
  if (block === undefined) throw new Error('a block is missing')
  return block
}

test('a finalization of another block in a final view halts every daemon with the proof on disk, and none opens again', async () => {
  const it = await chainWorld(4)
  await commitMore(it, 'a', 'b', 'c')
  const { header, digest } = blockAt(it, 2)
  it.crash(3)
  say(it, finalization(it, header.view, OTHER, [1, 2, 3]))
  await it.run(2000)
  for (const index of [0, 1, 2]) {
    assert.is(codeOf(it, index), 'conflicting-finalization')
    assert.match(
      (it.failures.get(it.hospitals[index]?.name as string) as Error).message,
      /^the chain is forked: [^.]*$/
    )
  }
  const rows =
    it.world
      .node(it.hospitals[0]?.name as string)
      .disk.image()
      .stores.get('chain') ?? new Map()
  const offenders = [...rows.keys()].flatMap((key) => /^evidence\/(\w+)\//.exec(key)?.[1] ?? [])
  // Two quorums of three among four share two at least.
  assert.ok(new Set(offenders).size >= 2, `${offenders.length}`)
  assert.ok(rows.has('meta/fork'))
  assert.is(new TextDecoder().decode(rows.get(`blocks/height/${digest}`)), '2', 'what was final stays')
  it.start(0)
  await it.run(1000)
  assert.throws(() => it.chain(0))
  assert.is(codeOf(it, 0), 'conflicting-finalization')
})

test('one that nobody signed, or that names a final block, halts nobody', async () => {
  for (const change of [
    ({ signatures: [first, ...rest] }: Certificate) => ({
      signatures: [(first as Uint8Array).map((byte) => byte ^ 1), ...rest]
    }),
    () => ({ epoch: epoch(1) }),
    ({ signers, signatures }: Certificate) => ({ signers: signers.slice(1), signatures: signatures.slice(1) })
  ]) {
    const it = await chainWorld(4)
    await commitMore(it, 'a', 'b')
    const forged = finalization(it, blockAt(it, 1).header.view, OTHER, [1, 2, 3])
    it.crash(3)
    say(it, { ...forged, ...change(forged) })
    await commitMore(it, 'c')
    assert.equal([...it.failures], [])
  }
  const it = await chainWorld(4)
  await commitMore(it, 'a', 'b')
  const { header, digest } = blockAt(it, 1)
  it.crash(3)
  say(it, finalization(it, header.view, digest, [1, 2, 3]))
  await commitMore(it, 'c')
  assert.equal([...it.failures], [])
})

test('catch-up that finds another final chain halts the daemon', async () => {
  const it = await chainWorld(4)
  await commitMore(it, 'a', 'b')
  it.crash(3)
  await commitMore(it, 'c')
  const { header } = blockAt(it, 3)
  const forked: Header = { ...header, parent: OTHER }
  const certificate = finalization(it, header.view + 1, headerDigest(forked), [0, 1, 2])
  for (const index of [0, 1, 2]) it.crash(index)
  it.play(2, async ({ network }) => {
    const frame = encodeCbor({ headers: [encodeHeader(forked)], certificate: encodeCertificate(certificate) })
    const answer = async function* () {
      yield frame
    }
    network.serve(SYNC_PROTOCOL, answer, { requestBytesMax: 400_000 })
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
  })
  it.start(3)
  await it.run(3000)
  assert.is(codeOf(it, 3), 'conflicting-finalization')
})

test('a chain that has the pinned block is followed, and one without it is refused, before and after it was taken', async () => {
  const it = await chainWorld(4)
  await commitMore(it, 'a')
  it.crash(3)
  await commitMore(it, 'b', 'c', 'd')
  const { digest } = blockAt(it, 3)
  it.start(3, undefined, { pin: { height: height(3), digest: OTHER } })
  await it.run(10_000)
  // By catch-up it is refused before it is taken; where the votes bring it, the chain stops before the block is.
  assert.ok(
    codeOf(it, 3) === 'pin-mismatch' ||
      it.logs.some(({ message }) => message === 'a chain without the pinned block was refused')
  )
  const rows = it.world
    .node(it.hospitals[3]?.name as string)
    .disk.image()
    .stores.get('chain')
  assert.not.ok(rows?.has('blocks/header/000000000003'))
  it.crash(3)
  it.start(3, undefined, { pin: { height: height(3), digest } })
  await it.run(5000)
  assert.is(it.chain(3).head().digest, it.chain(0).head().digest)
  for (const pin of [
    { height: height(2), digest },
    { height: height(0), digest }
  ]) {
    it.crash(3)
    it.start(3, undefined, { pin })
    await it.run(1000)
    assert.is(codeOf(it, 3), 'pin-mismatch')
  }
})

test.run()
