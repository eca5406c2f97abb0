/** A chain whose members share records in the clear: patients, doctors and their records, for `chain-world.ts`. */
import type { Alias, Hash, TransactionId } from '@wardline/codec'
import { commitContent, createSigner, encodeContent } from '@wardline/crypto'
import {
  chainIdOf,
  doctorStatement,
  encodeDescriptor,
  type Genesis,
  memberIdOf,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  payloadCommitment,
  recordIdOf,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import type { Network, StreamHandler } from '@wardline/ports'
import { NOT_HERE, PAYLOAD_PROTOCOL } from '../src/payload-lanes.ts'
import {
  type ChainWorld,
  chainWorld,
  HOUR_MS,
  type Hospital,
  nextNonce,
  type Overrides,
  registered,
  START_MS,
  secret,
  transaction
} from './chain-world.ts'

const wallet = createSigner(secret('patient alias'))
export const patient = wallet.publicKey as string as Alias

export type Shared = { readonly transaction: ParsedTransaction<'dss.record'>; readonly payload: Uint8Array }

/** The patient agrees to be on record in the alliance; `sponsor` writes it for the patient. */
export function enrolled(genesis: Genesis, sponsor: Hospital): ParsedTransaction {
  const chain = chainIdOf(genesis)
  const times = { created: START_MS - 1000, expires: START_MS + HOUR_MS }
  const body = { until: START_MS + 1000 * HOUR_MS, basis: 'consent' as const }
  const bytes = signAliasTransaction({ chain, kind: 'dss.enrol', nonce: nextNonce(), ...times, body }, wallet)
  const unsponsored = parseUnsponsored(bytes, chain)
  if (unsponsored.kind === 'reject') throw new Error(`rejected: ${unsponsored.code}`)
  const sponsored = sponsorTransaction(unsponsored.transaction, { member: sponsor.member, keyIndex: 0 }, sponsor.sign)
  const parsed = parseTransaction(sponsored, chain)
  if (parsed.kind === 'reject') throw new Error(`rejected: ${parsed.code}`)
  return parsed.transaction
}

/** A record of the patient by the doctor of `author` that `allianceWorld` has registered. */
export function recorded(
  genesis: Genesis,
  author: Hospital,
  options: Overrides & {
    readonly text?: string
    readonly labels?: readonly string[]
    /** What the body commits to, if not to what the payload holds. */
    readonly content?: Hash
  } = {}
): Shared {
  const chain = chainIdOf(genesis)
  const nonce = options.nonce ?? nextNonce()
  const { labels = [], text = `record ${nonce.join('')}` } = options
  const descriptor = encodeDescriptor({ mediaType: 'text/plain', labels })
  const content = { salt: secret(`salt ${text}`), descriptor, bytes: new TextEncoder().encode(text) }
  const payload = encodeContent(content)
  const attested = {
    chain,
    alias: patient,
    recordId: recordIdOf(chain, author.member, nonce),
    supersedes: null,
    content: options.content ?? commitContent(content)
  }
  const doctor = createSigner(secret(`${doctorOf(author)} sign`))
  const signature = {
    member: memberIdOf(doctor.publicKey),
    keyIndex: 0,
    key: doctor.publicKey,
    role: 'doctor' as const,
    sig: doctor.sign('wardline/doctor/1', doctorStatement(attested, 'doctor'))
  }
  const { alias, recordId } = attested
  const body = { alias, recordId, content: attested.content, doctors: [signature], after: null }
  const commitment = payloadCommitment(payload)
  return {
    transaction: transaction(genesis, author, 'dss.record', body, { ...options, nonce, payload, commitment }),
    payload
  }
}

export function doctorOf(hospital: Hospital): string {
  return `doctor of ${hospital.name}`
}

/** A world whose first two hospitals have a doctor each, and whose patient is enrolled. Hospitals 0, 1 and 2 are up. */
export async function allianceWorld(count: number, up?: readonly number[]): Promise<ChainWorld> {
  const it = await chainWorld(count, up, 'DSS')
  const [alpha, beta] = it.hospitals as [Hospital, Hospital]
  await it.commit(0, { transaction: enrolled(it.genesis, alpha) })
  await it.commit(0, { transaction: registered(it.genesis, alpha, doctorOf(alpha)) })
  await it.commit(1, { transaction: registered(it.genesis, beta, doctorOf(beta)) })
  return it
}

/** The network of a daemon that answers requests for payloads as `handler` does: an author that gives them to some, or to nobody. */
export function givingPayloads(handler: StreamHandler): (network: Network) => Network {
  return (network) => ({
    ...network,
    serve(protocol, own, options) {
      network.serve(protocol, protocol === PAYLOAD_PROTOCOL ? handler : own, options)
    }
  })
}

/** Gives no payload to anybody. */
export const withholding = givingPayloads(async function* () {
  yield Uint8Array.of(NOT_HERE)
})

/** The network of a daemon that no payload reaches. */
export function starved(network: Network): Network {
  return {
    ...network,
    request: (peer, protocol, request, options) =>
      protocol === PAYLOAD_PROTOCOL ? nothing() : network.request(peer, protocol, request, options)
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {
  yield* []
}

/** Whether the payload of a final transaction can be read at this hospital. */
export function isReadable(it: ChainWorld, index: number, { transaction, payload }: Shared): boolean {
  const found = it.chain(index).payloads.read(transaction)
  return found.kind === 'here' && found.payload.every((byte, at) => byte === payload[at])
}

export function isFinal(it: ChainWorld, index: number, id: TransactionId): boolean {
  return it.chain(index).query.place(id) !== undefined
}
