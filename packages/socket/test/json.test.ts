import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { parseJson } from '../src/json.ts'

const test = suite('socket/json')

const kindOf = (text: string) => parseJson(Buffer.from(text)).kind

for (const [text, kind] of [
  ['{"a":[1,"x",null,true,{"b":-0.5e3}]}', 'ok'],
  ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}', 'ok'],
  ['["a","a"]', 'ok'],
  ['{"a":"a","b":"a"}', 'ok'],
  ['{"a":1,"a":1}', 'refused'],
  ['{"a":1,"\\u0061":2}', 'refused'],
  ['{"x":{"__proto__":{}}}', 'refused'],
  ['{"\\u005f_proto__":{}}', 'refused'],
  ['["__proto__"]', 'ok'],
  ['{"a\\"":1,"a\\\\":2}', 'ok'],
  ['["\\ud800"]', 'refused'],
  ['{"\\udc00":1}', 'refused'],
  ['["\\ud83d\\ude00"]', 'ok'],
  ['[9007199254740991,-9007199254740991]', 'ok'],
  ['[9007199254740993]', 'refused'],
  ['[-9007199254740992]', 'refused'],
  ['[1e400]', 'refused'],
  ['"9007199254740993"', 'ok'],
  [`${'['.repeat(64)}${']'.repeat(64)}`, 'ok'],
  [`${'['.repeat(65)}${']'.repeat(65)}`, 'refused'],
  ['['.repeat(100_000), 'refused'],
  ['{"a":'.repeat(100_000), 'refused'],
  [`"${'['.repeat(1000)}"`, 'ok'],
  ['{"a":1,"a":1', 'malformed'],
  ['{"a', 'malformed'],
  ['"\\', 'malformed'],
  ['', 'malformed'],
  ['\u{feff}{}', 'malformed']
] as const) {
  test(`${kind}: ${text.slice(0, 40)}`, () => assert.is(kindOf(text), kind))
}

test('bytes that are not UTF-8 are malformed, not repaired', () => {
  assert.is(parseJson(new Uint8Array([0x22, 0xff, 0x22])).kind, 'malformed')
  // A surrogate encoded as if it were a character.
  assert.is(parseJson(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])).kind, 'malformed')
})

test('a refusal repeats nothing of the text', () => {
  const parsed = parseJson(Buffer.from('{"secret-key":"secret-value","secret-key":12345678901234567890}'))
  assert.is(parsed.kind, 'refused')
  assert.not.match(JSON.stringify(parsed), /secret|1234/)
})

test('a million small values are read in one pass', () => {
  const text = `[${'{"a":1},'.repeat(200_000)}0]`
  assert.is(kindOf(text), 'ok')
})

/** RFC 8259 allows these two; I-JSON does not, and neither do we. */
const STRICTER = ['y_object_duplicated_key.json', 'y_object_duplicated_key_and_value.json']

const parsing: { name: string; expect: 'accept' | 'reject' | 'either'; base64: string }[] | undefined = sharedFile(
  'vectors/json/test-parsing.json.gz'
)
const transforms: { name: string; base64: string }[] | undefined = sharedFile('vectors/json/test-transform.json')
if (parsing === undefined || transforms === undefined) console.log('skipped: ../shared/vectors/json is absent')

const testParsing = parsing === undefined ? test.skip : test
testParsing('JSONTestSuite: what must parse parses, what must fail fails', () => {
  assert.is(parsing?.length, 154)
  for (const { name, expect, base64 } of parsing ?? []) {
    const { kind } = parseJson(Buffer.from(base64, 'base64'))
    if (STRICTER.includes(name)) assert.is(kind, 'refused', name)
    else if (expect === 'accept') assert.is(kind, 'ok', name)
    else if (expect === 'reject') assert.is.not(kind, 'ok', name)
  }
})

const testTransforms = transforms === undefined ? test.skip : test
testTransforms('JSONTestSuite transforms: every text is answered the same twice', () => {
  assert.is(transforms?.length, 11)
  for (const { name, base64 } of transforms ?? []) {
    const bytes = Buffer.from(base64, 'base64')
    assert.equal(parseJson(bytes), parseJson(bytes), name)
  }
})

test.run()
