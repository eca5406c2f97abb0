/** The founding ceremony. Only cards, the genesis and signatures travel; every hospital checks all of it for itself. */
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { homePaths, type Settings } from '@wardline/config'
import { faultsTolerated, quorum } from '@wardline/consensus'
import {
  type Card,
  cardFingerprint,
  cardMember,
  chainIdOf,
  draftGenesis,
  type Genesis,
  genesisFingerprint,
  genesisText,
  PARAMETER_BOUNDS,
  type Parameters,
  type Problem,
  parseCard,
  parseGenesis,
  type Registrar,
  registrarOf,
  signGenesis,
  verifyCard,
  verifyGenesis,
  withSignatures
} from '@wardline/ledger'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { makeFolder, readText, replaceFile, writeNew } from '../files.ts'
import { loadChainSigners, loadIdentity, openKeys } from '../keys.ts'
import { type Common, duration, emit, say, table, utc } from '../output.ts'
import { settingsOf } from '../settings.ts'
import { toleranceText } from '../tolerance.ts'
import { type ModeOptions, modeLines, modeName, modeOf } from './genesis-mode.ts'

export type DraftOptions = ModeOptions & {
  readonly chain: string
  readonly registrar?: string
  readonly parameter: readonly string[]
  readonly out: string
}

export async function draft(common: Common, files: readonly string[], options: DraftOptions): Promise<void> {
  const founders = await Promise.all(files.map(readCard))
  const { config } = await settingsOf(common)
  const genesis = draftGenesis({
    ...modeOf(options, config.name),
    label: options.chain,
    created: Date.now(),
    random: randomBytes(32),
    founders,
    registrar: await chooseRegistrar(common, founders, options),
    parameters: readParameters(options.parameter)
  })
  refuse(besideMissing(verifyGenesis(genesis)))
  await writeNew(options.out, genesisText(genesis))
  emit(common, { ...summary(genesis), out: options.out }, () => options.out)
  if (common.json) return
  say(`Fingerprint: ${genesisFingerprint(genesis)}
Next, at every founder: wardline genesis review ${options.out}, then wardline genesis sign ${options.out}`)
}

/** A genesis that may found a chain: every founder has signed it. @throws CommandFailure with every problem */
export async function readSignedGenesis(file: string): Promise<Genesis> {
  const genesis = await readGenesis(file)
  refuse(verifyGenesis(genesis))
  return genesis
}

export async function review(common: Common, file: string): Promise<void> {
  const genesis = await readGenesis(file)
  const problems = besideMissing(verifyGenesis(genesis))
  const facts = { ...summary(genesis), problems }
  const rows = facts.founders.map(({ name, fingerprint, addresses, signed, registrar }) => [
    name,
    fingerprint,
    addresses.join(' '),
    registrar ? 'yes' : '',
    signed ? 'signed' : 'not yet'
  ])
  const founders = await table(['hospital', 'fingerprint of its card', 'address', 'registrar', 'signature'], rows)
  emit(common, facts, () => reviewText(genesis, founders))
  refuse(problems)
}

export async function sign(common: Common, file: string, options: { readonly out?: string }): Promise<void> {
  const genesis = await readGenesis(file)
  refuse(besideMissing(verifyGenesis(genesis)))
  const identity = await loadIdentity(await openKeys(await settingsOf(common)))
  if (!genesis.founders.some((card) => card.identity === identity.publicKey)) {
    throw new CommandFailure(EXIT.error, 'not-a-founder', 'This hospital is not among the founders of this genesis.')
  }
  const signed = withSignatures(genesis, [signGenesis(genesis, identity)])
  const out = options.out ?? file
  if (out === file) await replaceFile(out, genesisText(signed))
  else await writeNew(out, genesisText(signed))
  emit(common, { ...summary(signed), out }, () => out)
  if (!common.json) say(`Signed what has the fingerprint ${genesisFingerprint(signed)}.\n${stillMissing(signed)}`)
}

