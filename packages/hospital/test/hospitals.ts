/** Several hospitals of one chain in this process: real parts over loopback TCP, on disks in memory that outlive a crash. */
import { randomBytes } from 'node:crypto'
import { ApiError, type Caller, createDispatcher, type MethodName, type ParamsInput, type Result } from '@wardline/api'
import { type ChainId, type MemberId, type RecordId, type TransactionId, WardlineError } from '@wardline/codec'
import { createSigner, createVerifier, createVoteSigner, publicSealKey, type Signer } from '@wardline/crypto'
import { createMemoryRecordKeysDisk, type MemoryRecordKeysDisk } from '@wardline/keys-files'
import {
  type Card,
  chainIdOf,
  draftGenesis,
  type Genesis,
  type GenesisMode,
  makeCard,
  memberIdOf,
  signGenesis,
  withSignatures
} from '@wardline/ledger'
import { createLibp2pNetwork, peerNameOf } from '@wardline/network-libp2p'
import type { Clock, DiskSpace, KeySet, KeyValueStore, Log, Network, StoreWrite } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { createMemoryLineLog, createSystemClock, createSystemRandom, type MemoryLineLog } from '@wardline/system'
import { createMemoryVaultDisk, type MemoryVaultDisk } from '@wardline/vault-files'
import { freePort } from '../../../test/free-port.ts'
import { type ChainSetup, type Hospital, openHospital } from '../src/index.ts'
import { memoryKeyLine } from './key-lines.ts'

const LABEL = 'transfers'

/** What a hospital is, whether or not its daemon runs. */
export type Place = {
  readonly name: string
  readonly member: MemberId
  readonly sign: Signer
  readonly keys: KeySet
  /** Sealing keys that its daemon made: the files of them outlive it. */
  readonly sealKeys: Uint8Array[]
  readonly card: Card
  readonly port: number
  readonly disk: MemoryDisk
  readonly vault: MemoryVaultDisk
  readonly recordKeys: MemoryRecordKeysDisk
  readonly audit: MemoryLineLog
  /** Everything its log said, one line each. */
  readonly log: string[]
  readonly failures: unknown[]
}

/** Stands between a daemon and its world, to end it or to lie to it at a chosen point. */
export type Between = {
  readonly store?: (store: KeyValueStore) => KeyValueStore
  readonly network?: (network: Network) => Network
  readonly keys?: (keys: KeySet) => KeySet
  /** What its settings say of acknowledging. */
  readonly acknowledge?: NonNullable<ChainSetup['acknowledge']>
  /** Added to what its clock says. */
  readonly clockMs?: () => number
  /** Added to the time that has passed by it. */
  readonly passedMs?: () => number
  readonly diskSpace?: DiskSpace
}

export type Daemon = {
  readonly place: Place
  readonly hospital: Hospital
  readonly network: Network
  call<M extends MethodName>(method: M, params: ParamsInput<M>, caller?: Partial<Caller>): Promise<Result<M>>
  stop(): Promise<void>
  /** Ends at once: what was not on the disk is lost, and nothing it still does reaches disk or network. */
  crash(): Promise<void>
}

export type Founded = { readonly genesis: Genesis; readonly chain: ChainId; readonly places: readonly Place[] }

const clock = createSystemClock()
const random = createSystemRandom()

/** A place of its own; with `registration` its card is for being registered on a chain that exists. */
export async function makePlace(
  name: string,
  registration?: { readonly chain: ChainId; readonly by: MemberId }
): Promise<Place> {
  const keys = { sign: randomBytes(32), vote: randomBytes(32), host: randomBytes(32), seal: randomBytes(32) }
  const sign = createSigner(keys.sign)
  const port = await freePort()
  const card = makeCard(
    {
      name,
      label: LABEL,
      seal: publicSealKey(keys.seal),
      addresses: [`/ip4/127.0.0.1/tcp/${port}`],
      ...(registration !== undefined && { registration })
    },
    {
      identity: createSigner(randomBytes(32)),
      sign,
      vote: createVoteSigner(keys.vote),
      host: createSigner(keys.host)
    }
  )
  const member = memberIdOf(sign.publicKey)
  const disk = createMemoryDisk()
  const atRest = { disk, vault: createMemoryVaultDisk(), recordKeys: createMemoryRecordKeysDisk() }
  const made = { sealKeys: [] }
  return {
    name,
    member,
    sign,
    keys,
    ...made,
    card,
    port,
    ...atRest,
    audit: createMemoryLineLog(),
    log: [],
    failures: []
  }
}

