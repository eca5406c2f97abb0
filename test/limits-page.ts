/** `pnpm run docs`: writes docs/LIMITS.md from the constants in codec/limits and the comments above them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readText, root } from './workspace.ts'

const SOURCE = 'packages/codec/src/limits.ts'

const HEAD = `# Limits

Every bound on what a daemon reads, holds or sends, from \`${SOURCE}\` (\`pnpm run docs\` writes this page).
Each is checked before memory is allocated and before anything is sent. What is above a limit is refused with a stable
code, or dropped and counted where nobody waits for an answer.

| limit | value | bounds |
|---|---|---|
`

/** The text of docs/LIMITS.md. @throws Error for an entry it does not understand */
export function limitsPage(): string {
  const body = readText(SOURCE).match(/export const limits = \{\n([\s\S]*?)\n\} as const/)?.[1]
  if (body === undefined) throw new Error(`${SOURCE} has another shape than expected`)
  const rows: string[] = []
  let comment = ''
  for (const entry of body.matchAll(/\/\*\*([\s\S]*?)\*\/|(\w+): ([^,\n]+),?(?=\n|$)|\S/g)) {
    if (entry[1] !== undefined) {
      comment = entry[1].replace(/\s*\n\s*\*\s*/g, ' ').trim()
      continue
    }
    const [, , name, expression] = entry
    if (name === undefined || expression === undefined || !/^[\d_* ]+$/.test(expression)) {
      throw new Error(`${SOURCE}: cannot read the entry at "${entry[0]}"`)
    }
    const value = expression.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)
    rows.push(`| \`${name}\` | ${withUnit(name, value)} | ${comment || inWords(name)} |`)
    comment = ''
  }
  return `${HEAD}${rows.join('\n')}\n`
}

function withUnit(name: string, value: number): string {
  const steps: [size: number, unit: string][] = []
  if (name.includes('Bytes')) steps.push([2 ** 20, 'MiB'], [2 ** 10, 'KiB'], [1, 'bytes'])
  else if (/Ms(?:Max|Min)?$/.test(name)) steps.push([3_600_000, 'h'], [60_000, 'min'], [1000, 's'], [1, 'ms'])
  const step = steps.find(([size]) => value % size === 0 && value >= size)
  return step === undefined ? value.toLocaleString('en') : `${(value / step[0]).toLocaleString('en')} ${step[1]}`
}

/** `rpcBodyBytesMax` is `RPC body.` */
function inWords(name: string): string {
  const words = name.replace(/(?:Bytes|Ms)?(?:Max|Min)?$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`.replace(/^Rpc/, 'RPC')
}

if (import.meta.main) writeFileSync(join(root, 'docs/LIMITS.md'), limitsPage())
