/** A file system of its own for one home, whose room can be taken away and given back. Linux, and only where it may mount. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Memory is taken only as files are written. */
const ROOM_BYTES = 1024 ** 3

const UNMOUNT = 'umount'
const mounted = new Set<string>()

/** Mounts one there, for as long as this program runs at most. Undefined, or why there is none. */
export async function mountSmallDisk(folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const why = await mount(['-t', 'tmpfs', '-o', `size=${ROOM_BYTES},mode=700`, 'tmpfs', folder])
  if (why !== undefined) return why
  // However this program ends, its memory is given back; what is still open there keeps nothing from it.
  mounted.add(folder)
  process.on('exit', () => {
    if (mounted.has(folder)) spawnSync(UNMOUNT, ['--lazy', folder])
  })
  return undefined
}

/** From now on nothing more can be written there, beyond the few bytes that are left in its last page. */
export async function takeRoom(folder: string): Promise<string | undefined> {
  const { blocks, bfree, bsize } = await statfs(folder)
  return mount(['-o', `remount,size=${(blocks - bfree) * bsize}`, folder])
}

export async function giveRoom(folder: string): Promise<string | undefined> {
  return mount(['-o', `remount,size=${ROOM_BYTES}`, folder])
}

export async function unmountSmallDisk(folder: string): Promise<void> {
  await run(UNMOUNT, [folder])
  mounted.delete(folder)
}

async function mount(args: readonly string[]): Promise<string | undefined> {
  try {
    await run('mount', args)
    return undefined
  } catch (error) {
    const { stderr, code } = error as { readonly stderr?: string; readonly code?: unknown }
    return stderr?.trim().split('\n')[0] || String(code)
  }
}
