/** Hospitals on several chains in virtual time: each chain of each hospital is a node of one deterministic world. */
import { type Caller, createDispatcher, type MethodName, type ParamsInput, type Result } from '@wardline/api'
import { type MemberId, sha256, toHex, WardlineError } from '@wardline/codec'
import { createSigner, createVoteSigner, publicSealKey, syncVerifier } from '@wardline/crypto'
import { createMemoryRecordKeysDisk } from '@wardline/keys-files'
import {
  buildTransaction,
  type Card,
  chainIdOf,
  type Draft,
  draftGenesis,
  EXCLUDED_LABELS_BY_DEFAULT,
  type Genesis,
  type GenesisMode,
  makeCard,
  memberIdOf,
  registrationStatement,
  signGenesis,
  withSignatures
} from '@wardline/ledger'
import { createWorld, type NodeProcess, type World } from '@wardline/network-memory'
import type { KeySet, Log } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { createMemoryLineLog } from '@wardline/system'
import { createMemoryVaultDisk } from '@wardline/vault-files'
import { type ChainSetup, type Hospital, openHospital } from '../src/index.ts'
import { memoryKeyLine } from './key-lines.ts'

export const HOSPITALS = ['Alder', 'Birch', 'Cedar', 'Dogwood'] as const
export type HospitalName = (typeof HOSPITALS)[number]

/** One way of the network takes this long, always: nothing that one chain sends can shift what another draws. */
const DELAY_MS = 20
const WAIT_MS_MAX = 10 * 60_000
const LIFE_MS = 60 * 60_000

export type Daemon = {
  readonly hospital: Hospital
  readonly failures: readonly unknown[]
  /** The lines of its audit log. */
  audit(): readonly string[]
  call<M extends MethodName>(method: M, params: ParamsInput<M>, caller?: Partial<Caller>): Promise<Result<M>>
}

export type ManyChains = {
  readonly world: World<MemoryDisk>
  readonly genesis: (label: string) => Genesis
  /** Starts the daemon of a hospital on these chains. @throws what `openHospital` throws */
  start(name: HospitalName, labels: readonly string[]): Promise<Daemon>
  /** The next opening of the hospital's chain fails with this code. */
  spoil(name: HospitalName, label: string, code: string): void
  /** The hospital's settings pin this block of the chain from now on; null for none. */
  pin(name: HospitalName, label: string, pin: ChainSetup['pin']): void
  /** Runs the world until the work has ended. */
  during<T>(work: Promise<T>): Promise<T>
  run(forMs: number): Promise<void>
  /** The chain's registrar, at Alder, registers one doctor after another from now on, each when the one before is final. */
  load(daemon: Daemon, label: string): { count(): number; readonly failures: readonly unknown[] }
  /** A registration by the chain's registrar that nobody has submitted yet, hex. */
  registration(label: string): string
  /** Parts the hospitals of one chain into groups that do not hear each other; other chains hear nothing of it. */
  part(label: string, ...groups: readonly (readonly HospitalName[])[]): void
}

const MODES: Readonly<Record<string, GenesisMode>> = {
  transfers: { mode: 'STT' },
  visits: { mode: 'SPV' },
  alliance: {
    mode: 'DSS',
    fence: {
      purpose: 'treatment',
      legalBasis: 'provision of health care',
      retentionYears: 10,
      contact: 'Alder',
      excludedLabels: [...EXCLUDED_LABELS_BY_DEFAULT]
    }
  }
}

