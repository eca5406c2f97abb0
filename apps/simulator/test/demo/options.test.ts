import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type DemoOptions, parseOptions } from '../../src/demo/options.ts'

const test = suite('simulator/demo/options')

const defaults: DemoOptions = {
  input: [],
  hospitals: 4,
  seed: 1,
  patients: undefined,
  data: undefined,
  ci: false,
  json: false
}

const accepted: readonly (readonly [line: string, differs: Partial<DemoOptions>])[] = [
  ['', {}],
  ['--ci --json', { ci: true, json: true }],
  ['--hospitals 7 --seed 9 --patients 3', { hospitals: 7, seed: 9, patients: 3 }],
  ['--data some/folder', { data: 'some/folder' }],
  ['--input a.json b.ndjson.gz --ci', { input: ['a.json', 'b.ndjson.gz'], ci: true }],
  ['--input a.json --hospitals w,x,y,z', { input: ['a.json'], hospitals: ['w', 'x', 'y', 'z'] }],
  ['--input a.json --hospitals 1,2,3,4', { input: ['a.json'], hospitals: ['1', '2', '3', '4'] }]
]

for (const [line, differs] of accepted) {
  test(`reads "${line}"`, () => {
    assert.equal(parseOptions(line.split(' ').filter(Boolean)), { ...defaults, ...differs })
  })
}

const refused: readonly (readonly [line: string, why: RegExp])[] = [
  ['--unknown', /unknown option/],
  ['word', /too many arguments/],
  ['--hospitals 3', /4 to 32/],
  ['--hospitals 33', /4 to 32/],
  ['--hospitals -1', /4 to 32/],
  ['--hospitals w,x,y', /4 to 32/],
  ['--input a.json --hospitals w,x,y,y', /once/],
  ['--input a.json --hospitals w,x,y,', /once/],
  ['--hospitals w,x,y,z', /give --input/],
  ['--seed 1.5', /whole number/],
  ['--seed 2147483648', /whole number/],
  ['--patients 0', /whole number/],
  ['--patients 10001', /whole number/],
  ['--input a.json --patients 3', /leave it out/],
  ['--data', /argument missing/]
]

for (const [line, why] of refused) {
  test(`refuses "${line}"`, () => {
    const write = process.stderr.write
    process.stderr.write = () => true
    try {
      assert.throws(
        () => parseOptions(line.split(' ')),
        (error: Error) => why.test(error.message)
      )
    } finally {
      process.stderr.write = write
    }
  })
}

test.run()
