/**
 * A patient's keys: aliases, and what recalls a record. Each alias is an Ed25519 key that HKDF (RFC 5869, SHA-256, no salt) draws from the 32 random bytes of a
 * wallet, another one for every chain, scope and epoch; without those bytes no two of them can be linked.
 */
import { hkdfSync } from 'node:crypto'
import { type Alias, assert, type ChainId, concatBytes, lengthPrefixed, nameBytes } from '@wardline/codec'
import { createSigner, type Signer } from './signer.ts'

/** Signs as one alias, which is its public key. */
export type AliasSigner = Signer & { readonly alias: Alias }

const TAG = new TextEncoder().encode('wardline/alias/1')
const RECALL_TAG = new TextEncoder().encode('wardline/recall/1')
const SECRET_BYTES = 32
const SCOPE_LENGTH_MAX = 64

/**
 * The alias of a wallet on `chain`. The seed of its key is
 * `HKDF(kPatient, info = "wardline/alias/1" || chain (32) || lp(scope) || epoch (8, big-endian))`, 32 bytes.
 * @param kPatient 32 random bytes of one patient; never made from anything that names the patient
 * @param scope `alliance`, or the memberId of the hospital beyond which the alias is not to be linked
 * @param epoch 0 for the first alias in this scope, higher for those that follow it
 */
export function createAliasSigner(kPatient: Uint8Array, chain: ChainId, scope: string, epoch: number): AliasSigner {
  assert(kPatient.length === SECRET_BYTES, 'a patient has 32 random bytes')
  assert(/^[a-z0-9-]+$/.test(scope) && scope.length <= SCOPE_LENGTH_MAX, 'a scope is a word or a memberId')
  assert(Number.isSafeInteger(epoch) && epoch >= 0, 'epochs count from 0')
  const signer = derivedSigner(kPatient, [
    TAG,
    nameBytes(chain),
    lengthPrefixed(new TextEncoder().encode(scope)),
    numberBytes(epoch)
  ])
  return { ...signer, alias: signer.publicKey as string as Alias }
}

/**
 * What recalls one record: a key of the patient's that nobody can link to an alias or to another such key. The seed is
 * `HKDF(kPatient, info = "wardline/recall/1" || chain (32) || number (8, big-endian))`, 32 bytes.
 * @param kPatient as above
 * @param number the how-manieth such key of this wallet, from 0
 */
export function createRecallSigner(kPatient: Uint8Array, chain: ChainId, number: number): Signer {
  assert(kPatient.length === SECRET_BYTES, 'a patient has 32 random bytes')
  assert(Number.isSafeInteger(number) && number >= 0, 'recall keys count from 0')
  return derivedSigner(kPatient, [RECALL_TAG, nameBytes(chain), numberBytes(number)])
}

function derivedSigner(kPatient: Uint8Array, info: readonly Uint8Array[]): Signer {
  const seed = new Uint8Array(hkdfSync('sha256', kPatient, new Uint8Array(0), concatBytes(...info), SECRET_BYTES))
  const signer = createSigner(seed)
  seed.fill(0)
  return signer
}

function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number))
  return bytes
}
