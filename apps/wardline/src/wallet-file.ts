/** A patient's wallet file and what opens it. Both are the patient's: the hospital's own passphrase is never tried. */
import { randomBytes } from 'node:crypto'
import { openWallet, sealWallet, type Wallet } from '@wardline/client/wallet'
import { unreachable } from '@wardline/codec'
import { loadPassphrase } from '@wardline/config'
import { CommandFailure, EXIT } from './exit.ts'
import { readText, readTextIfPresent, replaceFile, writeNew } from './files.ts'

export type WalletFileOptions = { readonly walletPassphraseFile?: string }

export function random(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size))
}

/** Where the passphrase lies: the file that was named, or the wallet's own name with `.passphrase` behind it. */
export function passphrasePath(path: string, { walletPassphraseFile }: WalletFileOptions): string {
  return walletPassphraseFile ?? `${path}.passphrase`
}

/** Makes a random passphrase unless there is one. @returns whether it did */
export async function ensurePassphrase(path: string): Promise<boolean> {
  if ((await readTextIfPresent(path)) !== undefined) return false
  await writeNew(path, `${randomBytes(32).toString('base64url')}\n`, 0o600)
  return true
}

/** @throws CommandFailure `file-exists` rather than put a new wallet in the place of another */
export async function writeNewWallet(path: string, wallet: Wallet, options: WalletFileOptions): Promise<void> {
  await writeNew(path, await sealed(path, wallet, options), 0o600)
}

/** Puts the wallet in the place of what was read from the same file. */
export async function saveWallet(path: string, wallet: Wallet, options: WalletFileOptions): Promise<void> {
  await replaceFile(path, await sealed(path, wallet, options), 0o600)
}

/** @throws CommandFailure `wallet-unreadable | wallet-passphrase`, exit 1 */
export async function loadWallet(path: string, options: WalletFileOptions): Promise<Wallet> {
  const text = await readText(path)
  const opened = await openWallet(text, await loadPassphrase(passphrasePath(path, options)))
  if (opened.kind === 'opened') return opened.wallet
  switch (opened.code) {
    case 'malformed':
      throw new CommandFailure(EXIT.error, 'wallet-unreadable', `${path} is no wallet of a known version.`)
    case 'wrong-passphrase':
      throw new CommandFailure(
        EXIT.error,
        'wallet-passphrase',
        `${path} does not open: the passphrase is wrong, or the file was altered.`
      )
    default:
      return unreachable(opened.code)
  }
}

async function sealed(path: string, wallet: Wallet, options: WalletFileOptions): Promise<string> {
  return sealWallet(wallet, await loadPassphrase(passphrasePath(path, options)), random)
}
