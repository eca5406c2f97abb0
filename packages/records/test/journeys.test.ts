import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedBytes, sharedFile, sharedPath } from '../../../test/shared-folder.ts'
import { chooseHospitals, chooseListed } from '../src/choose.ts'
import { parseFhir } from '../src/fhir.ts'
import { type Journey, journeysOf, organisationChanges, recordBytes } from '../src/journeys.ts'
import { planJourneys } from '../src/plan.ts'

const test = suite('records/journeys')

type Listed = { id: string; org?: string; serviceProvider?: object; start?: string; subject?: string }

function encounter({ id, org = 'h1', start = '2020-01-01', subject = 'p1', ...rest }: Listed): object {
  const serviceProvider = 'serviceProvider' in rest ? rest.serviceProvider : { reference: `urn:uuid:${org}` }
  const resource = {
    resourceType: 'Encounter',
    id,
    subject: { reference: `urn:uuid:${subject}` },
    period: { start },
    serviceProvider
  }
  return { fullUrl: `urn:uuid:${id}`, resource }
}

function journeys(...bundles: (readonly object[])[]) {
  const text = bundles.map((entry) => JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry })).join('\n')
  const parsed = parseFhir(Buffer.from(text))
  if (parsed.kind !== 'ok') throw new Error(parsed.code)
  return journeysOf(parsed.scopes)
}

test('steps are in time order across zones, ties by id, and a patient in two bundles is one', () => {
  const found = journeys(
    [
      encounter({ id: 'c', start: '2020-01-02T00:00:00+00:00' }),
      encounter({ id: 'b', start: '2020-01-01T23:30:00-01:00' }),
      encounter({ id: 'a', start: '2020-01-02T00:00:00Z' })
    ],
    [encounter({ id: 'd', start: '2019', org: 'h2' })]
  )
  assert.is(found.journeys.length, 1)
  assert.equal(
    found.journeys[0]?.steps.map((step) => step.encounterId),
    ['d', 'a', 'c', 'b']
  )
  assert.is(organisationChanges(found.journeys[0] as Journey), 1)
})

test('encounters that cannot be placed are counted, each with its reason', () => {
  const found = journeys([
    encounter({ id: 'a' }),
    encounter({ id: 'a' }),
    encounter({ id: 'b', start: '2020-01-01T10:00:00' }),
    encounter({ id: 'c', start: 'yesterday' }),
    encounter({ id: 'd', serviceProvider: { display: 'somewhere' } }),
    encounter({ id: 'e', subject: '' })
  ])
  assert.equal(
    found.faults.map(({ encounterId, code }) => `${encounterId} ${code}`),
    ['a duplicate-encounter', 'b no-start', 'c no-start', 'd no-organisation', 'e no-patient']
  )
})

test('a record is its Encounter and what refers to it, in exact bytes', () => {
  const text =
    '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","id":"o","encounter":{"reference":"Encounter/e"},"value":0.10}},' +
    '{"fullUrl":"urn:uuid:e","resource":{"resourceType":"Encounter","id":"e","subject":{"reference":"Patient/p"},"serviceProvider":{"reference":"Organization/h"},"period":{"start":"2020-02-01"}}},' +
    '{"resource":{"resourceType":"Claim","id":"c","item":[{"encounter":[{"reference":"urn:uuid:e"},{"reference":"urn:uuid:e"}]}]}},' +
    '{"resource":{"resourceType":"Organization","id":"h","name":"Hill"}}]}'
  const parsed = parseFhir(Buffer.from(text))
  assert.ok(parsed.kind === 'ok')
  const found = journeysOf(parsed.scopes)
  const record = found.journeys[0]?.steps[0]?.record
  assert.ok(record !== undefined)
  const bytes = Buffer.from(recordBytes(record)).toString()
  assert.ok(
    bytes.startsWith(
      '{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Encounter","id":"e",'
    )
  )
  assert.ok(bytes.includes('"value":0.10}'))
  assert.equal(
    (JSON.parse(bytes) as { entry: { resource: { id: string } }[] }).entry.map(({ resource }) => resource.id),
    ['e', 'o', 'c']
  )
  assert.is(found.organisations.get('h'), 'Hill')
})

const listed = sharedBytes('data/synthea-r4/journeys.ndjson.gz')
const alliances:
  | Record<
      string,
      {
        full: number
        handoffs: number
        hospitals: { id: string }[]
        patients: string[]
        allPatientsInside: number
      }
    >
  | undefined = sharedFile('data/synthea-r4/demo-alliances.json')

