import type { SignKey } from '@wardline/codec'
import { chainIdOf, execute, type ParsedTransaction, registrationStatement } from '@wardline/ledger'
import { createMemoryDisk } from '@wardline/store-memory'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Directory, openDirectory } from '../src/directory.ts'
import { createFinalState } from '../src/final-state.ts'
import { keys } from '../src/layout.ts'
import { openStore } from '../src/open.ts'
import { founded, type Hospital, hospital, START_MS, transaction } from './chain-world.ts'

const test = suite('node/directory')

const { genesis, hospitals } = founded(2)
const chain = chainIdOf(genesis)
const registrar = hospitals.find(({ name }) => name === 'h0') as Hospital
const self = hospitals.find(({ name }) => name !== 'h0') as Hospital
const guest = hospital('guest')
const nameOf = (host: SignKey): string => `peer ${host.slice(0, 8)}`
const guestPeer = nameOf(guest.host.publicKey)
const UNTIL_MS = START_MS + 1000

function registration(until: number | null): ParsedTransaction {
  const keysOfGuest = { sign: guest.sign.publicKey, seal: guest.seal, host: guest.host.publicKey }
  const statement = { ...keysOfGuest, role: 'hospital' as const, hospital: null }
  const message = registrationStatement(chain, registrar.member, statement)
  return transaction(genesis, registrar, 'member.register', {
    ...statement,
    attributes: [],
    grants: { roles: [], attributes: [] },
    until,
    proof: guest.sign.sign('wardline/key-proof/1', message),
    hostProof: guest.host.sign('wardline/key-proof/1', message)
  })
}

async function setUp() {
  const store = await createMemoryDisk().openStore('chain')
  const { head } = await openStore(store, chain, genesis)
  const state = createFinalState(store)
  let height = head.height
  const open = (timeMs: number) => openDirectory(store, state, genesis, self.member, timeMs, nameOf)
  return {
    open,
    directory: await open(head.time),
    async block(directory: Directory, timeMs: number, transactions: readonly ParsedTransaction[]): Promise<boolean> {
      height = (height + 1) as typeof height
      const done = execute(state, { height, time: timeMs, parent: head, transactions })
      if (done.kind === 'invalid') throw new Error(done.code)
      const writes = done.changes.map(({ key, value }) => ({ key: keys.state(key), value }))
      await store.write(writes, { sync: true })
      state.update(done.changes)
      state.update(done.seen)
      return directory.update(done.changes, timeMs)
    }
  }
}

test('a member is a peer until its registration ends, by the time of the last block', async () => {
  const it = await setUp()
  const { directory } = it
  assert.is(await it.block(directory, START_MS, [registration(UNTIL_MS)]), true)
  assert.is(directory.peerOf(guest.member), guestPeer)
  assert.is(directory.memberOf(guestPeer), guest.member)
  assert.is(await it.block(directory, UNTIL_MS - 1, []), false)
  assert.is(directory.others().length, 2)
  assert.is(await it.block(directory, UNTIL_MS, []), true)
  assert.is(directory.peerOf(guest.member), undefined)
  assert.is(directory.memberOf(guestPeer), undefined)
  assert.is(directory.others().length, 1)
  assert.is(await it.block(directory, UNTIL_MS + 1, []), false)
})

test('the same at a start, before and after', async () => {
  const it = await setUp()
  await it.block(it.directory, START_MS, [registration(UNTIL_MS)])
  assert.is((await it.open(UNTIL_MS - 1)).peerOf(guest.member), guestPeer)
  assert.is((await it.open(UNTIL_MS)).peerOf(guest.member), undefined)
})

test('a registration without an end stays', async () => {
  const it = await setUp()
  await it.block(it.directory, START_MS, [registration(null)])
  assert.is(await it.block(it.directory, START_MS + 10 ** 12, []), false)
  assert.is(it.directory.peerOf(guest.member), guestPeer)
})

test.run()
