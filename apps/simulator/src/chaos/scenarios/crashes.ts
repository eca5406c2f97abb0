/** Processes that end or stand still. */
import { killHospital, noteFault, pause, spawnDaemon, startAll, startHospital, untilProgress } from '../arena.ts'
import type { Scenario } from '../scenario.ts'

/** What a daemon may do before it is killed again, ms. */
const LIFE_MS_MAX = 2_500

export const killOne: Scenario = {
  name: 'kill',
  async play({ arena }) {
    const victim = arena.prng.pick(arena.hospitals)
    await pause(arena.prng.between(0, LIFE_MS_MAX))
    await killHospital(arena, victim)
    await pause(arena.prng.between(0, LIFE_MS_MAX))
    await startHospital(arena, victim)
  }
}

export const killAll: Scenario = {
  name: 'kill-all',
  async play({ arena }) {
    await pause(arena.prng.between(0, LIFE_MS_MAX))
    await Promise.all(arena.hospitals.map((hospital) => killHospital(arena, hospital)))
    await startAll(arena)
  }
}

/** A start is the moment at which most is read, cut off and written anew: it must stand being killed, too. */
export const killStarting: Scenario = {
  name: 'kill-starting',
  async play({ arena }) {
    const victim = arena.prng.pick(arena.hospitals)
    await killHospital(arena, victim)
    for (let life = 0; life < 3; life++) {
      await spawnDaemon(arena, victim)
      await pause(arena.prng.between(0, LIFE_MS_MAX))
      await killHospital(arena, victim)
    }
    await startHospital(arena, victim)
  }
}

export const freeze: Scenario = {
  name: 'freeze',
  async play({ arena }) {
    const { daemon } = arena.prng.pick(arena.hospitals)
    if (daemon === undefined) return
    noteFault(arena, 'SIGSTOP')
    process.kill(daemon.pid, 'SIGSTOP')
    await pause(arena.prng.between(500, 6_000))
    process.kill(daemon.pid, 'SIGCONT')
  }
}

/** As many away as the chain tolerates: it goes on; and they catch up. */
export const oneDead: Scenario = {
  name: 'one-of-four-dead',
  hindrance: ({ arena }) => (arena.hospitals.length < 4 ? 'it takes four hospitals' : undefined),
  async play({ arena }) {
    const victim = arena.prng.pick(arena.hospitals)
    await killHospital(arena, victim)
    const others = arena.hospitals.filter((hospital) => hospital !== victim)
    for (let time = 0; time < 3; time++) await untilProgress(others, 'those that are left')
    await startHospital(arena, victim)
    await untilProgress(arena.hospitals, 'all')
  }
}
