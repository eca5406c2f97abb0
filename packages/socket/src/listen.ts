/** Puts a server onto a Unix socket with the right mode from its first moment, over a dead one's file but never a live one's. */
import { lstat, mkdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { limits, WardlineError } from '@wardline/codec'

/**
 * @param mode of the socket file, such as 0o600; who may connect is decided by it alone
 * @throws WardlineError `socket-path-too-long | socket-path-taken | socket-in-use | socket-failed`
 */
export async function listenOnPath(server: Server, path: string, mode: number): Promise<void> {
  const size = Buffer.byteLength(path)
  if (size > limits.socketPathBytesMax) {
    throw new WardlineError(
      'socket-path-too-long',
      `the socket path ${path} has ${size} bytes and the operating system allows ${limits.socketPathBytesMax}: set runFolder to a shorter folder`
    )
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 })
    await removeStale(path)
    await bind(server, path, mode)
  } catch (error) {
    if (error instanceof WardlineError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new WardlineError('socket-failed', `cannot listen on ${path}: ${code}`, { cause: error })
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new WardlineError('socket-path-taken', `${path} exists and is not a socket: move it away`)
  }
  if (await isAlive(path)) {
    throw new WardlineError('socket-in-use', `another daemon answers on ${path}: stop it first`)
  }
  await unlink(path)
}

/** A socket nobody listens on refuses; one that answers, or that we may not ask, is somebody's. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}

/**
 * The file's mode comes from the umask, so that there is no moment at which others could connect. Node binds a path within
 * `listen`, so nothing else of this process runs under the changed umask.
 */
function bind(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o777 & ~mode)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}
