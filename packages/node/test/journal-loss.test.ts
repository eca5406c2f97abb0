/** Daemons of four whose disk forgot what they signed: they follow, sign nothing that they may have signed, and come back. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChainWorld, chainWorld, type Hospital, registered } from './chain-world.ts'

const test = suite('node/journal-loss')
const LOST = 3

let doctors = 0

async function commitMore(it: ChainWorld, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    doctors += 1
    await it.commit(0, { transaction: registered(it.genesis, it.hospitals[0] as Hospital, `doctor ${doctors}`) })
  }
}

const nodeOf = (it: ChainWorld) => it.world.node(it.hospitals[LOST]?.name as string)
const voting = (it: ChainWorld) => it.chain(LOST).status().voting
const hasLogged = (it: ChainWorld, what: RegExp) =>
  it.logs.some(({ node, message }) => node === it.hospitals[LOST]?.name && what.test(message))

/** Nobody was caught at signing twice, and the four agree with the lost one among the signers again. */
async function assertBack(it: ChainWorld): Promise<void> {
  await it.run(2_000)
  assert.is(voting(it).kind, 'voting')
  // Of four the three others are needed now, so its vote counts.
  it.crash(1)
  await commitMore(it, 4)
  assert.equal([...it.failures], [])
  for (const index of [0, 2, LOST]) assert.equal(it.chain(index).evidence(), [])
}

/** What befalls the disk while the daemon is off; `before` is what it held after the first blocks. */
const losses: Readonly<Record<string, (it: ChainWorld, before: ReturnType<typeof imageOf>) => void>> = {
  'its journal is gone': (it) => nodeOf(it).disk.restore({ stores: imageOf(it).stores, journals: new Map() }),
  'its whole folder is gone': (it) => nodeOf(it).disk.restore({ stores: new Map(), journals: new Map() }),
  'its journal is damaged in the middle': (it) => nodeOf(it).disk.flipJournalBit('votes', 1, 8 * 100),
  'an old copy of its whole folder came back, and nobody says so': (it, before) => nodeOf(it).disk.restore(before),
  'an old copy of its journal came back': (it, before) =>
    nodeOf(it).disk.restore({ stores: imageOf(it).stores, journals: before.journals })
}

const imageOf = (it: ChainWorld) => nodeOf(it).disk.image()

for (const [what, lose] of Object.entries(losses)) {
  test(`${what}: the others go on, and it votes again from a view that it can not have signed in`, async () => {
    const it = await chainWorld(4)
    await commitMore(it, 3)
    await it.run(500)
    const before = imageOf(it)
    await commitMore(it, 6)
    await it.run(500)
    it.crash(LOST)
    lose(it, before)
    it.start(LOST)
    await it.run(3_000)
    assert.ok(hasLogged(it, /lost/))
    const status = voting(it)
    assert.is(status.kind, 'waiting', status.kind)
    const said = it.logs.find(({ message }) => message === 'this daemon does not vote until a later view')
    assert.is(said?.fields['view'], status.kind === 'waiting' && status.fromView)
    await commitMore(it, 6)
    await assertBack(it)
    // The new journal tells the rest: another start asks, and finds nothing amiss.
    const lines = it.logs.length
    it.start(1)
    it.crash(LOST)
    it.start(LOST)
    await it.run(3_000)
    assert.is(voting(it).kind, 'voting')
    assert.not.ok(it.logs.slice(lines).some(({ message }) => /lost/.test(message)))
  })
}

test('its database is gone and its journal is kept: nothing is lost, it catches up and votes on', async () => {
  const it = await chainWorld(4)
  await commitMore(it, 6)
  await it.run(500)
  it.crash(LOST)
  nodeOf(it).disk.restore({ stores: new Map(), journals: imageOf(it).journals })
  it.start(LOST)
  await it.run(3_000)
  assert.not.ok(hasLogged(it, /lost/))
  assert.is(it.chain(LOST).head().height, it.chain(0).head().height)
  await assertBack(it)
})

test('a crash before the others have answered leaves it lost', async () => {
  const it = await chainWorld(4)
  await commitMore(it, 3)
  it.crash(LOST)
  nodeOf(it).disk.restore({ stores: imageOf(it).stores, journals: new Map() })
  for (const index of [0, 1, 2]) it.crash(index)
  for (let run = 0; run < 2; run++) {
    it.start(LOST)
    await it.run(5_000)
    assert.equal(voting(it), { kind: 'asking', isLost: true, answers: 0, needed: 2 })
    it.crash(LOST)
  }
  for (const index of [0, 1, 2, LOST]) it.start(index)
  await it.run(3_000)
  await commitMore(it, 4)
  await assertBack(it)
})

test.run()
