import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedBytes } from '../../../test/shared-folder.ts'
import { parseFhir } from '../src/fhir.ts'
import { generateBundles } from '../src/generator.ts'
import { journeysOf } from '../src/journeys.ts'
import { attendingOf, practitionerIndex, practitionersOf } from '../src/practitioners.ts'

const test = suite('records/practitioners')

function scopesOf(text: string | Uint8Array) {
  const parsed = parseFhir(typeof text === 'string' ? Buffer.from(text) : text)
  if (parsed.kind !== 'ok') throw new Error(parsed.code)
  return parsed.scopes
}

function practitioner(id: string, more: object = {}): object {
  return { resourceType: 'Practitioner', id, ...more }
}

const HILL = practitioner('hill', {
  name: [
    { family: 'Old', use: 'old' },
    { use: 'official', family: 'Hill', given: ['Ada', 'M.'], prefix: ['Dr.'], suffix: ['MD'] }
  ],
  identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '320' }]
})

test('one resource, a Bundle and NDJSON give the same', () => {
  const other = practitioner('vale', { active: false, name: [{ text: 'Vale, nurse' }] })
  const entry = [HILL, other].map((resource) => ({ resource }))
  const expected = [
    { id: 'hill', name: 'Dr. Ada M. Hill MD', active: true },
    { id: 'vale', name: 'Vale, nurse', active: false }
  ]
  for (const text of [
    JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }),
    `${JSON.stringify(HILL)}\n${JSON.stringify(other)}\n`,
    `\ufeff${JSON.stringify({ resourceType: 'Bundle', entry: entry.slice(0, 1) })}\n${JSON.stringify(other)}`
  ]) {
    assert.equal(practitionersOf(scopesOf(text)), expected)
  }
  assert.equal(practitionersOf(scopesOf(JSON.stringify(HILL))), expected.slice(0, 1))
})

test('names and `active` of any shape: nothing is made up, nothing throws', () => {
  const rows: readonly (readonly [more: object, name: string, active: boolean])[] = [
    [{}, 'p', true],
    [{ name: [] }, 'p', true],
    [{ name: 'Hill' }, 'p', true],
    [{ name: [{ family: 7, given: 'Ada' }] }, 'p', true],
    [{ name: [null, { family: 'Hill' }] }, 'p', true],
    [{ name: [{ family: ' Hill ' }], active: 'false' }, 'Hill', true],
    [{ name: [{ given: ['Ada'] }], active: false }, 'Ada', false],
    [{ identifier: [null, 3, { value: 4 }] }, 'p', true]
  ]
  for (const [more, name, active] of rows) {
    assert.equal(practitionersOf(scopesOf(JSON.stringify(practitioner('p', more)))), [{ id: 'p', name, active }])
  }
})

test('of two with one id the first counts, and one with two identifiers is one', () => {
  const twice = practitioner('hill', { name: [{ family: 'Other' }] })
  const many = practitioner('many', { identifier: [{ value: 'a' }, { value: 'hill' }] })
  const found = practitionersOf(scopesOf([HILL, twice, many].map((one) => JSON.stringify(one)).join('\n')))
  assert.equal(
    found.map(({ id, name }) => `${id} ${name}`),
    ['hill Dr. Ada M. Hill MD', 'many many']
  )
})

test('the attending one: known by any form of reference, or said to be a Practitioner; others are passed over', () => {
  const known = practitionerIndex(scopesOf(JSON.stringify(HILL)))
  const attending = (...individuals: readonly unknown[]) =>
    attendingOf({ participant: individuals.map((individual) => ({ individual })) }, known)?.id
  const rows: readonly (readonly [reference: string, id: string | undefined])[] = [
    ['urn:uuid:hill', 'hill'],
    ['Practitioner/hill', 'hill'],
    ['https://ehr.example/fhir/Practitioner/hill/_history/2', 'hill'],
    ['Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|320', 'hill'],
    ['Practitioner/vale', 'vale'],
    ['Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|77', '77'],
    ['RelatedPerson/vale', undefined],
    ['PractitionerRole/vale', undefined],
    ['urn:uuid:vale', undefined],
    ['', undefined]
  ]
  for (const [reference, id] of rows) assert.is(attending({ reference }), id, reference)
  assert.is(attending({ reference: 'RelatedPerson/aunt' }, null, { reference: 'Practitioner/hill' }), 'hill')
  assert.is(attendingOf({}, known), undefined)
  assert.is(attendingOf({ participant: 'hill' }, known), undefined)
  const named = { participant: [{ individual: { reference: 'Practitioner/vale', display: 'Dr. Vale' } }] }
  assert.equal(attendingOf(named, known), { id: 'vale', name: 'Dr. Vale', active: true })
})

test('generated visits name practitioners of the hospital that is visited; ids stay with their hospital', () => {
  for (const seed of [1, 2, 3]) {
    const scopes = generateBundles({ seed, patients: 8, hospitals: 4 }).flatMap((bytes) => scopesOf(bytes))
    const { journeys, practitioners } = journeysOf(scopes)
    const hospitalOf = new Map<string, string>()
    for (const { organisation, practitioner: id } of journeys.flatMap(({ steps }) => steps)) {
      assert.ok(id !== null && practitioners.get(id)?.active === true)
      assert.is(hospitalOf.get(id) ?? organisation, organisation)
      hospitalOf.set(id, organisation)
    }
    assert.ok(hospitalOf.size > 4 && hospitalOf.size <= 12)
    assert.equal(new Set(practitioners.keys()), new Set(practitionersOf(scopes).map(({ id }) => id)))
    assert.ok([...practitioners.values()].every(({ name }) => /^Dr\. \S+ \S+/.test(name)))
  }
})

const information = sharedBytes('data/synthea-r4/practitionerInformation.json.gz')
if (information === undefined) {
  test.skip('the sample practitioners: ../shared is absent', () => undefined)
} else {
  test('the 102 sample practitioners have distinct ids and names', () => {
    const found = practitionersOf(scopesOf(information))
    assert.is(found.length, 102)
    assert.is(new Set(found.map(({ id }) => id)).size, 102)
    assert.ok(found.every(({ name, active }) => active && name.startsWith('Dr. ')))
  })
}

test.run()
