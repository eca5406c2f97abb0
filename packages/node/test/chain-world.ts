/** Real chains of a few hospitals in a deterministic world, and transactions of theirs. */
import {
  type ChainId,
  type Hash,
  type MemberId,
  name32,
  type RecordId,
  type SealKey,
  sha256,
  type TransactionId
} from '@wardline/codec'
import {
  createSigner,
  createVoteSigner,
  publicSealKey,
  type Signer,
  syncVerifier,
  type VoteSigner
} from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import {
  type Bodies,
  buildTransaction,
  type Card,
  chainIdOf,
  draftGenesis,
  envelopeCommitment,
  type Genesis,
  type Kind,
  makeCard,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction,
  recordIdOf,
  registrationStatement,
  type SendBody,
  signGenesis,
  validatorsOf,
  withSignatures
} from '@wardline/ledger'
import { createWorld, type NodeProcess, type World } from '@wardline/network-memory'
import type { Clock, KeyValueStore, Log, LogFields, Network, RecordKeys, VoteMarks } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk, type WriteFault } from '@wardline/store-memory'
import { dutiesFold } from '@wardline/views'
import { type Chain, openChain } from '../src/index.ts'

export const HOUR_MS = 60 * 60 * 1000
export const START_MS = Date.UTC(2026, 0, 1)

export type Hospital = {
  readonly name: string
  readonly member: MemberId
  readonly identity: Signer
  readonly sign: Signer
  readonly vote: VoteSigner
  readonly host: Signer
  readonly seal: SealKey
  readonly card: Card
}

/** 32 bytes that depend on `name` alone. */
export function secret(name: string): Uint8Array {
  return sha256(new TextEncoder().encode(`node test ${name}`))
}

export function hospital(name: string): Hospital {
  const keys = {
    identity: createSigner(secret(`${name} identity`)),
    sign: createSigner(secret(`${name} sign`)),
    vote: createVoteSigner(secret(`${name} vote`)),
    host: createSigner(secret(`${name} host`))
  }
  const seal = publicSealKey(secret(`${name} seal`))
  const facts = { name: `Hospital ${name}`, label: 'test', seal, addresses: ['/ip4/127.0.0.1/tcp/20000'] }
  return { name, member: memberIdOf(keys.sign.publicKey), seal, card: makeCard(facts, keys), ...keys }
}

const fence = {
  purpose: 'treatment',
  legalBasis: 'consent',
  retentionYears: 10,
  contact: 'privacy@example.org',
  excludedLabels: ['hiv']
}

/** Hospitals in the order of the validator set, and their signed genesis; the first is registrar. */
export function founded(
  count: number,
  label = 'test',
  mode: 'STT' | 'DSS' = 'STT'
): { genesis: Genesis; hospitals: readonly Hospital[] } {
  const made = Array.from({ length: count }, (_, index) => hospital(`h${index}`))
  const draft = draftGenesis({
    ...(mode === 'DSS' ? { mode, fence } : { mode }),
    label,
    created: START_MS - 1000,
    random: secret('random'),
    founders: made.map(({ card }) => card),
    registrar: { kind: 'founder', member: made[0]?.member as MemberId }
  })
  const genesis = withSignatures(
    draft,
    made.map(({ identity }) => signGenesis(draft, identity))
  )
  const order = validatorsOf(genesis).validators.map(({ member }) => member)
  return { genesis, hospitals: order.map((member) => made.find((one) => one.member === member) as Hospital) }
}

let nonces = 0

export function nextNonce(): Uint8Array {
  nonces += 1
  return secret(`nonce ${nonces}`).slice(0, 16)
}

export type Overrides = {
  readonly nonce?: Uint8Array
  readonly created?: number
  readonly expires?: number
  readonly signer?: Signer
}

/** A transaction by `author`, with a good signature unless another signer is given. */
export function transaction<K extends Kind>(
  genesis: Genesis,
  author: Hospital,
  kind: K,
  body: Bodies[K],
  overrides: Overrides & { readonly payload?: Uint8Array; readonly commitment?: Hash } = {}
): ParsedTransaction<K> {
  const { payload, commitment = payload && envelopeCommitment(payload) } = overrides
  const chain: ChainId = chainIdOf(genesis)
  const draft = {
    chain,
    kind,
    author: { member: author.member, keyIndex: 0 },
    nonce: overrides.nonce ?? nextNonce(),
    created: overrides.created ?? START_MS - 1000,
    expires: overrides.expires ?? START_MS + HOUR_MS,
    body,
    ...(payload && commitment && { payload: { commitment, size: payload.length } })
  }
  // The kind and the body belong together by this function's own type.
  const bytes = buildTransaction(draft as Parameters<typeof buildTransaction>[0], overrides.signer ?? author.sign)
  const parsed = parseTransaction(bytes, chain)
  if (parsed.kind === 'reject') throw new Error(`rejected: ${parsed.code}`)
  return parsed.transaction as ParsedTransaction<K>
}

