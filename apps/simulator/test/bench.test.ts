import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chainOf, chainsFor } from '../src/bench/chains.ts'
import { allocatedBytes } from '../src/bench/disk-usage.ts'
import { type Figure, figureText, longestGapMs, percentile, requiredCpuMs, rounded } from '../src/bench/figures.ts'
import { isLoad, KINDS, type LoadKind, TRAITS } from '../src/bench/kinds.ts'
import { answeredWithin, startLoad } from '../src/bench/load.ts'
import { parseOptions } from '../src/bench/options.ts'
import { cpuMs, parseCpuMs, parseKilobytes, residentBytes } from '../src/bench/process-usage.ts'
import { measureRequiredCosts } from '../src/bench/required-costs.ts'

const test = suite('simulator/bench')

test('the required cryptography: every signature verified everywhere, what is transmitted sealed and opened once', () => {
  const costs = { verifyMs: 0.1, sealMs: 1, openMs: 0.5 }
  const rows: readonly (readonly [LoadKind, made: number, final: number, expected: number])[] = [
    ['member.register', 10, 10, 10 * 4 * 0.1],
    ['stt.send', 10, 20, 20 * 4 * 0.1 + 10 * 1 + 10 * 0.5],
    // One transaction acknowledges several hand-offs.
    ['stt.send', 10, 14, 14 * 4 * 0.1 + 10 * 1 + 10 * 0.5],
    // Author and doctor; nothing is sealed to anybody.
    ['dss.record', 10, 10, 2 * 10 * 4 * 0.1],
    ['dss.record-10k', 10, 10, 2 * 10 * 4 * 0.1],
    ['spv.anchor', 10, 10, 10 * 4 * 0.1],
    // Author and request; every answer was opened.
    ['spv.access', 10, 12, 2 * 12 * 4 * 0.1 + 10 * 1 + 10 * 0.5]
  ]
  for (const [kind, made, final, expected] of rows) {
    const value = requiredCpuMs({ made, final }, TRAITS[kind], 4, costs)
    assert.ok(Math.abs(value - expected) < 1e-9, `${kind}: ${value}, ${expected}`)
  }
})

test('the chains: one of each mode that the kinds need, then the others, then all in turn', () => {
  const rows: readonly (readonly [kinds: readonly LoadKind[], count: number, labels: readonly string[]])[] = [
    [[], 1, ['stt']],
    [[], 3, ['stt', 'dss', 'spv']],
    [['stt.send', 'member.register'], 1, ['stt']],
    [['spv.access'], 1, ['spv']],
    [['spv.access'], 3, ['spv', 'stt', 'dss']],
    [['spv.anchor', 'dss.record'], 1, ['dss', 'spv']],
    [KINDS.filter(isLoad), 1, ['stt', 'dss', 'spv']],
    [['dss.record'], 5, ['dss', 'stt', 'spv', 'dss-2', 'stt-2']]
  ]
  for (const [kinds, count, labels] of rows) {
    const chains = chainsFor(kinds, count)
    assert.equal(
      chains.map(({ label }) => label),
      labels
    )
    for (const { label, mode } of chains) assert.ok(label.startsWith(mode), `${label}, ${mode}`)
    for (const kind of kinds) assert.is(chainOf(kind, chains), TRAITS[kind].mode)
  }
  assert.throws(() => chainOf('dss.record', chainsFor(['stt.send'], 1)), /no chain has the mode of dss.record/)
})

test('percentiles by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  for (const [q, expected] of [
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [1, 100]
  ] as const) {
    assert.is(percentile(hundred, q), expected)
  }
  assert.is(percentile([7], 0.5), 7)
  assert.throws(() => percentile([], 0.5), /percentile of nothing/)
})

test('the longest gap, the ends of the window included', () => {
  const rows: readonly (readonly [times: readonly number[], expected: number])[] = [
    [[], 10],
    [[1, 2, 3], 7],
    [[4, 9], 5],
    [[8, 9], 8]
  ]
  for (const [times, expected] of rows) assert.is(longestGapMs(times, 0, 10), expected)
})

