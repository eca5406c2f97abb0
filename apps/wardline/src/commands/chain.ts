/** Chains: what they are, their blocks, and whether what lies on disk is what was agreed. */
import type { Result } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import { type Digest, type Height, isHex32, WardlineError } from '@wardline/codec'
import { describeFailure, EXIT, type ExitCode, type Failure, usage } from '../exit.ts'
import { type Common, emit, say, short, table, utc, who } from '../output.ts'
import { settingsOf, withDaemon } from '../settings.ts'
import { toleranceText } from '../tolerance.ts'

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
      `quorum        ${toleranceText(info.validators.length)}`,
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

/** Asks the daemon, or without one reads the stopped home; the answer is data, a fault too. Without a label: every chain. */
export async function verifyChains(
  common: Common,
  chain: string | undefined,
  { timeout = VERIFY_TIMEOUT_S }: { readonly timeout?: number }
): Promise<ExitCode> {
  const timeoutMs = Math.round(timeout * 1000)
  const verdicts = await withDaemon(common, async (client) => {
    const labels = chain === undefined ? await labelsOf(common, client) : [chain]
    return verifyEach(labels, (label) => client.call('chain.verify', { chain: label, timeoutMs }))
  }).catch(async (error: unknown) => {
    if (!(error instanceof WardlineError && error.code === 'daemon-not-running')) throw error
    say('No daemon runs on this home; reading its disk.')
    const { verifyStopped } = await import('./verify-stopped.ts')
    const settings = await settingsOf(common)
    const labels = chain === undefined ? Object.keys(settings.config.chains) : [chain]
    return verifyEach(labels, (label) => verifyStopped(settings, label))
  })
  const [only] = verdicts
  if (only === undefined) throw usage('There is no chain to verify.')
  if (verdicts.length === 1 && only.kind === 'verdict') return tellVerdict(common, only.result)
  const chains = verdicts.map(answerOf)
  emit(common, { ok: chains.every(({ ok }) => ok), chains }, () => verdicts.map(verdictLine).join('\n'))
  if (verdicts.some((one) => one.kind === 'verdict' && !one.result.ok)) return EXIT.verification
  return verdicts.find((one) => one.kind === 'failed')?.failure.exit ?? EXIT.ok
}

/** Those that the daemon runs, and those of the settings that it does not: they are not well, and not left out. */
async function labelsOf(common: Common, client: SocketClient): Promise<readonly string[]> {
  const { chains } = await client.call('chain.list', {})
  const { config } = await settingsOf(common)
  return [...new Set([...chains.map(({ label }) => label), ...Object.keys(config.chains)])]
}

type Verified = Result<'chain.verify'>

/** What lies on disk, or why it could not be looked at. */
type Verdict =
  | { readonly label: string; readonly kind: 'verdict'; readonly result: Verified }
  | { readonly label: string; readonly kind: 'failed'; readonly failure: Failure }

/** One after the other, for each takes memory. Where there are several, one that cannot be looked at hides no other. */
async function verifyEach(
  labels: readonly string[],
  verify: (label: string) => Promise<Verified>
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  for (const label of labels) {
    try {
      verdicts.push({ label, kind: 'verdict', result: await verify(label) })
    } catch (error) {
      if (labels.length === 1) throw error
      verdicts.push({ label, kind: 'failed', failure: describeFailure(error) })
    }
  }
  return verdicts
}

function answerOf(verdict: Verdict) {
  const { label } = verdict
  if (verdict.kind === 'verdict') return { label, ...verdict.result }
  const { code, message } = verdict.failure
  return { label, ok: false, error: { code, message } }
}

function verdictLine(verdict: Verdict): string {
  const { label } = verdict
  if (verdict.kind === 'failed') return `${label}  NOT VERIFIED (${verdict.failure.code}): ${verdict.failure.message}`
  const { height, head, fault } = verdict.result
  if (fault !== null) return `${label}  FAULT at height ${fault.height} (${fault.code}): ${fault.what}`
  return `${label}  verified to ${height} ${head ?? ''}`
}

function tellVerdict(common: Common, result: Verified): ExitCode {
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