export function createManyChains(seed = 1): ManyChains {
  const world = createWorld<MemoryDisk>({
    seed,
    disk: ({ clock }) => createMemoryDisk({ clock, latencyMs: () => 1 }),
    faults: { delayMs: [DELAY_MS, DELAY_MS] }
  })
  const geneses = new Map(Object.keys(MODES).map((label) => [label, genesisOf(label, world.nowMs())]))
  const spoiled = new Map<string, string>()
  const pins = new Map<string, ChainSetup['pin']>()
  const opened = new Map<string, NodeProcess<MemoryDisk>>()
  const vaults = new Map<string, ReturnType<typeof createMemoryVaultDisk>>()
  const recordKeys = new Map<string, ReturnType<typeof createMemoryRecordKeysDisk>>()
  let doctors = 0

  const genesis = (label: string): Genesis => {
    const found = geneses.get(label)
    if (found === undefined) throw new WardlineError('chain-not-configured', `the settings have no chain ${label}`)
    return found
  }

  /** A process of its own for this chain of this hospital, after whatever was left of the last one. */
  function processOf(node: string): Promise<NodeProcess<MemoryDisk>> {
    opened.get(node)?.exit()
    return new Promise((resolve) =>
      world.node(node).start((process) => {
        opened.set(node, process)
        resolve(process)
      })
    )
  }

  async function openSetup(name: HospitalName, label: string): Promise<ChainSetup> {
    const found = genesis(label)
    const node = nodeOf(name, label)
    const code = spoiled.get(node)
    if (spoiled.delete(node) && code !== undefined) throw new WardlineError(code, `the ${label} of ${name} is spoiled`)
    const { disk, network, random } = await processOf(node)
    const vault = vaults.get(node) ?? createMemoryVaultDisk()
    vaults.set(node, vault)
    const ownKeys = recordKeys.get(node) ?? createMemoryRecordKeysDisk()
    recordKeys.set(node, ownKeys)
    return {
      label,
      genesis: found,
      keys: keysOf(name, label),
      voteKeys: memoryKeyLine(keysOf(name, label), 'vote', random),
      sealKeys: memoryKeyLine(keysOf(name, label), 'seal', random),
      voteMarks: null,
      store: await disk.openStore('db'),
      journal: await disk.openJournal('votes'),
      network,
      pin: pins.get(node) ?? null,
      vault: vault.open(),
      recordKeys: ownKeys.open(random)
    }
  }

  async function during<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    // Heard by who awaits `over`, after the world has come to rest.
    over.catch(() => undefined)
    await settled()
    await world.run({ until: () => isOver, forMs: WAIT_MS_MAX })
    await settled()
    if (!isOver) throw new Error('nothing came of it in ten minutes')
    return over
  }

  function registration(label: string): string {
    doctors += 1
    const registrar = createSigner(secretOf('Alder', label, 'sign'))
    const doctor = createSigner(sha256(new TextEncoder().encode(`doctor ${doctors}`)))
    const chain = chainIdOf(genesis(label))
    const keys = { sign: doctor.publicKey, seal: null, host: null }
    const by = memberIdOf(registrar.publicKey)
    const draft: Draft<'member.register'> = {
      chain,
      kind: 'member.register',
      author: { member: by, keyIndex: 0 },
      nonce: sha256(new TextEncoder().encode(`nonce ${doctors}`)).slice(0, 16),
      created: world.nowMs(),
      expires: world.nowMs() + LIFE_MS,
      body: {
        ...keys,
        role: 'doctor',
        hospital: null,
        attributes: [],
        grants: null,
        until: null,
        proof: doctor.sign('wardline/key-proof/1', registrationStatement(chain, by, keys)),
        hostProof: null
      }
    }
    return toHex(buildTransaction(draft, registrar))
  }

  return {
    world,
    genesis,
    registration,
    during,
    pin: (name, label, pin) => void pins.set(nodeOf(name, label), pin),
    spoil: (name, label, code) => void spoiled.set(nodeOf(name, label), code),
    async run(forMs) {
      await settled()
      await world.run({ forMs })
    },

    async start(name, labels) {
      const failures: unknown[] = []
      const lines = createMemoryLineLog()
      const audit = await lines.open()
      const opening = openHospital(labels, {
        openSetup: (label) => openSetup(name, label),
        clock: world.clock,
        random: { bytes: (size) => world.prng.bytes(size) },
        log: SILENT,
        verifier: syncVerifier,
        peerNameOf: (host) => peers.get(host) ?? 'nobody',
        audit,
        facts: {
          name,
          version: '0.0.0',
          startedMs: world.nowMs(),
          pid: 1,
          rssBytes: () => 1,
          nowMs: () => world.nowMs()
        },
        onFailure: (error) => void failures.push(error)
      })
      const hospital = await during(opening)
      const dispatch = createDispatcher(hospital.api, { checkResults: true })
      return {
        hospital,
        failures,
        audit: () => lines.text().split('\n').slice(0, -1),
        // The dispatcher has checked the answer against the schema that the type comes from.
        call: (method, params, caller = {}) => dispatch(method, params, { role: 'admin', ...caller }) as Promise<never>
      }
    },

    load(daemon, label) {
      let count = 0
      const failures: unknown[] = []
      const next = async (): Promise<void> => {
        for (;;) {
          const params = { chain: label, transaction: registration(label), timeoutMs: WAIT_MS_MAX } as const
          const { state } = await daemon.call('tx.submit', params)
          if (state === 'committed') count += 1
        }
      }
      next().catch((error: unknown) => failures.push(error))
      return { count: () => count, failures }
    },

    part(label, ...groups) {
      for (const one of groups) {
        for (const other of groups) {
          if (one === other) continue
          for (const from of one) for (const to of other) world.cut(nodeOf(from, label), nodeOf(to, label))
        }
      }
    }
  }
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => SILENT }

/** Promise work that needs no time is done: what calls set off has got as far as the world's events. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The name of its node in the world. */
function nodeOf(name: HospitalName, label: string): string {
  return `${name} ${label}`
}

/** 32 bytes that depend on these words alone. */
function secretOf(...words: readonly string[]): Uint8Array {
  return sha256(new TextEncoder().encode(words.join(' ')))
}

function keysOf(name: HospitalName, label: string): KeySet {
  return Object.fromEntries(['sign', 'vote', 'host', 'seal'].map((use) => [use, secretOf(name, label, use)]))
}

/** Names of nodes by the key of the host. */
const peers = new Map(
  HOSPITALS.flatMap((name) =>
    Object.keys(MODES).map((label) => [
      createSigner(secretOf(name, label, 'host')).publicKey as string,
      nodeOf(name, label)
    ])
  )
)

function cardOf(name: HospitalName, label: string): Card {
  const { sign, vote, host, seal } = keysOf(name, label) as Record<'sign' | 'vote' | 'host' | 'seal', Uint8Array>
  return makeCard(
    { name, label, seal: publicSealKey(seal), addresses: ['/ip4/127.0.0.1/tcp/20000'] },
    {
      identity: createSigner(secretOf(name, 'identity')),
      sign: createSigner(sign),
      vote: createVoteSigner(vote),
      host: createSigner(host)
    }
  )
}

function genesisOf(label: string, nowMs: number): Genesis {
  const mode = MODES[label]
  if (mode === undefined) throw new RangeError(`there is no chain ${label}`)
  const founders = HOSPITALS.map((name) => cardOf(name, label))
  const draft = draftGenesis({
    ...mode,
    label,
    created: nowMs - 1000,
    random: secretOf(label),
    founders,
    registrar: { kind: 'founder', member: memberOf('Alder', label) }
  })
  return withSignatures(
    draft,
    HOSPITALS.map((name) => signGenesis(draft, createSigner(secretOf(name, 'identity'))))
  )
}

function memberOf(name: HospitalName, label: string): MemberId {
  return memberIdOf(createSigner(secretOf(name, label, 'sign')).publicKey)
}
