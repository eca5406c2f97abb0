/** What the tests run in a process of its own, to kill it: `child-process.ts <job> <path> [start]`. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { lockFolder, openFileJournal, openLevelStore } from '../src/index.ts'

type Job = 'store' | 'lock' | 'write-store' | 'write-journal'

/** Starts a child and waits until it says that it is ready; then it works until it is killed. */
export async function startChild(job: Job, ...args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [import.meta.filename, job, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe']
  })
  const ready = child.stdio[3]
  if (ready === null || ready === undefined) throw new Error('the child has no ready pipe')
  await Promise.race([
    once(ready, 'data'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the child ended with code ${code} before it was ready`)
    })
  ])
  return child
}

/** One journal record of the test: its number and a filler that depends on it, no byte zero. */
export function recordOf(number: number): Uint8Array {
  const text = `${String(number).padStart(8, '0')}${String.fromCharCode(97 + (number % 26)).repeat(40 + (number % 60))}\n`
  return new TextEncoder().encode(text)
}

async function main([job, path, start]: readonly string[]): Promise<void> {
  if (path === undefined) throw new Error('the path is missing')
  const ready = (): void => {
    writeSync(3, 'ready')
  }
  const report = (number: number): void => {
    writeSync(1, `${number}\n`)
  }
  if (job === 'store') {
    await openLevelStore(path)
    ready()
  } else if (job === 'lock') {
    await lockFolder(path)
    ready()
  } else if (job === 'write-store') {
    const store = await openLevelStore(path, { writeBufferBytes: 64 * 1024 })
    ready()
    for (let i = Number(start); ; i++) {
      const value = new TextEncoder().encode(String(i))
      const writes = ['head', `block/${i}`, `state/${i}`].map((key) => ({ key, value }))
      await store.write(writes, { sync: true })
      report(i)
    }
  } else if (job === 'write-journal') {
    const journal = await openFileJournal(path, { segmentBytes: 4096 })
    ready()
    for (let i = Number(start); ; i++) {
      await journal.append(recordOf(i))
      report(i)
    }
  } else throw new Error(`unknown job ${job}`)
  setInterval(() => {}, 60_000)
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2))
