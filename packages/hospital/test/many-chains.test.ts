/** Several chains in one daemon: each runs as if it were alone, whatever becomes of the others. */
import { ApiError } from '@wardline/api'
import { type Digest, encodeCbor, height, WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createManyChains, type Daemon, HOSPITALS, type ManyChains } from './many-chains.ts'

const test = suite('hospital/many-chains')

const ALL = ['transfers', 'alliance', 'visits'] as const
const SECOND = 1_000

type Hospitals = ManyChains & { readonly daemons: readonly Daemon[]; readonly alder: Daemon }

/** All hospitals, on these chains. */
async function started(labels: readonly string[], seed?: number): Promise<Hospitals> {
  const chains = createManyChains(seed)
  const daemons: Daemon[] = []
  for (const name of HOSPITALS) daemons.push(await chains.start(name, labels))
  await chains.run(5 * SECOND)
  return { ...chains, daemons, alder: daemons[0] as Daemon }
}

/** The code of a call's failure, by either kind of error; `none` if it does not fail. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof ApiError || error instanceof WardlineError) return error.code
      throw error
    }
  )
}

test('three chains of one daemon, one of each mode, run side by side', async () => {
  const hospitals = await started(ALL)
  const { alder, during } = hospitals
  for (const label of ALL) {
    const params = { chain: label, transaction: hospitals.registration(label) }
    assert.is((await during(alder.call('tx.submit', params))).state, 'committed')
  }
  const { health, chains } = await alder.call('status', {})
  assert.is(health, 'ok')
  assert.equal(
    chains.map(({ label, mode, phase, transactions, peers }) => [
      label,
      mode,
      phase,
      transactions,
      peers.connected.length
    ]),
    [
      ['alliance', 'dss', 'running', 1, 3],
      ['transfers', 'stt', 'running', 1, 3],
      ['visits', 'spv', 'running', 1, 3]
    ]
  )
  assert.is(new Set(chains.map(({ chain }) => chain)).size, 3)
  assert.is(new Set(chains.map(({ member }) => member)).size, 3)
})

test('a record is opened on the chain that knows it, whether or not the caller names the chain', async () => {
  const { alder, during } = await started(ALL)
  const content = Buffer.from('a visit').toString('base64')
  await during(alder.call('alias.open', { chain: 'visits', patient: 'P1' }))
  const { record } = await during(alder.call('record.anchor', { patient: 'P1', content, chain: 'visits' }))
  for (const named of [{}, { chain: 'visits' }]) {
    assert.is((await during(alder.call('record.open', { record, ...named }))).content, content)
  }
  assert.is(
    await codeOf(during(alder.call('record.open', { record, chain: 'transfers', timeoutMs: 100 }))),
    'not-found'
  )
  const nowhere = 'ab'.repeat(32) as typeof record
  assert.is(await codeOf(during(alder.call('record.open', { record: nowhere }))), 'ambiguous')
})

/** Final registrations of each chain in five seconds, one after another, while `transfers` is whole or parted. */
async function counts(isParted: boolean) {
  const hospitals = await started(ALL)
  const { alder } = hospitals
  if (isParted) hospitals.part('transfers', ['Alder', 'Birch'], ['Cedar', 'Dogwood'])
  // Links that are cut are noticed; what was under way has ended.
  await hospitals.run(20 * SECOND)
  const loads = ALL.map((label) => hospitals.load(alder, label))
  await hospitals.run(5 * SECOND)
  const final = loads.map(({ count }) => count())
  return { ...hospitals, loads, final }
}

