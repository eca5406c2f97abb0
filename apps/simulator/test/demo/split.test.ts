import {
  chooseHospitals,
  generateBundles,
  journeysOf,
  type PatientPlan,
  parseFhir,
  planJourneys
} from '@wardline/records'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { splitPlan } from '../../src/demo/split.ts'

const test = suite('simulator/demo/split')

function planOf(seed: number) {
  const scopes = generateBundles({ seed, patients: 8, hospitals: 4 }).flatMap((bundle) => {
    const parsed = parseFhir(bundle)
    return parsed.kind === 'ok' ? parsed.scopes : []
  })
  const result = chooseHospitals(journeysOf(scopes).journeys, 4)
  if (result.kind === 'reject') throw new Error(result.detail)
  return { hospitals: result.choice.hospitals, plan: planJourneys(result.choice.journeys, result.choice.hospitals) }
}

const changes = (patients: readonly PatientPlan[]) =>
  patients.flatMap(({ steps }) => steps.filter((step) => step.kind === 'change'))

test('the two parts are the plan, each patient in order', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { plan, hospitals } = planOf(seed)
    const { before, meanwhile } = splitPlan(plan, hospitals[3] as string, 8)
    for (const { patient, steps } of plan.patients) {
      const parts = [...before, ...meanwhile].filter((part) => part.patient === patient)
      assert.equal(
        parts.flatMap((part) => part.steps),
        steps
      )
    }
  }
})

test('the absent hospital neither sends nor receives meanwhile', () => {
  let found = 0
  for (let seed = 1; seed <= 10; seed++) {
    const { plan, hospitals } = planOf(seed)
    for (const absent of hospitals) {
      const { meanwhile } = splitPlan(plan, absent, 8)
      found += meanwhile.length
      for (const { from, to } of changes(meanwhile)) assert.not([from, to].includes(absent))
    }
  }
  assert.ok(found > 0)
})

test('meanwhile holds no more changes than wanted', () => {
  const { plan, hospitals } = planOf(1)
  for (const wanted of [0, 1, 3, 1000]) {
    const { meanwhile } = splitPlan(plan, hospitals[0] as string, wanted)
    assert.ok(changes(meanwhile).length <= wanted)
  }
  assert.equal(splitPlan(plan, hospitals[0] as string, 0).meanwhile, [])
})

test('every part of a journey that is kept back has a change in it', () => {
  const { plan, hospitals } = planOf(2)
  for (const { steps } of splitPlan(plan, hospitals[1] as string, 1000).meanwhile) {
    assert.is(steps[0]?.kind, 'change')
  }
})

test.run()
