/** Lets happen what the schedule says: cuts of the network, crashes, failing writes, damaged disks, wrong clocks. */
import { unreachable } from '@wardline/codec'
import type { World } from '@wardline/network-memory'
import type { MemoryDisk, WriteFault } from '@wardline/store-memory'
import type { Daemon, Mutant } from './daemon.ts'
import { damageJournal, damageStore, STORE } from './damage.ts'
import { LOSS_KINDS, type Loss, type Profile } from './profile.ts'
import type { Mishap } from './schedule.ts'

export type Mishaps = {
  /** An output of a process, which may be its last. */
  output(node: string): void
  /** A part of a record has come to who asked for it; one of the two may end with that. */
  partCame(owner: string, requester: string): void
  /** A write of this node's disk is about to be done. */
  write(node: string): WriteFault | undefined
  /** The daemon has opened its chain, and relies on its vote journal or not; returns what it should have found and did not. */
  opened(node: string, trustsJournal: boolean): string | undefined
  /** What ended this process by itself: a disk that failed on purpose, damage that it found, or nothing that was arranged. */
  excuse(node: string, code: string): 'failed-write' | 'damage-found' | undefined
  /** A process has ended by itself, with that excuse; it comes back, if it may. */
  exited(node: string, code: string): void
  /** @param changeValidators lets the change of this number be submitted; false if that could not be */
  begin(daemons: readonly Daemon[], changeValidators: (mishap: number) => boolean): void
  /** Ends everything that is wrong, and starts every node that is off and may start. */
  end(): void
  /** How often each kind happened. */
  counts(): ReadonlyMap<string, number>
  /** Numbers of the mishaps that happened. */
  happened(): readonly number[]
}

export type MishapsParts = {
  readonly world: World<MemoryDisk>
  readonly profile: Profile
  readonly plan: readonly Mishap[]
  readonly mutant: Mutant
  /** A node's database was deleted, or its journal is lost: what it held and promised alone is gone. */
  readonly forgotten: (node: string) => void
  /** A process ends without having been asked to. */
  readonly died: (node: string) => void
}

type Counted = Extract<Mishap, { kind: 'last-output' | 'mid-release' | 'write-error' }>
type Timed = Exclude<Mishap, Counted>