test('a chain that has lost its quorum stands still, and the others make as many blocks as ever', async () => {
  const whole = await counts(false)
  const parted = await counts(true)
  const [, alliance = 0, visits = 0] = whole.final
  assert.ok(alliance > 25 && visits > 25, whole.final.join())
  assert.equal(parted.final, [0, alliance, visits])
  const { problems } = await parted.alder.call('status', {})
  assert.equal(
    problems.map(({ chain, code, severity }) => [chain, code, severity]),
    [['transfers', 'no-quorum', 'fail']]
  )
  parted.world.heal()
  await parted.run(15 * SECOND)
  const [load] = parted.loads
  assert.ok((load?.count() ?? 0) > 10, `${load?.count()} after the quorum was back`)
  for (const { failures } of [...whole.loads, ...parted.loads]) assert.equal(failures, [])
})

test('a chain is added and removed on all daemons while the others commit at their rate', async () => {
  const hospitals = await started(['transfers', 'alliance'])
  const { alder, daemons, during, run } = hospitals
  const loads = ['transfers', 'alliance'].map((label) => hospitals.load(alder, label))
  const rate = async () => {
    const before = loads.map(({ count }) => count())
    await run(5 * SECOND)
    return loads.map(({ count }, index) => count() - (before[index] ?? 0))
  }
  const alone = await rate()
  const added = daemons.map(({ call }) => call('chain.add', { label: 'visits' }))
  const meanwhile = await rate()
  const [first] = await Promise.all(added)
  assert.equal([first?.label, first?.mode, first?.validator, first?.height], ['visits', 'spv', true, 0])
  const params = { chain: 'visits', transaction: hospitals.registration('visits') }
  assert.is((await during(alder.call('tx.submit', params))).state, 'committed')
  const removed = daemons.map(({ call }) => call('chain.remove', { label: 'visits' }))
  const after = await rate()
  assert.equal(await Promise.all(removed), Array(4).fill({ label: 'visits', chain: first?.chain }))
  for (const counted of [meanwhile, after]) {
    for (const [index, count] of counted.entries()) {
      assert.ok(Math.abs(count - (alone[index] ?? 0)) <= 2, [alone, meanwhile, after].join('; '))
    }
  }
  assert.equal(
    (await alder.call('chain.list', {})).chains.map(({ label }) => label),
    ['alliance', 'transfers']
  )
  assert.is(await codeOf(alder.call('chain.info', { chain: 'visits' })), 'not-found')
  // What was removed lies on the disk as it was.
  const again = await during(Promise.all(daemons.map(({ call }) => call('chain.add', { label: 'visits' }))))
  assert.ok(again.every(({ height, chain }) => height > 0 && chain === first?.chain))
  for (const { failures } of [...daemons, ...loads]) assert.equal(failures, [])
})

test('calls that wait on a chain end with `unavailable` when it is removed; those of the others go on waiting', async () => {
  const hospitals = await started(['transfers', 'visits'])
  const { alder, during } = hospitals
  for (const label of ['transfers', 'visits']) hospitals.part(label, ['Alder'], ['Birch', 'Cedar', 'Dogwood'])
  await hospitals.run(SECOND)
  const submit = (chain: string) =>
    codeOf(alder.call('tx.submit', { chain, transaction: hospitals.registration(chain), timeoutMs: 60_000 }))
  const open = codeOf(alder.call('record.send', { chain: 'transfers', to: ['Birch'], via: 'ab'.repeat(32) as never }))
  const [gone, goesOn] = [submit('transfers'), submit('visits')]
  await hospitals.run(SECOND)
  const startMs = hospitals.world.nowMs()
  await during(alder.call('chain.remove', { label: 'transfers' }))
  assert.equal([await gone, await open], ['unavailable', 'unavailable'])
  assert.ok(hospitals.world.nowMs() - startMs < 5 * SECOND)
  // The cut links have been given up: with new ones the others ask for what they missed.
  await hospitals.run(20 * SECOND)
  hospitals.world.heal()
  assert.is(await during(goesOn), 'none')
  assert.equal(alder.failures, [])
})

