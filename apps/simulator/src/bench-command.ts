/** `pnpm bench`: figures on standard output, one a line; talk on standard error. Never a test: a slow machine fails nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { runBench } from './bench/bench.ts'
import { figureText } from './bench/figures.ts'
import { parseOptions } from './bench/options.ts'

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const folder = await mkdtemp(join(tmpdir(), 'wardline-bench-'))
  try {
    await runBench({
      options,
      folder,
      report: (figure) => console.log(options.json ? JSON.stringify(figure) : figureText(figure)),
      talk: (line) => console.error(line)
    })
    return 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
