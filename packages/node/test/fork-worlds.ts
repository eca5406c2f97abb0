/** Forks of real chains: what a quorum of keys signs, and validators that run twice. */
import { type Digest, epoch, name32, view } from '@wardline/codec'
import { type Certificate, encodeMessage, evidenceOf, voteBytes } from '@wardline/consensus'
import type { VoteSigner } from '@wardline/crypto'
import { chainIdOf } from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { openEvidence } from '../src/evidence.ts'
import { type ChainWorld, chainWorld, type Hospital, secret } from './chain-world.ts'

export type Statement = { readonly epoch?: number; readonly view: number; readonly digest: Digest }

/** A finalization that these keys signed, all of it genuine: by default those of hospitals 1, 2 and 3 of the genesis. */
export function finalization(it: ChainWorld, of: Statement, keys = founderKeys(it, [1, 2, 3])): Certificate {
  const place = { epoch: epoch(of.epoch ?? 0), view: view(of.view) }
  const message = voteBytes('finalize', chainIdOf(it.genesis), place.epoch, place.view, of.digest)
  const signers = [...keys.keys()].sort((a, b) => a - b)
  const signatures = signers.map((signer) => (keys.get(signer) as VoteSigner).sign(message))
  return { kind: 'finalize', ...place, digest: of.digest, signers, signatures }
}

/** By their place in the first epoch's set. */
export function founderKeys(it: ChainWorld, indexes: readonly number[]): ReadonlyMap<number, VoteSigner> {
  return new Map(indexes.map((index) => [index, (it.hospitals[index] as Hospital).vote]))
}

/** Hospital `by`, which is down, says these to everybody. */
export function say(it: ChainWorld, by: number, ...certificates: readonly Certificate[]): void {
  it.play(by, async ({ network, clock }) => {
    await network.setPeers(it.hospitals.map(({ name }) => ({ name, addresses: [] })))
    clock.after(500, () => {
      for (const certificate of certificates) {
        const message = encodeMessage({ kind: 'certificate', certificate, attempt: 1 })
        void network.gossip.publish(`/wardline/${chainIdOf(it.genesis)}/vote/1`, message)
      }
    })
  })
}

/** The rows of a hospital's database, as a crash would leave them. */
export function rowsOf(it: ChainWorld, index: number): ReadonlyMap<string, Uint8Array> {
  return diskOf(it, index).image().stores.get('chain') ?? new Map()
}

const diskOf = (it: ChainWorld, index: number) => it.world.node((it.hospitals[index] as Hospital).name).disk

/** The hospitals against which evidence lies on the disk of this one, by their place. */
export function accusedBy(it: ChainWorld, index: number): readonly number[] {
  const members = [...rowsOf(it, index).keys()].flatMap((key) => /^evidence\/(\w+)\//.exec(key)?.[1] ?? [])
  const accused = new Set(members.map((member) => it.hospitals.findIndex((one) => one.member === member)))
  return [...accused].sort((a, b) => a - b)
}

/** A database's rows of evidence: the hospital signed for two blocks in each of `count` views from this one on, all genuine. */
export async function equivocations(
  it: ChainWorld,
  by: number,
  fromView: number,
  count: number
): Promise<ReadonlyMap<string, Uint8Array>> {
  const rows = new Map<string, Uint8Array>()
  const table = await openEvidence({
    async *range() {
      // The table is empty so far.
    },
    async write(writes) {
      for (const { key, value } of writes) if (value !== null) rows.set(key, value)
    }
  } as Partial<KeyValueStore> as KeyValueStore)
  const { member, vote } = it.hospitals[by] as Hospital
  for (let at = fromView; at < fromView + count; at++) {
    const place = { kind: 'notarize', epoch: epoch(0), view: view(at), signer: member } as const
    const [one, other] = ['one block', 'the other'].map((name) => {
      const digest = name32<Digest>(secret(name))
      const signature = vote.sign(voteBytes('notarize', chainIdOf(it.genesis), place.epoch, place.view, digest))
      return { ...place, digest, signature }
    })
    const pair = one && other && evidenceOf(one, other)
    if (pair === undefined || !(await table.add(pair))) throw new Error('no evidence')
  }
  return rows
}

/**
 * A fork. All hospitals are up for `before`. Then those that are not in `apart` run twice, with each of the two by itself, and
 * neither side knows of the other.
 * @param act what happens on each side, given which of the two is there
 * @param beside more rows of the databases of the two
 * @returns a world in which the two are up with what is on their disks, and everybody else is down
 */
export async function forkedWorld(
  count: number,
  apart: readonly [number, number],
  before: (it: ChainWorld) => Promise<void>,
  act: (it: ChainWorld, here: number) => Promise<void>,
  beside: (it: ChainWorld) => Promise<ReadonlyMap<string, Uint8Array>> = async () => new Map()
): Promise<ChainWorld> {
  const everybody = [...Array(count).keys()]
  const whole = await chainWorld(count)
  await before(whole)
  await whole.run(1_000)
  const joined = await chainWorld(count, [])
  for (const here of apart) {
    const side = await chainWorld(count, [])
    await side.run(whole.world.nowMs() - side.world.nowMs())
    for (const index of everybody) {
      if (index !== here && apart.includes(index)) continue
      diskOf(side, index).restore(diskOf(whole, index).image())
      side.start(index)
    }
    await side.run(500)
    await act(side, here)
    await side.run(500)
    await joined.run(Math.max(0, side.world.nowMs() - joined.world.nowMs()))
    const image = diskOf(side, here).image()
    const rows = new Map([...(image.stores.get('chain') ?? []), ...(await beside(joined))])
    diskOf(joined, here).restore({ ...image, stores: new Map([...image.stores, ['chain', rows]]) })
  }
  for (const index of apart) joined.start(index)
  return joined
}
