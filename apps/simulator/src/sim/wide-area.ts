/**
 * `pnpm sim --wan`: how the consensus behaves on a wide-area network as the number of hospitals grows. Real daemons in a
 * world whose links take 10 to 150 ms, whose disks take 1 to 5 ms, and in which nothing goes wrong: what is measured is
 * rounds and messages, not the speed of a machine. As in the real network of up to 32 peers, who says something sends it to
 * everybody itself.
 */
import { sha256 } from '@wardline/codec'
import { encodeMessage } from '@wardline/consensus'
import { buildTransaction, envelopeCommitment, recordIdOf } from '@wardline/ledger'
import { startCalmWorld } from '../world/calm.ts'
import type { Daemon } from '../world/daemon.ts'

const LINK_MS = [10, 150] as const
const DISK_MS = [1, 5] as const
/** One hand-off is submitted so often, at one hospital after the other, ms. */
const SUBMIT_EVERY_MS = 500
const HOUR_MS = 60 * 60 * 1000
const PAYLOAD_BYTES = 500
/** A world that takes longer than this does not come to rest at all, virtual ms. */
const PATIENCE_MS = 10 * 60 * 1000

export const WIDE_AREA_NODES: readonly number[] = [4, 7, 10, 16, 31, 64, 100]

export type WideArea = {
  readonly nodes: number
  readonly blocks: number
  /** From the submission to the answer "committed" at the same hospital, virtual ms. */
  readonly latencyMs: { readonly median: number; readonly p95: number; readonly worst: number }
  /** Between two blocks, virtual ms, on average. */
  readonly blockIntervalMs: number
  /** Consensus messages that one hospital says in one block, on average. */
  readonly saidPerBlock: number
  /** Consensus messages that cross the network for one block, on average. */
  readonly carriedPerBlock: number
  /** Of these, in one hospital's uplink, bytes. */
  readonly uplinkBytesPerBlock: number
}

/** @param count hand-offs to submit */
export async function measureWideArea(nodes: number, count: number): Promise<WideArea> {
  let said = 0
  let saidBytes = 0
  const times: number[] = []
  const { world, cast, daemons } = await startCalmWorld({
    nodes,
    seed: nodes,
    faults: { delayMs: LINK_MS, relays: false },
    diskMs: DISK_MS,
    watch: (started, { hospitals: [first] }) => ({
      said(_, message) {
        said += 1
        saidBytes += encodeMessage(message).length
      },
      committed(node) {
        if (node === first?.name) times.push(started.nowMs())
      }
    })
  })

  const latencies: number[] = []
  const submit = async (daemon: Daemon, number: number): Promise<void> => {
    const chain = daemon.chain()
    const { self } = daemon
    const to = cast.hospitals[(number + 1) % nodes]
    if (chain === undefined || to === undefined) throw new Error('a daemon of a calm world runs')
    const fromMs = world.nowMs()
    const payload = new Uint8Array(PAYLOAD_BYTES).fill(number)
    const nonce = sha256(Uint8Array.of(number >> 8, number & 255)).slice(0, 16)
    const bytes = buildTransaction(
      {
        chain: cast.chain,
        kind: 'stt.send',
        author: { member: self.member, keyIndex: 0 },
        nonce,
        created: fromMs - 1,
        expires: fromMs + HOUR_MS,
        payload: { commitment: envelopeCommitment(payload), size: payload.length },
        body: {
          recordId: recordIdOf(cast.chain, self.member, nonce),
          content: envelopeCommitment(nonce),
          to: [{ member: to.member, sealingKey: to.seal }],
          via: null,
          purpose: 'treatment',
          subject: null
        }
      },
      self.sign
    )
    const answer = await chain.submit(bytes, payload)
    if (answer.kind !== 'accepted') throw new Error(`a hand-off is ${answer.kind}`)
    const outcome = await chain.outcome(answer.id, PATIENCE_MS)
    if (outcome?.kind !== 'committed')
      throw new Error(`a hand-off is ${outcome?.kind ?? 'not final after ten minutes'}`)
    latencies.push(world.nowMs() - fromMs)
  }
  const [saidBefore, bytesBefore, blocksBefore] = [said, saidBytes, times.length]
  let failure: Error | undefined
  for (let number = 0; number < count; number++) {
    const daemon = daemons[number % nodes] as Daemon
    world.clock.after(number * SUBMIT_EVERY_MS, () => {
      submit(daemon, number).catch((error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error))
      })
    })
  }
  await world.run({ forMs: PATIENCE_MS, until: () => latencies.length === count || failure !== undefined })
  if (failure !== undefined) throw failure
  const blocks = times.length - blocksBefore
  const mine = times.slice(blocksBefore)
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  const saidPerBlock = (said - saidBefore) / blocks / nodes
  return {
    nodes,
    blocks,
    latencyMs: { median: at(0.5), p95: at(0.95), worst: at(1) },
    blockIntervalMs: Math.round(((mine.at(-1) ?? 0) - (mine[0] ?? 0)) / Math.max(1, blocks - 1)),
    saidPerBlock: Math.round(saidPerBlock * 10) / 10,
    carriedPerBlock: Math.round(saidPerBlock * nodes * (nodes - 1)),
    uplinkBytesPerBlock: Math.round(((saidBytes - bytesBefore) / blocks / nodes) * (nodes - 1))
  }
}

export const WIDE_AREA_HEAD = `| hospitals | latency, median ms | latency, 95 % ms | block interval ms | said per hospital and block | carried per block | uplink per hospital and block, KiB |
|---:|---:|---:|---:|---:|---:|---:|`

export function wideAreaRow(figures: WideArea): string {
  const { nodes, latencyMs, blockIntervalMs, saidPerBlock, carriedPerBlock, uplinkBytesPerBlock } = figures
  const uplink = (uplinkBytesPerBlock / 1024).toFixed(1)
  const cells = [nodes, latencyMs.median, latencyMs.p95, blockIntervalMs, saidPerBlock, carriedPerBlock, uplink]
  return `| ${cells.join(' | ')} |`
}
