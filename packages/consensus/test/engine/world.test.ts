import type { Leaf } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hashOf } from '../chain-fixture.ts'
import { CALM, crashNode, createWorld, run, startNode, statusOf, submit, type World } from '../world.ts'

const test = suite('consensus/engine/world')
const leaf = (label: string) => hashOf<Leaf>(`leaf ${label}`)

function allCommitted(world: World, leaves: readonly Leaf[]): boolean {
  return world.nodes.every((node) => leaves.every((one) => node.disk.committed.has(one)))
}

for (const n of [1, 2, 3, 4, 5, 7]) {
  test(`${n} calm nodes commit a transaction in three message delays and then sleep`, () => {
    const world = createWorld(n, n)
    world.faults = { ...CALM, delayMinMs: 2, delayMaxMs: 2 }
    const startMs = world.nowMs
    submit(world, world.nodes[0] as World['nodes'][0], leaf('a'))
    assert.ok(run(world, startMs + 1000, () => allCommitted(world, [leaf('a')])))
    assert.ok(world.nowMs - startMs < 40, `took ${world.nowMs - startMs} ms`)
    run(world, world.nowMs + 5000)
    const messages = world.messages
    run(world, world.nowMs + 300_000)
    assert.is(world.messages, messages, 'asleep: no message')
    assert.ok(world.nodes.every((node) => !statusOf(node).awake))
    assert.is(world.canonical.length, 2, 'one block, no empty one behind it')
  })
}

test('a quiet night is one empty block per heartbeat', () => {
  const world = createWorld(4, 9)
  run(world, world.nowMs + 3 * 600_000 + 60_000)
  assert.is(world.canonical.length - 1, 3)
})

test('a steady load stays in one view per block with three messages per node and block', () => {
  const world = createWorld(4, 1)
  run(world, world.nowMs + 50)
  const sentBefore = world.nodes.reduce((sum, node) => sum + node.sent, 0)
  const leaves: Leaf[] = []
  for (let i = 0; i < 200; i++) {
    leaves.push(leaf(`load ${i}`))
    submit(world, world.nodes[i % 4] as World['nodes'][0], leaves[i] as Leaf)
    run(world, world.nowMs + 5)
  }
  assert.ok(run(world, world.nowMs + 2000, () => allCommitted(world, leaves)))
  const blocks = world.canonical.length - 1
  const sent = world.nodes.reduce((sum, node) => sum + node.sent, 0) - sentBefore
  assert.ok(statusOf(world.nodes[0] as World['nodes'][0]).view <= blocks + 2)
  assert.ok(sent <= blocks * 8 + 8, `${sent} messages for ${blocks} blocks`)
})

/** Faults of every kind for a while, then calm: everything submitted must become final everywhere. */
function storm(n: number, seed: number): World {
  const world = createWorld(n, seed)
  const { random } = world
  const startMs = world.nowMs
  const calmMs = startMs + 20_000
  const leaves: Leaf[] = []
  world.crashPoint = () => {
    if (world.nowMs >= calmMs || random() > 0.002) return undefined
    return random() < 0.34 ? 'before-append' : random() < 0.5 ? 'torn-append' : 'after-append'
  }
  while (world.nowMs < calmMs) {
    const calm = random() < 0.3
    world.faults = calm
      ? CALM
      : { drop: random() * 0.3, duplicate: random() * 0.2, delayMinMs: 1, delayMaxMs: 5 + random() * random() * 1200 }
    const sides = world.nodes.map(() => random() < 0.5)
    const kind = random()
    world.reaches =
      kind < 0.5
        ? () => true
        : kind < 0.75
          ? (a, b) => sides[a] === sides[b]
          : (a, b) => sides[a] === sides[b] || sides[a] === true
    for (const node of world.nodes) {
      if (node.engine === null && random() < 0.5) startNode(world, node)
      else if (random() < 0.08) crashNode(node)
    }
    for (let bursts = Math.floor(random() * 8); bursts >= 0; bursts--) {
      const node = world.nodes[Math.floor(random() * n)] as World['nodes'][0]
      if (node.engine !== null) {
        leaves.push(leaf(`${seed} ${leaves.length}`))
        submit(world, node, leaves.at(-1) as Leaf)
      }
      run(world, world.nowMs + random() * 400)
    }
  }
  world.faults = CALM
  world.reaches = () => true
  world.crashPoint = () => undefined
  for (const node of world.nodes) if (node.engine === null) startNode(world, node)
  run(world, world.nowMs + 3000)
  leaves.push(leaf(`${seed} last`))
  submit(world, world.nodes[Math.floor(random() * n)] as World['nodes'][0], leaves.at(-1) as Leaf)
  const healedMs = world.nowMs
  assert.ok(
    run(world, healedMs + 120_000, () => allCommitted(world, leaves)),
    `n=${n} seed=${seed}: ${JSON.stringify(world.nodes.map(statusOf))}`
  )
  run(world, world.nowMs + 120_000, () => world.nodes.every((node) => !statusOf(node).awake))
  assert.ok(
    world.nodes.every((node) => !statusOf(node).awake),
    `n=${n} seed=${seed}: asleep when all is final`
  )
  return world
}

for (const n of [1, 2, 3, 4, 5, 7]) {
  test(`${n} nodes through drop, delay, duplicates, partitions and crashes agree, never sign twice, and recover`, () => {
    for (let seed = 1; seed <= 20; seed++) storm(n, seed * 1000 + n)
  })
}

test('the same seed gives the same history', () => {
  const [first, second] = [storm(4, 77), storm(4, 77)]
  assert.equal(first.canonical, second.canonical)
  assert.is(first.messages, second.messages)
})

test.run()
