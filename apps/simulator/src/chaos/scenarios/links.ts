/** Links between daemons that hold back, delay or break. */
import { type Arena, type Hospital, highestHead, noteFault, pause, untilProgress } from '../arena.ts'
import type { Link } from '../fault-proxy.ts'
import type { Scenario } from '../scenario.ts'

const HELD: Link = { held: true, delayMs: 0 }
/** Heads that stood still for so long have taken in what was on its way when the links were cut. */
const STILL_MS = 3_000
const WATCH_MS = 4_000
/** Blocks that what was on its way may still make final: of the two views that can be under way, and their parents. */
const UNDER_WAY_MAX = 4

/** Cuts every link between the two groups, in both directions. */
function cut({ proxy }: Arena, one: readonly Hospital[], other: readonly Hospital[]): void {
  for (const { index: a } of one) {
    for (const { index: b } of other) {
      proxy.setLink(a, b, HELD)
      proxy.setLink(b, a, HELD)
    }
  }
}

function shuffled({ prng, hospitals }: Arena): readonly Hospital[] {
  return hospitals
    .map((hospital) => ({ hospital, weight: prng.uint32() }))
    .sort((a, b) => a.weight - b.weight)
    .map(({ hospital }) => hospital)
}

async function watchStandstill(arena: Arena, hospitals: readonly Hospital[]): Promise<void> {
  const first = await highestHead(hospitals)
  await pause(STILL_MS)
  await pause(WATCH_MS)
  const last = await highestHead(hospitals)
  if (last > first + UNDER_WAY_MAX) {
    arena.violate('final-without-quorum', `without a quorum on either side the head went from ${first} to ${last}`)
  }
}

/** Neither side has a quorum: nothing becomes final on either, and all goes on once the network is whole. */
export const halves: Scenario = {
  name: 'partition-halves',
  async play({ arena }) {
    const order = shuffled(arena)
    const half = Math.floor(order.length / 2)
    noteFault(arena, 'partition without a quorum')
    cut(arena, order.slice(0, half), order.slice(half))
    await watchStandstill(arena, order)
    arena.proxy.heal()
    await untilProgress(arena.hospitals, 'the healed halves')
  }
}

/** The side with a quorum goes on, the other stands still, and catches up. */
export const minority: Scenario = {
  name: 'partition-minority',
  hindrance: ({ arena }) => (arena.hospitals.length < 4 ? 'it takes four hospitals' : undefined),
  async play({ arena }) {
    const order = shuffled(arena)
    const lone = order.slice(0, Math.floor((order.length - 1) / 3))
    const others = order.slice(lone.length)
    noteFault(arena, 'partition with a quorum')
    cut(arena, lone, others)
    await untilProgress(others, 'those with a quorum')
    await watchStandstill(arena, lone)
    await untilProgress(others, 'those with a quorum')
    arena.proxy.heal()
    await untilProgress(arena.hospitals, 'all')
  }
}

/** Some daemons hear and are not heard. */
export const oneWay: Scenario = {
  name: 'one-way',
  async play({ arena }) {
    const { prng, proxy, hospitals } = arena
    noteFault(arena, 'one-way partition')
    const mute = prng.pick(hospitals)
    for (const { index } of hospitals) {
      if (index !== mute.index && prng.chance(0.7)) proxy.setLink(mute.index, index, HELD)
    }
    await pause(prng.between(2_000, 8_000))
  }
}

export const slowLinks: Scenario = {
  name: 'slow-links',
  async play({ arena }) {
    const { prng, proxy, hospitals } = arena
    noteFault(arena, 'slow links')
    for (const { index: a } of hospitals) {
      for (const { index: b } of hospitals) {
        if (a !== b && prng.chance(0.6)) proxy.setLink(a, b, { held: false, delayMs: prng.between(10, 400) })
      }
    }
    await pause(prng.between(3_000, 8_000))
  }
}

export const resets: Scenario = {
  name: 'resets',
  async play({ arena }) {
    const { prng, proxy, hospitals } = arena
    for (let time = 0; time < 8; time++) {
      const [a, b] = [prng.pick(hospitals), prng.pick(hospitals)]
      if (proxy.reset(a.index, b.index) > 0) noteFault(arena, 'reset')
      await pause(prng.between(0, 800))
    }
  }
}
