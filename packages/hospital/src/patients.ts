/**
 * The wallets that this hospital keeps for its patients, on one chain: 32 random bytes for each, in the vault, never made
 * from anything that names the patient. What the hospital calls a patient is in the vault too, and nowhere else: the name of
 * a wallet there is a keyed hash of it.
 */
import {
  type Alias,
  bytes32,
  bytesOf,
  type ChainId,
  createInTurn,
  decodeCbor,
  encodeCbor,
  type Hash,
  limits,
  mapOf,
  nameBytes,
  nullable,
  oneOf,
  type Read,
  text
} from '@wardline/codec'
import { type AliasSigner, createAliasSigner } from '@wardline/crypto'
import type { Random, Vault } from '@wardline/ports'
import { type VaultIndex, vaultContent, vaultDamaged } from './vault-index.ts'

export type Patients = {
  /** The alias of the patient with this reference; its wallet is made at the first call, and by one of several at once. */
  open(reference: string): Promise<AliasSigner>
  find(reference: string): Promise<AliasSigner | undefined>
  /** The alias, if its wallet is one of those kept here. */
  byAlias(alias: Alias): Promise<AliasSigner | undefined>
  /**
   * Runs `work` for the patient, after whatever runs for the same patient: it gets what was last kept of the transaction that
   * opens the alias, and a way to keep another.
   */
  opening<T>(reference: string, work: (alias: AliasSigner, kept: KeptOpening) => Promise<T>): Promise<T>
}

export type KeptOpening = {
  readonly bytes: Uint8Array | null
  readonly keep: (bytes: Uint8Array) => Promise<void>
}

export type PatientsParts = {
  readonly vault: Vault
  readonly index: VaultIndex
  readonly random: Random
  readonly chain: ChainId
  /** Of the aliases: `alliance`, or this hospital's memberId. */
  readonly scope: string
}

const REFERENCE_BYTES_MAX = 512

const readWallet = mapOf({
  v: oneOf(1),
  reference: text(REFERENCE_BYTES_MAX),
  kPatient: bytesOf(32),
  opening: nullable(bytesOf(1, limits.transactionBytesMax))
})
type Wallet = Read<typeof readWallet>

export function createPatients({ vault, index, random, chain, scope }: PatientsParts): Patients {
  const inTurn = createInTurn()
  const nameOf = (reference: string) => index('patient', reference)

  async function load(name: Hash): Promise<Wallet | undefined> {
    const bytes = await vaultContent(vault, walletName(name))
    if (bytes === undefined) return undefined
    const wallet = readWallet(decodeCbor(bytes))
    if (wallet === undefined) throw vaultDamaged(walletName(name))
    return wallet
  }

  const save = (name: Hash, wallet: Wallet) => vault.put(walletName(name), encodeCbor(wallet))
  const signerOf = ({ kPatient }: Wallet) => createAliasSigner(kPatient, chain, scope, 0)

  async function ensure(name: Hash, reference: string): Promise<Wallet> {
    const known = await load(name)
    if (known !== undefined) return known
    const wallet: Wallet = { v: 1, reference, kPatient: random.bytes(32), opening: null }
    // The way from the alias to the wallet first: without a wallet behind it, it leads nowhere.
    await vault.put(aliasName(signerOf(wallet).alias), encodeCbor(nameBytes(name)))
    await save(name, wallet)
    return wallet
  }

  return {
    async open(reference) {
      const name = await nameOf(reference)
      return inTurn(name, async () => signerOf(await ensure(name, reference)))
    },

    async find(reference) {
      const wallet = await load(await nameOf(reference))
      return wallet && signerOf(wallet)
    },

    async byAlias(alias) {
      const bytes = await vaultContent(vault, aliasName(alias))
      if (bytes === undefined) return undefined
      const name = bytes32<Hash>(decodeCbor(bytes))
      if (name === undefined) throw vaultDamaged(aliasName(alias))
      const wallet = await load(name)
      if (wallet === undefined) return undefined
      const signer = signerOf(wallet)
      return signer.alias === alias ? signer : undefined
    },

    async opening(reference, work) {
      const name = await nameOf(reference)
      return inTurn(name, async () => {
        const wallet = await ensure(name, reference)
        const keep = (bytes: Uint8Array) => save(name, { ...wallet, opening: bytes })
        return work(signerOf(wallet), { bytes: wallet.opening, keep })
      })
    }
  }
}

function walletName(name: Hash): string {
  return `patients/${name}`
}

function aliasName(alias: Alias): string {
  return `aliases/${alias}`
}
