/** Watches a kept network: a line whenever a head moves or a daemon comes or goes, and if asked every line of their logs. */
import { open } from 'node:fs/promises'
import { connectSocket, type SocketClient } from '@wardline/client'
import { homePaths, socketPaths } from '@wardline/config'
import { type Status, statusOf } from '../local-network/daemon.ts'
import { chainText, type Say } from './acts.ts'
import { logFile } from './detached.ts'
import type { KeptSite } from './folder.ts'

const POLL_MS = 500
const ANSWER_MS_MAX = 2_000
/** What one look at a log may bring; what is beyond comes with the next. */
const LOG_BYTES_MAX = 256 * 1024

export async function follow(
  sites: readonly KeptSite[],
  options: { readonly logs: boolean; readonly signal: AbortSignal; readonly say: Say }
): Promise<void> {
  await Promise.all(sites.map((site) => followOne(site, options)))
}

type FollowOptions = Parameters<typeof follow>[1]

async function followOne(site: KeptSite, { logs, signal, say }: FollowOptions): Promise<void> {
  const client = connectSocket(socketPaths(homePaths(site.home).run).read)
  const changes = createChanges(site.name)
  const tail = logs ? await openTail(logFile(site.home)) : undefined
  try {
    while (!signal.aborted) {
      for (const line of changes(await answered(client))) say(`${time()} ${line}`)
      for (const line of (await tail?.()) ?? []) say(`${site.name} ${line}`)
      await pause(signal)
    }
  } finally {
    client.close()
  }
}

function answered(client: SocketClient): Promise<Status | undefined> {
  return statusOf(client, ANSWER_MS_MAX)
}

/** What is to be told after each look; the first one tells how everything is. */
function createChanges(name: string): (status: Status | undefined) => readonly string[] {
  const heads = new Map<string, string>()
  let pid: number | null | 'unknown' = 'unknown'
  return (status) => {
    const lines: string[] = []
    const found = status?.pid ?? null
    if (found !== pid) lines.push(`${name} ${found === null ? 'does not answer' : `runs as process ${found}`}`)
    pid = found
    for (const chain of status?.chains ?? []) {
      if (heads.get(chain.label) === chain.head) continue
      heads.set(chain.label, chain.head)
      lines.push(`${name} ${chainText(chain)}`)
    }
    return lines
  }
}

/** Whole lines that were added since the last call, from the file's present end on. */
async function openTail(path: string): Promise<() => Promise<readonly string[]>> {
  const sizeOf = async (): Promise<number> => {
    const file = await openIfThere(path)
    if (file === undefined) return 0
    try {
      return (await file.stat()).size
    } finally {
      await file.close()
    }
  }
  let offset = await sizeOf()
  let rest = ''
  return async () => {
    const file = await openIfThere(path)
    if (file === undefined) return []
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LOG_BYTES_MAX), 0, LOG_BYTES_MAX, offset)
      offset += bytesRead
      const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n')
      rest = lines.pop() ?? ''
      return lines
    } finally {
      await file.close()
    }
  }
}

async function openIfThere(path: string) {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

function time(): string {
  return new Date().toISOString().slice(11, 19)
}

/** Ends early, and without an error, when the signal comes. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, POLL_MS)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}
