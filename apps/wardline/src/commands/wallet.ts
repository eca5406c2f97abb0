/**
 * A patient's wallet. What it signs goes to a hospital's daemon, which sponsors it; the wallet's secret stays in this
 * process. What is remembered is saved before anything is sent.
 */
import type { Submitted } from '@wardline/api'
import type { SocketClient } from '@wardline/client'
import {
  type AliasStatement,
  aliasCalled,
  createWallet,
  newestAlias,
  recallSigner,
  type Scope,
  signAsAlias,
  type Wallet,
  type WalletAlias,
  walletSigner,
  withAlias,
  withRecallKey
} from '@wardline/client/wallet'
import {
  type Alias,
  type ChainId,
  isHex32,
  type MemberId,
  type RecordId,
  type TransactionId,
  toHex
} from '@wardline/codec'
import { type Basis, ENROLMENT_MS_BY_DEFAULT, type Mode, parseUnsponsored, signRecall } from '@wardline/ledger'
import { CommandFailure, EXIT, ifUnsure, usage } from '../exit.ts'
import { readText } from '../files.ts'
import { type Common, emit, say, short, table } from '../output.ts'
import { withDaemon } from '../settings.ts'
import { timeOf } from '../times.ts'
import {
  ensurePassphrase,
  loadWallet,
  passphrasePath,
  random,
  saveWallet,
  type WalletFileOptions,
  writeNewWallet
} from '../wallet-file.ts'
import { type GrantOptions, memberCalled, readTerms, termsOf } from './grant-terms.ts'
import { keepReceipt, lookFirst, stateText, type WaitOptions, waitParams } from './waiting.ts'

export type WalletOptions = WalletFileOptions & WaitOptions & { readonly genesis?: string }

export async function createWalletFile(common: Common, path: string, options: WalletFileOptions): Promise<void> {
  const words = passphrasePath(path, options)
  const isNew = await ensurePassphrase(words)
  await writeNewWallet(path, createWallet(random), options)
  emit(common, { wallet: path, passphraseFile: words }, () => `wallet      ${path}\npassphrase  ${words}`)
  if (isNew && !common.json) say('Keep copies of both, apart from each other: without either the aliases are lost.')
  // With --json too: a program that makes wallets is where nobody would look.
  if (isNew && options.walletPassphraseFile === undefined) {
    say(
      `Attention: ${words} lies beside the wallet, and both together open it. Whoever gets the folder, or one backup of it, ` +
        'acts as this patient. Move it elsewhere, and name it with --wallet-passphrase-file from then on.'
    )
  }
}

export async function showWallet(common: Common, path: string, options: WalletFileOptions): Promise<void> {
  const wallet = await loadWallet(path, options)
  const aliases = wallet.aliases.map((alias) => ({ alias: walletSigner(wallet, alias).alias, ...alias }))
  const text = await table(
    ['alias', 'chain', 'mode', 'hospital', 'epoch'],
    aliases.map(({ alias, label, mode, hospital, epoch }) => [
      alias,
      label,
      mode.toLowerCase(),
      hospital === null ? 'the alliance' : short(hospital),
      epoch
    ])
  )
  emit(common, { aliases }, () => (aliases.length === 0 ? 'no aliases yet' : text))
}

export type AliasOptions = WalletOptions & { readonly new?: boolean }

/** Makes the alias for the daemon's chain and hospital; where hospitals own aliases, opens it there. */
export async function makeAlias(common: Common, path: string, options: AliasOptions): Promise<void> {
  await withChain(common, path, options, async (client, facts) => {
    if (facts.mode === 'STT') {
      throw new CommandFailure(EXIT.error, 'wrong-mode', `${facts.label} sends records; no patient acts on it.`)
    }
    const { wallet, alias } = withAlias(facts.wallet, scopeOf(facts, facts.hospital), options.new)
    await saveWallet(path, wallet, options)
    const name = walletSigner(wallet, alias).alias
    if (alias.hospital === null) {
      emit(common, { chain: facts.chain, alias: name, opening: null }, () => `alias  ${name}`)
      return
    }
    const body = { hospital: alias.hospital, custodial: false }
    const opening = await sendAs(client, wallet, alias, { kind: 'alias.open', body }, options).catch(unlessOpen)
    emit(common, { chain: facts.chain, alias: name, opening }, () =>
      [`alias  ${name}`, `state  ${opening === null ? 'open already' : stateText(opening)}`].join('\n')
    )
    if (opening !== null) await keepReceipt(common, options, opening)
  })
}