export type Sent = { readonly transaction: ParsedTransaction<'stt.send'>; readonly payload: Uint8Array }

/** The first transmission of a new record, or with `via` the next one of a record. */
export function sent(
  genesis: Genesis,
  author: Hospital,
  to: readonly Hospital[],
  overrides: Overrides & { readonly via?: ParsedTransaction<'stt.send'>; readonly body?: Partial<SendBody> } = {}
): Sent {
  const nonce = overrides.nonce ?? nextNonce()
  const payload = secret(`payload ${nonces}`)
  const body: SendBody = {
    recordId: overrides.via?.body.recordId ?? recordIdOf(chainIdOf(genesis), author.member, nonce),
    content: overrides.via?.body.content ?? name32<Hash>(secret('content')),
    to: to.map(({ member, seal }) => ({ member, sealingKey: seal })).sort((a, b) => (a.member < b.member ? -1 : 1)),
    via: overrides.via?.id ?? null,
    purpose: 'treatment',
    subject: null,
    ...overrides.body
  }
  return { transaction: transaction(genesis, author, 'stt.send', body, { ...overrides, nonce, payload }), payload }
}

/** A hand-off of a record that `author` never had. */
export function forged(genesis: Genesis, author: Hospital, to: Hospital): Sent {
  const body = {
    recordId: name32<RecordId>(secret('no record')),
    via: name32<ParsedTransaction['id']>(secret('no hand-off'))
  }
  return sent(genesis, author, [to], { body })
}

export function acknowledged(genesis: Genesis, author: Hospital, via: ParsedTransaction, overrides: Overrides = {}) {
  return transaction(genesis, author, 'stt.ack', { acks: [{ via: via.id, outcome: 'opened' }] }, overrides)
}

/** The registration of a doctor of `author`'s. */
export function registered(genesis: Genesis, author: Hospital, name: string, overrides: Overrides = {}) {
  const sign = createSigner(secret(`${name} sign`))
  const keys = { sign: sign.publicKey, seal: null, host: null }
  const proof = sign.sign('wardline/key-proof/1', registrationStatement(chainIdOf(genesis), author.member, keys))
  const rest = { attributes: [], grants: null, until: null, proof, hostProof: null }
  const body = { role: 'doctor' as const, ...keys, hospital: author.member, ...rest }
  return transaction(genesis, author, 'member.register', body, overrides)
}

export type LogLine = {
  readonly node: string
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}

/** What an operator says at a start. */
export type StartOptions = Partial<Pick<Parameters<typeof openChain>[0], 'isRestored' | 'pin'>> & {
  readonly storeOf?: (store: KeyValueStore) => KeyValueStore
}

export type ChainWorld = {
  readonly world: World<MemoryDisk>
  readonly genesis: Genesis
  readonly hospitals: readonly Hospital[]
  readonly logs: readonly LogLine[]
  /** What chains stopped with, by node. */
  readonly failures: ReadonlyMap<string, unknown>
  /** The keys of the hospital's records, which no crash of its disk touches. */
  recordKeys(index: number): ReadonlyMap<TransactionId, Uint8Array>
  /** Starts the hospital's daemon, for the first time or again, on a network that may be changed for the worse. */
  start(index: number, through?: (network: Network) => Network, options?: StartOptions): void
  /** Runs another program on the hospital's node: an adversary with its keys. */
  play(index: number, program: (process: NodeProcess<MemoryDisk>) => void | Promise<void>): void
  /** The open chain of the hospital. @throws if it is not open */
  chain(index: number): Chain
  crash(index: number): void
  run(forMs: number, until?: () => boolean): Promise<boolean>
  /** Does something as an event of the world, and runs the world until it is done. */
  act<T>(run: () => Promise<T>): Promise<T>
  /** Submits, and waits until it is final. */
  commit(index: number, sent: { readonly transaction: ParsedTransaction; readonly payload?: Uint8Array }): Promise<void>
  /** Makes the next writes of the hospital's disk fail. */
  failWrites(index: number, fault: WriteFault | undefined): void
}

/** A store that purges only when it is let: compacting takes seconds, and waits for what is compacted already. */
export function slowlyPurging(store: KeyValueStore, letGo: Promise<void>): KeyValueStore {
  return {
    get: (key) => store.get(key),
    range: (options) => store.range(options),
    write: (writes, options) => store.write(writes, options),
    close: () => store.close(),
    async purge(keys, isSpared) {
      await letGo
      await store.purge(keys, isSpared)
    }
  }
}

/**
 * A world of `count` hospitals, those in `up` started and connected (by default all).
 * @param guests hospitals behind them that are in no genesis: somebody must register them
 */
