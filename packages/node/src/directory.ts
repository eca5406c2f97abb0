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
  othersCount(): number
  /** Takes in what a block changed, and that its time has come; true if it concerns who may connect. */
  update(changes: readonly Change[], timeMs: number): boolean
}

/**
 * A member is no peer any more when it was revoked, or when its registration ended by the time of the last block.
 * @param timeMs time of the head
 * @param peerNameOf the transport's name for a libp2p key
 */
export async function openDirectory(
  store: KeyValueStore,
  state: StateView,
  genesis: Genesis,
  self: MemberId,
  timeMs: number,
  peerNameOf: (host: SignKey) => PeerName
): Promise<Directory> {
  const addresses = new Map(genesis.founders.map(({ host, addresses }) => [host, addresses]))
  const entries = new Map<MemberId, DirectoryEntry>()
  const members = new Map<PeerName, MemberId>()

  /** When the registrations of peers end. */
  const ends = new Map<MemberId, number>()

  function put(id: MemberId, nowMs: number): boolean {
    const member = readMember(state, id)
    const known = entries.get(id)
    const hasEnded = member?.until != null && member.until <= nowMs
    ends.delete(id)
    if (member?.host == null || member.revoked !== null || hasEnded) {
      if (known === undefined) return false
      entries.delete(id)
      members.delete(known.peer.name)
      return true
    }
    if (member.until !== null) ends.set(id, member.until)
    const name = peerNameOf(member.host)
    if (known?.peer.name === name) return false
    entries.set(id, { member: id, peer: { name, addresses: addresses.get(member.host) ?? [] } })
    members.set(name, id)
    return true
  }

  const range = { from: keys.state(memberRange.from), to: keys.state(memberRange.to) }
  for await (const [key] of store.range(range)) {
    put(key.slice(keys.state(memberRange.from).length) as MemberId, timeMs)
  }

  return {
    peerOf: (member) => entries.get(member)?.peer.name,
    memberOf: (peer) => members.get(peer),
    others: () =>
      [...entries.values()].filter(({ member }) => member !== self).sort((a, b) => (a.member < b.member ? -1 : 1)),
    othersCount: () => entries.size - (entries.has(self) ? 1 : 0),
    update(changes, nowMs) {
      let changed = false
      for (const { key } of changes) {
        if (key.startsWith(memberRange.from) && put(key.slice(memberRange.from.length) as MemberId, nowMs))
          changed = true
      }
      for (const [id, endMs] of ends) if (endMs <= nowMs && put(id, nowMs)) changed = true
      return changed
    }
  }
}