/** Which alias acts, by its name; left out: the newest one. */
type ChosenAlias = { readonly alias?: string }

export type EnrolOptions = WalletOptions & ChosenAlias & { readonly until?: string; readonly basis?: string }

export async function enrol(common: Common, path: string, options: EnrolOptions): Promise<void> {
  const until = timeOf('--until', options.until) ?? Date.now() + ENROLMENT_MS_BY_DEFAULT
  const chosen = readAlias(options)
  await withChain(common, path, options, async (client, facts) => {
    if (facts.mode !== 'DSS') throw notAlliance(facts)
    const { wallet, alias } =
      chosen === undefined
        ? withAlias(facts.wallet, scopeOf(facts, null))
        : { wallet: facts.wallet, alias: ownAliasCalled(facts, chosen) }
    if (wallet !== facts.wallet) await saveWallet(path, wallet, options)
    // The parser of the program has let no other basis through.
    const body = { until, basis: (options.basis ?? 'consent') as Basis }
    const result = await sendAs(client, wallet, alias, { kind: 'dss.enrol', body }, options)
    await tell(common, options, result)
  })
}

export type WithdrawOptions = WalletOptions & ChosenAlias

export async function withdraw(common: Common, path: string, options: WithdrawOptions): Promise<void> {
  const chosen = readAlias(options)
  await withChain(common, path, options, async (_client, facts) => {
    if (facts.mode !== 'DSS') throw notAlliance(facts)
    const aliases =
      chosen === undefined ? await enrolledAliases(common, facts, options) : [ownAliasCalled(facts, chosen)]
    if (aliases.length > 1 && options.receipt !== undefined) {
      throw usage(`${aliases.length} aliases are enrolled: --receipt needs --alias. Nothing was sent.`)
    }
    const withdrawn: Sponsored[] = []
    for (const alias of aliases) {
      const send = (client: SocketClient) =>
        sendAs(client, facts.wallet, alias, { kind: 'dss.withdraw', body: {} }, options)
      try {
        withdrawn.push(await withDaemon(common, send))
      } catch (error) {
        const count = withdrawn.length
        if (count > 0 && !common.json)
          say(`${count} of ${aliases.length} aliases are withdrawn; the same call again goes on.`)
        throw error
      }
    }
    emit(common, { chain: facts.chain, withdrawn }, () => withdrawn.map((one) => sponsoredText(one)).join('\n\n'))
    for (const one of withdrawn) await keepReceipt(common, options, one)
  })
}

/** The enrolled aliases of the wallet, asked for one at a time, each on a connection of its own. */
async function enrolledAliases(
  common: Common,
  facts: ChainFacts,
  { actor }: WithdrawOptions
): Promise<readonly WalletAlias[]> {
  ownAlias(facts, null)
  const { wallet, chain } = facts
  const enrolled: WalletAlias[] = []
  for (const alias of wallet.aliases.filter((one) => one.chain === chain)) {
    const asked = { chain, alias: walletSigner(wallet, alias).alias, limit: 1, actor }
    const { enrolment } = await withDaemon(common, (client) => client.call('patient.timeline', asked))
    if (enrolment?.status === 'enrolled') enrolled.push(alias)
  }
  if (enrolled.length > 0) return enrolled
  throw new CommandFailure(EXIT.error, 'not-enrolled', `No alias of the wallet is enrolled in ${facts.label}.`)
}

export type WalletGrantOptions = WalletOptions & GrantOptions & ChosenAlias & { readonly hospital?: string }

export async function grant(common: Common, path: string, options: WalletGrantOptions): Promise<void> {
  const terms = readTerms(options)
  const chosen = readAlias(options)
  if (chosen !== undefined && options.hospital !== undefined) throw usage('Give --alias or --hospital, not both.')
  await withChain(common, path, options, async (client, facts) => {
    if (facts.mode !== 'SPV') throw notPermissions(facts)
    const alias =
      chosen === undefined ? ownAlias(facts, await ownerOf(client, facts, options)) : ownAliasCalled(facts, chosen)
    const body = await termsOf(client, facts, terms)
    const result = await sendAs(client, facts.wallet, alias, { kind: 'spv.grant', body }, options, (id) =>
      lookFirst(`wardline tx get ${id} --chain ${facts.label}`, `wardline wallet grants ${path}`)
    )
    await tell(common, options, { ...result, grant: result.id }, `grant        ${result.id}`)
  })
}

