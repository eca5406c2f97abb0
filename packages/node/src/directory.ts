/** Who of the members runs a daemon, under which transport name, and where the founders said they can be reached. */
import type { MemberId, SignKey } from '@wardline/codec'
import { type Change, type Genesis, memberRange, readMember, type StateView } from '@wardline/ledger'
import type { KeyValueStore, NetworkPeer, PeerName } from '@wardline/ports'
import { keys } from './layout.ts'

export type DirectoryEntry = { readonly member: MemberId; readonly peer: NetworkPeer }

export type Directory = {
  peerOf(member: MemberId): PeerName | undefined
  memberOf(peer: PeerName): MemberId | undefined
  /** Everyone with a daemon but this one, by member id. */
  others(): readonly DirectoryEntry[]
  /** Takes in what a block changed; true if it concerns who may connect. */
  update(changes: readonly Change[]): boolean
}

/** @param peerNameOf the transport's name for a libp2p key */
export async function openDirectory(
  store: KeyValueStore,
  state: StateView,
  genesis: Genesis,
  self: MemberId,
  peerNameOf: (host: SignKey) => PeerName
): Promise<Directory> {
  const addresses = new Map(genesis.founders.map(({ host, addresses }) => [host, addresses]))
  const entries = new Map<MemberId, DirectoryEntry>()
  const members = new Map<PeerName, MemberId>()

  function put(id: MemberId): boolean {
    const member = readMember(state, id)
    const known = entries.get(id)
    if (member?.host == null || member.revoked !== null) {
      if (known === undefined) return false
      entries.delete(id)
      members.delete(known.peer.name)
      return true
    }
    const name = peerNameOf(member.host)
    if (known?.peer.name === name) return false
    entries.set(id, { member: id, peer: { name, addresses: addresses.get(member.host) ?? [] } })
    members.set(name, id)
    return true
  }

  const range = { from: keys.state(memberRange.from), to: keys.state(memberRange.to) }
  for await (const [key] of store.range(range)) put(key.slice(keys.state(memberRange.from).length) as MemberId)

  return {
    peerOf: (member) => entries.get(member)?.peer.name,
    memberOf: (peer) => members.get(peer),
    others: () =>
      [...entries.values()].filter(({ member }) => member !== self).sort((a, b) => (a.member < b.member ? -1 : 1)),
    update(changes) {
      let changed = false
      for (const { key } of changes) {
        if (key.startsWith(memberRange.from) && put(key.slice(memberRange.from.length) as MemberId)) changed = true
      }
      return changed
    }
  }
}