test('a figure says for people whether its bound was reached', () => {
  const figure: Figure = {
    ...{ name: 'p50', value: rounded(12.3456), unit: 'ms', kind: 'stt.send', clients: 1 },
    ...{ against: 'the call', reach: { atMost: 25 } }
  }
  assert.is(figureText(figure), 'p50 (stt.send, 1 client): 12.3 ms [reached: at most 25]; the call')
  assert.match(figureText({ ...figure, reach: { atLeast: 0.8 }, value: 0.8 }), /\[reached: at least 0.8\]/)
  assert.match(figureText({ ...figure, value: 26, clients: 64 }), /64 clients\): 26 ms \[NOT reached: at most 25\]/)
})

test('what /proc says of a process', () => {
  const fields = Array.from({ length: 40 }, (_, index) => String(index))
  assert.is(parseCpuMs(`12 (a ) (b) S ${fields.join(' ')}`), (10 + 11) * 10)
  assert.throws(() => parseCpuMs('nothing of it'), /expected a line/)
  assert.is(parseKilobytes('Name:\tnode\nVmRSS:\t   1234 kB\n', 'VmRSS'), 1234 * 1024)
  assert.throws(() => parseKilobytes('Name:\tnode\n', 'VmRSS'), /expected VmRSS/)
})

test('this process has used processor time and memory', async () => {
  const { user, system } = process.cpuUsage()
  const before = (user + system) / 1000
  const counted = await cpuMs(process.pid)
  assert.ok(counted > 0 && Math.abs(counted - before) < 1_000, `${counted} ms by /proc, ${before} ms by Node`)
  assert.ok((await residentBytes(process.pid)) > 10 * 2 ** 20)
})

test('allocated bytes of a folder, its own folders included', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wardline-bench-test-'))
  try {
    assert.is(await allocatedBytes(folder), 0)
    await writeFile(join(folder, 'one'), new Uint8Array(100_000))
    const size = await allocatedBytes(folder)
    assert.ok(size >= 100_000 && size < 200_000, String(size))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('clients in a closed loop have one call each under way, and stop after the last answer', async () => {
  let underWay = 0
  let most = 0
  const load = startLoad(3, async () => {
    underWay += 1
    most = Math.max(most, underWay)
    await new Promise((resolve) => setTimeout(resolve, 1))
    underWay -= 1
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await load.stop()
  assert.is(most, 3)
  assert.is(underWay, 0)
  assert.ok(load.calls.length >= 3)
  const [first] = load.calls
  assert.ok(first !== undefined)
  assert.equal(answeredWithin(load.calls, first.endedAtMs, first.endedAtMs), [])
  assert.is(answeredWithin(load.calls, first.endedAtMs, Number.POSITIVE_INFINITY).length, load.calls.length)
})

test('a client’s failure is heard at once and by who stops the load', async () => {
  const load = startLoad(2, async (client) => {
    if (client === 1) throw new Error('refused')
    await new Promise((resolve) => setTimeout(resolve, 1))
  })
  assert.is(await load.failed.catch((error: Error) => error.message), 'refused')
  assert.is(await load.stop().catch((error: Error) => error.message), 'refused')
})

test('the options', () => {
  const bare = parseOptions([])
  assert.equal(bare.kind, KINDS)
  assert.equal(bare.clients, [1, 64])
  assert.equal([bare.chains, bare.idleOnly], [1, false])
  const idle = parseOptions(['--chains', '3', '--idle-only'])
  assert.equal([idle.chains, idle.idleOnly], [3, true])
  assert.throws(() => parseOptions(['--chains', '9']), /whole number from 1 to 8/)
  assert.throws(
    () => parseOptions(['--kind', 'dss.amend']),
    /There are stt.send, .*, spv.access, socket.clients, grant.decision, custody.fold, sealing, one-dead/
  )
  const given = parseOptions(['--json', '--kind', 'stt.send', '--seconds', '3', '--clients', '2,8'])
  assert.equal([given.json, given.kind, given.seconds, given.clients], [true, ['stt.send'], 3, [2, 8]])
})

test('the costs of verifying, sealing and opening are measured', async () => {
  const { verifyMs, sealMs, openMs } = await measureRequiredCosts(20)
  for (const cost of [verifyMs, sealMs, openMs]) assert.ok(cost > 0.001 && cost < 1_000, String(cost))
})

test.run()
