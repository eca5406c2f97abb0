/** Members that are registered by the chain's registrar. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ChainId, toHex } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { createSigner, type Signer } from '@wardline/crypto'
import { createFileKeys } from '@wardline/keys-files'
import { buildTransaction, type Draft, memberIdOf, registrationStatement } from '@wardline/ledger'
import { createSystemRandom } from '@wardline/system'
import { type Ground, siteAt, TIMEOUT_MS, type Workload } from './workload.ts'

const LIFE_MS = 60 * 60 * 1000

/**
 * `tx.submit` of a registration, built and signed here with the registrar's key, as a health administration's own tool
 * would: one doctor with a signing key and its proof, no sealing key, no payload. The first site is the registrar.
 */
export async function registering({ sites, label }: Ground): Promise<Workload> {
  const first = siteAt(sites, 0)
  const registrar = createSigner(await signingSecret(first.home, label))
  const { chain } = await first.daemon.admin.call('chain.info', { chain: label })
  return {
    async call(client) {
      const transaction = toHex(registration(chain, registrar))
      const params = { chain: label, transaction, wait: 'final', timeoutMs: TIMEOUT_MS } as const
      return (await siteAt(sites, client).daemon.ehr.call('tx.submit', params)).id
    },
    keptBytes: async () => 0
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
