/**
 * A chain of four hospitals in a world, one of which is attacked: what really comes to it passes here, and is remembered
 * for the attacker to change. What it is blamed for is kept here too.
 */

import { assert, type Hash, name32 } from '@wardline/codec'
import { syncVerifier } from '@wardline/crypto'
import { createCustodyFold } from '@wardline/custody'
import { createMemoryRecordKeysDisk } from '@wardline/keys-files'
import { buildTransaction, envelopeCommitment, parseTransaction, recordIdOf } from '@wardline/ledger'
import { createPrng, createWorld, type NodeProcess, type World } from '@wardline/network-memory'
import { type Chain, openChain } from '@wardline/node'
import type { GossipVerdict, Log, Network, PeerName, StreamHandler } from '@wardline/ports'
import { createMemoryDisk, type MemoryDisk } from '@wardline/store-memory'
import { dutiesFold } from '@wardline/views'
import { type Cast, createCast, type Hospital } from '../world/cast.ts'

export const START_MS = Date.UTC(2026, 0, 1)

/** Sees what reaches the attacked daemon, before it does: by a topic's last part, by a protocol, or from its `journal`. */
export type Tap = (way: string, bytes: Uint8Array) => void

export type GossipHandler = (data: Uint8Array, from: PeerName) => Promise<GossipVerdict>

export type Attacked = {
  readonly world: World<MemoryDisk>
  readonly cast: Cast
  /** A member whose key the attacker has; its daemon runs as if it knew nothing. */
  readonly insider: Hospital
  /** The doors of the attacked daemon, by topic's last part and by protocol. */
  readonly topics: ReadonlyMap<string, GossipHandler>
  readonly services: ReadonlyMap<string, StreamHandler>
  /** How often the attacked daemon reported each peer. */
  readonly reports: ReadonlyMap<PeerName, number>
  /** What any daemon stopped with. */
  readonly failures: readonly string[]
  /** While true, gossip does not reach the attacked daemon, so that it has to ask for what it missed. */
  deaf: boolean
  /** Ends the attacked daemon's process, and starts it again after this long: it asks for what it missed. */
  restart(downMs: number): void
  chain(index: number): Chain | undefined
  /** A hospital sends a record to the next. */
  send(): Promise<void>
}

/** @param changeAnswer makes of an answer what the attacked daemon gets to read */
export function attackedWorld(
  seed: number,
  tap: Tap,
  changeAnswer: (frames: AsyncIterable<Uint8Array>, peer: PeerName, protocol: string) => AsyncIterable<Uint8Array>
): Attacked {
  const prng = createPrng(seed, 'attacked')
  const cast = createCast({ mode: 'STT', count: 4, random: prng.bytes(32), createdMs: START_MS - 1000 })
  const world = createWorld<MemoryDisk>({
    seed,
    startMs: START_MS,
    disk: ({ clock, prng: draws }) => createMemoryDisk({ clock, latencyMs: () => draws.between(1, 4) })
  })
  const insider = cast.hospitals[3]
  assert(insider !== undefined, 'there are four hospitals')
  const topics = new Map<string, GossipHandler>()
  const services = new Map<string, StreamHandler>()
  const reports = new Map<PeerName, number>()
  const failures: string[] = []
  const chains = new Map<string, Chain>()
  const names = new Map<string, string>(cast.hospitals.map((one) => [one.host, one.name]))

  function attackedNetwork(network: Network): Network {
    return {
      ...network,
      gossip: {
        publish: (topic, data) => network.gossip.publish(topic, data),
        subscribe(topic, handler) {
          const way = topic.split('/').at(-2) as string
          topics.set(way, handler)
          network.gossip.subscribe(topic, async (data, from) => {
            tap(way, data)
            return attacked.deaf ? 'busy' : handler(data, from)
          })
        }
      },
      serve(protocol, handler, options) {
        services.set(protocol, handler)
        const tapped: StreamHandler = (request, from) => {
          tap(protocol, request)
          return handler(request, from)
        }
        network.serve(protocol, tapped, options)
      },
      request: (peer, protocol, request, options) =>
        changeAnswer(network.request(peer, protocol, request, options), peer, protocol),
      // Not passed on: whom it blames stays connected, or the attack would soon be over.
      report: (peer) => reports.set(peer, (reports.get(peer) ?? 0) + 1)
    }
  }

  const program = (self: Hospital, isAttacked: boolean) => async (process: NodeProcess<MemoryDisk>) => {
    const fail = (error: unknown): void => {
      failures.push(`${self.name} stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      process.exit()
    }
    const journal = await process.disk.openJournal('votes')
    const append = (bytes: Uint8Array): Promise<number> => {
      tap('journal', bytes)
      return journal.append(bytes)
    }
    try {
      const chain = await openChain({
        genesis: cast.genesis,
        self: self.member,
        voteSigners: async () => [self.voteSigner],
        voteMarks: null,
        store: await process.disk.openStore('chain'),
        recordKeys: createMemoryRecordKeysDisk({ clock: world.clock, latencyMs: () => 1 }).open(process.random),
        journal: isAttacked ? { ...journal, append } : journal,
        network: isAttacked ? attackedNetwork(process.network) : process.network,
        clock: process.clock,
        verifier: syncVerifier,
        log: SILENT,
        folds: [createCustodyFold(), dutiesFold(self.member)],
        peerNameOf: (host) => names.get(host) ?? 'stranger',
        onFailure: fail
      })
      chains.set(self.name, chain)
    } catch (error) {
      fail(error)
    }
  }

  const attacked: Attacked = {
    world,
    cast,
    insider,
    topics,
    services,
    reports,
    failures,
    deaf: false,
    restart(downMs) {
      const name = cast.hospitals[0]?.name as string
      // Nothing is delivered to a process that has ended.
      topics.clear()
      services.clear()
      world.node(name).kill()
      world.clock.after(downMs, () => world.node(name).restart())
    },
    chain: (index) => chains.get(cast.hospitals[index]?.name ?? ''),
    async send() {
      // Not by the attacked one: what it has to say is not what is tested.
      const author = cast.hospitals[1 + prng.below(3)] as Hospital
      const receiver = cast.hospitals.find((one) => one !== author) as Hospital
      const nonce = prng.bytes(16)
      const payload = prng.bytes(100)
      const draft = {
        chain: cast.chain,
        kind: 'stt.send',
        author: { member: author.member, keyIndex: 0 },
        nonce,
        created: world.nowMs(),
        expires: world.nowMs() + 60 * 60 * 1000,
        payload: { commitment: envelopeCommitment(payload), size: payload.length },
        body: {
          recordId: recordIdOf(cast.chain, author.member, nonce),
          content: name32<Hash>(prng.bytes(32)),
          to: [{ member: receiver.member, sealingKey: receiver.seal }],
          via: null,
          purpose: 'treatment',
          subject: null
        }
      } as const
      const parsed = parseTransaction(buildTransaction(draft, author.sign), cast.chain)
      assert(parsed.kind !== 'reject', 'what is built here is well-formed')
      await chains.get(author.name)?.submit(parsed.transaction.bytes, payload)
    }
  }
  for (const [index, hospital] of cast.hospitals.entries()) {
    world.node(hospital.name).start(program(hospital, index === 0))
  }
  return attacked
}

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => SILENT
}