if (
  listed === undefined ||
  alliances === undefined ||
  sharedPath('data/synthea-r4/bundles-p1.ndjson.gz') === undefined
) {
  test.skip('the sample journeys: ../shared is absent', () => undefined)
} else {
  type Step = {
    t: string
    end: string
    encounter: string
    org: string
    practitioner?: string
    bytes: number
    resources: Record<string, number>
    handoffFrom?: string
  }
  const expected = listed
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { patient: string; handoffs: number; steps: Step[] })
  const scopes = ['p1', 'p2', 'p3'].flatMap((part) => {
    const parsed = parseFhir(sharedBytes(`data/synthea-r4/bundles-${part}.ndjson.gz`) as Uint8Array)
    if (parsed.kind !== 'ok') throw new Error(parsed.code)
    return parsed.scopes
  })
  const found = journeysOf(scopes)
  const byPatient = new Map(found.journeys.map((journey) => [journey.patient, journey]))

  test('the 130 sample journeys: order, organisations, times, resources and bytes of every step', () => {
    assert.is(found.faults.length, 0)
    assert.is(byPatient.size, 130)
    let steps = 0
    for (const journey of expected) {
      const mine = byPatient.get(journey.patient) as Journey
      assert.is(mine.steps.length, journey.steps.length)
      assert.is(organisationChanges(mine), journey.handoffs)
      journey.steps.forEach((step, i) => {
        const { encounterId, organisation, practitioner, startMs, endMs, record } = mine.steps[
          i
        ] as Journey['steps'][number]
        const previous = mine.steps[i - 1]?.organisation
        assert.is(encounterId, step.encounter)
        assert.is(organisation, step.org)
        assert.is(practitioner, step.practitioner ?? null)
        assert.is(startMs, Date.parse(step.t))
        assert.is(endMs, Date.parse(step.end))
        assert.is(previous === undefined || previous === organisation ? undefined : previous, step.handoffFrom)
        const counts: Record<string, number> = {}
        for (const { type } of record.resources) counts[type] = (counts[type] ?? 0) + 1
        assert.equal(counts, step.resources)
        // The sample counts the resources as one minified array: a comma or bracket beside each, and one more.
        assert.is(
          record.resources.reduce((sum, { bytes }) => sum + bytes.length + 1, 1),
          step.bytes
        )
        steps += 1
      })
    }
    assert.is(steps, 4302)
  })

  test('choosing hospitals finds the sample alliances, or as many journeys', () => {
    for (const [count, alliance] of Object.entries(alliances)) {
      const result = chooseHospitals(found.journeys, Number(count))
      assert.ok(result.kind === 'ok')
      const { choice } = result
      assert.ok(choice.journeys.length >= alliance.full, `${count} hospitals: ${choice.journeys.length} journeys`)
      assert.is(choice.hospitals.length, Number(count))
      assert.is(choice.journeys.length + choice.patientsOfOne + choice.patientsLeftOut, 130)
      const named = chooseListed(
        found.journeys,
        alliance.hospitals.map(({ id }) => id)
      )
      assert.ok(named.kind === 'ok')
      assert.equal(new Set(named.choice.journeys.map(({ patient }) => patient)), new Set(alliance.patients))
      assert.is(named.choice.journeys.length, alliance.full)
      assert.is(named.choice.journeys.length + named.choice.patientsOfOne, alliance.allPatientsInside)
      assert.is(named.choice.organisationChanges, alliance.handoffs)
    }
    const four = chooseHospitals(found.journeys, 4)
    assert.ok(four.kind === 'ok')
    assert.equal(four.choice.hospitals, alliances['4']?.hospitals.map(({ id }) => id).sort())
    assert.equal(new Set(four.choice.journeys.map(({ patient }) => patient)), new Set(alliances['4']?.patients))
    assert.is(four.choice.organisationChanges, 107)
  })

  test('the plans of the sample alliances have the counts that the list of journeys has', () => {
    for (const [count, alliance] of Object.entries(alliances)) {
      const listedThere = expected.filter(({ patient }) => alliance.patients.includes(patient))
      let transmissions = 0
      for (const { steps } of listedThere) {
        steps.forEach(({ org, handoffFrom }, i) => {
          // The records that were made since the patient last left this hospital.
          if (handoffFrom !== undefined)
            transmissions += i - 1 - steps.slice(0, i).findLastIndex((one) => one.org === org)
        })
      }
      const named = chooseListed(
        found.journeys,
        alliance.hospitals.map(({ id }) => id)
      )
      assert.ok(named.kind === 'ok')
      const plan = planJourneys(named.choice.journeys, named.choice.hospitals)
      const visits = listedThere.reduce((sum, { steps }) => sum + steps.length, 0)
      const changes = listedThere.flatMap(({ steps }) => steps).filter(({ handoffFrom }) => handoffFrom !== undefined)
      assert.equal(
        [plan.patients.length, plan.visits, plan.records, plan.anchors, plan.transmissions, plan.organisationChanges],
        [alliance.full, visits, visits, visits, transmissions, changes.length],
        `${count} hospitals`
      )
      assert.is(plan.organisationChanges, alliance.handoffs)
    }
  })

  test('the practitioners of the sample: every one that a journey names is in its Bundle, with a name', () => {
    const listed = sharedFile('data/synthea-r4/practitioners.json') as readonly { id: string; name: string }[]
    const names = new Map(listed.map(({ id, name }) => [id, name]))
    for (const { id, name, active } of found.practitioners.values()) {
      assert.ok(active)
      assert.is(name, names.get(id))
    }
    const named = new Set(expected.flatMap(({ steps }) => steps.flatMap((step) => step.practitioner ?? [])))
    assert.equal(new Set(found.practitioners.keys()), named)
  })

  test('the plan of all sample journeys: one change per organisation change, each record reaches a hospital once', () => {
    const everywhere = [...new Set(found.journeys.flatMap(({ steps }) => steps.map((step) => step.organisation)))]
    const plan = planJourneys(found.journeys, everywhere)
    assert.is(plan.organisationChanges, 783)
    const arrivals = new Set<string>()
    for (const { steps } of plan.patients) {
      for (const step of steps) {
        if (step.kind === 'visit') continue
        assert.ok(step.transfers.length > 0)
        for (const { record } of step.transfers) {
          assert.not.ok(arrivals.has(`${record} ${step.to}`))
          arrivals.add(`${record} ${step.to}`)
        }
      }
    }
    assert.is(arrivals.size, plan.transmissions)
  })
}

test.run()
