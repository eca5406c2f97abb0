import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { fromHex, type SignKey } from '@wardline/codec'
import type { PeerName } from '@wardline/ports'

/** The libp2p peer id (`12D3KooW…`) of a 32-byte Ed25519 public key: the key itself, in libp2p's spelling. */
export function peerNameOf(publicKey: SignKey): PeerName {
  return peerIdFromPublicKey(publicKeyFromRaw(fromHex(publicKey))).toString()
}

/** @throws TypeError unless `seed` is 32 bytes */
export async function privateKeyOf(seed: Uint8Array): Promise<Ed25519PrivateKey> {
  if (seed.length !== 32) throw new TypeError('a libp2p secret key is a 32-byte Ed25519 seed')
  return generateKeyPairFromSeed('Ed25519', seed)
}