test('what cannot be added is said with a code, and nothing of it stays', async () => {
  const hospitals = await started(['transfers'])
  const { alder, during } = hospitals
  const add = (label: string) => during(codeOf(alder.call('chain.add', { label })))
  assert.is(await add('transfers'), 'chain-exists')
  assert.is(await add('elsewhere'), 'chain-not-configured')
  for (const code of ['port-in-use', 'genesis-unacceptable', 'keys-absent']) {
    hospitals.spoil('Alder', 'visits', code)
    assert.is(await add('visits'), code)
    assert.equal((await alder.call('status', {})).health, 'ok')
  }
  const twice = [1, 2].map(() => codeOf(alder.call('chain.add', { label: 'visits' })))
  assert.equal((await during(Promise.all(twice))).sort(), ['busy', 'none'])
  assert.is(await during(codeOf(alder.call('chain.remove', { label: 'elsewhere' }))), 'not-found')
  assert.is(await during(codeOf(alder.call('chain.add', { label: 'visits' }, { role: 'ehr' }))), 'not-permitted')
})

test('a chain that cannot be opened at the start is told of, and keeps no other from running', async () => {
  const chains = createManyChains()
  chains.spoil('Alder', 'alliance', 'journal-lost')
  const alder = await chains.start('Alder', ALL)
  const { health, problems, chains: running } = await alder.call('status', {})
  assert.is(health, 'fail')
  assert.equal(
    running.map(({ label }) => label),
    ['transfers', 'visits']
  )
  const failed = problems.find(({ chain }) => chain === 'alliance')
  assert.equal([failed?.severity, failed?.code], ['fail', 'journal-lost'])
  assert.match(failed?.problem ?? '', /spoiled/)
  assert.match(failed?.remedy ?? '', /wardline chain add alliance/)
  // The remedy is one.
  await chains.during(alder.call('chain.add', { label: 'alliance' }))
  const after = await alder.call('status', {})
  assert.equal(
    after.problems.filter(({ code }) => code === 'journal-lost'),
    []
  )
  assert.is(after.chains.length, 3)
})

test('a wrong pin above the head halts its chain alone when that gets there, and is put right while the others run', async () => {
  const chains = createManyChains()
  chains.pin('Alder', 'transfers', { height: height(2), digest: 'f'.repeat(64) as Digest })
  const daemons: Daemon[] = []
  for (const name of HOSPITALS) daemons.push(await chains.start(name, ['transfers', 'visits']))
  const [alder, birch] = daemons as [Daemon, Daemon]
  await chains.run(5 * SECOND)
  const commit = async (daemon: Daemon, chain: string): Promise<void> => {
    const params = { chain, transaction: chains.registration(chain) }
    assert.is((await chains.during(daemon.call('tx.submit', params))).state, 'committed')
  }
  for (const _ of [1, 2, 3]) await commit(birch, 'transfers')
  await chains.run(SECOND)
  assert.equal(alder.failures, [])
  const { health, problems, chains: running } = await alder.call('status', {})
  assert.equal([health, running.map(({ label }) => label)], ['fail', ['visits']])
  const halted = problems.find(({ chain }) => chain === 'transfers')
  assert.is(halted?.code, 'pin-mismatch')
  assert.match(halted?.problem ?? '', /^The chain was halted: block 2 of this chain is not the pinned one/)
  assert.match(halted?.remedy ?? '', /chains\.transfers\.pin.*wardline chain add transfers/)
  await commit(alder, 'visits')

  chains.pin('Alder', 'transfers', null)
  await chains.during(alder.call('chain.add', { label: 'transfers' }))
  await chains.run(5 * SECOND)
  await commit(alder, 'transfers')
  assert.equal(
    (await alder.call('status', {})).problems.filter(({ code }) => code === 'pin-mismatch'),
    []
  )
})

