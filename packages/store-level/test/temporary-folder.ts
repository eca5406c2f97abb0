/** A folder for one test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes an empty folder; `remove` deletes it with all it holds. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'wardline-store-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
