/** How long a record takes to be sealed to many hospitals, and to be opened by one of them. In this process, one at a time. */
import { createHash, randomBytes } from 'node:crypto'
import { type ChainId, type MemberId, name32, type RecordId } from '@wardline/codec'
import { createOpener, publicSealKey, type SealContext, sealEnvelope } from '@wardline/crypto'
import { type Figure, percentile, rounded } from './figures.ts'

const RECEIVERS = 50
const RECORD_BYTES = 10_000
const WARM_UP = 20
const ROUNDS = 200
const REACH = { sealMs: 40, openMs: 2 } as const

type Parts = {
  readonly report: (figure: Figure) => void
  readonly talk: (line: string) => void
}

export async function measureSealing({ report, talk }: Parts): Promise<void> {
  talk(`sealing ${RECORD_BYTES} bytes to ${RECEIVERS} receivers, ${ROUNDS} times`)
  const secrets = Array.from({ length: RECEIVERS }, () => random(32))
  const context: SealContext = {
    chain: named<ChainId>('chain'),
    record: named<RecordId>('record'),
    sender: named<MemberId>('sender'),
    receivers: secrets.map((secret, i) => ({ member: named<MemberId>(`member ${i}`), key: publicSealKey(secret) }))
  }
  const content = random(RECORD_BYTES)
  // The last receiver: whatever is done for each before it is counted too.
  const opener = createOpener(secrets[RECEIVERS - 1] as Uint8Array)
  const sealMs: number[] = []
  const openMs: number[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const startMs = performance.now()
    const envelope = await sealEnvelope(context, content, random)
    const sealedMs = performance.now()
    const opened = await opener.open(context, envelope)
    const endMs = performance.now()
    if (opened.kind !== 'opened') throw new Error('a receiver opens what was sealed to it')
    if (round < WARM_UP) continue
    sealMs.push(sealedMs - startMs)
    openMs.push(endMs - sealedMs)
  }
  const against = `${RECORD_BYTES} bytes, ${RECEIVERS} receivers, ${ROUNDS} rounds`
  const common = { unit: 'ms', against, kind: 'sealing', clients: null } as const
  report({ name: 'seal-p50', value: rounded(percentile(sealMs, 0.5)), reach: { atMost: REACH.sealMs }, ...common })
  report({ name: 'seal-p99', value: rounded(percentile(sealMs, 0.99)), ...common })
  report({ name: 'open-p50', value: rounded(percentile(openMs, 0.5)), reach: { atMost: REACH.openMs }, ...common })
  report({ name: 'open-p99', value: rounded(percentile(openMs, 0.99)), ...common })
}

function random(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size))
}

function named<T>(what: string): T {
  return name32(new Uint8Array(createHash('sha256').update(what).digest())) as T
}
