/**
 * The timetable of one seed's mishaps, drawn before anything happens: so a part of it can be played alone, and what is left
 * of it happens as it did. Each mishap has its number.
 */
import type { Prng } from '@wardline/network-memory'
import type { Loss, Profile } from './profile.ts'

export type Mishap = { readonly number: number } & What

type What =
  /** These on one side, all others on the other. */
  | { readonly kind: 'partition'; readonly afterMs: number; readonly lastsMs: number; readonly side: readonly string[] }
  | {
      readonly kind: 'one-way'
      readonly afterMs: number
      readonly lastsMs: number
      readonly ways: readonly (readonly [from: string, to: string])[]
    }
  | ({ readonly kind: 'crash'; readonly afterMs: number; readonly nodes: readonly string[] } & End)
  | { readonly kind: 'restart'; readonly afterMs: number; readonly node: string }
  | { readonly kind: 'validator-change'; readonly afterMs: number }
  /** Right after this output of the node, counted from the beginning. */
  | ({ readonly kind: 'last-output'; readonly node: string; readonly output: number } & End)
  /** Right after this part of a record has come to who asked for it, counted from the beginning. */
  | ({ readonly kind: 'mid-release'; readonly part: number; readonly side: 'owner' | 'requester' } & End)
  /** What happens to this write of the node's disk, counted from the beginning. */
  | {
      readonly kind: 'write-error'
      readonly node: string
      readonly write: number
      readonly error: 'EIO' | 'ENOSPC'
      readonly persisted: boolean
    }
  | {
      readonly kind: 'clock-offset' | 'clock-jump'
      readonly afterMs: number
      readonly node: string
      readonly offsetMs: number
    }
  /** The process is killed, and this part of what may be damaged, from 0 to 1, is. */
  | {
      readonly kind: 'journal-flip' | 'store-flip'
      readonly afterMs: number
      readonly node: string
      readonly place: number
      readonly awayMs: number
    }

type End = { readonly loss: Loss; readonly awayMs: number }

/** One node's crashes at an output, or failing writes, in one plan. */
const COUNTED_MAX = 60

const HOUR_MS = 3_600_000

/**
 * @param nodes all of them
 * @param fragile nodes of correct members whose disks turn bits over, one for each of `profile.flips`
 */
