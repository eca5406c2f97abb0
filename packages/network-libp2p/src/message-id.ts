import { createHash } from 'node:crypto'
import type { Message } from '@chainsafe/libp2p-gossipsub'

const ID_BYTES = 20

/** Names a gossip message: the first 20 bytes of SHA-256(topic || data). Nobody can aim at another message's name. */
export function gossipMessageId(message: Pick<Message, 'topic' | 'data'>): Uint8Array {
  return createHash('sha256').update(message.topic).update(message.data).digest().subarray(0, ID_BYTES)
}

/** The same name as a map key. */
export function gossipMessageName(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}
