import { type Hash, name32 } from '@wardline/codec'
import { type CommittedBlock, type ParsedTransaction, readEntries } from '@wardline/ledger'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { recordVersion, recordVersions, type TimelineFilter, timelinePage } from '../../src/index.ts'
import {
  aliasOf,
  alpha,
  amend,
  beta,
  CREATED,
  createAlliance,
  enrol,
  hash,
  patient,
  physician,
  publish,
  read,
  refold,
  registerDoctor,
  surgeon,
  tableOf,
  withdraw
} from './alliance.ts'

const test = suite('views/timeline/fold')

const anna = patient('Anna')
const bruno = patient('Bruno')
const alias = aliasOf(anna)

/** Anna enrols, is written about by both hospitals at once, has one record amended, is read about, and withdraws. */
function story() {
  const alliance = createAlliance()
  const enrolment = enrol(anna)
  alliance.commit(registerDoctor(alpha), registerDoctor(beta), enrolment, enrol(bruno))
  const seen = readEntries(alliance.state, alias)?.head as Hash
  const here = publish(alpha, anna, seen)
  const there = publish(beta, anna, seen)
  alliance.commit(here, publish(alpha, bruno), there)
  const amendment = amend(alpha, here)
  const look = read(beta, amendment)
  alliance.commit(amendment, look)
  const end = withdraw(anna, beta)
  alliance.commit(end)
  return { alliance, enrolment, here, there, amendment, look, end }
}

const all = { limit: 100 }

test('a timeline has every entry of a patient and of nobody else, newest first, linked to the state', async () => {
  const { alliance, enrolment, here, there, amendment, look, end } = story()
  const { entries, next } = await timelinePage(alliance.rows(), alias, all)
  assert.is(next, null)
  assert.equal(
    entries.map(({ number, id, kind, hospital, height, time }) => [number, id, kind, hospital, height, time]),
    [
      [6, end.id, 'dss.withdraw', beta.member, 4, CREATED + 4000],
      [5, look.id, 'dss.access', beta.member, 3, CREATED + 3000],
      [4, amendment.id, 'dss.amend', alpha.member, 3, CREATED + 3000],
      [3, there.id, 'dss.record', beta.member, 2, CREATED + 2000],
      [2, here.id, 'dss.record', alpha.member, 2, CREATED + 2000],
      [1, enrolment.id, 'dss.enrol', alpha.member, 1, CREATED + 1000]
    ]
  )
  assert.equal(readEntries(alliance.state, alias), { count: 6, head: entries[0]?.hash })
})

test('each kind says what it has', async () => {
  const { alliance, here, there, amendment } = story()
  const { entries } = await timelinePage(alliance.rows(), alias, all)
  const [, look, amended, second, first, enrolled] = entries.map(({ hash: _hash, id: _id, ...entry }) => entry)
  const doctor = (member: typeof surgeon.member) => [{ member, role: 'doctor' }]
  assert.equal(first, {
    ...{ number: 2, kind: 'dss.record', hospital: alpha.member, time: CREATED + 2000, height: 2 },
    ...{ record: here.body.recordId, version: 1, supersedes: null, content: here.body.content },
    ...{ doctors: doctor(surgeon.member), concurrent: false, size: 1000 }
  })
  assert.equal(second && 'concurrent' in second && second.concurrent, true)
  assert.equal(second && 'doctors' in second && second.doctors, doctor(physician.member))
  assert.equal(second && 'record' in second && second.record, there.body.recordId)
  assert.equal(amended && 'supersedes' in amended && [amended.version, amended.supersedes], [2, here.id])
  const records = [{ record: here.body.recordId, version: amendment.id }]
  assert.equal(look && 'records' in look && [look.records, look.reader, look.purpose], [records, null, 'treatment'])
  assert.equal(enrolled && 'until' in enrolled && enrolled.basis, 'consent')
})

test('the versions of a record, newest first, and one of them', async () => {
  const { alliance, here, amendment, there } = story()
  const rows = alliance.rows()
  const { recordId } = here.body
  assert.equal(
    (await recordVersions(rows, recordId, 10)).map(({ id, version, number }) => [id, version, number]),
    [
      [amendment.id, 2, 4],
      [here.id, 1, 2]
    ]
  )
  assert.equal((await recordVersions(rows, recordId, 1)).length, 1)
  assert.equal(
    (await recordVersions(rows, there.body.recordId, 10)).map(({ id }) => id),
    [there.id]
  )
  assert.is(recordVersion(rows, recordId, 1)?.id, here.id)
  assert.is(recordVersion(rows, recordId, 3), undefined)
  assert.equal(await recordVersions(rows, name32(hash('none')), 10), [])
})

for (const [name, filter, expected] of [
  ['by kind', { kinds: ['dss.record', 'dss.amend'] }, [4, 3, 2]],
  ['by hospital', { hospital: beta.member }, [6, 5, 3]],
  ['by doctor', { doctor: surgeon.member }, [4, 2]],
  ['by time from', { fromMs: CREATED + 3000 }, [6, 5, 4]],
  ['by time to', { toMs: CREATED + 2000 }, [1]],
  ['by both', { fromMs: CREATED + 2000, toMs: CREATED + 3000 }, [3, 2]],
  ['by what the caller knows', { also: ({ number }) => number % 2 === 1 }, [5, 3, 1]],
  ['by several', { hospital: alpha.member, doctor: surgeon.member, kinds: ['dss.amend'] }, [4]],
  ['by what nothing is', { kinds: [] }, []]
] as readonly (readonly [string, TimelineFilter, readonly number[]])[]) {
  test(`filtered ${name}`, async () => {
    const { entries } = await timelinePage(story().alliance.rows(), alias, { ...all, filter })
    assert.equal(
      entries.map(({ number }) => number),
      expected
    )
  })
}

