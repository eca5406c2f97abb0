/**
 * The format of a file of secret keys: argon2id turns the passphrase into a key, XChaCha20-Poly1305 encrypts the secrets
 * with it. The parameters are part of the associated data, and bounded when read, so that a file cannot make its reader
 * spend gigabytes.
 */
import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import {
  arrayOf,
  assert,
  bytesOf,
  type CborValue,
  decodeCbor,
  encodeCbor,
  integerFrom,
  mapOf,
  oneOf,
  type Read,
  text
} from '@wardline/codec'

const SALT_BYTES = 16
const NONCE_BYTES = 24
const TAG_BYTES = 16
const SECRETS_MAX = 64
const SECRET_BYTES_MAX = 1024
const PASSPHRASE_BYTES_MAX = 1024
const FILE_BYTES_MAX = 128 * 1024
const NAME = /^[a-z][a-z0-9-]{0,63}$/

/** Cost of new files: 64 MiB, three passes, one lane; about 0.2 s. */
const COST = { memoryKiB: 64 * 1024, passes: 3, lanes: 1 } as const

const readFile = mapOf({
  version: oneOf(1),
  derivation: mapOf({
    algorithm: oneOf('argon2id'),
    memoryKiB: integerFrom(8 * 1024, 256 * 1024),
    passes: integerFrom(1, 8),
    lanes: integerFrom(1, 4),
    salt: bytesOf(SALT_BYTES)
  }),
  nonce: bytesOf(NONCE_BYTES),
  secrets: bytesOf(TAG_BYTES, FILE_BYTES_MAX)
})
type KeyFile = Read<typeof readFile>
type Derivation = KeyFile['derivation']

const readSecrets = arrayOf(mapOf({ name: text(64), secret: bytesOf(1, SECRET_BYTES_MAX) }), 0, SECRETS_MAX)

/**
 * Encrypts `secrets` under `passphrase`; takes about 0.2 s and 64 MiB.
 * @param secrets at most 64 of 1 to 1,024 bytes, under lower-case names
 * @param random `size` unpredictable bytes
 * @throws RangeError unless the passphrase is 1 to 1,024 bytes long
 */
export async function sealKeyFile(
  secrets: Readonly<Record<string, Uint8Array>>,
  passphrase: Uint8Array,
  random: (size: number) => Uint8Array
): Promise<Uint8Array> {
  if (!isPassphrase(passphrase)) throw new RangeError('a passphrase has 1 to 1,024 bytes')
  const names = Object.keys(secrets).sort()
  assert(
    names.length <= SECRETS_MAX && names.every((name) => NAME.test(name)),
    'at most 64 secrets with lower-case names'
  )
  const list = names.map((name) => ({ name, secret: secrets[name] as Uint8Array }))
  assert(
    list.every(({ secret }) => secret.length >= 1 && secret.length <= SECRET_BYTES_MAX),
    'a secret has 1 to 1,024 bytes'
  )
  const derivation: Derivation = { algorithm: 'argon2id', ...COST, salt: random(SALT_BYTES) }
  const nonce = random(NONCE_BYTES)
  const plain = encodeCbor(list)
  const key = await deriveKey(passphrase, derivation)
  const sealed = xchacha20poly1305(key, nonce, associatedData(derivation, nonce)).encrypt(plain)
  key.fill(0)
  plain.fill(0)
  return encodeCbor({ version: 1, derivation: { ...derivation }, nonce, secrets: sealed })
}

/** `malformed`: not a key file, or one that asks for too much. `wrong-passphrase`: or a file that was altered; no one can tell which. */
export type KeyFileResult =
  | { readonly kind: 'opened'; readonly secrets: Readonly<Record<string, Uint8Array>> }
  | { readonly kind: 'failed'; readonly code: 'malformed' | 'wrong-passphrase' }

/** Decrypts what `sealKeyFile` wrote. Never throws for anything that `file` or `passphrase` holds. */
export async function openKeyFile(file: Uint8Array, passphrase: Uint8Array): Promise<KeyFileResult> {
  const parsed = file.length > FILE_BYTES_MAX ? undefined : readFile(decodeCbor(file))
  if (parsed === undefined) return { kind: 'failed', code: 'malformed' }
  if (!isPassphrase(passphrase)) return { kind: 'failed', code: 'wrong-passphrase' }
  const key = await deriveKey(passphrase, parsed.derivation)
  const plain = decrypt(parsed, key)
  key.fill(0)
  if (plain === undefined) return { kind: 'failed', code: 'wrong-passphrase' }
  const list = readSecrets(decodeCbor(plain))
  plain.fill(0)
  if (list === undefined) return { kind: 'failed', code: 'malformed' }
  return { kind: 'opened', secrets: Object.fromEntries(list.map(({ name, secret }) => [name, secret])) }
}

function isPassphrase(passphrase: Uint8Array): boolean {
  return passphrase.length >= 1 && passphrase.length <= PASSPHRASE_BYTES_MAX
}

function associatedData(derivation: Derivation, nonce: Uint8Array): Uint8Array {
  const value: CborValue = { purpose: 'wardline/key-file/1', version: 1, derivation: { ...derivation }, nonce }
  return encodeCbor(value)
}

function decrypt({ derivation, nonce, secrets }: KeyFile, key: Uint8Array): Uint8Array | undefined {
  try {
    return xchacha20poly1305(key, nonce, associatedData(derivation, nonce)).decrypt(secrets)
  } catch {
    // Throwing is how a failed tag shows.
    return undefined
  }
}

const derive = promisify(argon2)

/** Off this thread, and its memory is given back at once: a WebAssembly module would keep the 64 MiB for good. */
async function deriveKey(passphrase: Uint8Array, { memoryKiB, passes, lanes, salt }: Derivation): Promise<Uint8Array> {
  return derive('argon2id', {
    message: passphrase,
    nonce: salt,
    memory: memoryKiB,
    passes,
    parallelism: lanes,
    tagLength: 32
  })
}