export function planMishaps(
  prng: Prng,
  profile: Profile,
  { nodes, fragile }: { readonly nodes: readonly string[]; readonly fragile: readonly string[] }
): readonly Mishap[] {
  const plan: What[] = []
  const awayMs = (draw: Prng): number => draw.between(...profile.awayMs)

  const clocks = prng.fork('clocks')
  if (profile.clockOffsetMs > 0) {
    for (const node of nodes) {
      const offsetMs = Math.round(clocks.between(-profile.clockOffsetMs, profile.clockOffsetMs))
      plan.push({ kind: 'clock-offset', afterMs: 0, node, offsetMs })
    }
  }
  for (const [draw, afterMs] of times(prng.fork('jumps'), profile.clockJumpEveryMs, profile.safetyMs)) {
    plan.push({ kind: 'clock-jump', afterMs, node: draw.pick(nodes), offsetMs: Math.round(draw.between(-5000, 5000)) })
  }
  if (nodes.length > 1) {
    for (const [draw, afterMs] of times(prng.fork('cuts'), profile.cutEveryMs, profile.safetyMs)) {
      plan.push(drawCut(draw, profile, nodes, { afterMs, lastsMs: draw.between(...profile.cutLastsMs) }))
    }
  }
  for (const [draw, afterMs] of times(prng.fork('crashes'), profile.crashEveryMs, profile.safetyMs)) {
    const hit = draw.chance(0.1) ? nodes : [draw.pick(nodes)]
    plan.push({ kind: 'crash', afterMs, nodes: hit, loss: draw.pick(profile.losses), awayMs: awayMs(draw) })
  }
  for (const [draw, afterMs] of times(prng.fork('restarts'), profile.restartEveryMs, profile.safetyMs)) {
    plan.push({ kind: 'restart', afterMs, node: draw.pick(nodes) })
  }
  for (const node of nodes) {
    for (const [draw, output] of counts(prng.fork(`outputs of ${node}`), profile.outputsPerCrash)) {
      const loss = profile.losses.length > 0 ? draw.pick(profile.losses) : 'kill'
      plan.push({ kind: 'last-output', node, output, loss, awayMs: awayMs(draw) })
    }
    for (const [draw, write] of counts(prng.fork(`writes of ${node}`), profile.writesPerFault)) {
      const error = draw.pick(['EIO', 'ENOSPC'] as const)
      plan.push({ kind: 'write-error', node, write, error, persisted: draw.chance(0.5) })
    }
  }
  for (const [draw, part] of counts(prng.fork('parts'), profile.partsPerCrash)) {
    const loss = profile.losses.length > 0 ? draw.pick(profile.losses) : 'kill'
    plan.push({ kind: 'mid-release', part, side: draw.pick(['owner', 'requester']), loss, awayMs: awayMs(draw) })
  }
  const flips = prng.fork('flips')
  for (const [index, kind] of profile.flips.entries()) {
    const node = fragile[index]
    const afterMs = flips.between(1000, profile.safetyMs)
    const place = flips.between(0, 1)
    if (node !== undefined) plan.push({ kind, afterMs, node, place, awayMs: awayMs(flips) })
  }
  for (const [, afterMs] of times(prng.fork('changes'), profile.changeEveryMs, profile.safetyMs)) {
    plan.push({ kind: 'validator-change', afterMs })
  }
  const farOff = prng.fork('clocks far off')
  const left = [...nodes]
  for (let count = 0; count < profile.clocksFarOff; count++) {
    const [node] = left.splice(farOff.below(left.length), 1)
    const afterMs = farOff.between(0, profile.safetyMs / 2)
    const offsetMs = farOff.pick([-1, 1]) * (HOUR_MS + farOff.below(60_000))
    if (node !== undefined) plan.push({ kind: 'clock-offset', afterMs, node, offsetMs })
  }
  return plan.map((what, number) => ({ number, ...what }))
}

/** Nodes whose clocks are to be an hour off: they and the others refuse each other's blocks. */
export function farOffIn(plan: readonly Mishap[]): readonly string[] {
  return plan.flatMap((one) => (one.kind === 'clock-offset' && Math.abs(one.offsetMs) >= HOUR_MS ? [one.node] : []))
}

function drawCut(
  draw: Prng,
  { cuts }: Profile,
  nodes: readonly string[],
  span: { readonly afterMs: number; readonly lastsMs: number }
): What {
  const cut = draw.pick(cuts)
  switch (cut) {
    case 'split':
      return { kind: 'partition', ...span, side: nodes.filter(() => draw.chance(0.5)) }
    case 'alone':
      return { kind: 'partition', ...span, side: [draw.pick(nodes)] }
    case 'one-way':
      return { kind: 'one-way', ...span, ways: [[draw.pick(nodes), draw.pick(nodes)]] }
    case 'several one-way':
      return { kind: 'one-way', ...span, ways: nodes.map(() => [draw.pick(nodes), draw.pick(nodes)] as const) }
  }
}

/** Times until `untilMs`, on average `everyMs` apart. */
function* times(draw: Prng, everyMs: number | null, untilMs: number): Generator<readonly [Prng, number]> {
  if (everyMs === null) return
  for (let atMs = draw.between(0, 2 * everyMs); atMs < untilMs; atMs += draw.between(0, 2 * everyMs)) yield [draw, atMs]
}

/** Ascending whole numbers, on average `every` apart. */
function* counts(draw: Prng, every: number | null): Generator<readonly [Prng, number]> {
  if (every === null) return
  let count = 0
  for (let i = 0; i < COUNTED_MAX; i++) {
    count += 1 + draw.below(2 * every)
    yield [draw, count]
  }
}