test('a forked chain is told of with what the hospitals must do, and keeps no other from running', async () => {
  const chains = createManyChains()
  chains.spoil('Alder', 'alliance', 'conflicting-finalization')
  const alder = await chains.start('Alder', ALL)
  const { health, problems, chains: running } = await alder.call('status', {})
  assert.equal([health, running.map(({ label }) => label)], ['fail', ['transfers', 'visits']])
  const forked = problems.find(({ chain }) => chain === 'alliance')
  assert.is(forked?.code, 'conflicting-finalization')
  assert.match(forked?.remedy ?? '', /chains\/alliance\/db.*agree which history counts/)
  assert.not.match(forked?.remedy ?? '', /chain add/)
})

test('what former validators signed beside the final chain is a problem of its own, and the chain goes on', async () => {
  const chains = createManyChains()
  const first = await chains.start('Alder', ['transfers'])
  await chains.during(first.hospital.stop())
  const { disk } = chains.world.node('Alder transfers')
  const image = disk.image()
  // View 7 of epoch 0, one signature.
  const certificate = Uint8Array.of(3, ...Array(15).fill(0), 7, ...Array(32).fill(0xab), 1, 1, ...Array(64).fill(0))
  const rows = new Map([
    ...(image.stores.get('db') ?? []),
    ['forks/000000000000', encodeCbor({ certificate })]
  ] as const)
  disk.restore({ ...image, stores: new Map([...image.stores, ['db', rows]]) })
  const alder = await chains.start('Alder', ['transfers'])
  const { problems } = await alder.call('status', {})
  const [told] = problems.filter(({ code }) => code === 'old-fork')
  assert.is(told?.severity, 'warn')
  assert.match(told?.problem ?? '', `block ${'ab'.repeat(32)} in view 7 of epoch 0`)
})

test('one that could not be opened can be removed', async () => {
  const chains = createManyChains()
  chains.spoil('Alder', 'alliance', 'journal-lost')
  const alder = await chains.start('Alder', ALL)
  assert.equal(await chains.during(alder.call('chain.remove', { label: 'alliance' })), {
    label: 'alliance',
    chain: null
  })
  assert.equal(
    (await alder.call('status', {})).problems.filter(({ chain }) => chain === 'alliance'),
    []
  )
})

test('where no chain can be opened the daemon does not start, and says why the first cannot', async () => {
  const chains = createManyChains()
  chains.spoil('Alder', 'transfers', 'store-corrupt')
  chains.spoil('Alder', 'visits', 'port-in-use')
  assert.is(await codeOf(chains.start('Alder', ['transfers', 'visits'])), 'store-corrupt')
})

test('which chain a call means', async () => {
  const hospitals = await started(ALL)
  const { alder } = hospitals
  const { chains } = await alder.call('chain.list', {})
  const rows = [
    ['none named, several there', codeOf(alder.call('chain.info', {})), 'ambiguous'],
    ['by label', alder.call('chain.info', { chain: 'visits' }).then(({ mode }) => mode), 'spv'],
    ['by id', alder.call('chain.info', { chain: chains[0]?.chain }).then(({ label }) => label), 'alliance'],
    ['none of that name', codeOf(alder.call('chain.info', { chain: 'nowhere' })), 'not-found'],
    ['the only one of the mode', alder.call('record.list', {}).then(({ chain }) => chain), chains[1]?.chain],
    ['one of another mode', codeOf(alder.call('record.list', { chain: 'visits' })), 'wrong-mode']
  ] as const
  for (const [what, asked, expected] of rows) assert.is(await asked, expected, what)
  await hospitals.during(alder.call('chain.remove', { label: 'transfers' }))
  assert.is(await codeOf(alder.call('record.list', {})), 'not-found')
})

test('a daemon that stops while a chain is being added leaves nothing open', async () => {
  const hospitals = await started(['transfers'])
  const { alder, during } = hospitals
  const added = codeOf(alder.call('chain.add', { label: 'visits' }))
  await during(alder.hospital.stop())
  assert.is(await added, 'unavailable')
  assert.is(alder.hospital.chains(), 0)
  assert.is(await codeOf(alder.call('chain.add', { label: 'visits' })), 'unavailable')
  assert.equal(alder.failures, [])
})

test.run()
