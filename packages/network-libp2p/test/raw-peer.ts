/** A plain libp2p node without any of this package's manners, to be the outsider or the misbehaving member. */

import { type GossipSub, gossipsub, StrictNoSign } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { type Connection, type Libp2p, type Stream, serviceCapabilities } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { privateKeyOf } from '../src/peer-name.ts'
import type { Host } from './hosts.ts'

export type RawPeer = {
  readonly node: Libp2p
  readonly gossip: GossipSub
  readonly name: string
  /** Dials `host`; the connection may already be closed again. */
  dial(host: Host): Promise<Connection>
  /** Makes gossipsub open its streams on `connection`. */
  joinGossip(connection: Connection): void
  open(host: Host, protocol: string): Promise<Stream>
  close(): Promise<void>
}

export async function startRawPeer(secretKey: Uint8Array): Promise<RawPeer> {
  type Components = Parameters<ReturnType<typeof gossipsub>>[0]
  let components: Components | undefined
  const node = await createLibp2p({
    privateKey: await privateKeyOf(secretKey),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxReadBufferLength: 32 * 1024 * 1024 } })],
    connectionMonitor: { enabled: false },
    services: {
      connections: () => ({ [serviceCapabilities]: ['@libp2p/identify'] }),
      gossip: (given: Components): GossipSub => {
        components = given
        return gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true })(given)
      }
    }
  })
  const { gossip } = node.services
  const dial = (host: Host): Promise<Connection> =>
    node.dial(
      host.peer.addresses.map((address) => multiaddr(address)),
      { signal: AbortSignal.timeout(10_000) }
    )
  return {
    node,
    gossip,
    name: node.peerId.toString(),
    dial,
    joinGossip(connection) {
      const [topology] = components?.registrar.getTopologies('/meshsub/1.2.0') ?? []
      void topology?.onConnect?.(connection.remotePeer, connection)
    },
    async open(host, protocol) {
      const connection = await dial(host)
      return connection.newStream([protocol], { signal: AbortSignal.timeout(10_000) })
    },
    async close() {
      await node.stop()
    }
  }
}
