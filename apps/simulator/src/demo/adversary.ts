/** Programs that misuse the keys of a hospital whose daemon is stopped, each a process of its own. */
import { fileURLToPath } from 'node:url'
import { WardlineError } from '@wardline/codec'
import { parseSpeech, type Speech } from '../adversary/speech.ts'
import { startChild } from '../local-network/children.ts'
import { restartSite, type Site } from '../local-network/network.ts'

export type Adversary = {
  /** Its first word of this kind. @throws WardlineError `adversary-failed`, where it ends or says nothing in time */
  says<K extends Speech['kind']>(kind: K): Promise<Extract<Speech, { readonly kind: K }>>
  isOver(): boolean
  stop(): Promise<void>
}

const SPEECH_MS_MAX = 60_000
const STOP_MS_MAX = 5_000
const POLL_MS = 25

/** @param file of a program beside `demo-command.ts` */
export async function startAdversary(file: string, args: readonly string[]): Promise<Adversary> {
  const said: Speech[] = []
  const talk: string[] = []
  const child = await startChild(fileURLToPath(new URL(`../${file}`, import.meta.url)), args, {
    onOutput: (line) => said.push(parseSpeech(line)),
    onTalk: (line) => talk.push(line)
  })
  return {
    async says<K extends Speech['kind']>(kind: K) {
      for (const untilMs = performance.now() + SPEECH_MS_MAX; ; ) {
        const found = said.find((speech) => speech.kind === kind)
        if (found !== undefined) return found as Extract<Speech, { readonly kind: K }>
        if (child.end() !== null || performance.now() > untilMs) {
          const what = [`the adversary never said "${kind}"`, ...talk.slice(-5)].join('\n  ')
          throw new WardlineError('adversary-failed', what)
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
    isOver: () => child.end() !== null,
    async stop() {
      await child.stop(STOP_MS_MAX)
    }
  }
}

/** Stops the hospital's daemon while `run` has its home, and starts it again. */
export async function whileStopped<T>(site: Site, onStep: (text: string) => void, run: () => Promise<T>): Promise<T> {
  onStep(`${site.name} is stopped`)
  await site.daemon.stop()
  const value = await run()
  onStep(`${site.name} is back`)
  await restartSite(site)
  return value
}
