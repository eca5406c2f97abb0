/** A daemon stops voting before its disk is full, says so, and votes again when there is room. */
import type { Clock, Space } from '@wardline/ports'
import { createMemoryDiskSpace } from '@wardline/system'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startDiskWatch } from '../src/disk-watch.ts'
import {
  base64,
  connected,
  type Daemon,
  found,
  keepingLog,
  level,
  start,
  startAll,
  stopAll,
  until
} from './hospitals.ts'

const test = suite('hospital/disk-watch')

const MIB = 1024 * 1024
const LARGE = 1024 * 1024 * MIB

/** A watch whose looks are called for by hand. */
function watched(first: Space | undefined) {
  let room = first
  let look = () => {}
  let isPaused: boolean | undefined
  const clock: Clock = {
    nowMs: () => 0,
    elapsedMs: () => 0,
    after(_, run) {
      look = run
      return {
        cancel() {
          look = () => {}
        }
      }
    }
  }
  const watch = startDiskWatch({
    clock,
    log: keepingLog([]),
    disk: createMemoryDiskSpace(() => room),
    pauseVoting(paused) {
      isPaused = paused
    }
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    watch,
    isPaused: () => isPaused,
    settled,
    async with(next: Space | undefined) {
      room = next
      look()
      await settled()
    }
  }
}

const rows: readonly (readonly [what: string, space: Space, isPaused: boolean])[] = [
  ['a large disk with more than 256 MiB', { freeBytes: 257 * MIB, totalBytes: LARGE }, false],
  ['a large disk with less', { freeBytes: 255 * MIB, totalBytes: LARGE }, true],
  ['a small disk with more than a twentieth', { freeBytes: 6 * MIB, totalBytes: 100 * MIB }, false],
  ['a small disk with less', { freeBytes: 4 * MIB, totalBytes: 100 * MIB }, true],
  ['a full one', { freeBytes: 0, totalBytes: LARGE }, true]
]
for (const [what, space, isPaused] of rows) {
  test(`${what} ${isPaused ? 'pauses' : 'does not pause'} voting`, async () => {
    const it = watched(space)
    await it.settled()
    assert.is(it.isPaused(), isPaused)
    assert.equal(
      it.watch.failed().map(({ code }) => code),
      isPaused ? ['disk-low'] : []
    )
    it.watch.stop()
  })
}

test('it votes again with twice the room only, and what cannot be read changes nothing', async () => {
  const it = watched({ freeBytes: 200 * MIB, totalBytes: LARGE })
  await it.settled()
  const steps: readonly (readonly [Space | undefined, boolean])[] = [
    [{ freeBytes: 300 * MIB, totalBytes: LARGE }, true],
    [undefined, true],
    [{ freeBytes: 513 * MIB, totalBytes: LARGE }, false],
    [undefined, false],
    [{ freeBytes: 300 * MIB, totalBytes: LARGE }, false]
  ]
  for (const [space, isPaused] of steps) {
    await it.with(space)
    assert.is(it.isPaused(), isPaused)
  }
  it.watch.stop()
})

test('the others go on without the votes of a hospital whose disk is nearly full, and it follows and answers', async () => {
  const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
  const daemons = await startAll(founded)
  const beta = daemons[1] as Daemon
  await beta.stop()
  const low = createMemoryDiskSpace(() => ({ freeBytes: 1 * MIB, totalBytes: LARGE }))
  daemons[1] = await start(founded, beta.place, { diskSpace: low })
  try {
    await connected(daemons)
    const full = daemons[1]
    const standing = async () => {
      const { problems, chains } = await full.call('status', {})
      return { codes: problems.map(({ code }) => code), voting: chains[0]?.voting.state }
    }
    await until('it votes no more', async () => (await standing()).voting === 'paused')
    assert.ok((await standing()).codes.includes('disk-low'))
    const sent = await full.call('record.send', { to: ['Gamma'], content: base64('still served') })
    assert.is(sent.state, 'committed')
    await level(daemons)
  } finally {
    await stopAll(daemons)
  }
})

test.run()
