/** Makes a chain's keys once and writes the card. The card follows from the keys and the settings alone, so it is always the same. */

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { type ChainId, isHex32, type MemberId } from '@wardline/codec'
import {
  addressProblem,
  type ChainConfig,
  hasRun,
  homePaths,
  labelProblem,
  portOf,
  type Settings,
  withChain
} from '@wardline/config'
import { cardFingerprint, cardMember, cardText, makeCard, parseCard, verifyCard } from '@wardline/ledger'
import { CommandFailure, EXIT, usage } from '../exit.ts'
import { readTextIfPresent, replaceFile, writeNew } from '../files.ts'
import { ensureChainSigners, loadIdentity, openKeys } from '../keys.ts'
import { type Common, emit, say } from '../output.ts'
import { settingsOf } from '../settings.ts'

export type ExportOptions = {
  readonly chain: string
  readonly listen?: string
  readonly address: readonly string[]
  readonly chainId?: string
  readonly registeredBy?: string
  readonly out?: string
}

export async function exportId(common: Common, options: ExportOptions): Promise<void> {
  const { chain: label, chainId, registeredBy } = options
  const problem = labelProblem(label)
  if (problem !== undefined) throw usage(`--chain ${problem}.`)
  const registration = registrationOf(chainId, registeredBy)
  checkAddresses(options)
  const settings = await settingsOf(common)
  const keys = await openKeys(settings)
  const identity = await loadIdentity(keys)
  const chain = await ensureChain(settings, label, options)
  const signers = await ensureChainSigners(keys, label, await hasRun(settings.config.home, label))
  const card = makeCard(
    {
      name: settings.config.name,
      label,
      seal: signers.sealKey,
      addresses: chain.announce,
      ...(registration !== undefined && { registration })
    },
    { identity, sign: signers.sign, vote: signers.vote, host: signers.host }
  )
  const text = cardText(card)
  const parsed = parseCard(text)
  const problems = parsed.kind === 'ok' ? verifyCard(card) : parsed.problems
  if (problems.length > 0) {
    throw new CommandFailure(EXIT.error, 'bad-card', problems.map(({ message }) => message).join('\n'))
  }
  if (options.out !== undefined) await writeNew(options.out, text)
  const made = {
    member: cardMember(card),
    fingerprint: cardFingerprint(card),
    listen: chain.listen,
    addresses: chain.announce,
    out: options.out ?? null,
    card: text
  }
  emit(common, made, () => options.out ?? text)
  if (common.json) return
  say(`Fingerprint, to be read to the other hospitals by phone: ${made.fingerprint}`)
  if (chain.announce.every((address) => address.startsWith('/ip4/127.'))) {
    say(
      `Other machines cannot reach ${chain.announce.join(', ')}. Before you hand the card out, set chains.${label}.listen and chains.${label}.announce in ${settings.file} and export again.`
    )
  }
}

/** @throws CommandFailure for what is no address */
export function checkAddresses({ listen, address }: Pick<ExportOptions, 'listen' | 'address'>): void {
  for (const one of [...address, ...(listen === undefined ? [] : [listen])]) {
    const wrong = addressProblem(one)
    if (wrong !== undefined) throw usage(`The address ${one} ${wrong}.`)
  }
}

/** For a chain that exists already: which one, and who is to register this member there. */
function registrationOf(chainId: string | undefined, by: string | undefined) {
  if (chainId === undefined && by === undefined) return undefined
  if (!isHex32(chainId)) throw usage('--chain-id must be 64 lower-case hex digits.')
  if (!isHex32(by)) throw usage('--registered-by must be a member id of 64 lower-case hex digits.')
  return { chain: chainId as ChainId, by: by as MemberId }
}

/**
 * The chain's settings from the file; written there first if it has none.
 * @throws CommandFailure `chain-exists` if the file says otherwise than the options
 */
export async function ensureChain(
  settings: Settings,
  label: string,
  options: Pick<ExportOptions, 'listen' | 'address'>
): Promise<ChainConfig> {
  const { config, file } = settings
  const known = config.chains[label]
  if (known !== undefined) {
    const listenDiffers = options.listen !== undefined && options.listen !== known.listen
    const addressesDiffer = options.address.length > 0 && options.address.join() !== known.announce.join()
    if (!listenDiffers && !addressesDiffer) return known
    throw new CommandFailure(
      EXIT.error,
      'chain-exists',
      `${label} listens on ${known.listen} as ${known.announce.join(', ')} already: change chains.${label} in ${file} instead.`
    )
  }
  const text = await readTextIfPresent(file)
  if (text === undefined) {
    throw new CommandFailure(EXIT.error, 'no-home', `${config.home} is not a home yet: run \`wardline init\` first.`)
  }
  const taken = Object.values(config.chains).map(({ listen }) => portOf(listen))
  const listen = options.listen ?? `/ip4/127.0.0.1/tcp/${await freePort(taken)}`
  const announce = options.address.length > 0 ? options.address : undefined
  await replaceFile(file, withChain(text, label, { listen, announce }))
  const { genesis } = homePaths(config.home).chain(label)
  return { listen, announce: announce ?? [listen], genesis, pin: null, acknowledge: 'auto' }
}

const PORT_MIN = 20_000
const PORT_MAX = 32_767

/** A port below the range that outgoing connections take theirs from, that nothing listens on now. */
async function freePort(taken: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(PORT_MIN, PORT_MAX + 1)
    if (!taken.includes(port) && (await isFree(port))) return port
  }
  throw new CommandFailure(
    EXIT.error,
    'no-free-port',
    `No port from ${PORT_MIN} to ${PORT_MAX} is free: give --listen.`
  )
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
