/** Chains: what they are, their blocks, and whether what lies on disk is what was agreed. */
import { type Digest, type Height, isHex32, WardlineError } from '@wardline/codec'
import { EXIT, type ExitCode, usage } from '../exit.ts'
import { type Common, emit, say, short, table, utc, who } from '../output.ts'
import { settingsOf, withDaemon } from '../settings.ts'

export async function listChains(common: Common): Promise<void> {
  const result = await withDaemon(common, (client) => client.call('chain.list', {}))
  const text = await table(
    ['chain', 'mode', 'height', 'head', 'votes', 'id'],
    result.chains.map((chain) => [
      chain.label,
      chain.mode,
      chain.height,
      short(chain.head),
      chain.validator ? 'yes' : 'no',
      chain.chain
    ])
  )
  emit(common, result, () => text)
}

export async function chainInfo(common: Common, chain: string | undefined): Promise<void> {
  const info = await withDaemon(common, (client) => client.call('chain.info', { chain }))
  emit(common, info, () =>
    [
      `label         ${info.label}`,
      `id            ${info.chain}`,
      `mode          ${info.mode}`,
      `head          ${info.height} ${info.head}`,
      `head time     ${utc(info.headTimeMs)}`,
      `app hash      ${info.appHash}`,
      `transactions  ${info.transactions}`,
      `members       ${info.members}`,
      `validators    ${info.validators.map(who).join(', ')}`,
      `quorum        ${info.quorum} of ${info.validators.length}; ${info.faultsTolerated} may fail or lie`,
      `registrar     ${info.registrars.map(who).join(', ')}`
    ].join('\n')
  )
}

export async function chainBlock(
  common: Common,
  which: string | undefined,
  { chain }: { readonly chain?: string }
): Promise<void> {
  const params = { chain, ...blockName(which) }
  const block = await withDaemon(common, (client) => client.call('chain.block', params))
  const transactions = await table(
    ['transaction', 'kind', 'author', 'bytes'],
    block.transactions.map((one) => [one.id, one.kind, who(one.author), one.sizeBytes])
  )
  emit(common, block, () =>
    [
      `height       ${block.height}`,
      `digest       ${block.digest}`,
      `parent       ${block.parent}`,
      `time         ${utc(block.timeMs)}`,
      `proposer     ${who(block.proposer)} in epoch ${block.epoch}, view ${block.view}`,
      `tx root      ${block.txRoot}`,
      `history      ${block.history}`,
      `app hash     ${block.appHash}`,
      `final by     ${block.certificate === null ? '-' : `${block.certificate.signers.map(who).join(', ')} at height ${block.certificate.height}`}`,
      '',
      block.transactions.length === 0 ? 'no transactions' : transactions
    ].join('\n')
  )
}

function blockName(which: string | undefined): { height?: Height; digest?: Digest } {
  if (which === undefined) return {}
  if (isHex32(which)) return { digest: which as Digest }
  if (!/^[0-9]{1,15}$/.test(which)) throw usage('A block is named by its height or its digest.')
  return { height: Number(which) as Height }
}

const VERIFY_TIMEOUT_S = 600

/** Asks the daemon, or without one reads the stopped home; the answer is data, a fault too. */
export async function verifyChains(
  common: Common,
  chain: string | undefined,
  { timeout = VERIFY_TIMEOUT_S }: { readonly timeout?: number }
): Promise<ExitCode> {
  const timeoutMs = Math.round(timeout * 1000)
  const result = await withDaemon(common, (client) => client.call('chain.verify', { chain, timeoutMs })).catch(
    async (error: unknown) => {
      if (!(error instanceof WardlineError && error.code === 'daemon-not-running')) throw error
      say('No daemon runs on this home; reading its disk.')
      const { verifyStopped } = await import('./verify-stopped.ts')
      return verifyStopped(await settingsOf(common), chain)
    }
  )
  emit(common, result, () =>
    [
      `chain         ${result.chain}`,
      `verified to   ${result.height} ${result.head ?? ''}`,
      `app hash      ${result.appHash ?? '-'}`,
      `transactions  ${result.transactions ?? '-'}`,
      `seconds       ${(result.elapsedMs / 1000).toFixed(1)}`,
      result.fault === null
        ? 'Everything on disk is what was agreed.'
        : `FAULT at height ${result.fault.height} (${result.fault.code}): ${result.fault.what}`
    ].join('\n')
  )
  return result.ok ? EXIT.ok : EXIT.verification
}
