/** How the daemon is, and whom it sees. */
import type { ChainStatus, Status } from '@wardline/api'
import { type Common, duration, emit, printable, table, who } from '../output.ts'
import { withDaemon } from '../settings.ts'

export async function status(common: Common): Promise<void> {
  const result = await withDaemon(common, (client) => client.call('status', {}))
  const chains = await table(
    [
      'chain',
      'mode',
      'phase',
      'height',
      'head age',
      'view',
      'peers',
      'mempool',
      'duties',
      'overdue',
      'to destroy',
      'payloads missing',
      'turned away'
    ],
    result.chains.map((chain) => [
      chain.label,
      chain.mode,
      chain.phase,
      chain.height,
      duration(chain.headAgeMs),
      chain.view,
      `${chain.peers.connected.length}/${chain.peers.expected}`,
      chain.mempool.transactions,
      chain.duties.pending,
      chain.duties.overdue,
      chain.duties.toDestroy,
      chain.payloads.missing,
      chain.turnedAway
    ])
  )
  emit(common, result, () => statusText(result, chains))
}

function statusText(result: Status, chains: string): string {
  const lines = [`${result.health.toUpperCase()}  ${printable(result.name)}`]
  for (const { severity, chain, problem, remedy } of result.problems) {
    lines.push(`${severity === 'fail' ? 'FAIL' : 'warn'}  ${chain === null ? '' : `${chain}: `}${problem} ${remedy}`)
  }
  lines.push('', chains.trimEnd(), '', ...result.chains.map(peersLine))
  lines.push(
    `wardlined ${result.version}, pid ${result.pid}, up ${duration(result.uptimeMs)}, ${Math.round(result.rssBytes / 1e6)} MB`
  )
  return lines.join('\n')
}

function peersLine({ label, peers }: ChainStatus): string {
  const missing = peers.missing.length === 0 ? '' : `; not connected: ${peers.missing.map(who).join(', ')}`
  return `${label} is connected to ${peers.connected.map(who).join(', ') || 'nobody'}${missing}`
}

export async function peers(common: Common, { chain }: { readonly chain?: string }): Promise<void> {
  const result = await withDaemon(common, (client) => client.call('peers.list', { chain }))
  const text = await table(
    ['chain', 'hospital', 'connected', 'since', 'votes', 'address', 'peer'],
    result.peers.map((peer) => [
      peer.chain,
      who(peer),
      peer.connected ? 'yes' : 'no',
      peer.sinceMs === null ? '-' : new Date(peer.sinceMs).toISOString(),
      peer.validator ? 'yes' : 'no',
      peer.addresses.join(' '),
      peer.peer
    ])
  )
  emit(common, result, () => text)
}
