import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { eachItem, eachMember, openJson, skipSpace, stringAt, takeValue } from '../src/json-slices.ts'

const test = suite('records/json-slices')

/** Whether the scanner accepts `text` as exactly one JSON value. */
function accepts(bytes: Uint8Array): boolean {
  const cursor = openJson(bytes)
  if (takeValue(cursor, 0) === undefined) return false
  skipSpace(cursor)
  return cursor.at === bytes.length
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('accepts and rejects what JSON.parse does', () => {
  const rows = [
    '0',
    '-0',
    '01',
    '+1',
    '1.',
    '.5',
    '1.5e3',
    '1e',
    '1E+2',
    '-',
    '""',
    '"a',
    '"\\u12G4"',
    '"\\x"',
    '"\\ud800"',
    '"\t"',
    '[]',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{"a":1 "b":2}',
    'true',
    'tru',
    'nul',
    'null',
    ' \r\n\t1 ',
    '',
    ' ',
    '[[[{}]]]',
    '1 1',
    '"\u007f"',
    "'a'",
    '[1]]',
    '\u00a01'
  ]
  for (const row of rows) assert.is(accepts(Buffer.from(row)), parses(row), row)
})

test('agrees with JSON.parse on any JSON text and on any damage to it', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', '.', 'e', ' '),
      (json, place, change) => {
        const at = place % (json.length + 1)
        const damaged = json.slice(0, at) + change + json.slice(at + 1)
        return accepts(Buffer.from(json)) && accepts(Buffer.from(damaged)) === parses(damaged.toWellFormed())
      }
    ),
    { numRuns: 3000 }
  )
})

test('never throws on arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => typeof accepts(bytes) === 'boolean'),
    { numRuns: 3000 }
  )
})

test('slices are exact: the ranges of items parse to the items', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
      const bytes = Buffer.from(JSON.stringify(values, undefined, indent))
      const cursor = openJson(bytes)
      const items: unknown[] = []
      const read = eachItem(cursor, 0, () => {
        const range = takeValue(cursor, 1)
        if (range === undefined) return false
        items.push(JSON.parse(bytes.subarray(range.start, range.end).toString()))
        return true
      })
      assert.ok(read)
      assert.equal(JSON.stringify(items), JSON.stringify(values))
    })
  )
})

test('keeps the bytes of numbers that a parser would change', () => {
  const bytes = Buffer.from('{"a":0.10,"b":1E400,"c":123456789012345678901}')
  const cursor = openJson(bytes)
  const slices: string[] = []
  eachMember(cursor, 0, () => {
    const range = takeValue(cursor, 1)
    if (range !== undefined) slices.push(bytes.subarray(range.start, range.end).toString())
    return range !== undefined
  })
  assert.equal(slices, ['0.10', '1E400', '123456789012345678901'])
})

test('bounds nesting and refuses a key that comes twice, however it is spelt', () => {
  const deep = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))
  assert.ok(accepts(deep(64)))
  const tooDeep = openJson(deep(100_000))
  assert.is(takeValue(tooDeep, 0), undefined)
  assert.equal(tooDeep.fault, { code: 'too-deep', at: 64 })

  const twice = openJson(Buffer.from('{"entry":1,"\\u0065ntry":2}'))
  assert.not.ok(eachMember(twice, 0, () => takeValue(twice, 1) !== undefined))
  assert.is(twice.fault?.code, 'duplicate-key')
})

test('a byte order mark is passed over, escapes in strings are undone', () => {
  const bytes = Buffer.from('\ufeff "a\\n\\u00e9é"')
  const cursor = openJson(bytes)
  const range = takeValue(cursor, 0)
  assert.is(range && stringAt(bytes, range), 'a\néé')
})

const torture: readonly { name: string; expect: string; base64: string }[] | undefined = sharedFile(
  'vectors/json/test-parsing.json.gz'
)
if (torture === undefined) test.skip('JSON parsing vectors: ../shared is absent', () => undefined)
else {
  test('JSON parsing vectors', () => {
    const utf8 = new TextDecoder('utf-8', { fatal: true })
    let checked = 0
    for (const { name, expect, base64 } of torture) {
      const bytes = Buffer.from(base64, 'base64')
      const isBroken = (() => {
        try {
          utf8.decode(bytes)
          return false
        } catch {
          return true
        }
      })()
      // Bytes that are not UTF-8 are refused before the scanner runs (fhir.ts), and nesting is bounded on purpose.
      if (isBroken || expect === 'either' || bytes.length > 50_000) continue
      assert.is(accepts(bytes), expect === 'accept', name)
      checked += 1
    }
    assert.ok(checked > 100, `${checked} vectors checked`)
  })
}

test.run()
