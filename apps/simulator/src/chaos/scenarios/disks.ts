/** Homes that are full, used twice, old or edited. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { homePaths } from '@wardline/config'
import { startChild } from '../../local-network/children.ts'
import { DAEMON_PROGRAM } from '../../local-network/daemon.ts'
import {
  type Arena,
  ended,
  eventually,
  type Hospital,
  LABEL,
  noteFault,
  pause,
  READY_MS_MAX,
  spawnDaemon,
  startHospital,
  stateOf,
  stopHospital,
  untilProgress,
  untilRest
} from '../arena.ts'
import { compareServed } from '../compare-served.ts'
import type { Scenario } from '../scenario.ts'
import { giveRoom, takeRoom } from '../small-disk.ts'

/** Its clients ask nothing more, and all that they asked has been answered. */
async function silence(hospital: Hospital): Promise<void> {
  hospital.quiet = true
  await eventually(`the clients of ${hospital.name} have their answers`, async () => hospital.asking === 0)
}

/** A second daemon would sign with the same keys. */
export const secondDaemon: Scenario = {
  name: 'second-daemon',
  async play({ arena }) {
    const hospital = arena.prng.pick(arena.hospitals)
    const first = hospital.daemon
    if (first === undefined) return
    noteFault(arena, 'second daemon')
    const said: string[] = []
    const second = await startChild(DAEMON_PROGRAM, ['--home', hospital.home], { onTalk: (line) => said.push(line) })
    const { code } = await second.ended
    if (code !== 1 || !said.at(-1)?.endsWith('(folder-locked)')) {
      arena.violate('two-daemons', `a second daemon of ${hospital.name} ended with ${code}: ${said.at(-1)}`)
    }
    if (first.end() !== null) arena.violate('two-daemons', `the first daemon of ${hospital.name} ended`)
  }
}

/** The disk takes no more: the daemon ends rather than go on without it, and goes on when there is room again. */
export const fullDisk: Scenario = {
  name: 'full-disk',
  hindrance: ({ hasSmallDisk }) => (hasSmallDisk ? undefined : 'no file system can be mounted here'),
  async play({ arena }) {
    const hospital = arena.hospitals.at(-1) as Hospital
    noteFault(arena, 'full disk')
    hospital.mayEnd = true
    await takeRoom(hospital.home)
    try {
      await Promise.race([hospital.daemon?.ended, pause(20_000)])
      const end = hospital.daemon?.end() ?? null
      if (end !== null) {
        const last = hospital.daemon?.lastLines().at(-1) ?? ''
        if (end.code !== 1 || !/\((?:store|journal|line-log)-failed\)$/.test(last)) {
          arena.violate('full-disk', `the daemon of ${hospital.name} ended with ${end.code ?? end.signal}: ${last}`)
        }
        await ended(arena, hospital)
      }
      const others = arena.hospitals.filter((each) => each !== hospital)
      if (others.length >= 3) await untilProgress(others, 'those with room')
    } finally {
      await giveRoom(hospital.home)
      hospital.mayEnd = hospital.daemon === undefined
    }
    await startHospital(arena, hospital)
  }
}

/**
 * Bytes of the database change while the daemon is stopped. It refuses to start, or what it then serves is right all the
 * same; it never serves what was changed. The operator puts the database back as it was.
 */
export const editedDatabase: Scenario = {
  name: 'edited-database',
  async play({ arena }) {
    const hospital = arena.prng.pick(arena.hospitals)
    await silence(hospital)
    try {
      const before = await stateOf(hospital)
      await stopHospital(arena, hospital)
      const { store } = homePaths(hospital.home).chain(LABEL)
      const kept = `${store}.kept`
      await cp(store, kept, { recursive: true })
      const where = await edit(arena, store)
      noteFault(arena, 'edited database')
      // Nobody reaches it, so that it becomes no part of the chain's history with what it now has.
      for (const { index } of arena.hospitals) {
        arena.proxy.setLink(hospital.index, index, { held: true, delayMs: 0 })
        arena.proxy.setLink(index, hospital.index, { held: true, delayMs: 0 })
      }
      await startEdited(arena, hospital, before?.height ?? 0, where)
      await rm(store, { recursive: true })
      await cp(kept, store, { recursive: true })
      await rm(kept, { recursive: true })
      arena.proxy.heal()
      await startHospital(arena, hospital)
    } finally {
      hospital.quiet = false
    }
  }
}

