/** What goes wrong in a world, as drawn by its profile: cuts of the network, crashes, failing writes, wrong clocks. */
import type { Prng, World } from '@wardline/network-memory'
import type { MemoryDisk, WriteFault } from '@wardline/store-memory'
import type { Daemon, Mutant } from './daemon.ts'
import type { Profile } from './profile.ts'

export type Mishaps = {
  /** An output of a process, which may be its last. */
  output(node: string): void
  /** A write of this node's disk is about to be done. */
  write(node: string): WriteFault | undefined
  diskFailed(node: string): boolean
  /** A process has ended by itself; it comes back later. */
  exited(node: string): void
  begin(daemons: readonly Daemon[]): void
  /** Ends everything that is wrong, and starts every node that is off. */
  end(): void
  /** How often each kind happened. */
  counts(): ReadonlyMap<string, number>
}

export function createMishaps(world: World<MemoryDisk>, profile: Profile, mutant: Mutant): Mishaps {
  const prng = world.prng.fork('mishaps')
  const counts = new Map<string, number>()
  const diskFailures = new Map<string, boolean>()
  let active = false

  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)
  const names = (): readonly string[] => world.nodes().map(({ name }) => name)

  const comeBack = (name: string): void => {
    const delayMs = active ? prng.between(...profile.awayMs) : 1
    world.clock.after(delayMs, () => startAgain(name))
  }
  const startAgain = (name: string): void => {
    const node = world.node(name)
    if (node.state() === 'running') return
    diskFailures.set(name, false)
    mutant.beforeRestart?.(node.disk, name)
    node.restart()
  }

  const crash = (name: string): void => {
    const node = world.node(name)
    if (node.state() !== 'running') return
    const kind = prng.pick(['nothing', 'prefix', 'pages', 'kill'] as const)
    count(kind === 'kill' ? 'kill' : `power cut, ${kind} kept`)
    if (kind === 'kill') node.kill()
    else node.crash({ keep: kind })
    comeBack(name)
  }

  const cut = (daemons: readonly Daemon[]): void => {
    const all = daemons.map(({ hospital }) => hospital.name)
    const kind = prng.pick(['split', 'alone', 'one-way', 'several one-way'] as const)
    count(`cut, ${kind}`)
    if (kind === 'split') {
      const group = all.filter(() => prng.chance(0.5))
      world.partition([group])
    } else if (kind === 'alone') {
      world.partition([[prng.pick(all)]])
    } else {
      const ways = kind === 'one-way' ? 1 : all.length
      for (let i = 0; i < ways; i++) world.cut(prng.pick(all), prng.pick(all))
    }
    world.clock.after(prng.between(...profile.cutLastsMs), () => {
      if (active) world.heal()
    })
  }

  const repeat = (draw: Prng, everyMs: number, run: () => void): void => {
    world.clock.after(draw.between(0, 2 * everyMs), () => {
      if (!active) return
      run()
      repeat(draw, everyMs, run)
    })
  }

  return {
    output(name) {
      if (!active || profile.outputsPerCrash === null || !prng.chance(1 / profile.outputsPerCrash)) return
      count('crash at an output')
      crash(name)
    },
    write(name) {
      if (!active || profile.writesPerFault === null || !prng.chance(1 / profile.writesPerFault)) return undefined
      count('failed write')
      diskFailures.set(name, true)
      return { error: prng.pick(['EIO', 'ENOSPC'] as const), persisted: prng.chance(0.5) }
    },
    diskFailed: (name) => diskFailures.get(name) === true,
    exited: comeBack,
    begin(daemons) {
      active = true
      world.setFaults(profile.network)
      for (const { hospital } of daemons) {
        const offsetMs = Math.round(prng.between(-profile.clockOffsetMs, profile.clockOffsetMs))
        world.node(hospital.name).setClockOffset(offsetMs)
      }
      if (profile.cutEveryMs !== null && daemons.length > 1) {
        repeat(prng.fork('cuts'), profile.cutEveryMs, () => cut(daemons))
      }
      if (profile.crashEveryMs !== null) {
        repeat(prng.fork('crashes'), profile.crashEveryMs, () => {
          const all = prng.chance(0.1)
          for (const name of all ? names() : [prng.pick(names())]) crash(name)
        })
        repeat(prng.fork('restarts'), profile.crashEveryMs * 3, () => {
          const daemon = prng.pick(daemons)
          if (daemon.chain() === undefined) return
          count('restart by its operator')
          void daemon.restartGently()
        })
      }
    },
    end() {
      active = false
      world.setFaults({ dropRate: 0, duplicateRate: 0, slowRate: 0, streamBreakRate: 0, delayMs: [0.25, 2] })
      world.heal()
      for (const name of names()) {
        world.node(name).setClockOffset(0)
        startAgain(name)
      }
    },
    counts: () => counts
  }
}
