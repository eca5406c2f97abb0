/**
 * Which process dialled. A connection that a proxy accepts on loopback has its other end on this machine, and Linux tells
 * whose it is: `/proc/net/tcp` gives the socket's inode, and a process's descriptors name the inodes that it has open.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'

/**
 * The index in `pids` of the process that has the near end of a connection between these two ports of 127.0.0.1; undefined
 * where none of them has.
 */
export async function diallerOf(
  ports: { readonly dialler: number; readonly listener: number },
  pids: readonly (number | undefined)[]
): Promise<number | undefined> {
  const inode = inodeOf(await readFile('/proc/net/tcp', 'utf8'), ports)
  if (inode === undefined) return undefined
  for (const [index, pid] of pids.entries()) {
    if (pid !== undefined && (await hasSocket(pid, inode))) return index
  }
  return undefined
}

/** @param table the text of /proc/net/tcp (proc(5)): numbers in hexadecimal, addresses as `address:port` */
export function inodeOf(
  table: string,
  { dialler, listener }: { readonly dialler: number; readonly listener: number }
): string | undefined {
  const [local, remote] = [portSuffix(dialler), portSuffix(listener)]
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields[1]?.endsWith(local) && fields[2]?.endsWith(remote)) return fields[9]
  }
  return undefined
}

function portSuffix(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`
}

async function hasSocket(pid: number, inode: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  // A process that has just been killed has no descriptors any more.
  const names = await readdir(folder).catch(() => [])
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return links.includes(`socket:[${inode}]`)
}