/** Flips a few bits of one of the files that hold data, or name those that do. */
async function edit({ prng }: Arena, folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|log))$/.test(name))
  const sized = await Promise.all(
    files.sort().map(async (name) => ({ name, bytes: await readFile(join(folder, name)) }))
  )
  const { name, bytes } = prng.pick(sized.filter(({ bytes: { length } }) => length > 0))
  const at = prng.below(bytes.length)
  for (let i = at; i < Math.min(at + 16, bytes.length); i++) bytes[i] = (bytes[i] as number) ^ (1 + prng.below(255))
  await writeFile(join(folder, name), bytes)
  return `${name} at ${at} of ${bytes.length}`
}

async function startEdited(arena: Arena, hospital: Hospital, head: number, where: string): Promise<void> {
  const daemon = await spawnDaemon(arena, hospital)
  hospital.mayEnd = true
  const answers = daemon
    .until(({ chains }) => chains.length > 0, READY_MS_MAX)
    .then(
      () => true,
      () => false
    )
  const lastLine = (): string => daemon.lastLines().at(-1) ?? ''
  const isSaid = (): boolean =>
    daemon.end()?.code === 1 && /^wardlined: .*\(store-(?:corrupt|failed)\)$/.test(lastLine())
  if (!(await answers)) {
    if (isSaid()) arena.say(`  ${where}: it refuses to start`)
    else arena.violate('edited-database', `${hospital.name} (${where}) does not start and says: ${lastLine()}`)
    await stopHospital(arena, hospital)
    return
  }
  const served = await stateOf(hospital)
  if ((served?.height ?? 0) < head) {
    arena.violate('edited-database', `${hospital.name} (${where}) had block ${head} and serves ${served?.height}`)
  }
  const compared = await compareServed(arena, hospital, where)
  arena.say(`  ${where}: it starts; ${compared}`)
  if (daemon.end() !== null && !isSaid()) {
    arena.violate('edited-database', `${hospital.name} (${where}) ended by itself: ${lastLine()}`)
  }
  await stopHospital(arena, hospital)
}

/**
 * An operator puts yesterday's copy of a home back, and says so. What the hospital has sent since is with its receivers by
 * then: a record that nobody had fetched yet would be gone with the disk, and its receivers would wait for it for ever.
 */
export const restoredBackup: Scenario = {
  name: 'restored-backup',
  hindrance: ({ canRestore }) => (canRestore ? undefined : 'wardlined takes no --restored'),
  async play({ arena, history }) {
    const hospital = arena.prng.pick(arena.hospitals)
    await stopHospital(arena, hospital)
    const backup = join(arena.folder, 'backup')
    await rm(backup, { recursive: true, force: true })
    const { folder } = homePaths(hospital.home).chain(LABEL)
    await cp(folder, backup, { recursive: true })
    await startHospital(arena, hospital)
    await untilProgress(arena.hospitals, 'all')
    await pause(arena.prng.between(0, 4_000))
    try {
      await Promise.all(arena.hospitals.map(silence))
      await untilRest(arena)
      await stopHospital(arena, hospital)
      for (const each of arena.hospitals) each.quiet = each === hospital
      noteFault(arena, 'restored backup')
      history.restored(hospital.member)
      await rm(folder, { recursive: true })
      await cp(backup, folder, { recursive: true })
      await startHospital(arena, hospital, ['--restored'])
    } finally {
      for (const each of arena.hospitals) each.quiet = false
    }
    await untilProgress(arena.hospitals, 'all')
  }
}
