/** kill -9, again and again, as fast as daemons can be started: one, several or all at once, running or still starting. */
import { type Arena, type Hospital, killHospital, pause, spawnDaemon, startHospital } from './arena.ts'

const LIFE_MS_MAX = 1_500
const TELL_EVERY = 50

/** @param killsMax a last round may go beyond it. @param endMs by `performance.now()`: no round begins after it */
export async function killRounds(arena: Arena, killsMax: number, endMs: number): Promise<void> {
  const { prng, hospitals } = arena
  const kills = () => arena.faults.get('kill -9') ?? 0
  let told = 0
  while (kills() < killsMax && performance.now() < endMs) {
    const victims = hospitals.filter(() => prng.chance(1 / hospitals.length))
    const all = victims.length > 0 ? victims : [prng.pick(hospitals)]
    await Promise.all(all.map((victim) => killAndStart(arena, victim, prng.chance(0.3), prng.between(0, LIFE_MS_MAX))))
    await pause(prng.between(0, LIFE_MS_MAX))
    if (Math.floor(kills() / TELL_EVERY) > told) {
      told = Math.floor(kills() / TELL_EVERY)
      arena.say(`${kills()} killed`)
    }
  }
}

/** @param twice also while it starts again, `momentMs` after that began */
async function killAndStart(arena: Arena, victim: Hospital, twice: boolean, momentMs: number): Promise<void> {
  await killHospital(arena, victim)
  if (twice) {
    await spawnDaemon(arena, victim)
    await pause(momentMs)
    await killHospital(arena, victim)
  }
  await startHospital(arena, victim)
}
