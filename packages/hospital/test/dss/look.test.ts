/** Records of an alliance: written by one hospital, read by all, and no look at one without an entry that everybody sees. */
import type { Alias, MemberId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { atRest, base64, codeOf, connected, type Daemon, found, level, start, startAll, stopAll } from '../hospitals.ts'
import { ALLIANCE, doctorAt, enrolledAt, publish, sameTimelines, textOf, timeline } from './alliance.ts'

const test = suite('hospital/dss/look')

const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], ALLIANCE)
let daemons: Daemon[] = []
let chase: MemberId
let house: MemberId
let anna: Alias

const at = (index: number) => daemons[index] as Daemon

test.before(async () => {
  daemons = await startAll(founded)
  chase = await doctorAt(at(0), 'Dr. Chase')
  house = await doctorAt(at(1), 'Dr. House')
  anna = await enrolledAt(at(0), 'patient 4711')
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test('a record published at one hospital is read at all, each look an entry on the chain', async () => {
  const descriptor = { mediaType: 'text/plain', category: 'report', labels: ['surgery'] }
  const written = await publish(at(0), anna, chase, 'appendix removed', { descriptor })
  assert.equal([written.state, written.version, written.alias], ['committed', 1, anna])
  assert.equal(written.doctors, [{ member: chase, name: 'Dr. Chase' }])
  const looks = []
  for (const daemon of daemons) {
    const opened = await daemon.call('record.open', { record: written.record })
    assert.is(textOf(opened), 'appendix removed')
    assert.equal(opened.descriptor, descriptor)
    assert.equal([opened.transmission, opened.version, opened.alias], [written.id, 1, anna])
    assert.is(opened.commitment, written.commitment)
    assert.is(opened.origin.name, 'Alpha')
    const entry = await daemon.call('tx.get', { id: opened.access as typeof written.id })
    assert.equal([entry.kind, entry.state, entry.author?.member], ['dss.access', 'committed', daemon.place.member])
    looks.push(opened.access)
  }
  const [all] = await sameTimelines(daemons, anna, 6)
  const kinds = all?.entries.map(({ kind }) => kind)
  assert.equal(kinds, [...looks.map(() => 'dss.access'), 'dss.record', 'dss.enrol'])
  const logged = all?.entries.filter(({ kind }) => kind === 'dss.access').map(({ transaction }) => transaction)
  assert.equal(logged, looks.toReversed())
  assert.equal(all?.entries[0]?.reads, [{ record: written.record, transaction: written.id }])
})

test('the timeline is the same everywhere, complete, and in pages', async () => {
  const bruno = await enrolledAt(at(1), 'bruno')
  await level(daemons)
  await Promise.all([
    publish(at(0), bruno, chase, 'one'),
    publish(at(1), bruno, house, 'two'),
    publish(at(0), bruno, chase, 'three')
  ])
  const timelines = await sameTimelines(daemons, bruno, 4)
  const plain = (one: (typeof timelines)[0]) => one.entries.map((entry) => ({ ...entry, payloadHere: null }))
  for (const one of timelines) {
    assert.equal(
      one.entries.map(({ number }) => number),
      [4, 3, 2, 1]
    )
    assert.equal(
      one.entries.map(({ hash }) => hash),
      timelines[0]?.entries.map(({ hash }) => hash)
    )
    assert.equal(
      plain(one).map(({ transaction, record, version, concurrent, doctors }) => [
        transaction,
        record,
        version,
        concurrent,
        doctors.map(({ member }) => member)
      ]),
      plain(timelines[0] as typeof one).map(({ transaction, record, version, concurrent, doctors }) => [
        transaction,
        record,
        version,
        concurrent,
        doctors.map(({ member }) => member)
      ])
    )
    assert.is(one.head, one.entries[0]?.hash)
    assert.is(one.enrolment?.status, 'enrolled')
  }
  const first = await timeline(at(2), bruno, { limit: 3 })
  const rest = await timeline(at(2), bruno, { limit: 3, before: first.next as string })
  assert.equal([first.entries.length, rest.entries.length, rest.next], [3, 1, null])
})

test('of visits at the same time all are written, and those that had not seen the other say so', async () => {
  const alias = await enrolledAt(at(0), 'two visits')
  const first = await publish(at(0), alias, chase, 'first visit')
  const [seen] = (await timeline(at(0), alias, { record: first.record })).entries
  const after = seen?.hash as typeof first.commitment
  const next = await publish(at(0), alias, chase, 'second visit', { after })
  await level(daemons)
  const blind = await publish(at(1), alias, house, 'elsewhere', { after })
  const [all] = await sameTimelines(daemons, alias, 4)
  const marks = new Map(all?.entries.map(({ transaction, concurrent }) => [transaction, concurrent]))
  assert.equal(
    [first, next, blind].map(({ id }) => marks.get(id)),
    [false, false, true]
  )
})

test('an author that dies right after its record is final takes nothing with it', async () => {
  const written = await publish(at(0), anna, chase, 'the last words of Alpha')
  await at(0).crash()
  for (const daemon of daemons.slice(1)) {
    assert.is(textOf(await daemon.call('record.open', { record: written.record })), 'the last words of Alpha')
  }
  daemons[0] = await start(founded, at(0).place)
  await connected(daemons)
  assert.is(textOf(await at(0).call('record.open', { record: written.record })), 'the last words of Alpha')
})

test('an amendment is the newest version, and the older one stays', async () => {
  const written = await publish(at(0), anna, chase, 'left leg')
  const amended = await at(0).call('record.amend', {
    record: written.record,
    content: base64('right leg'),
    doctors: ['Dr. Chase']
  })
  assert.equal([amended.version, amended.record], [2, written.record])
  assert.is(textOf(await at(1).call('record.open', { transaction: amended.id })), 'right leg')
  assert.is(textOf(await at(1).call('record.open', { record: written.record })), 'right leg')
  assert.is(textOf(await at(1).call('record.open', { transaction: written.id })), 'left leg')
  const { entries } = await timeline(at(1), anna, { record: written.record, kinds: ['dss.record', 'dss.amend'] })
  assert.equal(
    entries.map(({ transaction, version, isLatest, supersedes }) => [transaction, version, isLatest, supersedes]),
    [
      [amended.id, 2, true, written.id],
      [written.id, 1, false, null]
    ]
  )
  const again = { record: written.record, content: base64('neither'), doctors: [house] }
  assert.is(await codeOf(at(1).call('record.amend', again)), 'not-original-hospital')
  const other = await doctorAt(at(0), 'Dr. Cameron')
  assert.is(await codeOf(at(0).call('record.amend', { ...again, doctors: [other] })), 'not-original-signer')
  const stale = { ...again, doctors: [chase], supersedes: written.id }
  assert.is(await codeOf(at(0).call('record.amend', stale)), 'not-latest-version')
})

test('what the fence keeps out is not signed for, not sent and not on the chain', async () => {
  await atRest(daemons)
  const before = (await timeline(at(0), anna)).count
  for (const descriptor of [{ labels: ['surgery', 'HIV'] }, { category: 'psychotherapy' }]) {
    assert.is(await codeOf(publish(at(0), anna, chase, 'nobody may see this', { descriptor })), 'excluded-label')
  }
  const status = await at(0).call('status', {})
  assert.is(status.chains[0]?.mempool.transactions, 0)
  assert.is((await timeline(at(0), anna)).count, before)
})

test('only doctors in this hospital sign, by their own keys', async () => {
  const nurse = await doctorAt(at(0), 'Nurse Joy', 'nurse')
  const code = (doctors: readonly string[]) =>
    codeOf(at(0).call('record.publish', { alias: anna, content: base64('x'), doctors }))
  assert.is(await code([house]), 'doctor-key-not-here')
  assert.is(await code([nurse]), 'no-doctors')
  assert.is(await code(['Alpha']), 'not-a-doctor')
  assert.is(await code(['Dr. Nobody']), 'not-found')
  assert.is(await code([nurse, chase, chase]), 'none')
  await at(0).call('member.revoke', { member: chase })
  assert.is(await code([chase]), 'doctor-revoked')
  chase = await doctorAt(at(0), 'Dr. Chase the younger')
})

test('a look says who reads and why', async () => {
  const written = await publish(at(0), anna, chase, 'for a reader')
  const opened = await at(1).call('record.open', { record: written.record, reader: 'Dr. House', purpose: 'emergency' })
  assert.match(at(1).place.audit.text().split('\n').at(-2) as string, new RegExp(`"members":\\["${house}"\\]`))
  const [entry] = (await timeline(at(1), anna, { kinds: ['dss.access'], limit: 1 })).entries
  assert.equal([entry?.transaction, entry?.reader?.member, entry?.purpose], [opened.access, house, 'emergency'])
  assert.is(await codeOf(at(1).call('record.open', { record: written.record, reader: chase })), 'not-own-reader')
})

test('without an enrolment nothing is written, and after its end only its own hospital and the law read on', async () => {
  const alias = (await at(0).call('alias.open', { patient: 'leaver' })).alias
  assert.is(await codeOf(publish(at(0), alias, chase, 'too early')), 'not-enrolled')
  await at(0).call('patient.enrol', { patient: 'leaver' })
  const { record } = await publish(at(0), alias, chase, 'while enrolled')
  await at(0).call('patient.withdraw', { patient: 'leaver' })
  await sameTimelines(daemons, alias, 3)
  assert.is(await codeOf(publish(at(0), alias, chase, 'too late')), 'enrolment-ended')
  assert.is(await codeOf(at(1).call('record.open', { record })), 'enrolment-ended')
  assert.is(textOf(await at(1).call('record.open', { record, purpose: 'legal' })), 'while enrolled')
  assert.is(textOf(await at(0).call('record.open', { record })), 'while enrolled')
  assert.is((await timeline(at(1), alias)).enrolment?.status, 'withdrawn')
  await at(0).call('patient.enrol', { patient: 'leaver' })
  assert.is(textOf(await at(0).call('record.open', { record })), 'while enrolled')
})

test('the filters of a timeline', async () => {
  const alias = await enrolledAt(at(0), 'filters')
  const lab = await publish(at(0), alias, chase, 'lab', { descriptor: { category: 'Laboratory', labels: ['blood'] } })
  await level(daemons)
  const image = await publish(at(1), alias, house, 'image', { descriptor: { category: 'imaging' } })
  await sameTimelines(daemons, alias, 3)
  const found = async (filter: Parameters<typeof timeline>[2]) =>
    (await timeline(at(2), alias, filter)).entries.map(({ transaction }) => transaction)
  assert.equal(await found({ category: 'laboratory' }), [lab.id])
  assert.equal(await found({ label: 'blood' }), [lab.id])
  assert.equal(await found({ label: 'blood', category: 'imaging' }), [])
  assert.equal(await found({ hospital: 'Beta' }), [image.id])
  assert.equal(await found({ doctor: chase }), [lab.id])
  assert.equal(await found({ kinds: ['dss.record'] }), [image.id, lab.id])
  const asReader = at(2).call('patient.timeline', { alias, label: 'blood' }, { role: 'read' })
  assert.is(await codeOf(asReader), 'not-permitted')
  const withoutContent = await at(2).call('patient.timeline', { alias }, { role: 'read' })
  assert.is(withoutContent.count, 6, 'three of the filters were looks')
})

test('a filter finds a label however it is written, as the fence does', async () => {
  const alias = await enrolledAt(at(0), 'spellings')
  const labels = ['Renal Care', '腎臓']
  const { id } = await publish(at(0), alias, chase, 'dialysis', { descriptor: { category: 'Lab_Report', labels } })
  for (const [filter, ids] of [
    [{ label: 'renal-care' }, [id]],
    [{ label: 'RENAL_CARE' }, [id]],
    [{ category: 'lab report' }, [id]],
    [{ label: '腎臓' }, [id]],
    [{ label: '心臓' }, []],
    [{ label: 'renal' }, []]
  ] as const) {
    const { entries } = await timeline(at(0), alias, filter)
    assert.equal(
      entries.map(({ transaction }) => transaction),
      ids,
      JSON.stringify(filter)
    )
  }
})

test('looking for a category or a label is a look: its entry has every version that was looked into, and who and why', async () => {
  const alias = await enrolledAt(at(0), 'looked for')
  const lab = await publish(at(0), alias, chase, 'lab', { descriptor: { labels: ['blood'] } })
  await level(daemons)
  const image = await publish(at(1), alias, house, 'image', { descriptor: { labels: ['x-ray'] } })
  await sameTimelines(daemons, alias, 3)
  assert.is((await timeline(at(1), alias)).access, null)
  const why = { reader: house, purpose: 'emergency' } as const
  const found = await timeline(at(1), alias, { label: 'blood', ...why })
  assert.equal([found.entries.map(({ transaction }) => transaction), found.count], [[lab.id], 4])
  const none = await timeline(at(1), alias, { label: 'hepatitis', hospital: 'Beta' })
  assert.equal([none.entries, none.count], [[], 5])
  const [second, first] = (await timeline(at(1), alias, { kinds: ['dss.access'] })).entries
  const both = [lab, image].map(({ record, id }) => ({ record, transaction: id }))
  const inOrder = (reads: typeof both) => reads.toSorted((one, other) => (one.transaction < other.transaction ? -1 : 1))
  assert.equal([first?.transaction, first?.reads], [found.access, inOrder(both)])
  assert.equal([first?.reader?.member, first?.purpose], [house, 'emergency'])
  assert.equal([second?.transaction, second?.reads], [none.access, both.slice(1)])
  const nothing = await timeline(at(1), alias, { label: 'blood', hospital: 'Gamma' })
  assert.equal([nothing.access, nothing.count], [null, 5])
})

test('a page by content goes on where it ended', async () => {
  const alias = await enrolledAt(at(0), 'pages by content')
  const written = []
  for (const text of ['one', 'two', 'three']) {
    written.push(await publish(at(0), alias, chase, text, { descriptor: { labels: ['blood'] } }))
  }
  const first = await timeline(at(0), alias, { label: 'blood', limit: 2 })
  const rest = await timeline(at(0), alias, { label: 'blood', limit: 2, before: first.next as string })
  const ids = [...first.entries, ...rest.entries].map(({ transaction }) => transaction)
  assert.equal(ids, written.map(({ id }) => id).reverse())
  assert.is(rest.next, null)
})

test('after a withdrawal another hospital is not told which records say what, and nothing is entered', async () => {
  const alias = (await at(0).call('alias.open', { patient: 'a secret' })).alias
  await at(0).call('patient.enrol', { patient: 'a secret' })
  const { record } = await publish(at(0), alias, chase, 'chemo', { descriptor: { labels: ['chemo'] } })
  await at(0).call('patient.withdraw', { patient: 'a secret' })
  const [before] = await sameTimelines(daemons, alias, 3)
  for (const label of ['chemo', 'hepatitis']) {
    assert.is(await codeOf(timeline(at(1), alias, { label })), 'enrolment-ended')
  }
  assert.is((await timeline(at(1), alias)).count, before?.count)
  const own = await timeline(at(0), alias, { label: 'chemo' })
  assert.equal(
    own.entries.map((entry) => entry.record),
    [record]
  )
  assert.is((await timeline(at(1), alias, { label: 'chemo', purpose: 'legal' })).entries.length, 1)
})

test('the read socket knows patients by alias and staff by id only', async () => {
  const read = (daemon: Daemon, params: Parameters<typeof timeline>[2]) =>
    daemon.call('patient.timeline', params ?? {}, { role: 'read' })
  for (const patient of ['patient 4711', 'nobody']) {
    assert.is(await codeOf(read(at(0), { patient })), 'not-permitted')
  }
  const byName = await at(1).call('patient.timeline', { alias: anna })
  assert.match(JSON.stringify(byName), /Dr\. House/)
  assert.not.match(JSON.stringify(await read(at(1), { alias: anna })), /Dr\. House/)
  assert.is(await codeOf(read(at(1), { alias: anna, doctor: 'Dr. House' })), 'not-found')
  assert.is(await codeOf(read(at(1), { alias: anna, doctor: house })), 'none')
})

test('a patient is named by alias, or by the reference of the hospital that keeps the wallet', async () => {
  const byReference = await at(0).call('patient.timeline', { patient: 'patient 4711' })
  assert.is(byReference.alias, anna)
  assert.is(await codeOf(at(1).call('patient.timeline', { patient: 'patient 4711' })), 'not-found')
  assert.is(await codeOf(at(0).call('patient.timeline', {})), 'invalid-params')
})

test('no log line and no audit line holds what a record says or what a patient is called', async () => {
  for (const { log, audit } of founded.places) {
    const lines = [...log, audit.text()].join('\n')
    for (const secret of ['appendix removed', 'patient 4711', base64('appendix removed')]) {
      assert.not.ok(lines.includes(secret), secret)
    }
  }
})

test.run()
