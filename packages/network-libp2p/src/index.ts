/** The network of one chain over libp2p: TCP, Noise, yamux and gossipsub, for listed peers only. */
export { createLibp2pNetwork, type Libp2pNetwork, type Libp2pNetworkOptions } from './network.ts'
export { peerNameOf } from './peer-name.ts'
