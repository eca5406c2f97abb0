import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createSplitter, type Piece } from '../src/split.ts'

const test = suite('socket/split')

/** What comes out if `text` comes in pieces of `step` bytes. */
function split(text: string, step: number, bytesMax = 1_000): string[] {
  const splitter = createSplitter(bytesMax)
  const bytes = Buffer.from(text)
  const pieces: Piece[] = []
  for (let at = 0; at < bytes.length; at += step) pieces.push(...splitter.push(bytes.subarray(at, at + step)))
  return pieces.map((piece) => (piece.kind === 'message' ? Buffer.from(piece.bytes).toString() : `<${piece.kind}>`))
}

for (const [name, text, messages] of [
  ['one without an end of line', '{"a":1}', ['{"a":1}']],
  ['several without anything between them', '{}[]{"a":[{}]}', ['{}', '[]', '{"a":[{}]}']],
  ['lines, with all whitespace of JSON', '\r\n\t {} \n\n[1]\n', ['{}', '[1]']],
  ['brackets within strings', '{"a":"}]{["}{"b":1}', ['{"a":"}]{["}', '{"b":1}']],
  [
    'escaped quotes and backslashes',
    String.raw`{"a":"\"}"}{"b":"\\"}{"c":"\\\""}`,
    [String.raw`{"a":"\"}"}`, String.raw`{"b":"\\"}`, String.raw`{"c":"\\\""}`]
  ],
  ['letters of several bytes', '{"ä":"😀}"}{}', ['{"ä":"😀}"}', '{}']],
  ['brackets of the wrong kind still end together', '{"a":[1}}{}', ['{"a":[1}}', '{}']],
  ['one that does not end', '{}{"a":', ['{}']],
  ['nothing', '', []],
  ['a scalar', '7 {}', ['<garbage>']],
  ['a closing bracket first', '{}}{}', ['{}', '<garbage>']],
  ['a byte order mark', '\ufeff{}', ['<garbage>']]
] as const) {
  test(`${name}, however it is cut`, () => {
    for (const step of [1, 2, 3, 7, 1_000]) assert.equal(split(text, step), messages)
  })
}

test('a message at the bound is one, and a byte more is too large, whether or not it ends', () => {
  const fits = `{"a":"${'x'.repeat(92)}"}`
  assert.is(fits.length, 100)
  for (const step of [1, 33, 1_000]) {
    assert.equal(split(`${fits}{}`, step, 100), [fits, '{}'])
    assert.equal(split(`${fits.replace('x', 'xx')}{}`, step, 100), ['<too-large>'])
    assert.equal(split(`{"a":"${'x'.repeat(200)}`, step, 100), ['<too-large>'])
  }
})

test('what is held is what has not ended', () => {
  const splitter = createSplitter(1_000)
  splitter.push(Buffer.from('{}  {"a":'))
  assert.is(splitter.pendingBytes(), 5)
  splitter.push(Buffer.from('1}'))
  assert.is(splitter.pendingBytes(), 0)
})

test('any JSON objects and arrays come out as they went in, however they are cut', () => {
  const message = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()))
  fc.assert(
    fc.property(
      fc.array(message),
      fc.constantFrom('', '\n', ' \r\n'),
      fc.integer({ min: 1, max: 50 }),
      (all, gap, step) => {
        const texts = all.map((one) => JSON.stringify(one))
        assert.equal(split(texts.join(gap), step, 1_000_000), texts)
      }
    )
  )
})

test.run()
