/** What to try against the network that the demo leaves behind: commands to copy and paste. */
import type { Alias } from '@wardline/codec'
import { ALLIANCE, PERMISSIONS, TRANSFERS } from './chains.ts'
import type { Trail } from './courier.ts'

export type OutlookFacts = {
  readonly folder: string
  readonly genesis: string
  readonly receipt: string
  /** Home and read socket of the hospital that the commands ask. */
  readonly home: string
  readonly readSocket: string
  readonly otherName: string
  readonly trail: Trail
  /** Of one patient, on the shared chain and on the one of permissions. */
  readonly alias: Alias
  readonly permissionAlias: Alias
}

const WARDLINE = 'npx -y pnpm@12.21.0 --silent wardline'

export function runningOutlook(facts: OutlookFacts): string {
  const { home, readSocket, otherName, trail, alias, permissionAlias } = facts
  const at = `${WARDLINE} --home ${quoted(home)}`
  const call = { jsonrpc: '2.0', id: 1, method: 'record.holders', params: { chain: TRANSFERS, record: trail.record } }
  return [
    'The network keeps running. From this folder, in another terminal:',
    '',
    `  ${at} status`,
    `  ${at} record list --chain ${TRANSFERS} --limit 5`,
    `  ${at} record trace ${trail.record} --chain ${TRANSFERS}`,
    `  ${at} patient timeline --alias ${alias} --chain ${ALLIANCE}`,
    `  ${at} audit patient --alias ${permissionAlias} --chain ${PERMISSIONS}`,
    `  echo '{"resourceType":"Basic"}' | ${at} record send - --chain ${TRANSFERS} --to ${quoted(otherName)}`,
    `  ${at} chain verify`,
    `  ${verifyReceipt(facts)}`,
    `  curl -s --unix-socket ${quoted(readSocket)} -H 'content-type: application/json' \\`,
    `    -d '${JSON.stringify(call)}' http://localhost/`,
    '',
    `Homes, genesis and receipt are in ${facts.folder}. Ctrl-C stops the network; they stay.`
  ].join('\n')
}

export function stoppedOutlook(facts: OutlookFacts): string {
  return [
    `Homes, genesis and receipt stay in ${facts.folder}. Without a daemon:`,
    '',
    `  ${WARDLINE} --home ${quoted(facts.home)} chain verify`,
    `  ${verifyReceipt(facts)}`
  ].join('\n')
}

function verifyReceipt({ receipt, genesis }: OutlookFacts): string {
  return `${WARDLINE} verify ${quoted(receipt)} --genesis ${quoted(genesis)}`
}

/** As one word of a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