/** A chain of new hospitals with these names; the first is its registrar. */
export async function found(
  names: readonly string[],
  mode: GenesisMode = { mode: 'STT' },
  parameters: Parameters<typeof draftGenesis>[0]['parameters'] = {}
): Promise<Founded> {
  const identities = names.map(() => createSigner(randomBytes(32)))
  const places: Place[] = []
  for (const [index, name] of names.entries()) {
    const place = await makePlace(name)
    const keys = {
      identity: identities[index] as Signer,
      sign: place.sign,
      vote: createVoteSigner(place.keys['vote'] as Uint8Array),
      host: createSigner(place.keys['host'] as Uint8Array)
    }
    const { seal, addresses } = place.card
    places.push({ ...place, card: makeCard({ name, label: LABEL, seal, addresses }, keys) })
  }
  const draft = draftGenesis({
    ...mode,
    label: LABEL,
    created: clock.nowMs() - 1000,
    random: randomBytes(32),
    founders: places.map(({ card }) => card),
    registrar: { kind: 'founder', member: places[0]?.member as MemberId },
    // Everybody is on this machine: views of who is away end sooner.
    parameters: { deltaMs: 100, ...parameters }
  })
  const genesis = withSignatures(
    draft,
    identities.map((identity) => signGenesis(draft, identity))
  )
  return { genesis, chain: chainIdOf(genesis), places }
}

export async function start({ genesis }: Founded, place: Place, between: Between = {}): Promise<Daemon> {
  const log = keepingLog(place.log)
  const opened = await createLibp2pNetwork({
    secretKey: place.keys['host'] as Uint8Array,
    listen: [`/ip4/127.0.0.1/tcp/${place.port}`],
    log
  })
  const network = between.network?.(opened) ?? opened
  const store = await place.disk.openStore('db')
  const ownClock: Clock = {
    ...clock,
    nowMs: () => clock.nowMs() + (between.clockMs?.() ?? 0),
    elapsedMs: () => clock.elapsedMs() + (between.passedMs?.() ?? 0)
  }
  let crashed = false
  const keys = between.keys?.(place.keys) ?? place.keys
  const setup: ChainSetup = {
    label: LABEL,
    genesis,
    keys,
    voteKeys: memoryKeyLine(keys, 'vote', random),
    sealKeys: memoryKeyLine(keys, 'seal', random, place.sealKeys),
    voteMarks: null,
    acknowledge: between.acknowledge ?? 'auto',
    store: between.store?.(store) ?? store,
    journal: await place.disk.openJournal('votes'),
    network,
    vault: place.vault.open(),
    recordKeys: place.recordKeys.open(random)
  }
  const hospital = await openHospital([LABEL], {
    openSetup: async () => setup,
    clock: ownClock,
    random,
    log,
    verifier: createVerifier(),
    peerNameOf,
    audit: await place.audit.open(),
    facts: {
      name: place.name,
      version: '0.0.0',
      startedMs: clock.nowMs(),
      pid: 1,
      rssBytes: () => 1,
      nowMs: ownClock.nowMs
    },
    ...(between.diskSpace !== undefined && { diskSpace: between.diskSpace }),
    onFailure: (error) => {
      if (!crashed) place.failures.push(error)
    }
  })
  const dispatch = createDispatcher(hospital.api, { checkResults: true, denied: hospital.denied })
  return {
    place,
    hospital,
    network: opened,
    // The dispatcher has checked the answer against the schema that the type comes from.
    call: (method, params, caller = {}) => dispatch(method, params, { role: 'admin', ...caller }) as Promise<never>,
    stop: () => hospital.stop(),
    async crash() {
      crashed = true
      place.disk.crash()
      place.vault.crash()
      place.recordKeys.crash()
      // Its timers, for its process goes on here; its disk is dead, so what waits for that never ends.
      void hospital.stop()
      await opened.close()
    }
  }
}