export async function join(common: Common, files: readonly string[], options: { readonly out: string }): Promise<void> {
  const [first, ...others] = await Promise.all(files.map(readGenesis))
  if (first === undefined) throw usage('Give at least one file.')
  for (const [index, other] of others.entries()) {
    if (chainIdOf(other) === chainIdOf(first)) continue
    const message = `${files[0]} and ${files[index + 1]} are not copies of one genesis.`
    throw new CommandFailure(EXIT.verification, 'different-genesis', message)
  }
  const whole = withSignatures(
    first,
    others.flatMap(({ signatures }) => signatures)
  )
  refuse(besideMissing(verifyGenesis(whole)))
  // One of the copies may be the target: it is only added to.
  if (files.includes(options.out)) await replaceFile(options.out, genesisText(whole))
  else await writeNew(options.out, genesisText(whole))
  emit(common, { ...summary(whole), out: options.out }, () => options.out)
  if (!common.json) say(stillMissing(whole))
}

export async function install(common: Common, file: string): Promise<void> {
  const genesis = await readSignedGenesis(file)
  const { out, founder } = await putGenesis(await settingsOf(common), genesis)
  emit(common, { ...summary(genesis), out, founder }, () => out)
  if (common.json) return
  if (!founder) say('This hospital is not a founder: it must be registered before it can take part.')
  say(`Next: start wardlined; where it runs already, wardline chain add ${genesis.label}`)
}

/** Writes the genesis of a chain for which this home has keys to where the settings want it. */
export async function putGenesis(
  settings: Settings,
  genesis: Genesis
): Promise<{ readonly out: string; readonly founder: boolean }> {
  const { config } = settings
  const { label } = genesis
  const chain = config.chains[label]
  const signers = await loadChainSigners(await openKeys(settings), label)
  if (chain === undefined || signers === undefined) {
    const message = `This home has no keys for ${label}: run \`wardline id export --chain ${label}\` first.`
    throw new CommandFailure(EXIT.error, 'no-chain-keys', message)
  }
  if (chain.genesis === homePaths(config.home).chain(label).genesis) await makeFolder(dirname(chain.genesis), 0o700)
  await writeNew(chain.genesis, genesisText(genesis))
  return { out: chain.genesis, founder: genesis.founders.some((card) => card.sign === signers.sign.publicKey) }
}

export async function show(common: Common, file: string): Promise<void> {
  const genesis = await readGenesis(file)
  const facts = { ...summary(genesis), problems: verifyGenesis(genesis) }
  emit(common, facts, () => {
    const lines = [
      `label        ${facts.label}`,
      `chain        ${facts.chain}`,
      `mode         ${facts.mode}: ${modeName(genesis)}`,
      `created      ${utc(facts.created)}`,
      ...modeLines(genesis).map((line) => `${line.slice(0, 1).toLowerCase()}${line.slice(1)}`),
      `fingerprint  ${facts.fingerprint}`,
      `founders     ${facts.founders.map(({ name }) => name).join(', ')}`,
      `registrar    ${facts.registrar.name}`
    ]
    for (const { message } of facts.problems) lines.push(`problem      ${message}`)
    return lines.join('\n')
  })
}

/** The drafting hospital if nothing else is said: the founder whose keys lie in this home. */
async function chooseRegistrar(common: Common, founders: readonly Card[], options: DraftOptions): Promise<Registrar> {
  if (options.registrar !== undefined) {
    const card = await readCard(options.registrar)
    const founder = founders.find(({ sign }) => sign === card.sign)
    return founder === undefined ? { kind: 'card', card } : { kind: 'founder', member: cardMember(founder) }
  }
  const identity = await loadIdentity(await openKeys(await settingsOf(common)))
  const own = founders.find((card) => card.identity === identity.publicKey)
  if (own !== undefined) return { kind: 'founder', member: cardMember(own) }
  throw usage('This hospital is not among the founders: say with --registrar whose card the registrar has.')
}

function readParameters(given: readonly string[]): Partial<Parameters> {
  const known: Readonly<Record<string, readonly [number, number]>> = PARAMETER_BOUNDS
  return Object.fromEntries(
    given.map((text) => {
      const [name = '', value = ''] = text.split('=')
      const bounds = Object.hasOwn(known, name) ? known[name] : undefined
      if (bounds === undefined) throw usage(`--parameter knows ${Object.keys(known).join(', ')}.`)
      const [min, max] = bounds
      if (!/^[0-9]{1,15}$/.test(value) || Number(value) < min || Number(value) > max) {
        throw usage(`--parameter ${name} must be a whole number from ${min} to ${max}.`)
      }
      return [name, Number(value)]
    })
  )
}