export async function chainWorld(
  count: number,
  up?: readonly number[],
  mode: 'STT' | 'DSS' = 'STT',
  guests = 0
): Promise<ChainWorld> {
  const { genesis, hospitals: founders } = founded(count, 'test', mode)
  const hospitals = [...founders, ...Array.from({ length: guests }, (_, index) => hospital(`g${index}`))]
  const faults = new Map<string, WriteFault>()
  const world = createWorld<MemoryDisk>({
    seed: 1,
    startMs: START_MS,
    disk: ({ node, clock }) => createMemoryDisk({ clock, latencyMs: () => 1, fault: () => faults.get(node) })
  })
  const peers = new Map(hospitals.map(({ host, name }) => [host.publicKey, name]))
  const chains = new Map<string, Chain>()
  const marks = new Map(hospitals.map(({ name }) => [name, voteMarks()]))
  const recordKeys = new Map(hospitals.map(({ name }) => [name, new Map<TransactionId, Uint8Array>()]))
  const logs: LogLine[] = []
  const failures = new Map<string, unknown>()
  const at = (index: number): Hospital => hospitals[index] as Hospital

  function program(self: Hospital, through: (network: Network) => Network, { storeOf, ...options }: StartOptions) {
    return async (process: NodeProcess<MemoryDisk>): Promise<void> => {
      const fail = (error: unknown): void => {
        failures.set(self.name, error)
        chains.delete(self.name)
        process.exit()
      }
      try {
        const store = await process.disk.openStore('chain')
        const chain = await openChain({
          genesis,
          self: self.member,
          voteSigners: async () => [self.vote, createVoteSigner(secret(`${self.name} next vote`))],
          voteMarks: marks.get(self.name) ?? null,
          store: storeOf?.(store) ?? store,
          recordKeys: recordKeysIn(recordKeys.get(self.name) ?? new Map(), process.clock),
          journal: await process.disk.openJournal('votes'),
          ...options,
          network: through(process.network),
          clock: process.clock,
          verifier: syncVerifier,
          log: logTo((level, message, fields) => logs.push({ node: self.name, level, message, fields })),
          folds: [createCustodyFold(), dutiesFold(self.member)],
          peerNameOf: (host) => peers.get(host) ?? 'stranger',
          onFailure: fail
        })
        chains.set(self.name, chain)
      } catch (error) {
        fail(error)
      }
    }
  }

  const it: ChainWorld = {
    world,
    genesis,
    hospitals,
    logs,
    failures,
    recordKeys: (index) => recordKeys.get(at(index).name) ?? new Map(),
    start(index, through = (network) => network, options = {}) {
      world.node(at(index).name).start(program(at(index), through, options))
    },
    play: (index, run) => world.node(at(index).name).start(run),
    chain(index) {
      const chain = chains.get(at(index).name)
      if (chain === undefined) throw new Error(`the chain of hospital ${index} is not open`)
      return chain
    },
    crash(index) {
      chains.delete(at(index).name)
      world.node(at(index).name).crash({ keep: 'nothing' })
    },
    async run(forMs, until) {
      const result = await world.run({ forMs, ...(until === undefined ? {} : { until }) })
      return result.reason === 'condition'
    },
    async act(run) {
      let done: { settle: () => unknown } | undefined
      world.clock.after(0, () => {
        run().then(
          (value) => {
            done = { settle: () => value }
          },
          (error: unknown) => {
            done = {
              settle: () => {
                throw error
              }
            }
          }
        )
      })
      const finished = await it.run(10 * 60_000, () => done !== undefined)
      if (!finished) throw new Error('nothing came of it within ten minutes')
      return done?.settle() as never
    },
    async commit(index, { transaction: { bytes, id }, payload }) {
      const outcome = await it.act(async () => {
        const chain = it.chain(index)
        const submission = await chain.submit(bytes, payload)
        return submission.kind === 'accepted' ? chain.outcome(id, 5 * 60_000) : submission
      })
      if (outcome?.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`)
    },
    failWrites(index, fault) {
      if (fault === undefined) faults.delete(at(index).name)
      else faults.set(at(index).name, fault)
    }
  }
  for (const index of up ?? hospitals.keys()) it.start(index)
  await it.run(200)
  return it
}

/** In memory, apart from the node's disk; a key is there a moment after it was asked for. */
function recordKeysIn(made: Map<TransactionId, Uint8Array>, clock: Clock): RecordKeys {
  return {
    get: (id) => made.get(id),
    close: async () => undefined,
    async create(id) {
      await new Promise<void>((resolve) => clock.after(1, resolve))
      const key = secret(`record key ${id}`)
      made.set(id, key)
      return key
    }
  }
}

/** In memory, apart from the node's disk. */
function voteMarks(): VoteMarks {
  const voted = new Set<string>()
  return {
    hasVoted: async (chain, key) => voted.has(`${chain} ${key}`),
    async markVoted(chain, key) {
      voted.add(`${chain} ${key}`)
    }
  }
}

function logTo(write: (level: string, message: string, fields: LogFields) => void): Log {
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      write(level, message, fields)
  const log: Log = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: () => log
  }
  return log
}
