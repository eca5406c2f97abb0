/**
 * `pnpm check [NAME…]`: everything that is known about the code without running it. One line for each check, and the
 * whole output of those that fail. Exit code 1 if one did.
 *
 * What finds what: `types` all type errors and undeclared packages; `lint` promises nobody waits for, switches with a case
 * missing, import cycles, `any`; `format` layout, import order and Biome's own rules; `unused` exports, files and
 * dependencies; `tidy` the import table and the house rules of test/tidy.test.ts.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

type Check = { readonly name: string; readonly command: string; readonly args: readonly string[] }

const checks: readonly Check[] = [
  { name: 'types', command: 'tsc', args: ['-p', '.'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware'] },
  {
    name: 'format',
    command: 'biome',
    args: ['ci', '--colors=off', '--error-on-warnings', '--max-diagnostics=200', '.']
  },
  { name: 'unused', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
  { name: 'tidy', command: process.execPath, args: ['test/tidy.test.ts'] }
]

const root = resolve(import.meta.dirname, '..')
const bin = join(root, 'node_modules/.bin')
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(`no check is called ${unknown.join(', ')}; there are ${checks.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const queue = checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const failures: { readonly name: string; readonly output: string }[] = []
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))
for (const { name, output } of failures) console.log(`\n--- ${name}\n${output.trimEnd()}`)
process.exitCode = failures.length === 0 ? 0 : 1

async function work(): Promise<void> {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const started = performance.now()
    const { ok, output } = await run(check)
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${check.name}  ${((performance.now() - started) / 1000).toFixed(1)} s`)
    if (!ok) failures.push({ name: check.name, output })
  }
}

function run({ name, command, args }: Check): Promise<{ readonly ok: boolean; readonly output: string }> {
  return new Promise((settle) => {
    const path = `${bin}${delimiter}${process.env['PATH'] ?? ''}`
    const child = spawn(command, args, { cwd: root, env: { ...process.env, PATH: path, NO_COLOR: '1' } })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', (error) => settle({ ok: false, output: error.message }))
    child.once('close', (code) => {
      // uvu leaves with 0 when no test ran.
      const isEmpty = name === 'tidy' && !/^ {2}Passed: +[1-9]/m.test(output)
      settle({ ok: code === 0 && !isEmpty, output })
    })
  })
}