async function readCard(file: string): Promise<Card> {
  const parsed = parseCard(await readText(file))
  const problems = parsed.kind === 'ok' ? verifyCard(parsed.card) : parsed.problems
  refuse(problems.map(({ code, message }) => ({ code, message: `${file}: ${message}` })))
  if (parsed.kind === 'ok') return parsed.card
  throw new CommandFailure(EXIT.error, 'bad-card', `${file} is not a card.`)
}

async function readGenesis(file: string): Promise<Genesis> {
  const parsed = parseGenesis(await readText(file))
  if (parsed.kind === 'ok') return parsed.genesis
  refuse(parsed.problems.map(({ code, message }) => ({ code, message: `${file}: ${message}` })))
  throw new CommandFailure(EXIT.error, 'bad-genesis', `${file} is not a genesis.`)
}

/** A proof or signature that does not hold is a failed verification; anything else an error. */
function refuse(problems: readonly Problem[]): void {
  const [first] = problems
  if (first === undefined) return
  const unproven = problems.some(({ code }) => /^(?:key|proof|signature|missing-signature)$/.test(code))
  const message = problems.map((problem) => problem.message).join('\n')
  throw new CommandFailure(unproven ? EXIT.verification : EXIT.error, first.code, message)
}

function besideMissing(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(({ code }) => code !== 'missing-signature')
}

function summary(genesis: Genesis) {
  const signed = new Set(genesis.signatures.map(({ identity }) => identity))
  const registrar = registrarOf(genesis)
  const founders = genesis.founders.map((card) => ({
    name: card.name,
    member: cardMember(card),
    fingerprint: cardFingerprint(card),
    addresses: card.addresses,
    registrar: cardMember(card) === registrar,
    signed: signed.has(card.identity)
  }))
  return {
    label: genesis.label,
    chain: chainIdOf(genesis),
    fingerprint: genesisFingerprint(genesis),
    mode: genesis.mode.toLowerCase(),
    fence: genesis.fence,
    disclosure: genesis.disclosure,
    created: genesis.created,
    parameters: genesis.parameters,
    quorum: quorum(founders.length),
    faultsTolerated: faultsTolerated(founders.length),
    registrar: {
      member: registrar,
      name:
        genesis.registrar.kind === 'card'
          ? genesis.registrar.card.name
          : (founders.find((one) => one.registrar)?.name ?? null)
    },
    founders,
    complete: founders.every((founder) => founder.signed)
  }
}

function stillMissing(genesis: Genesis): string {
  const missing = summary(genesis).founders.filter(({ signed }) => !signed)
  return missing.length === 0
    ? 'All founders have signed. Next, at every founder: wardline genesis install FILE'
    : `Still to sign: ${missing.map(({ name }) => name).join(', ')}.`
}

function reviewText(genesis: Genesis, founders: string): string {
  const { label, chain, fingerprint, created, parameters, registrar } = summary(genesis)
  const n = genesis.founders.length
  const lines = [
    `Chain ${label}: ${modeName(genesis)}, drafted ${utc(created)}`,
    `Id           ${chain}`,
    `Fingerprint  ${fingerprint}   read this to each other by phone, and the fingerprints below`,
    ...modeLines(genesis),
    '',
    founders.trimEnd(),
    '',
    `Registrar: ${registrar.name}. It admits and expels hospitals.`,
    `${toleranceText(n)}${adviceTo(n)}`,
    `An idle chain adds a block every ${duration(parameters.heartbeatMs)}; a replaced key counts after ${duration(parameters.rotationDelayMs)}; timers assume a delay of ${parameters.deltaMs} ms; a block holds at most ${parameters.blockTransactionsMax} transactions in ${parameters.blockBodyBytesMax} bytes.`
  ]
  if (genesis.registrar.kind === 'card') {
    lines.push(
      `The registrar runs no daemon; the fingerprint of its card is ${cardFingerprint(genesis.registrar.card)}.`
    )
  }
  return lines.join('\n')
}

/** What few hospitals should know beside. */
function adviceTo(n: number): string {
  if (n === 2) return ' It cannot replace a lost key: a third and a fourth hospital are worth much.'
  return n < 4 ? ' It takes four hospitals to stand one that lies.' : ''
}
