/** What a process has used so far, as Linux counts it. */
import { readdir, readFile } from 'node:fs/promises'

/** A clock tick of /proc, milliseconds: USER_HZ is 100 on every Linux that Node runs on. */
export const TICK_MS = 10

/** User and system time of all threads, milliseconds, in steps of a tick. */
export async function cpuMs(pid: number): Promise<number> {
  return parseCpuMs(await readFile(`/proc/${pid}/stat`, 'utf8'))
}

/** Time on a core of the threads that there are now, milliseconds, to the nanosecond: for what uses less than a tick. */
export async function livingThreadsCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const texts = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/schedstat`, 'utf8')))
  return texts.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e6
}

/** Resident memory, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return parseKilobytes(await readFile(`/proc/${pid}/status`, 'utf8'), 'VmRSS')
}

/** @param stat the text of /proc/PID/stat (proc(5)). @throws TypeError for another text */
export function parseCpuMs(stat: string): number {
  // The second field is the program's name in brackets, and may hold anything, brackets and spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  if (!Number.isSafeInteger(ticks)) throw new TypeError('expected a line of /proc/PID/stat')
  return ticks * TICK_MS
}

/** @param status the text of /proc/PID/status. @throws TypeError if it has no such field */
export function parseKilobytes(status: string, field: string): number {
  const line = status.split('\n').find((each) => each.startsWith(`${field}:`))
  const kilobytes = /(\d+) kB$/.exec(line ?? '')?.[1]
  if (kilobytes === undefined) throw new TypeError(`expected ${field} in /proc/PID/status`)
  return Number(kilobytes) * 1024
}
