/** What a daemon leaves in a home. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { homePaths } from './home.ts'

/** Whether a daemon has run this chain here, by what it leaves beside the chain's keys. @throws WardlineError `file-unreadable` */
export async function hasRun(home: string, label: string): Promise<boolean> {
  const paths = homePaths(home)
  const { store, votes } = paths.chain(label)
  for (const folder of [store, votes, paths.vault(label)]) if ((await namesIn(folder)).length > 0) return true
  return (await namesIn(paths.keys)).some((name) => name.startsWith(`${label}.payload-keys.`))
}

/** Whether something lies in the home that only its storage key opens: keys of payloads, or what is in a vault. */
export async function holdsSealed(home: string): Promise<boolean> {
  const { keys, vaults } = homePaths(home)
  if ((await namesIn(keys)).some((name) => name.includes('.payload-keys.'))) return true
  for (const label of await namesIn(vaults)) if ((await namesIn(join(vaults, label))).length > 0) return true
  return false
}

/** Names in a folder, ascending; none where there is no such folder. @throws WardlineError `file-unreadable` */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new WardlineError('file-unreadable', `cannot read the folder ${folder}: ${code}`, { cause: error })
  }
}
