/** `pnpm demo`: hospitals as real processes, patients who move between them, and somebody who lies. */
import { CommanderError } from 'commander'
import { parseOptions } from './demo/options.ts'
import { runDemo } from './demo/run.ts'
import { createScreen } from './demo/screen.ts'
import { stopChildren } from './local-network/children.ts'
import { UsageError } from './usage-error.ts'

const EXIT = { ok: 0, error: 1, usage: 2 } as const
const STOP_MS_MAX = 5_000
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

let interrupt = (signal: keyof typeof SIGNAL_NUMBERS): void => {
  process.stderr.write('\nStopping.\n')
  // A second signal does not wait: the processes are then killed as this one ends.
  interrupt = () => process.exit(128 + SIGNAL_NUMBERS[signal])
  void stopChildren(STOP_MS_MAX).then(() => process.exit(128 + SIGNAL_NUMBERS[signal]))
}
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true
    interrupt(signal)
  })
}

let json = false

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  json = options.json
  const stream = options.json ? process.stderr : process.stdout
  const screen = createScreen({ stream, environment: process.env, now: () => performance.now() })
  const seenEnough = () =>
    new Promise<void>((resolve) => {
      const abrupt = interrupt
      interrupt = () => {
        interrupt = abrupt
        interrupted = false
        resolve()
      }
    })
  const result = await runDemo({ options, screen, seenEnough })
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  return result.ok ? EXIT.ok : EXIT.error
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  // What fails because its processes were told to stop is no news.
  if (interrupted) return EXIT.error
  const isUsage = error instanceof UsageError
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string'
  const told = isUsage || known ? message : (stack ?? message)
  process.stderr.write(`demo: ${told}\n`)
  if (json) {
    const code = isUsage ? 'usage' : known ? error.code : 'bug'
    process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message } })}\n`)
  }
  return isUsage ? EXIT.usage : EXIT.error
}

process.exitCode = await main().catch(report)
if (!interrupted) await stopChildren(STOP_MS_MAX)
