import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chooseHospitals, chooseListed } from '../src/choose.ts'
import type { FhirRecord, Journey } from '../src/journeys.ts'
import { planJourneys } from '../src/plan.ts'

const test = suite('records/plan')

/** A hospital that is left has every record; one that is come back to lacks what was made since it was left. */
function transmissionsOf(visits: readonly string[]): number {
  const lastVisit = new Map<string, number>()
  let transmissions = 0
  visits.forEach((hospital, i) => {
    if (i > 0 && visits[i - 1] !== hospital) transmissions += i - 1 - (lastVisit.get(hospital) ?? -1)
    lastVisit.set(hospital, i)
  })
  return transmissions
}

/** A journey that visits the hospitals named by the letters, making record 1, 2, 3… */
function journey(visits: string, patient = 'p'): Journey {
  return {
    patient,
    steps: [...visits].map((organisation, i) => {
      const key = `${patient}${i + 1}`
      return {
        encounterId: key,
        organisation,
        practitioner: `Dr ${organisation}`,
        startMs: i,
        endMs: i,
        record: { key, resources: [] } as unknown as FhirRecord
      }
    })
  }
}

/** `A>B 1 2/A`: A sends B record 1, which it made, and record 2, which it got from A. */
function changes(visits: string): string[] {
  const plan = planJourneys([journey(visits, '')], ['A', 'B', 'C', 'D'])
  return (plan.patients[0]?.steps ?? []).flatMap((step) =>
    step.kind === 'visit'
      ? []
      : [
          `${step.from}>${step.to} ${step.transfers.map(({ record, via }) => (via === null ? record : `${record}/${via}`)).join(' ')}`
        ]
  )
}

test('the hospital that is left sends what it holds and the next one lacks', () => {
  const rows: readonly (readonly [visits: string, expected: readonly string[]])[] = [
    ['A', []],
    ['AAA', []],
    ['AB', ['A>B 1']],
    ['AABB', ['A>B 1 2']],
    ['ABA', ['A>B 1', 'B>A 2']],
    ['ABC', ['A>B 1', 'B>C 1/A 2']],
    ['ABCA', ['A>B 1', 'B>C 1/A 2', 'C>A 2/B 3']],
    ['ABABC', ['A>B 1', 'B>A 2', 'A>B 3', 'B>C 1/A 2 3/A 4']]
  ]
  for (const [visits, expected] of rows) assert.equal(changes(visits), expected, visits)
})

test("whatever the journey: senders hold, receivers lack, every record is at the patient's hospital", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 30 }), (visits) => {
      const plan = planJourneys([journey(visits.join(''))], ['A', 'B', 'C', 'D'])
      const source = new Map<string, string | null>()
      const made: string[] = []
      for (const step of plan.patients[0]?.steps ?? []) {
        if (step.kind === 'visit') {
          for (const record of made) assert.ok(source.has(`${record} ${step.hospital}`))
          made.push(step.record.key)
          assert.is(step.practitioner, `Dr ${step.hospital}`)
          source.set(`${step.record.key} ${step.hospital}`, null)
          continue
        }
        for (const { record, via } of step.transfers) {
          assert.is(source.get(`${record} ${step.from}`), via)
          assert.not.ok(source.has(`${record} ${step.to}`))
          source.set(`${record} ${step.to}`, step.from)
        }
      }
      assert.is(plan.organisationChanges, visits.filter((at, i) => i > 0 && at !== visits[i - 1]).length)
      assert.equal([plan.visits, plan.records, plan.anchors], [visits.length, visits.length, visits.length])
      assert.is(plan.transmissions, transmissionsOf(visits))
    })
  )
})

test('the counts of several patients are the sums of each', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[A-D]{1,12}$/), { maxLength: 6 }), (routes) => {
      const journeys = routes.map((route, i) => journey(route, `p${i}-`))
      const plan = planJourneys(journeys, ['A', 'B', 'C', 'D'])
      assert.is(plan.visits, routes.join('').length)
      assert.is(
        plan.transmissions,
        routes.reduce((sum, route) => sum + transmissionsOf([...route]), 0)
      )
    })
  )
})

test('a journey that leaves the hospitals is a bug of the caller', () => {
  assert.throws(() => planJourneys([journey('AB')], ['A']), /within the chosen hospitals/)
})

test('choosing: the most complete journeys, then the most changes; the rest is counted', () => {
  const journeys = [
    journey('ABAB', '1'),
    journey('AB', '2'),
    journey('CD', '3'),
    journey('CDC', '4'),
    journey('AC', '5'),
    journey('A', '6')
  ]
  const two = chooseHospitals(journeys, 2)
  assert.ok(two.kind === 'ok')
  assert.equal(two.choice.hospitals, ['A', 'B'])
  assert.equal(
    two.choice.journeys.map(({ patient }) => patient),
    ['1', '2']
  )
  assert.is(two.choice.patientsOfOne, 1)
  assert.is(two.choice.organisationChanges, 4)
  assert.is(two.choice.patientsLeftOut, 3)

  const listed = chooseListed(journeys, ['D', 'C'])
  assert.ok(listed.kind === 'ok')
  assert.is(listed.choice.journeys.length, 2)
  assert.is(listed.choice.patientsOfOne, 0)
})

test('choosing: a hospital that fills the number is the busiest one; too many or unknown are refused', () => {
  const journeys = [journey('AB', '1'), journey('CCC', '2'), journey('D', '3')]
  const three = chooseHospitals(journeys, 3)
  assert.ok(three.kind === 'ok')
  assert.equal(three.choice.hospitals, ['A', 'B', 'C'])
  assert.is(chooseHospitals(journeys, 1).kind, 'ok')
  assert.equal(chooseHospitals(journeys, 5), {
    kind: 'reject',
    code: 'too-few-hospitals',
    detail: 'asked for 5, the input has 4'
  })
  assert.equal(chooseListed(journeys, ['A', 'X']), { kind: 'reject', code: 'unknown-hospital', detail: 'X' })
  assert.is(chooseListed(journeys, []).kind, 'reject')
})

test.run()
