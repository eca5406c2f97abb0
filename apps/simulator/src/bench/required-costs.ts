/**
 * What the cryptography that cannot be left out costs on this machine now: native Ed25519 verification with a key object
 * that is kept, and HPKE by the library, with nothing of Wardline around either. CPU time of the whole process, the threads of
 * its pool included.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { percentile, type RequiredCosts } from './figures.ts'

/** What the signature of a transaction covers: a domain and a hash. */
const MESSAGE_BYTES = 56
const RECORD_BYTES = 1024
const KEYS = 16
const ROUNDS = 5

/** Measures each operation for about `budgetMs` of CPU time, after half of that to warm up. */
export async function measureRequiredCosts(budgetMs: number): Promise<RequiredCosts> {
  const verifyMs = await cpuOf(budgetMs, 100, verifier())
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  const pair = await suite.kem.generateKeyPair()
  const receiver = await suite.kem.serializePublicKey(pair.publicKey)
  const record = new Uint8Array(randomBytes(RECORD_BYTES))
  const seal = async () => {
    const recipientPublicKey = await suite.kem.deserializePublicKey(receiver)
    return suite.seal({ recipientPublicKey }, record)
  }
  const sealMs = await cpuOf(budgetMs, 10, seal)
  const { enc, ct } = await seal()
  const openMs = await cpuOf(budgetMs, 10, () => suite.open({ recipientKey: pair, enc }, ct))
  return { verifyMs, sealMs, openMs }
}

function verifier(): () => void {
  const signed = Array.from({ length: KEYS }, () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const message = new Uint8Array(randomBytes(MESSAGE_BYTES))
    const key: KeyObject = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
    return { key, message, signature: new Uint8Array(sign(null, message, privateKey)) }
  })
  let next = 0
  return () => {
    const { key, message, signature } = signed[next++ % KEYS] as (typeof signed)[number]
    if (!verify(null, message, key, signature)) throw new Error('a good signature verifies')
  }
}

/** The middle of several rounds: what goes through the thread pool varies by a third from one to the next. */
async function cpuOf(budgetMs: number, batch: number, run: () => unknown): Promise<number> {
  await repeat(budgetMs / 2, batch, run)
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { cpuTimeMs, count } = await repeat(budgetMs / ROUNDS, batch, run)
    rounds.push(cpuTimeMs / count)
  }
  return percentile(rounds, 0.5)
}

async function repeat(
  budgetMs: number,
  batch: number,
  run: () => unknown
): Promise<{ readonly cpuTimeMs: number; readonly count: number }> {
  const start = process.cpuUsage()
  for (let count = batch; ; count += batch) {
    for (let i = 0; i < batch; i++) await run()
    const { user, system } = process.cpuUsage(start)
    const cpuTimeMs = (user + system) / 1000
    if (cpuTimeMs >= budgetMs) return { cpuTimeMs, count }
  }
}
