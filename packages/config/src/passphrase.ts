/** Reads what opens the key files. */
import { type FileHandle, open } from 'node:fs/promises'
import { WardlineError } from '@wardline/codec'

const PASSPHRASE_BYTES_MAX = 1024

/**
 * The passphrase in `path`: its bytes without one line end at the end, 1 to 1,024 of them.
 * @throws WardlineError `passphrase-unreadable`, also when other users could read the file
 */
export async function loadPassphrase(path: string): Promise<Uint8Array> {
  const fail = (what: string, cause?: unknown) =>
    new WardlineError('passphrase-unreadable', `the passphrase file ${path} ${what}`, { cause })
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    throw fail(`cannot be opened (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
  try {
    const { mode } = await file.stat()
    if ((mode & 0o077) !== 0) throw fail('is open to other users: chmod 600 it first')
    const { bytesRead, buffer } = await file.read(Buffer.alloc(PASSPHRASE_BYTES_MAX + 3))
    const size = bytesRead - lineEnd(buffer.subarray(0, bytesRead))
    if (size < 1 || size > PASSPHRASE_BYTES_MAX) throw fail(`must hold 1 to ${PASSPHRASE_BYTES_MAX} bytes`)
    return new Uint8Array(buffer.subarray(0, size))
  } finally {
    await file.close()
  }
}

function lineEnd(bytes: Uint8Array): number {
  if (bytes.at(-1) !== 0x0a) return 0
  return bytes.at(-2) === 0x0d ? 2 : 1
}
