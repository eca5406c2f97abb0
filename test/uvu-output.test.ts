import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readUvuOutput } from './uvu-output.ts'

const test = suite('test/uvu-output')

type Row = { name: string; output: string; expected: string }

function summary(total: number, passed: number, skipped: number): string {
  return `  (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`
}

const rows: Row[] = [
  { name: 'all pass', output: ` a/b • • ${summary(2, 2, 0)}`, expected: '2 0 0' },
  { name: 'one fails', output: ` a/b • ✘ ${summary(2, 1, 0)}`, expected: '1 1 0' },
  { name: 'skipped by uvu', output: `skipped: no file\n a/b ${summary(0, 0, 1)}`, expected: '0 0 1' },
  { name: 'skipped and never registered', output: `skipped: no file\n a/b • ${summary(1, 1, 0)}`, expected: '1 0 1' },
  { name: 'skipped by returning', output: ` a/b • skipped: no file\n• ${summary(2, 2, 0)}`, expected: '1 0 1' },
  { name: 'talk after the summary', output: ` a/b • ${summary(1, 1, 0)}closed\n`, expected: '1 0 0' },
  { name: 'nothing printed', output: '', expected: 'printed no uvu summary (is `.run()` missing?)' },
  { name: 'no tests', output: ` a/b ${summary(0, 0, 0)}`, expected: 'ran no test' },
  {
    name: 'two summaries',
    output: ` a/b • ${summary(1, 1, 0)}${summary(1, 1, 0)}`,
    expected: 'printed more than one uvu summary'
  },
  { name: 'another suite', output: ` b/a • ${summary(1, 1, 0)}`, expected: 'ran no suite named a/…' },
  {
    name: 'more skips than passes',
    output: ` a/b ✘ skipped: x\n${summary(1, 0, 0)}`,
    expected: 'says "skipped:" 1 times in 0 passed tests'
  }
]

for (const row of rows) {
  test(row.name, () => {
    const outcome = readUvuOutput(row.output, 'a')
    if (outcome.kind === 'broken') assert.is(outcome.why, row.expected)
    else assert.is(`${outcome.counts.passed} ${outcome.counts.failed} ${outcome.counts.skipped}`, row.expected)
  })
}

test('reasons are kept', () => {
  const outcome = readUvuOutput(`skipped: no ../shared/x\n a/b ${summary(0, 0, 1)}`, 'a')
  assert.equal(outcome.kind === 'counted' && outcome.reasons, ['no ../shared/x'])
})

test.run()