/** Signs with the alias that made the grant, which need not be the newest one. */
export async function revoke(common: Common, path: string, id: string, options: WalletOptions): Promise<void> {
  if (!isHex32(id)) throw usage('A grant is named by the id of its transaction, 64 lower-case hex digits.')
  const body = { grant: id as TransactionId }
  await withChain(common, path, options, async (client, facts) => {
    if (facts.mode !== 'SPV') throw notPermissions(facts)
    const made = await client.call('tx.get', { chain: facts.chain, id: body.grant }).catch(unlessUnknown)
    if (made?.kind !== 'spv.grant' || made.alias === null) {
      throw new CommandFailure(EXIT.error, 'unknown-grant', `The daemon knows no grant of that id on ${facts.label}.`)
    }
    const alias = ownAliasCalled(facts, made.alias)
    const result = await sendAs(client, facts.wallet, alias, { kind: 'spv.revoke', body }, options)
    await tell(common, options, { ...result, grant: id }, `grant        ${id}`)
  })
}

/** Gives out a key for one record: who sends the record names it, and this wallet can call the record back. */
export async function giveRecallKey(common: Common, path: string, options: WalletOptions): Promise<void> {
  await withChain(common, path, options, async (_client, facts) => {
    if (facts.mode !== 'STT') throw notTransfers(facts)
    const { wallet, key } = withRecallKey(facts.wallet, facts.chain)
    await saveWallet(path, wallet, options)
    emit(common, { chain: facts.chain, recallKey: key }, () => key)
  })
}

export async function recall(common: Common, path: string, record: string, options: WalletOptions): Promise<void> {
  if (!isHex32(record)) throw usage('A record is named by 64 lower-case hex digits.')
  await withChain(common, path, options, async (client, facts) => {
    if (facts.mode !== 'STT') throw notTransfers(facts)
    const id = record as RecordId
    const { recallKey } = await client.call('record.holders', { chain: facts.chain, record: id, limit: 1 })
    const signer = recallKey === null ? undefined : recallSigner(facts.wallet, facts.chain, recallKey)
    if (signer === undefined) {
      throw new CommandFailure(
        EXIT.notPermitted,
        'not-the-origin',
        'The record was not sent with a key of this wallet.'
      )
    }
    const { key, sig } = signRecall(facts.chain, id, signer)
    const subject = { key, signature: toHex(sig) }
    const wait = await waitParams(options)
    const result = await client.call('record.recall', { ...wait, chain: facts.chain, record: id, subject })
    emit(common, result, () =>
      [`record       ${record}`, `transaction  ${result.id}`, `state        ${stateText(result)}`].join('\n')
    )
    await keepReceipt(common, options, result)
  })
}

/** What a command knows of the chain on which it acts. */
export type ChainFacts = {
  readonly wallet: Wallet
  readonly chain: ChainId
  readonly label: string
  readonly mode: Mode
  /** The hospital whose daemon this is. */
  readonly hospital: MemberId
  readonly headTimeMs: number
}

/** Opens the wallet and asks the daemon about the chain; with a genesis the daemon's must be the same. */
async function withChain(
  common: Common,
  path: string,
  options: WalletOptions,
  use: (client: SocketClient, facts: ChainFacts) => Promise<void>
): Promise<void> {
  const wallet = await loadWallet(path, options)
  const trusted = options.genesis === undefined ? undefined : await chainOfGenesis(options.genesis)
  await withDaemon(common, async (client) => {
    const { chain, label, mode, member, headTimeMs } = await client.call('chain.info', {
      chain: options.chain ?? trusted
    })
    if (trusted !== undefined && chain !== trusted) {
      throw new CommandFailure(
        EXIT.verification,
        'wrong-chain',
        `The daemon's ${label} is not the chain of that genesis.`
      )
    }
    const facts = { wallet, chain, label, mode: mode.toUpperCase() as Mode, hospital: member, headTimeMs }
    await use(client, facts)
  })
}