test('filtered by record: its versions and the looks at them', async () => {
  const { alliance, here, there } = story()
  const numbersOf = async (record: typeof here.body.recordId) =>
    (await timelinePage(alliance.rows(), alias, { ...all, filter: { record } })).entries.map(({ number }) => number)
  assert.equal(await numbersOf(here.body.recordId), [5, 4, 2])
  assert.equal(await numbersOf(there.body.recordId), [3])
})

test('pages put together are the whole, whatever their size and filter', async () => {
  const rows = story().alliance.rows()
  for (const filter of [{}, { hospital: alpha.member }] satisfies TimelineFilter[]) {
    const whole = await timelinePage(rows, alias, { ...all, filter })
    for (const limit of [1, 2, 5, 6, 7]) {
      const collected = []
      let before: number | undefined
      for (let pages = 0; ; pages++) {
        assert.ok(pages < 10, 'pages come to an end')
        const page = await timelinePage(rows, alias, { limit, filter, ...(before !== undefined && { before }) })
        assert.ok(page.entries.length <= limit)
        collected.push(...page.entries)
        if (page.next === null) break
        before = page.next
      }
      assert.equal(collected, whole.entries)
    }
  }
})

test('a patient nobody has written about has an empty timeline', async () => {
  const page = await timelinePage(story().alliance.rows(), aliasOf(patient('Nobody')), all)
  assert.equal(page, { entries: [], next: null })
})

type Step = { readonly act: number; readonly who: number; readonly of: number; readonly ref: number }
const anyStep: fc.Arbitrary<Step> = fc.record({ act: fc.nat(9), who: fc.nat(1), of: fc.nat(1), ref: fc.nat(20) })
const anyHistory = fc.array(fc.array(anyStep, { maxLength: 8 }), { minLength: 1, maxLength: 6 })
type Version = ParsedTransaction<'dss.record' | 'dss.amend'>

function transactionOf({ act, who, of, ref }: Step, versions: readonly Version[]): ParsedTransaction | undefined {
  const author = [alpha, beta][who] as typeof alpha
  const wallet = [anna, bruno][of] as typeof anna
  const old = versions[ref % Math.max(1, versions.length)]
  if (act < 2) return enrol(wallet, author)
  if (act === 2) return withdraw(wallet, author)
  if (act < 6) return publish(author, wallet)
  if (old === undefined) return undefined
  return act < 8 ? amend(author, old) : read(author, old)
}

test('rows built block by block are those built again from the blocks, and complete', async () => {
  let most = 0
  const property = fc.asyncProperty(anyHistory, async (steps) => {
    const alliance = createAlliance()
    alliance.commit(registerDoctor(alpha), registerDoctor(beta), enrol(anna))
    const versions: Version[] = []
    const expected: string[] = []
    for (const blockSteps of steps) {
      const transactions = blockSteps.flatMap((step) => {
        const tx = transactionOf(step, versions)
        if (tx?.kind === 'dss.record' || tx?.kind === 'dss.amend') versions.push(tx)
        return tx === undefined ? [] : [tx]
      })
      alliance.commit(...transactions)
    }
    for (const { transactions } of alliance.blocks) {
      for (const tx of transactions) {
        const of = 'alias' in tx.author ? tx.author.alias : 'alias' in tx.body ? tx.body.alias : undefined
        if (of === alias) expected.unshift(tx.id)
      }
    }
    const rows = alliance.rows()
    assert.equal(refold(alliance.blocks).entries(), rows.entries())
    const { entries } = await timelinePage(rows, alias, all)
    assert.equal(
      entries.map(({ id }) => id),
      expected
    )
    most = Math.max(most, entries.length)
  })
  await fc.assert(property, { numRuns: 40 })
  assert.ok(most > 5, 'the histories were all short')
})

test('a fold that misses a block is found out', () => {
  const { alliance } = story()
  const [first, , ...rest] = alliance.blocks
  assert.throws(() => refold([first as (typeof alliance.blocks)[0], ...rest]), /timeline|follows|version/)
})

test('a table without rows is empty', async () => {
  assert.equal(await timelinePage(tableOf([]), alias, all), { entries: [], next: null })
})

/** The block, counting how often somebody asks for the kind of one of its transactions. */
function counting(block: CommittedBlock) {
  let asked = 0
  const transactions = block.transactions.map(
    (tx) =>
      new Proxy(tx, {
        get(target, name) {
          if (name === 'kind') asked += 1
          return Reflect.get(target, name)
        }
      })
  )
  return { block: { ...block, transactions }, asked: () => asked }
}

test('a block is gone through a few times, however many patients it is about', () => {
  const alliance = createAlliance()
  alliance.commit(...Array.from({ length: 40 }, (_, number) => enrol(patient(`patient ${number}`))))
  const { block, asked } = counting(alliance.blocks[0] as CommittedBlock)
  assert.equal(refold([block]).entries(), alliance.rows().entries())
  assert.ok(asked() <= 8 * block.transactions.length, `${asked()} for ${block.transactions.length} transactions`)
})

test.run()
