import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chooseHospitals } from '../src/choose.ts'
import { parseFhir } from '../src/fhir.ts'
import { generateBundles } from '../src/generator.ts'
import { journeysOf, organisationsOf, recordBytes } from '../src/journeys.ts'
import { planJourneys } from '../src/plan.ts'

const test = suite('records/generator')

function generated(seed: number, patients: number, hospitals: number) {
  const scopes = generateBundles({ seed, patients, hospitals }).flatMap((bytes) => {
    const parsed = parseFhir(bytes)
    if (parsed.kind !== 'ok') throw new Error(parsed.code)
    return parsed.scopes
  })
  return { scopes, ...journeysOf(scopes) }
}

test('the same seed gives the same bytes, another seed others', () => {
  const first = generateBundles({ seed: 7, patients: 3, hospitals: 4 })
  assert.equal(generateBundles({ seed: 7, patients: 3, hospitals: 4 }), first)
  assert.not.equal(generateBundles({ seed: 8, patients: 3, hospitals: 4 }), first)
})

test('the default demo: four hospitals, six patients, 20 to 40 changes, returns among them', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { journeys, faults, organisations } = generated(seed, 6, 4)
    const chosen = chooseHospitals(journeys, 4)
    assert.ok(chosen.kind === 'ok')
    const { choice } = chosen
    assert.is(faults.length, 0)
    assert.is(choice.journeys.length, 6)
    assert.is(choice.patientsOfOne, 0)
    assert.is(choice.patientsLeftOut, 0)
    assert.is(new Set(organisations.values()).size, organisations.size)
    assert.ok(
      choice.organisationChanges >= 20 && choice.organisationChanges <= 40,
      `seed ${seed}: ${choice.organisationChanges}`
    )
    const plan = planJourneys(choice.journeys, choice.hospitals)
    assert.ok(plan.transmissions >= plan.organisationChanges)
    assert.ok(journeys.some((journey) => journey.steps.length > organisationsOf(journey).length))
  }
})

test('every reference resolves, and every decimal keeps its digits', () => {
  const { scopes } = generated(1, 10, 5)
  let padded = 0
  for (const { resources } of scopes) {
    const known = new Set([...resources.map(({ fullUrl }) => fullUrl), '#coverage'])
    for (const { references, bytes } of resources) {
      for (const reference of references) assert.ok(known.has(reference), reference)
      const text = Buffer.from(bytes).toString()
      assert.not.ok(text.includes('decimal:'))
      if (/\d\.\d*0[,}]/.test(text)) padded += 1
    }
  }
  assert.ok(padded > 20, `${padded} resources hold a number that a parser would shorten`)
})

test('records have the sizes of real-shaped ones: half below 12 kB, one in a hundred above 50 kB, none above 100 kB', () => {
  const sizes = generated(3, 150, 4)
    .journeys.flatMap(({ steps }) => steps.map(({ record }) => recordBytes(record).length))
    .sort((a, b) => a - b)
  const at = (share: number) => sizes[Math.floor(sizes.length * share)] as number
  assert.ok(at(0.5) > 8_000 && at(0.5) < 12_500, `p50 ${at(0.5)}`)
  assert.ok(at(0.99) > 50_000 && at(0.99) < 72_000, `p99 ${at(0.99)}`)
  assert.ok((sizes.at(-1) as number) < 100_000)
})

test('one hospital gives journeys without changes; many hospitals have distinct names', () => {
  const { journeys } = generated(2, 3, 1)
  assert.ok(journeys.every((journey) => organisationsOf(journey).length === 1))
  const { organisations } = generated(2, 400, 128)
  assert.is(new Set(organisations.values()).size, organisations.size)
})

test('options outside the bounds are a bug of the caller', () => {
  for (const options of [
    { seed: 1, patients: 0, hospitals: 4 },
    { seed: 1, patients: 1, hospitals: 129 },
    { seed: 1, patients: 1.5, hospitals: 4 }
  ]) {
    assert.throws(() => generateBundles(options))
  }
})

test.run()