/** All of them, connected. */
export async function startAll(founded: Founded, between?: Between): Promise<Daemon[]> {
  const daemons = await Promise.all(founded.places.map((place) => start(founded, place, between)))
  await connected(daemons)
  return daemons
}

export async function connected(daemons: readonly Daemon[]): Promise<void> {
  await until('all are connected', async () => {
    const statuses = await Promise.all(daemons.map(({ call }) => call('status', {})))
    return statuses.every(({ chains }) =>
      chains.every(({ peers, phase }) => phase === 'running' && peers.connected.length >= daemons.length - 1)
    )
  })
}

/** Waits until each of them has every block that one of them has now: what is committed at one is not yet read at another. */
export async function level(daemons: readonly Daemon[]): Promise<void> {
  const heads = () => Promise.all(daemons.map(async ({ call }) => (await call('chain.info', {})).height))
  const highest = Math.max(...(await heads()))
  await until(`all have block ${highest}`, async () => (await heads()).every((height) => height >= highest))
}

/** Waits until they are level, nothing is pending anywhere and nobody owes anything: no block changes what is read next. */
export async function atRest(daemons: readonly Daemon[]): Promise<void> {
  await until('all is at rest', async () => {
    const chains = (await Promise.all(daemons.map(({ call }) => call('status', {})))).flatMap((status) => status.chains)
    return chains.every(
      ({ head, mempool, duties }) =>
        head === chains[0]?.head && mempool.transactions === 0 && duties.pending === 0 && duties.toDestroy === 0
    )
  })
}

export async function stopAll(daemons: readonly Daemon[]): Promise<void> {
  await Promise.all(daemons.map((daemon) => daemon.stop()))
}

/** How long a test waits for what must come: what takes a second alone takes many on a machine that others use as well. */
const WAIT_MS_MAX = 60_000

export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  waitMs = WAIT_MS_MAX
): Promise<void> {
  const endMs = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${waitMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

/** This store with something of its own in its place. */
export function storeWith(store: KeyValueStore, own: Partial<KeyValueStore>): KeyValueStore {
  return {
    get: (key) => store.get(key),
    range: (options) => store.range(options),
    write: (writes, options) => store.write(writes, options),
    purge: (keys, isSpared) => store.purge(keys, isSpared),
    close: () => store.close(),
    ...own
  }
}

/** Whose writes can be read at once, and are said to be on disk only when they may be; `whenHeld` tells of the first. */
export function slowToSay(store: KeyValueStore, isHeld: (write: StoreWrite) => boolean) {
  const { promise: mayEnd, resolve: release } = Promise.withResolvers<void>()
  const { promise: whenHeld, resolve: hold } = Promise.withResolvers<void>()
  const slow = storeWith(store, {
    async write(writes, options) {
      await store.write(writes, options)
      if (!writes.some(isHeld)) return
      hold()
      await mayEnd
    }
  })
  return { slow, whenHeld, release }
}

/** The stable code with which a call fails; `none` if it does not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (error instanceof ApiError || error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The text of a record as this daemon opens it. */
export async function open(daemon: Daemon, wanted: { record: RecordId } | { via: TransactionId }): Promise<string> {
  const { content } = await daemon.call('record.open', wanted)
  return Buffer.from(content, 'base64').toString()
}

/** Waits until the hand-off to `to` has this state in the graph that `daemon` has. */
export async function untilState(
  daemon: Daemon,
  sent: { readonly record: RecordId; readonly id: TransactionId },
  to: Daemon,
  state: string,
  waitMs?: number
): Promise<void> {
  const seen = async () => {
    const traced = await daemon.call('record.trace', { record: sent.record }).catch(unlessBehind)
    return traced?.edges.find((edge) => edge.transmission === sent.id && edge.to.member === to.place.member)?.state
  }
  await until(`the hand-off is ${state}`, async () => (await seen()) === state, waitMs)
}

/** A daemon that does not have the block yet. */
function unlessBehind(error: unknown): undefined {
  if (!(error instanceof ApiError) || error.code !== 'not-found') throw error
}

export function keepingLog(lines: string[]): Log {
  const keep = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log }
  return log
}
