/**
 * A patient's wallet: 32 random bytes, from which all its keys follow, and the list of the aliases it has used. It signs; a
 * hospital sponsors what it signed and puts it on the chain. Its file is sealed under a passphrase, so that the list, which
 * says where somebody is a patient, is as secret as the bytes. Nothing here touches a file or a socket.
 */
import {
  type Alias,
  arrayOf,
  assert,
  bytes32,
  type CborValue,
  type ChainId,
  concatBytes,
  decodeCbor,
  encodeCbor,
  integerFrom,
  type MemberId,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  optional,
  type Reader,
  type SignKey,
  text,
  uint
} from '@wardline/codec'
import {
  type AliasSigner,
  createAliasSigner,
  createRecallSigner,
  openKeyFile,
  type Signer,
  sealKeyFile
} from '@wardline/crypto'
import {
  type AliasDraft,
  type AliasKind,
  type Bodies,
  MODES,
  type Mode,
  NONCE_BYTES,
  signAliasTransaction
} from '@wardline/ledger'

/** Where an alias is used. Two with the same chain and hospital are one alias's epochs. */
export type WalletAlias = {
  readonly chain: ChainId
  readonly mode: Mode
  /** What people call the chain. */
  readonly label: string
  /** The hospital beyond which the alias is not to be linked; null on a DSS chain, where the alliance is the scope. */
  readonly hospital: MemberId | null
  readonly epoch: number
}

export type Wallet = {
  /** 32 bytes; whoever has them is the patient. */
  readonly kPatient: Uint8Array
  /** In the order in which they were first used. */
  readonly aliases: readonly WalletAlias[]
  /** How many recall keys it has given out, on all chains. */
  readonly recallKeys: number
}

/** Aliases of one wallet: a chain and a hospital each, for a life. */
export const WALLET_ALIASES_MAX = 256
/** Recall keys of one wallet, for a life: a record each. */
export const WALLET_RECALL_KEYS_MAX = 10_000
/** How long what a wallet signs may wait for a block, milliseconds. */
const LIFE_MS = 24 * 60 * 60 * 1000
const FILE_TEXT_MAX = 256 * 1024
const LABEL_BYTES_MAX = 32
/** A secret of a key file holds this much, so the list is kept in pieces. */
const PIECE_BYTES = 1024
const SECRET = 'k-patient'

/** @param random `size` unpredictable bytes */
export function createWallet(random: (size: number) => Uint8Array): Wallet {
  return { kPatient: random(32), aliases: [], recallKeys: 0 }
}

export type Scope = Omit<WalletAlias, 'epoch'>

/**
 * The alias for this chain and hospital, and the wallet that has it: the newest one, or with `renew` one more.
 * @throws RangeError above `WALLET_ALIASES_MAX`
 */
export function withAlias(
  wallet: Wallet,
  scope: Scope,
  renew = false
): { readonly wallet: Wallet; readonly alias: WalletAlias } {
  assert((scope.mode === 'DSS') === (scope.hospital === null), 'an alliance is no hospital')
  const known = newestAlias(wallet, scope)
  if (known !== undefined && !renew) return { wallet, alias: known }
  if (wallet.aliases.length >= WALLET_ALIASES_MAX) throw new RangeError('the wallet has as many aliases as it can keep')
  const alias = { ...scope, epoch: known === undefined ? 0 : known.epoch + 1 }
  return { wallet: { ...wallet, aliases: [...wallet.aliases, alias] }, alias }
}

export function newestAlias(
  { aliases }: Wallet,
  { chain, hospital }: Pick<Scope, 'chain' | 'hospital'>
): WalletAlias | undefined {
  return aliases.findLast((alias) => alias.chain === chain && alias.hospital === hospital)
}

/** The alias of the wallet that is called `name` on this chain, if it has it. */
export function aliasCalled(wallet: Wallet, chain: ChainId, name: Alias): WalletAlias | undefined {
  return wallet.aliases.find((alias) => alias.chain === chain && walletSigner(wallet, alias).alias === name)
}

/** What signs as this alias. */
export function walletSigner({ kPatient }: Wallet, { chain, hospital, epoch }: WalletAlias): AliasSigner {
  return createAliasSigner(kPatient, chain, hospital ?? 'alliance', epoch)
}

/**
 * A key for one record that somebody is about to send on `chain`, and the wallet that can recall the record by it.
 * @throws RangeError above `WALLET_RECALL_KEYS_MAX`
 */
export function withRecallKey(wallet: Wallet, chain: ChainId): { readonly wallet: Wallet; readonly key: SignKey } {
  if (wallet.recallKeys >= WALLET_RECALL_KEYS_MAX) throw new RangeError('the wallet has given out all its recall keys')
  const { publicKey } = createRecallSigner(wallet.kPatient, chain, wallet.recallKeys)
  return { wallet: { ...wallet, recallKeys: wallet.recallKeys + 1 }, key: publicKey }
}