export function createMishaps({ world, profile, plan, mutant, forgotten, died }: MishapsParts): Mishaps {
  const prng = world.prng.fork('mishaps')
  const counts = new Map<string, number>()
  const happened: number[] = []
  const byCount = new Map<string, Counted>()
  const outputs = new Map<string, number>()
  const writes = new Map<string, number>()
  let parts = 0
  const failedWrites = new Set<string>()
  const damaged = new Map<string, 'journal' | 'store'>()
  let running: ReadonlyMap<string, Daemon> = new Map()
  let changeValidators: (mishap: number) => boolean = () => false
  let active = false

  const names = (): readonly string[] => world.nodes().map(({ name }) => name)
  const happens = ({ number }: Mishap, kind: string): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    happened.push(number)
  }
  const nextOf = (counters: Map<string, number>, node: string): number => {
    const next = (counters.get(node) ?? 0) + 1
    counters.set(node, next)
    return next
  }

  const startAgain = (name: string): void => {
    const node = world.node(name)
    if (node.state() === 'running') return
    failedWrites.delete(name)
    mutant.beforeRestart?.(node.disk, name)
    node.restart()
  }
  const comeBack = (name: string, awayMs: number): void => {
    world.clock.after(active ? awayMs : 1, () => startAgain(name))
  }
  const crash = (name: string, loss: Loss): void => {
    const node = world.node(name)
    died(name)
    if (loss === 'kill') node.kill()
    else node.crash({ keep: loss })
  }

  /** The operator's answer to a damaged database: it is deleted, and comes back from the other members. */
  const wipe = (name: string): void => {
    damaged.delete(name)
    world.node(name).disk.dropStore(STORE)
    forgotten(name)
  }

  const flip = (mishap: Extract<Mishap, { kind: 'journal-flip' | 'store-flip' }>): void => {
    const { node: name, place } = mishap
    const node = world.node(name)
    if (node.state() === 'running') crash(name, 'kill')
    const part = mishap.kind === 'journal-flip' ? 'journal' : 'store'
    const isDamaged = part === 'journal' ? damageJournal(node.disk, place) : damageStore(node.disk, place)
    if (isDamaged) {
      happens(mishap, mishap.kind)
      damaged.set(name, part)
    }
    comeBack(name, mishap.awayMs)
  }

  const happen = (mishap: Timed): void => {
    switch (mishap.kind) {
      case 'partition':
      case 'one-way':
        happens(mishap, mishap.kind)
        if (mishap.kind === 'partition') world.partition([mishap.side])
        else for (const [from, to] of mishap.ways) world.cut(from, to)
        world.clock.after(mishap.lastsMs, () => {
          if (active) world.heal()
        })
        return
      case 'crash': {
        const up = mishap.nodes.filter((name) => world.node(name).state() === 'running')
        if (up.length > 0) happens(mishap, LOSS_KINDS[mishap.loss])
        for (const name of up) {
          crash(name, mishap.loss)
          comeBack(name, mishap.awayMs)
        }
        return
      }
      case 'restart': {
        const daemon = running.get(mishap.node)
        if (daemon?.chain() === undefined) return
        happens(mishap, mishap.kind)
        void daemon.restartGently()
        return
      }
      case 'validator-change':
        if (changeValidators(mishap.number)) happens(mishap, mishap.kind)
        return
      case 'clock-offset':
      case 'clock-jump':
        happens(mishap, mishap.kind)
        world.node(mishap.node).setClockOffset(mishap.offsetMs)
        return
      case 'journal-flip':
      case 'store-flip':
        flip(mishap)
        return
      default:
        unreachable(mishap)
    }
  }

  for (const mishap of plan) {
    if (mishap.kind === 'last-output') byCount.set(`output ${mishap.node} ${mishap.output}`, mishap)
    if (mishap.kind === 'mid-release') byCount.set(`part ${mishap.part}`, mishap)
    if (mishap.kind === 'write-error') byCount.set(`write ${mishap.node} ${mishap.write}`, mishap)
  }

  return {
    output(name) {
      if (!active) return
      const mishap = byCount.get(`output ${name} ${nextOf(outputs, name)}`)
      if (mishap?.kind !== 'last-output' || world.node(name).state() !== 'running') return
      happens(mishap, mishap.kind)
      crash(name, mishap.loss)
      comeBack(name, mishap.awayMs)
    },
    partCame(owner, requester) {
      if (!active) return
      parts += 1
      const mishap = byCount.get(`part ${parts}`)
      if (mishap?.kind !== 'mid-release') return
      const name = mishap.side === 'owner' ? owner : requester
      if (world.node(name).state() !== 'running') return
      happens(mishap, mishap.kind)
      crash(name, mishap.loss)
      comeBack(name, mishap.awayMs)
    },
    write(name) {
      if (!active) return undefined
      const mishap = byCount.get(`write ${name} ${nextOf(writes, name)}`)
      if (mishap?.kind !== 'write-error') return undefined
      happens(mishap, mishap.kind)
      failedWrites.add(name)
      return { error: mishap.error, persisted: mishap.persisted }
    },
    opened(name, trustsJournal) {
      if (damaged.get(name) !== 'journal') return undefined
      damaged.delete(name)
      return trustsJournal ? 'a vote journal in which a bit has turned over, and takes it for whole' : undefined
    },
    excuse(name, code) {
      if (failedWrites.has(name) && (code === 'store-failed' || code === 'journal-failed')) return 'failed-write'
      return damaged.get(name) === 'store' && code === 'store-corrupt' ? 'damage-found' : undefined
    },
    exited(name, code) {
      died(name)
      if (code === 'store-corrupt') wipe(name)
      comeBack(name, prng.between(...profile.awayMs))
    },
    begin(daemons, change) {
      active = true
      changeValidators = change
      running = new Map(daemons.map((daemon) => [daemon.hospital.name, daemon]))
      world.setFaults(profile.network)
      for (const mishap of plan) {
        if (isCounted(mishap)) continue
        world.clock.after(mishap.afterMs, () => {
          if (active) happen(mishap)
        })
      }
    },
    end() {
      active = false
      world.setFaults({ dropRate: 0, duplicateRate: 0, slowRate: 0, streamBreakRate: 0, delayMs: [0.25, 2] })
      world.heal()
      for (const name of names()) {
        const node = world.node(name)
        node.setClockOffset(0)
        // Damage that no start and no read has met yet is found by the operator's check of the database.
        if (damaged.get(name) === 'store' && node.disk.damagedKeys(STORE) > 0) {
          if (node.state() === 'running') crash(name, 'kill')
          wipe(name)
        }
        startAgain(name)
      }
    },
    counts: () => counts,
    happened: () => happened
  }
}

function isCounted(mishap: Mishap): mishap is Counted {
  return mishap.kind === 'last-output' || mishap.kind === 'mid-release' || mishap.kind === 'write-error'
}
