import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blank, importsOf } from './source-text.ts'

const test = suite('test/source-text')

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the strings are source text.
const blanked: [name: string, source: string, expected: string][] = [
  ['line comment', 'a // b\nc', 'a     \nc'],
  ['block comment over lines', 'a /* b\nc */ d', 'a     \n     d'],
  ['string', "f('x // y') + 1", "f('      ') + 1"],
  ['escaped quote', "f('x\\'y') + z", "f('    ') + z"],
  ['template with code', 'a`b${Date.now()}c`', 'a`  {Date.now()} `'],
  ['braces in template code', 'a`${ { b: 1 } }c`d', 'a` { { b: 1 } } `d'],
  ['regular expression with a quote', "x = /['/]/ + y", 'x = /    / + y'],
  ['division', 'a / b / c // d', 'a / b / c     '],
  ['comment that looks like a string', "// it's\nb", '       \nb']
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.

for (const [name, source, expected] of blanked) {
  test(`blank: ${name}`, () => assert.is(blank(source, { strings: true }), expected.padEnd(source.length)))
}

const imports: [source: string, expected: string][] = [
  ["import { a, type B as C } from '@x/y'", '@x/y value a'],
  ["import type { A } from '@x/y'", '@x/y type A'],
  ["import { type A, type B } from '@x/y'", '@x/y type A,B'],
  ["import {\n  a,\n  b\n} from './c.ts'", './c.ts value a,b'],
  ["import * as fs from 'node:fs'", 'node:fs value *'],
  ["import fs from 'node:fs'", 'node:fs value default'],
  ["import 'node:fs'", 'node:fs value '],
  ["export { a } from './c.ts'", './c.ts value a'],
  ["export type { A } from './c.ts'", './c.ts type A'],
  ["export * from './c.ts'", './c.ts value *'],
  ["const a = await import('node:fs')", 'node:fs value '],
  ["const a = require('fs')", 'fs value '],
  ["let a: import('./c.ts').A", './c.ts type '],
  ["// import { a } from 'b'", ''],
  ['const a = "import { a } from \'b\'"', ''],
  ["export const from = 'b'", ''],
  ["export const a = { from: 'b' }", '']
]

for (const [source, expected] of imports) {
  test(`imports: ${source.replaceAll('\n', ' ')}`, () => {
    const found = importsOf(source).map(
      ({ from, typeOnly, names }) => `${from} ${typeOnly ? 'type' : 'value'} ${names.join()}`
    )
    assert.is(found.join('; '), expected)
  })
}

test.run()