/** What signs the recall of a record that was sent with this key; undefined if the key is not the wallet's. Tries all it gave out. */
export function recallSigner({ kPatient, recallKeys }: Wallet, chain: ChainId, key: SignKey): Signer | undefined {
  for (let number = recallKeys - 1; number >= 0; number--) {
    const signer = createRecallSigner(kPatient, chain, number)
    if (signer.publicKey === key) return signer
  }
  return undefined
}

export type AliasStatement<K extends AliasKind = AliasKind> = {
  readonly [P in K]: { readonly kind: P; readonly body: Bodies[P] }
}[K]

/**
 * The signed bytes, for a hospital to sponsor (`tx.sponsor`). To try again send the same bytes: they count once.
 * @param random 16 bytes are drawn
 */
export function signAsAlias(
  signer: AliasSigner,
  chain: ChainId,
  statement: AliasStatement,
  { nowMs, random }: { readonly nowMs: number; readonly random: (size: number) => Uint8Array }
): Uint8Array {
  const envelope = { chain, nonce: random(NONCE_BYTES), created: nowMs, expires: nowMs + LIFE_MS }
  const draft: AliasDraft = { ...envelope, ...statement }
  return signAliasTransaction(draft, signer)
}

/** The text of a wallet's file; takes about 0.3 s. @throws RangeError unless the passphrase is 1 to 1,024 bytes long */
export async function sealWallet(
  { kPatient, aliases, recallKeys }: Wallet,
  passphrase: Uint8Array,
  random: (size: number) => Uint8Array
): Promise<string> {
  const list = encodeCbor({ v: 1, aliases: aliases.map(encodeAlias), recallKeys })
  const pieces = Array.from({ length: Math.ceil(list.length / PIECE_BYTES) }, (_, i) => {
    const piece = list.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES)
    return [pieceName(i), piece] as const
  })
  const sealed = await sealKeyFile({ [SECRET]: kPatient, ...Object.fromEntries(pieces) }, passphrase, random)
  return `${JSON.stringify({ wardlineWallet: 1, sealed: Buffer.from(sealed).toString('base64') })}\n`
}

/** `malformed`: no wallet file. `wrong-passphrase`: or a file that was altered; no one can tell which. */
export type WalletResult =
  | { readonly kind: 'opened'; readonly wallet: Wallet }
  | { readonly kind: 'failed'; readonly code: 'malformed' | 'wrong-passphrase' }

const malformed: WalletResult = { kind: 'failed', code: 'malformed' }

/** Opens what `sealWallet` wrote. Never throws for anything that the file or the passphrase holds. */
export async function openWallet(file: string, passphrase: Uint8Array): Promise<WalletResult> {
  const sealed = readFileText(file)
  if (sealed === undefined) return malformed
  const opened = await openKeyFile(sealed, passphrase)
  if (opened.kind === 'failed') return opened
  const { [SECRET]: kPatient, ...pieces } = opened.secrets
  const names = Object.keys(pieces)
  const list = concatBytes(...names.map((_, i) => pieces[pieceName(i)] ?? new Uint8Array(0)))
  const read = readList(decodeCbor(list))
  if (kPatient?.length !== 32 || read === undefined) return malformed
  return { kind: 'opened', wallet: { kPatient, aliases: read.aliases, recallKeys: read.recallKeys ?? 0 } }
}

function readFileText(file: string): Uint8Array | undefined {
  if (file.length > FILE_TEXT_MAX) return undefined
  let value: unknown
  try {
    value = JSON.parse(file)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { wardlineWallet, sealed, ...rest } = value as Readonly<Record<string, unknown>>
  if (wardlineWallet !== 1 || typeof sealed !== 'string' || Object.keys(rest).length > 0) return undefined
  const bytes = Buffer.from(sealed, 'base64')
  return bytes.toString('base64') === sealed ? new Uint8Array(bytes) : undefined
}

function pieceName(index: number): string {
  return `aliases-${String(index).padStart(2, '0')}`
}

function encodeAlias({ chain, mode, label, hospital, epoch }: WalletAlias): CborValue {
  const place = hospital === null ? null : nameBytes(hospital)
  return { chain: nameBytes(chain), mode, label, hospital: place, epoch }
}

const readAlias: Reader<WalletAlias> = (value) => {
  const alias = readAliasMap(value)
  return alias !== undefined && (alias.mode === 'DSS') === (alias.hospital === null) ? alias : undefined
}

const readAliasMap = mapOf({
  chain: bytes32<ChainId>,
  mode: oneOf(...MODES),
  label: text(LABEL_BYTES_MAX),
  hospital: nullable(bytes32<MemberId>),
  epoch: uint
})

const readList = mapOf({
  v: oneOf(1),
  aliases: arrayOf(readAlias, 0, WALLET_ALIASES_MAX),
  // Absent in a file from before there were recall keys.
  recallKeys: optional(integerFrom(0, WALLET_RECALL_KEYS_MAX))
})
