/** Damage on one disk: the patient is in quarantine there, and nowhere else, until the content has been fetched anew. */
import type { Alias, MemberId } from '@wardline/codec'
import type { KeyValueStore } from '@wardline/ports'
import { createSystemClock } from '@wardline/system'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openQuarantine, type QuarantineParts } from '../../src/dss/quarantine.ts'
import { codeOf, connected, type Daemon, found, keepingLog, start, startAll, stopAll, until } from '../hospitals.ts'
import { ALLIANCE, doctorAt, enrolledAt, publish, sameTimelines, textOf, timeline } from './alliance.ts'

const test = suite('hospital/dss/quarantine')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], ALLIANCE)
let daemons: Daemon[] = []
/** Beta's disk, behind its daemon's back. */
let disk: KeyValueStore
let chase: MemberId
let house: MemberId
let anna: Alias
let bruno: Alias

const at = (index: number) => daemons[index] as Daemon

async function startBeta(): Promise<Daemon> {
  return start(founded, at(1).place, {
    store: (store) => {
      disk = store
      return store
    }
  })
}

test.before(async () => {
  daemons = await startAll(founded)
  await at(1).stop()
  daemons[1] = await startBeta()
  await connected(daemons)
  chase = await doctorAt(at(0), 'Dr. Chase')
  house = await doctorAt(at(1), 'Dr. House')
  anna = await enrolledAt(at(0), 'anna')
  bruno = await enrolledAt(at(0), 'bruno')
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

/** Flips one bit of the payload of this transaction that Beta has stored, which may be later than its block. */
async function damage(id: string): Promise<void> {
  await until('the payload is on the disk', () => isStored(id))
  const writes = []
  for await (const [key, value] of disk.range({ from: 'payloads/', to: 'payloads0' })) {
    if (!key.includes(id) || value.length < 16) continue
    const changed = new Uint8Array(value)
    changed[7] = (changed[7] as number) ^ 1
    writes.push({ key, value: changed })
  }
  assert.is(writes.length, 1)
  await disk.write(writes, { sync: true })
}

async function isStored(id: string): Promise<boolean> {
  for await (const [key, value] of disk.range({ from: 'payloads/', to: 'payloads0' })) {
    if (key.includes(id) && value.length >= 16) return true
  }
  return false
}

test('damage is seen at the next look: quarantine, a problem in the status, and back to normal by itself', async () => {
  const written = await publish(at(0), anna, chase, 'a record that will be damaged')
  const other = await publish(at(0), anna, chase, 'another record of the same patient')
  const stranger = await publish(at(0), bruno, chase, 'a record of another patient')
  await sameTimelines(daemons, bruno, 2)
  await sameTimelines(daemons, anna, 3)
  const others = [0, 2, 3]
  for (const index of others) await at(index).stop()
  await damage(written.id)

  assert.is(await codeOf(at(1).call('record.open', { record: written.record })), 'quarantined')
  assert.is(await codeOf(at(1).call('record.open', { record: other.record })), 'quarantined')
  assert.is(await codeOf(publish(at(1), anna, house, 'not now')), 'quarantined')
  assert.is(await codeOf(at(1).call('record.open', { record: stranger.record, timeoutMs: 300 })), 'timeout')
  const seen = await timeline(at(1), anna)
  assert.equal([seen.quarantined, (await timeline(at(1), bruno)).quarantined], [true, false])
  const status = await at(1).call('status', {})
  assert.is(status.chains[0]?.quarantined, 1)
  assert.is(status.health, 'fail')
  assert.ok(status.problems.some(({ code }) => code === 'content-damaged'))

  await at(1).stop()
  daemons[1] = await startBeta()
  assert.is(await codeOf(at(1).call('record.open', { record: other.record })), 'quarantined', 'after a restart too')

  for (const index of others) daemons[index] = await start(founded, at(index).place)
  await connected(daemons)
  await until('the payload is whole again', async () => !(await timeline(at(1), anna)).quarantined)
  const opened = await at(1).call('record.open', { record: written.record })
  assert.is(textOf(opened), 'a record that will be damaged')
  assert.is((await at(1).call('status', {})).chains[0]?.quarantined, 0)
  assert.is((await publish(at(1), anna, house, 'now it goes')).state, 'committed')
})

test('damage on one disk keeps nobody from voting, reading elsewhere, or writing elsewhere', async () => {
  const written = await publish(at(0), anna, chase, 'damaged again')
  await sameTimelines(daemons, anna, 6)
  await damage(written.id)
  await at(2).stop()
  const filtered = timeline(at(1), anna, { category: 'report' })
  assert.is(await codeOf(filtered), 'quarantined', 'a filter that reads content comes upon it too')
  assert.is((await publish(at(0), anna, chase, 'three vote, one of them with a damaged disk')).state, 'committed')
  assert.is(textOf(await at(3).call('record.open', { record: written.record })), 'damaged again')
  daemons[2] = await start(founded, at(2).place)
  await connected(daemons)
})

test('after a restart a few damaged payloads are fetched at once, and in the end all', async () => {
  const damaged = new Set(Array.from({ length: 20 }, (_, i) => String(i).padStart(64, '0')))
  const most = { fetching: 0, seen: 0 }
  const chain = {
    store: {
      async *range() {
        for (const id of damaged) yield [`duties/quarantine/${anna}/${id}`, new Uint8Array(0)] as const
      },
      write: async () => {}
    },
    query: { transaction: (id: string) => ({ kind: 'dss.record', id, body: { alias: anna } }) },
    payloads: {
      read: ({ id }: { id: string }) => ({ kind: damaged.has(id) ? 'damaged' : 'here' }),
      async fetch({ id }: { id: string }) {
        most.fetching += 1
        most.seen = Math.max(most.seen, most.fetching)
        await new Promise((resolve) => setImmediate(resolve))
        most.fetching -= 1
        damaged.delete(id)
      }
    }
  } as unknown as QuarantineParts['chain']
  const failures: unknown[] = []
  const fail = (error: unknown) => failures.push(error)
  const quarantine = await openQuarantine({ chain, clock: createSystemClock(), log: keepingLog([]), fail })
  assert.is(quarantine.count(), 1)
  await until('all are fetched', async () => quarantine.count() === 0)
  assert.equal([most.seen, damaged.size, failures], [4, 0, []])
  quarantine.stop()
})

test.run()