async function chainOfGenesis(path: string): Promise<ChainId> {
  const { chainIdOf, parseGenesis, verifyGenesis } = await import('@wardline/ledger')
  const parsed = parseGenesis(await readText(path))
  const problems = parsed.kind === 'ok' ? verifyGenesis(parsed.genesis) : parsed.problems
  if (parsed.kind === 'ok' && problems.length === 0) return chainIdOf(parsed.genesis)
  throw new CommandFailure(EXIT.verification, 'genesis', problems.map(({ message }) => message).join('\n'))
}

function scopeOf({ chain, label, mode }: ChainFacts, hospital: MemberId | null): Scope {
  return { chain, label, mode, hospital: mode === 'DSS' ? null : hospital }
}

async function ownerOf(
  client: SocketClient,
  { chain, hospital }: ChainFacts,
  options: { readonly hospital?: string }
): Promise<MemberId> {
  return options.hospital === undefined ? hospital : memberCalled(client, chain, options.hospital)
}

function ownAlias({ wallet, chain, label }: ChainFacts, hospital: MemberId | null): WalletAlias {
  const alias = newestAlias(wallet, { chain, hospital })
  if (alias !== undefined) return alias
  const how = hospital === null ? 'wardline wallet enrol' : 'wardline wallet alias'
  throw new CommandFailure(EXIT.error, 'no-alias', `The wallet has no alias there on ${label}: make one with "${how}".`)
}

function readAlias({ alias }: ChosenAlias): Alias | undefined {
  if (alias !== undefined && !isHex32(alias)) throw usage('--alias must be an alias, 64 lower-case hex digits.')
  return alias as Alias | undefined
}

function ownAliasCalled({ wallet, chain, label }: ChainFacts, name: Alias): WalletAlias {
  const alias = aliasCalled(wallet, chain, name)
  if (alias !== undefined) return alias
  throw new CommandFailure(EXIT.error, 'no-alias', `The wallet does not have the alias ${name} on ${label}.`)
}

/** Undefined where the daemon does not have the transaction. */
function unlessUnknown(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'not-found') return undefined
  throw error
}

function notPermissions({ label }: ChainFacts): CommandFailure {
  return new CommandFailure(EXIT.error, 'wrong-mode', `${label} has no grants: it is no SPV chain.`)
}

function notTransfers({ label }: ChainFacts): CommandFailure {
  return new CommandFailure(EXIT.error, 'wrong-mode', `${label} sends no records: nothing on it is called back.`)
}

function notAlliance({ label }: ChainFacts): CommandFailure {
  return new CommandFailure(EXIT.error, 'wrong-mode', `${label} is no alliance: there is nothing to enrol in.`)
}

type Sponsored = Submitted & { readonly alias: Alias }

/** @param advice what to do where it is not known whether the transaction of that id was accepted */
async function sendAs(
  client: SocketClient,
  wallet: Wallet,
  alias: WalletAlias,
  statement: AliasStatement,
  options: WaitOptions,
  advice: (id: TransactionId) => string = (id) => `See what became of it: wardline tx get ${id} --chain ${alias.label}`
): Promise<Sponsored> {
  const wait = await waitParams(options)
  const bytes = signAsAlias(walletSigner(wallet, alias), alias.chain, statement, { nowMs: Date.now(), random })
  return client
    .call('tx.sponsor', { ...wait, chain: alias.chain, transaction: toHex(bytes) })
    .catch((error: unknown) => {
      const parsed = parseUnsponsored(bytes, alias.chain)
      if (parsed.kind !== 'ok') throw error
      const { id } = parsed.transaction
      throw ifUnsure(error, id, advice(id))
    })
}

/** The chain has the alias already: it was opened by an earlier call whose answer was lost. */
function unlessOpen(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'alias-exists') return null
  throw error
}

async function tell(
  common: Common,
  options: WaitOptions,
  result: Sponsored & { readonly grant?: string },
  ...lines: string[]
): Promise<void> {
  emit(common, result, () => [...lines, sponsoredText(result)].join('\n'))
  await keepReceipt(common, options, result)
}

function sponsoredText(result: Sponsored): string {
  return [`alias        ${result.alias}`, `transaction  ${result.id}`, `state        ${stateText(result)}`].join('\n')
}
