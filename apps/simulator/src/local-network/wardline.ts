/** The operator's command line, one process a call: a local network is founded with it as a real one is. */
import { fileURLToPath } from 'node:url'
import { WardlineError } from '@wardline/codec'
import { startChild } from './children.ts'

const PROGRAM = fileURLToPath(new URL('../../../wardline/src/main.ts', import.meta.url))

export type Answer = {
  /** The exit code; null if it was killed. */
  readonly exit: number | null
  readonly output: string
  readonly talk: string
}

/** Runs `wardline --home HOME args…` and waits for its end, whatever that is. */
export async function askWardline(home: string, args: readonly string[]): Promise<Answer> {
  const output: string[] = []
  const talk: string[] = []
  const child = await startChild(PROGRAM, ['--home', home, ...args], {
    onOutput: (line) => output.push(line),
    onTalk: (line) => talk.push(line)
  })
  const { code } = await child.ended
  return { exit: code, output: output.join('\n'), talk: talk.join('\n') }
}

/** As `askWardline`, for a command that must succeed. @throws WardlineError `command-failed`, with what it said */
export async function runWardline(home: string, args: readonly string[]): Promise<string> {
  const { exit, output, talk } = await askWardline(home, args)
  if (exit === 0) return output
  const said = talk.trim() === '' ? `it ended with code ${exit}` : talk.trim()
  throw new WardlineError('command-failed', `"wardline ${args.slice(0, 2).join(' ')}" failed: ${said}`)
}
