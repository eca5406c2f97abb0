/** `pnpm chaos`: real daemons, harmed in every way that a machine can be, and what they promised held against what is left. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { CommanderError } from 'commander'
import { parseOptions } from './chaos/options.ts'
import { reportText } from './chaos/report.ts'
import { removeRun, runChaos } from './chaos/run.ts'
import { stopChildren } from './local-network/children.ts'
import { revision } from './revision.ts'
import { UsageError } from './usage-error.ts'

const STOP_MS_MAX = 5_000
const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted = true
    void stopChildren(STOP_MS_MAX).then(() => process.exit(128 + SIGNAL_NUMBERS[signal]))
  })
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  // What goes wrong because its processes were told to stop is no news.
  const say = (line: string) => void (interrupted || process.stdout.write(`${line}\n`))
  say(`seed ${options.seed}`)
  const result = await runChaos(options, say)
  const text = reportText(result, { commit: revision(), command: `pnpm chaos ${process.argv.slice(2).join(' ')}` })
  say(`\n${text}`)
  if (options.report !== undefined) {
    await mkdir(dirname(options.report), { recursive: true })
    await writeFile(options.report, text)
  }
  if (result.violations.length === 0) {
    if (options.data === undefined) await removeRun(result)
    return 0
  }
  say(`The homes, logs and the history stay in ${result.folder}; seed ${result.seed}.`)
  return 1
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const isUsage = error instanceof UsageError
  process.stderr.write(`chaos: ${isUsage || error instanceof WardlineError ? message : (stack ?? message)}\n`)
  return isUsage ? 2 : 1
}

process.exitCode = await main().catch(report)
await stopChildren(STOP_MS_MAX)
