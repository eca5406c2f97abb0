/**
 * `pnpm test [--timeout SECONDS] [PART…]`: runs every test file, or those whose path contains one of the parts, each in
 * its own process, two at once. The last line is `N passed, N failed, N skipped`.
 *
 * uvu leaves with 0 when a suite is empty, when nobody called `.run()`, and when a pattern matched nothing. So a file
 * must print a summary of at least one test, and a whole run must reach the number of tests in `floor.json`, which is
 * raised by hand as tests are added.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, globSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { suiteName } from './suite-name.ts'
import { type FileCounts, readUvuOutput } from './uvu-output.ts'

type FileResult = {
  readonly file: string
  readonly counts: FileCounts
  readonly seconds: number
  /** Why the file failed as a whole, beyond its failed tests. */
  readonly why: string | undefined
  readonly reasons: readonly string[]
  readonly output: string
}

const root = resolve(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  options: { timeout: { type: 'string', default: '900' } },
  allowPositionals: true
})
const timeoutMs = Number(values.timeout) * 1000
if (!(timeoutMs > 0)) throw new RangeError('--timeout wants a number of seconds above 0')

const every = globSync(['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'], {
  cwd: root,
  exclude: (name) => name === 'node_modules'
}).sort()
const chosen = every.filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))

const scratch = mkdtempSync(join(tmpdir(), 'wardline-test-'))
const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) end(child)
    rmSync(scratch, { recursive: true, force: true })
    process.exit(1)
  })
}

const results: FileResult[] = []
const queue = [...chosen]
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))
rmSync(scratch, { recursive: true, force: true })
process.exitCode = report(results)

async function work(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const result = await runFile(file)
    results.push(result)
    print(result)
  }
}

/**
 * Output goes to a file rather than a pipe: standard output and standard error keep their common order, nothing is lost
 * when the test ends its process, and a daemon that outlives the test cannot hold the runner open.
 */
async function runFile(file: string): Promise<FileResult> {
  const started = performance.now()
  const path = join(scratch, file.replaceAll('/', '_'))
  const sink = openSync(path, 'a')
  const child = spawn(process.execPath, [file], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
    stdio: ['ignore', sink, sink],
    // A process group of its own, so that a test which hangs ends together with the daemons it started.
    detached: true
  })
  running.add(child)
  let late = false
  const timer = setTimeout(() => {
    late = true
    end(child)
  }, timeoutMs)
  const ending = await new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message))
    child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`))
  })
  clearTimeout(timer)
  running.delete(child)
  closeSync(sink)
  const output = readFileSync(path, 'utf8')
  const seconds = (performance.now() - started) / 1000
  const result = { file, seconds, output }
  const none = { passed: 0, failed: 0, skipped: 0 }
  if (late) return { ...result, counts: none, why: `did not end within ${timeoutMs / 1000} s`, reasons: [] }

  const outcome = readUvuOutput(output, suiteName(file).split('/')[0] as string)
  if (outcome.kind === 'broken') return { ...result, counts: none, why: `${outcome.why}, ${ending}`, reasons: [] }
  const { counts, reasons } = outcome
  let why: string | undefined
  if (counts.failed === 0 && ending !== 'exit code 0') why = `no test failed, but ${ending}`
  if (process.env['WARDLINE_REQUIRE_SHARED'] === '1' && reasons.some((reason) => reason.includes('shared'))) {
    why = 'skipped for want of ../shared, which WARDLINE_REQUIRE_SHARED=1 forbids'
  }
  return { ...result, counts, why, reasons }
}

function end(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: the whole group ended between the check and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function print({ file, counts, seconds, why, reasons, output }: FileResult): void {
  const bad = counts.failed > 0 || why !== undefined
  const parts = [`${counts.passed} passed`]
  if (counts.failed > 0) parts.push(`${counts.failed} failed`)
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`)
  console.log(
    `${bad ? 'FAILED' : 'ok    '} ${file}  ${parts.join(', ')}  ${seconds.toFixed(1)} s${why ? `  ${why}` : ''}`
  )
  for (const reason of new Set(reasons)) console.log(`         skipped: ${reason}`)
  if (bad) console.log(`${output.trimEnd()}\n`)
}

/** Prints the closing lines; returns the exit code. A file that failed as a whole counts as one failed test. */
function report(done: readonly FileResult[]): number {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const { counts, why } of done) {
    sum.passed += counts.passed
    sum.failed += counts.failed + (why === undefined ? 0 : 1)
    sum.skipped += counts.skipped
  }
  const bad = done.filter(({ counts, why }) => counts.failed > 0 || why !== undefined)
  const problems = bad.map(({ file }) => `failed: ${file}`)
  const total = sum.passed + sum.failed + sum.skipped
  if (done.length === 0) problems.push(`no test file matches ${positionals.join(' ') || 'the pattern'}`)
  const floor = JSON.parse(readFileSync(join(root, 'test/floor.json'), 'utf8')).tests as number
  if (positionals.length === 0 && total < floor)
    problems.push(`${total} tests ran, test/floor.json wants at least ${floor}`)
  console.log(['', ...problems].join('\n'))
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
  return problems.length === 0 ? 0 : 1
}
