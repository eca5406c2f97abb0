/** What one client does, by kind of transaction. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ChainId, type TransactionId, toHex } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { createSigner, type Signer } from '@wardline/crypto'
import { createFileKeys } from '@wardline/keys-files'
import { buildTransaction, type Draft, memberIdOf, registrationStatement } from '@wardline/ledger'
import { createSystemRandom } from '@wardline/system'
import type { Site } from '../local-network/network.ts'
import type { Kind } from './figures.ts'

export type Workload = {
  /** Receivers of each transaction's payload. */
  readonly receivers: number
  /** One transaction by client `client`, until it is final. @returns its id */
  call(client: number): Promise<TransactionId>
}

const RECORD_BYTES = 1024
const TIMEOUT_MS = 120_000
const LIFE_MS = 60 * 60 * 1000

/** @param sites of one chain; the first is its registrar */
export async function createWorkload(kind: Kind, sites: readonly Site[], label: string): Promise<Workload> {
  switch (kind) {
    case 'stt.send':
      return sending(sites)
    case 'member.register':
      return registering(sites, label)
  }
}

/** `record.send` of a new record of 1 KiB from the client's hospital to the next one. */
function sending(sites: readonly Site[]): Workload {
  return {
    receivers: 1,
    async call(client) {
      const from = siteAt(sites, client)
      const to = siteAt(sites, client + 1)
      const content = randomBytes(RECORD_BYTES).toString('base64')
      const params = { to: [to.member], content, wait: 'final', timeoutMs: TIMEOUT_MS } as const
      return (await from.daemon.ehr.call('record.send', params)).id
    }
  }
}

/**
 * `tx.submit` of a registration, built and signed here with the registrar's key, as a health administration's own tool
 * would: one doctor with a signing key and its proof, no sealing key, no payload.
 */
async function registering(sites: readonly Site[], label: string): Promise<Workload> {
  const first = siteAt(sites, 0)
  const registrar = createSigner(await signingSecret(first.home, label))
  const { chain } = await first.daemon.admin.call('chain.info', {})
  return {
    receivers: 0,
    async call(client) {
      const transaction = toHex(registration(chain, registrar))
      const params = { transaction, wait: 'final', timeoutMs: TIMEOUT_MS } as const
      return (await siteAt(sites, client).daemon.ehr.call('tx.submit', params)).id
    }
  }
}

function registration(chain: ChainId, registrar: Signer): Uint8Array {
  const doctor = createSigner(new Uint8Array(randomBytes(32)))
  const keys = { sign: doctor.publicKey, seal: null, host: null }
  const created = Date.now()
  const draft: Draft<'member.register'> = {
    chain,
    kind: 'member.register',
    author: { member: memberIdOf(registrar.publicKey), keyIndex: 0 },
    nonce: new Uint8Array(randomBytes(16)),
    created,
    expires: created + LIFE_MS,
    body: {
      ...keys,
      role: 'doctor',
      hospital: null,
      attributes: [],
      grants: null,
      until: null,
      proof: doctor.sign('wardline/key-proof/1', registrationStatement(chain, memberIdOf(registrar.publicKey), keys)),
      hostProof: null
    }
  }
  return buildTransaction(draft, registrar)
}

async function signingSecret(home: string, label: string): Promise<Uint8Array> {
  const paths = homePaths(home)
  const passphrase = new TextEncoder().encode((await readFile(paths.passphrase, 'utf8')).trim())
  const files = createFileKeys({ directory: paths.keys, passphrase, random: createSystemRandom() })
  const secret = (await files.load(label))?.['sign']
  if (secret === undefined) throw new RangeError(`${home} has no signing key of ${label}`)
  return secret
}

function siteAt(sites: readonly Site[], index: number): Site {
  const site = sites[index % sites.length]
  if (site === undefined) throw new RangeError('a network has sites')
  return site
}
