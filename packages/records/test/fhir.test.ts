import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseFhir, referencedId } from '../src/fhir.ts'

const test = suite('records/fhir')

const parse = (text: string) => parseFhir(Buffer.from(text))
const bundle = (...entries: string[]) => `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

function resources(input: string) {
  const parsed = parse(input)
  if (parsed.kind !== 'ok') throw new Error(`rejected: ${parsed.code}`)
  return parsed.scopes.map((scope) => scope.resources)
}

test('resources are exact slices of the input', () => {
  const observation =
    '{ "resourceType" : "Observation","id":"o-1",\n "valueQuantity":{"value":7.10} ,"note":"\\u00e9 é" }'
  const [found] = resources(
    bundle(`{"fullUrl":"urn:uuid:1", "resource" :  ${observation} , "request":{"method":"POST"}}`)
  )
  assert.is(found?.length, 1)
  assert.is(text(found?.[0]?.bytes as Uint8Array), observation)
  assert.is(found?.[0]?.fullUrl, 'urn:uuid:1')
})

test('references are found at any depth, contained ones too', () => {
  const [found] = resources(
    bundle(
      '{"resource":{"resourceType":"Claim","id":"c","patient":{"reference":"Patient/p"},"item":[{"encounter":[{"reference":"urn:uuid:e"}]}]}}'
    )
  )
  assert.equal(found?.[0]?.references, ['Patient/p', 'urn:uuid:e'])
})

test('one JSON value, NDJSON with any line end, and a byte order mark', () => {
  const one = bundle('{"resource":{"resourceType":"Patient","id":"a"}}')
  const two = bundle('{"resource":{"resourceType":"Patient","id":"b"}}')
  assert.equal(
    resources(`${one}\r\n${two}\n\n`).map((scope) => scope.map(({ id }) => id)),
    [['a'], ['b']]
  )
  assert.is(resources(`\ufeff${JSON.stringify(JSON.parse(one), undefined, 2)}`).length, 1)
})

test('bare resources, one per line, form one scope; entries without a resource are passed over', () => {
  const lines = '{"resourceType":"Patient","id":"a"}\n{"resourceType":"Encounter","id":"b"}\n'
  assert.equal(
    resources(lines).map((scope) => scope.map(({ id }) => id)),
    [['a', 'b']]
  )
  assert.equal(resources(bundle('{"request":{"method":"DELETE"}}', 'null')), [[]])
})

test('a resource without an id takes it from its fullUrl', () => {
  const [found] = resources(bundle('{"fullUrl":"urn:uuid:1f-2","resource":{"resourceType":"Patient"}}'))
  assert.is(found?.[0]?.id, '1f-2')
})

test('refusals say what and where', () => {
  const rows: readonly (readonly [input: string | Uint8Array, code: string])[] = [
    ['', 'empty'],
    ['  \n', 'empty'],
    ['[]', 'not-a-resource'],
    ['{}', 'not-a-resource'],
    ['{"resourceType":7}', 'not-a-resource'],
    ['{"resourceType":"Patient"', 'malformed-json'],
    [`${bundle()} x`, 'not-a-resource'],
    [bundle('{"resource":{"resourceType":"Patient"}}'), 'malformed-resource'],
    [bundle('{"resource":{"resourceType":"patient","id":"a"}}'), 'malformed-resource'],
    [bundle('{"resource":{"resourceType":"Patient","id":"a b"}}'), 'malformed-resource'],
    [bundle('{"resource":{"resourceType":"Patient","id":1}}'), 'malformed-resource'],
    ['{"resourceType":"Bundle","entry":[],"entry":[]}', 'duplicate-key'],
    [
      bundle('{"resource":{"resourceType":"Patient","id":"a"},"resource":{"resourceType":"Patient","id":"b"}}'),
      'duplicate-key'
    ],
    [`{"resourceType":"Patient","id":"a","x":${'['.repeat(70)}${']'.repeat(70)}}`, 'too-deep'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'not-utf8']
  ]
  for (const [input, code] of rows) {
    const parsed = parseFhir(typeof input === 'string' ? Buffer.from(input) : input)
    assert.is(parsed.kind === 'reject' ? parsed.code : 'accepted', code, text(Buffer.from(input)).slice(0, 60))
  }
  const late = parse(`${bundle()}\n${bundle()}\n{"resourceType":nope}`)
  assert.ok(late.kind === 'reject' && late.at > 2 * bundle().length)
})

test('keys that name the prototype are ordinary keys', () => {
  const [found] = resources(
    bundle('{"resource":{"resourceType":"Patient","id":"a","__proto__":{"reference":"Patient/x"}}}')
  )
  assert.equal(found?.[0]?.references, ['Patient/x'])
})

test('never throws on damaged input', () => {
  const valid = bundle(
    '{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Encounter","id":"e","subject":{"reference":"urn:uuid:2"}}}'
  )
  fc.assert(
    fc.property(fc.nat(valid.length), fc.uint8Array({ maxLength: 4 }), fc.nat(6), (at, inserted, removed) => {
      const bytes = Buffer.concat([Buffer.from(valid.slice(0, at)), inserted, Buffer.from(valid.slice(at + removed))])
      const { kind } = parseFhir(bytes)
      return kind === 'ok' || kind === 'reject'
    }),
    { numRuns: 3000 }
  )
})

test('references of every form name an id', () => {
  const rows = [
    ['urn:uuid:1-2', '1-2'],
    ['Patient/7', '7'],
    ['https://host/fhir/Patient/7/_history/3', '7'],
    ['Organization?identifier=https://host/ids|7-8', '7-8'],
    ['Practitioner?identifier=9', '9'],
    ['', '']
  ] as const
  for (const [reference, id] of rows) assert.is(referencedId(reference), id)
})

test.run()
