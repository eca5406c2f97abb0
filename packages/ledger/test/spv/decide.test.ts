/** The one evaluator of grants, and what the chain marks of an access. */
import { height, limits, type MemberId, type RecordId } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AccessQuestion,
  type Atom,
  DENIALS,
  type Denial,
  decideAccess,
  type Expression,
  execute,
  type GrantTerms,
  type Member,
  type ParsedTransaction,
  PURPOSES,
  readAnsweredRequest,
  readEntries,
  readGrant,
  readMember,
  requestIdOf,
  type StateView
} from '../../src/index.ts'
import { encodeMember } from '../../src/membership/member.ts'
import { stateKeys } from '../../src/state-keys.ts'
import {
  alpha,
  beta,
  CREATED,
  delta,
  gamma,
  HOUR,
  hash,
  ministry,
  type Person,
  person,
  registerBody,
  transaction
} from '../world.ts'
import {
  access,
  aliasOf,
  anchorRecord,
  anna,
  bruno,
  chain,
  createRegion,
  grantTo,
  MINUTE,
  nurse,
  openAlias,
  patient,
  type Region,
  requestOf,
  staff,
  surgeon,
  takeBack,
  terms
} from './world.ts'

const test = suite('ledger/spv/decide')

const first = anchorRecord(anna)
const second = anchorRecord(anna)
const foreign = anchorRecord(bruno)
const one = first.body.recordId
const two = second.body.recordId

/** Anna with two records, Bruno with one, a surgeon and a nurse at Beta: three blocks. */
function begun(): Region {
  const region = createRegion()
  region.commit([
    openAlias(anna),
    openAlias(bruno),
    staff(surgeon, beta, 'doctor', ['surgeon']),
    staff(nurse, beta, 'nurse')
  ])
  region.commit([first, foreign])
  region.commit([second])
  return region
}

function ask(who: Person, changes: Partial<AccessQuestion> = {}): AccessQuestion {
  const accessor = { member: who.member, keyIndex: 0 }
  return { alias: aliasOf(anna), records: [one], purpose: 'treatment', accessor, ...changes }
}

/** What is decided at the last block: `permit`, or the code. */
function decided(region: Region, question: AccessQuestion, at = region.block()): Denial | 'permit' {
  const decision = decideAccess(region.state, question, height(at.height), at.time)
  return decision.kind === 'permit' ? 'permit' : decision.code
}

const surgeonAt: Atom = { kind: 'attribute', attribute: 'surgeon', authority: beta.member }
const contradiction: Expression = { kind: 'and', of: [surgeonAt, { kind: 'not', of: surgeonAt }] }

type Case = {
  readonly name: string
  readonly expected: Denial | 'permit'
  readonly grants?: readonly ParsedTransaction[]
  readonly question?: AccessQuestion
  readonly next?: (region: Region) => void
}

const cases: readonly Case[] = [
  { name: 'nothing granted', expected: 'no-grant' },
  { name: 'to the surgeon', expected: 'permit', grants: [grantTo(anna, surgeon)] },
  { name: 'by another patient', expected: 'no-grant', grants: [grantTo(bruno, surgeon)] },
  { name: 'to the hospital, not its staff', expected: 'no-grant', grants: [grantTo(anna, beta)] },
  { name: 'to the hospital itself', expected: 'permit', grants: [grantTo(anna, beta)], question: ask(beta) },
  {
    name: 'to doctors at Beta',
    expected: 'permit',
    grants: [grantTo(anna, { role: 'doctor', hospital: beta.member })]
  },
  {
    name: 'to doctors at Gamma',
    expected: 'no-grant',
    grants: [grantTo(anna, { role: 'doctor', hospital: gamma.member })]
  },
  {
    name: 'to nurses at Beta',
    expected: 'no-grant',
    grants: [grantTo(anna, { role: 'nurse', hospital: beta.member })]
  },
  { name: 'to surgeons of Beta', expected: 'permit', grants: [grantTo(anna, { expression: surgeonAt })] },
  {
    name: 'to surgeons of Gamma',
    expected: 'no-grant',
    grants: [grantTo(anna, { expression: { ...surgeonAt, authority: gamma.member } })]
  },
  {
    name: 'to who is no surgeon',
    expected: 'no-grant',
    grants: [grantTo(anna, { expression: { kind: 'not', of: surgeonAt } })]
  },
  {
    name: 'to who is no surgeon, asked by the nurse',
    expected: 'permit',
    grants: [grantTo(anna, { expression: { kind: 'not', of: surgeonAt } })],
    question: ask(nurse)
  },
  {
    name: 'an expression that contradicts itself',
    expected: 'no-grant',
    grants: [grantTo(anna, { expression: contradiction })]
  },
  {
    name: 'and the one that says the opposite',
    expected: 'permit',
    grants: [grantTo(anna, { expression: { kind: 'not', of: contradiction } })]
  },
  {
    name: 'either of two attributes',
    expected: 'permit',
    grants: [grantTo(anna, { expression: { kind: 'or', of: [{ ...surgeonAt, attribute: 'oncologist' }, surgeonAt] } })]
  },
  { name: 'future', expected: 'grant-not-yet', grants: [grantTo(anna, surgeon, { from: CREATED + HOUR })] },
  {
    name: 'expired',
    expected: 'grant-expired',
    grants: [grantTo(anna, surgeon, { to: CREATED + 10 * MINUTE })],
    next: (region) => void region.commit([], CREATED + 10 * MINUTE)
  },
  {
    name: 'a millisecond before its end',
    expected: 'permit',
    grants: [grantTo(anna, surgeon, { to: CREATED + 10 * MINUTE })],
    next: (region) => void region.commit([], CREATED + 10 * MINUTE - 1)
  },
  { name: 'another purpose', expected: 'wrong-purpose', grants: [grantTo(anna, surgeon, { purposes: ['research'] })] },
  {
    name: 'this record',
    expected: 'permit',
    grants: [grantTo(anna, surgeon, { scope: { kind: 'records', records: [one] } })]
  },
  {
    name: 'another record',
    expected: 'not-in-scope',
    grants: [grantTo(anna, surgeon, { scope: { kind: 'records', records: [two] } })]
  },
  {
    name: 'one of the two that are asked for',
    expected: 'not-in-scope',
    grants: [grantTo(anna, surgeon, { scope: { kind: 'records', records: [one] } })],
    question: ask(surgeon, { records: [one, two] })
  },
  {
    name: 'each by a grant of its own: one must cover both',
    expected: 'not-in-scope',
    grants: [one, two].map((record) => grantTo(anna, surgeon, { scope: { kind: 'records', records: [record] } })),
    question: ask(surgeon, { records: [one, two] })
  },
  {
    name: 'anchored in the window',
    expected: 'permit',
    grants: [
      grantTo(anna, surgeon, { scope: { kind: 'anchored', from: CREATED + 2 * MINUTE, to: CREATED + 3 * MINUTE } })
    ]
  },
  {
    name: 'anchored at its end',
    expected: 'not-in-scope',
    grants: [grantTo(anna, surgeon, { scope: { kind: 'anchored', from: CREATED, to: CREATED + 2 * MINUTE } })]
  },
  {
    name: 'all of Anna, asked for a record of Bruno',
    expected: 'not-in-scope',
    grants: [grantTo(anna, surgeon)],
    question: ask(surgeon, { records: [foreign.body.recordId] })
  },
  {
    name: 'a record that nobody anchored',
    expected: 'not-in-scope',
    grants: [grantTo(anna, surgeon)],
    question: ask(surgeon, { records: [hash('no record') as string as RecordId] })
  },
  { name: 'asked by a stranger', expected: 'accessor-not-in-standing', question: ask(person('Stranger')) },
  {
    name: 'asked with a key that the surgeon never had',
    expected: 'accessor-not-in-standing',
    grants: [grantTo(anna, surgeon)],
    question: ask(surgeon, { accessor: { member: surgeon.member, keyIndex: 1 } })
  },
  {
    name: 'the surgeon was expelled',
    expected: 'accessor-not-in-standing',
    grants: [grantTo(anna, surgeon)],
    next: (region) => void region.commit([expel(beta, surgeon)])
  },
  {
    name: 'of two, the code of the one that comes nearest',
    expected: 'wrong-purpose',
    grants: [
      grantTo(anna, surgeon, { from: CREATED + HOUR }),
      grantTo(anna, { role: 'doctor', hospital: beta.member }, { purposes: ['research'] })
    ]
  }
]

function expel(author: Person, who: Person): ParsedTransaction {
  return transaction(author, 'member.revoke', { member: who.member }, { chain })
}

for (const { name, expected, grants = [], question = ask(surgeon), next } of cases) {
  test(`${expected}: ${name}`, () => {
    const region = begun()
    region.commit(grants)
    next?.(region)
    assert.is(decided(region, question), expected)
  })
}

test('staff of a hospital that was expelled are in standing nowhere', () => {
  const clinic = person('Clinic')
  const locum = person('Locum')
  const region = begun()
  region.commit([transaction(ministry, 'member.register', registerBody(clinic, {}, chain, ministry.member), { chain })])
  region.commit([staff(locum, clinic, 'doctor', ['surgeon'])])
  const atom: Expression = { kind: 'attribute', attribute: 'surgeon', authority: clinic.member }
  region.commit([grantTo(anna, { expression: atom })])
  assert.is(decided(region, ask(locum)), 'permit')
  const before = region.block()
  region.commit([expel(ministry, clinic)])
  assert.is(decided(region, ask(locum)), 'accessor-not-in-standing')
  assert.is(decided(region, ask(locum), before), 'permit', 'at the block before it still held')
})

test('an attribute whose authority was expelled holds for nobody, though who has it is in standing', () => {
  const clinic = person('Clinic')
  const locum = person('Locum')
  const region = begun()
  region.commit([transaction(ministry, 'member.register', registerBody(clinic, {}, chain, ministry.member), { chain })])
  region.commit([staff(locum, beta, 'doctor', ['surgeon'])])
  // No transaction makes such a row today: hospitals register their own staff alone, and fall together with it.
  const registered = readMember(region.state, locum.member) as Member
  region.state.set(stateKeys.member(locum.member), encodeMember({ ...registered, by: clinic.member }))
  const atom: Expression = { kind: 'attribute', attribute: 'surgeon', authority: clinic.member }
  region.commit([grantTo(anna, { expression: atom })])
  region.commit([grantTo(bruno, { expression: { kind: 'not', of: atom } })])
  const ofBruno = ask(locum, { alias: aliasOf(bruno), records: [foreign.body.recordId] })
  const answers = () => [decided(region, ask(locum)), decided(region, ofBruno)]
  assert.equal(answers(), ['permit', 'no-grant'])
  const before = region.block()
  region.commit([expel(ministry, clinic)])
  assert.equal(answers(), ['no-grant', 'permit'])
  assert.is(decided(region, ask(locum), before), 'permit', 'at the block before it still held')
})

test('a grant counts from its block to the block before its revocation, whenever that is asked', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  const before = region.block()
  region.commit([grant])
  const granted = region.block()
  region.commit([])
  const between = region.block()
  const end = takeBack(anna, grant.id, gamma)
  region.commit([end])
  const after = region.block()
  region.commit([])
  assert.equal(
    [before, granted, between, after, region.block()].map((at) => decided(region, ask(surgeon), at)),
    ['no-grant', 'permit', 'permit', 'grant-revoked', 'grant-revoked']
  )
  const revoked = { id: end.id, height: after.height, time: after.time }
  assert.equal(readGrant(region.state, grant.id)?.revoked, revoked)
})

test('a full bucket is made room in by what ended two days ago, and by nothing else', () => {
  const region = begun()
  const short = Array.from({ length: 8 }, () => grantTo(anna, surgeon, { to: CREATED + HOUR }))
  region.commit([...short, ...Array.from({ length: 8 }, () => grantTo(anna, surgeon, { purposes: ['research'] }))])
  assert.throws(() => region.commit([grantTo(anna, surgeon)]), /too-many-grants/)
  region.commit([grantTo(anna, nurse)])
  region.commit([], CREATED + 20 * HOUR)
  assert.throws(() => region.commit([grantTo(anna, surgeon)]), /too-many-grants/)
  const [oldest] = short
  region.commit([], CREATED + 49 * HOUR)
  // The standard lifetime of these transactions has passed by now.
  const late = byPatientAt(CREATED + 49 * HOUR, { member: surgeon.member })
  region.commit([late])
  assert.is(decided(region, ask(surgeon)), 'permit')
  assert.ok(readGrant(region.state, (oldest as ParsedTransaction).id), 'its own row stays')
})

function byPatientAt(timeMs: number, grantee: GrantTerms['grantee']): ParsedTransaction {
  return grantTo(anna, grantee, { created: timeMs })
}

type Marked = { readonly status: string; readonly code: string | null; readonly grant: string | null }

/** What is marked of an access that was decided at `at` and is in the next block, at `timeMs`. */
function marked(region: Region, tx: ParsedTransaction<'spv.access'>, timeMs?: number): Marked {
  region.commit([tx], timeMs)
  const row = readAnsweredRequest(region.state, requestIdOf(tx.body.request.request))
  if (row === undefined) throw new Error('not marked')
  assert.is(row.access, tx.id)
  const { status, code, grant } = row
  return { status, code, grant }
}

test('a release that a grant covers is marked as covered, also when the grant is revoked before it is on the chain', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  region.commit([grant])
  const at = region.block()
  const tx = access(requestOf(surgeon, anna, [one]), { decidedAt: at, basis: grant.id })
  region.commit([takeBack(anna, grant.id)])
  assert.equal(marked(region, tx), { status: 'covered', code: null, grant: grant.id })
})

test('a release that nothing covers is taken, and marked as a violation with the reason', () => {
  const region = begun()
  region.commit([grantTo(anna, surgeon, { purposes: ['research'] })])
  const tx = access(requestOf(surgeon, anna, [one]), { decidedAt: region.block() })
  assert.equal(marked(region, tx), { status: 'violation', code: 'wrong-purpose', grant: null })
})

test('a denial is marked with the owner’s reason, even where a grant would have covered it', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  region.commit([grant])
  const tx = access(requestOf(surgeon, anna, [one]), {
    decidedAt: region.block(),
    decision: 'deny',
    code: 'not-in-scope'
  })
  assert.equal(marked(region, tx), { status: 'denied', code: 'not-in-scope', grant: grant.id })
})

test('late is what came ten minutes after the first block that could have had it', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  region.commit([grant])
  const at = region.block()
  const entries = [0, 1, 2].map(() =>
    access(requestOf(surgeon, anna, [one]), { decidedAt: at })
  ) as ParsedTransaction<'spv.access'>[]
  const [idle, inTime, late] = entries as [
    ParsedTransaction<'spv.access'>,
    ParsedTransaction<'spv.access'>,
    ParsedTransaction<'spv.access'>
  ]
  // The chain slept for an hour: nobody could have been sooner.
  assert.is(marked(region, idle, at.time + HOUR).status, 'covered')
  assert.is(marked(region, inTime, at.time + HOUR + 10 * MINUTE).status, 'covered')
  assert.equal(marked(region, late, at.time + HOUR + 10 * MINUTE + 1), { status: 'late', code: null, grant: grant.id })
})

test('late is, too, what was decided after the accessor wanted it', () => {
  const region = begun()
  region.commit([grantTo(anna, surgeon)])
  const at = region.block()
  const decidedAfter = (notAfter: number) => access(requestOf(surgeon, anna, [one], { notAfter }), { decidedAt: at })
  assert.is(marked(region, decidedAfter(at.time)).status, 'late')
  assert.is(marked(region, decidedAfter(at.time + 1)).status, 'covered')
})

test('a release that nothing covers is a violation, however late it comes and whenever the accessor wanted it', () => {
  const region = begun()
  const at = region.block()
  region.commit([grantTo(anna, surgeon)])
  region.commit([])
  const decidedAfter = access(requestOf(surgeon, anna, [one], { notAfter: at.time }), { decidedAt: at })
  const late = access(requestOf(surgeon, anna, [one]), { decidedAt: at })
  const violation = { status: 'violation', code: 'no-grant', grant: null }
  assert.equal(marked(region, decidedAfter), violation)
  assert.equal(marked(region, late, region.block().time + HOUR), violation)
})

test('every kind that touches an alias is an entry of it', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  region.commit([grant])
  const tx = access(requestOf(surgeon, anna, [one]), { decidedAt: region.block() })
  region.commit([tx, takeBack(anna, grant.id)])
  assert.is(readEntries(region.state, aliasOf(anna))?.count, 1 + 2 + 1 + 1 + 1)
  assert.is(readEntries(region.state, aliasOf(bruno))?.count, 2)
})

// The evaluator against a list of everything that was accepted, under random histories.

/** Registered by the ministry, and expelled in some histories: founders vote and cannot be. */
const clinic = person('Clinic')
const people = [surgeon, nurse, beta, gamma, person('Locum'), person('Resident'), clinic]
const founders = [alpha, beta, gamma, delta]
const hospitals = [...founders, clinic]
const ATTRIBUTES = ['surgeon'] as const

type Step = { readonly act: number; readonly a: number; readonly b: number; readonly c: number; readonly d: number }
const number = fc.nat(1000)
const anyStep: fc.Arbitrary<Step> = fc.record({ act: fc.nat(19), a: number, b: number, c: number, d: number })
const anyHistory = fc.array(fc.array(anyStep, { maxLength: 5 }), { minLength: 4, maxLength: 14 })

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)]
}

function anyExpression({ a, b, c, d }: Step): Expression {
  const atom = (n: number): Expression => ({
    kind: 'attribute',
    attribute: pick(ATTRIBUTES, n) as string,
    authority: (pick(hospitals, n >> 2) as Person).member
  })
  const not = (of: Expression): Expression => ({ kind: 'not', of })
  const leaf = (n: number) => (n % 3 === 0 ? not(atom(n)) : atom(n))
  const pair = (kind: 'and' | 'or', x: number, y: number): Expression => ({ kind, of: [leaf(x), leaf(y)] })
  return { kind: d % 2 === 0 ? 'or' : 'and', of: [pair('and', a, b), pair('or', c, d), leaf(a + d)] }
}

function anyTerms(step: Step, records: readonly RecordId[], nowMs: number): GrantTerms {
  const { a, b, c, d } = step
  const who = pick(people, a) as Person
  const grantee: GrantTerms['grantee'] =
    b % 4 < 2
      ? { member: who.member }
      : b % 4 === 2
        ? { role: pick(['doctor', 'nurse'], a) as 'doctor' | 'nurse', hospital: (pick(hospitals, c) as Person).member }
        : { expression: anyExpression(step) }
  const from = nowMs + ((c % 5) - 2) * MINUTE
  const chosen = records.filter((_, i) => ((d >> i) & 1) === 1)
  const scope: GrantTerms['scope'] =
    d % 3 === 0 || chosen.length === 0
      ? { kind: 'all' }
      : d % 3 === 1
        ? { kind: 'records', records: chosen.sort() }
        : { kind: 'anchored', from: CREATED + (a % 6) * MINUTE, to: CREATED + ((a % 6) + 1 + (b % 5)) * MINUTE }
  const purposes = PURPOSES.filter((_, i) => ((a + c) >> i) % 2 === 0).sort()
  return terms(grantee, {
    from,
    to: Math.max(from + 1, nowMs + (1 + (a % 9)) * MINUTE),
    scope,
    purposes: purposes.length === 0 ? ['legal'] : purposes
  })
}

type Happened = { readonly tx: ParsedTransaction; readonly height: number; readonly time: number }

/** Decides by looking at every transaction of the chain, with none of the evaluator's rows. */
function naive(
  happened: readonly Happened[],
  question: AccessQuestion,
  at: { readonly height: number; readonly time: number }
): string {
  const past = happened.filter(({ height }) => height <= at.height)
  const registrations = past.flatMap(({ tx }) => (tx.kind === 'member.register' ? [tx] : []))
  const isOut = (id: MemberId) => past.some(({ tx }) => tx.kind === 'member.revoke' && tx.body.member === id)
  const isFounder = (id: MemberId) => founders.some(({ member }) => member === id)
  const { accessor } = question
  const registration = registrations.find(({ body }) =>
    people.some((who) => who.member === accessor.member && who.sign.publicKey === body.sign)
  )
  const inStanding =
    (registration !== undefined || isFounder(accessor.member)) &&
    !isOut(accessor.member) &&
    (registration?.body.hospital == null || !isOut(registration.body.hospital))
  if (!inStanding || accessor.keyIndex !== 0) return 'accessor-not-in-standing'
  const has = (expression: Expression): boolean => {
    if (expression.kind === 'not') return !has(expression.of)
    if (expression.kind === 'and') return !expression.of.some((part) => !has(part))
    if (expression.kind === 'or') return expression.of.filter(has).length > 0
    if (expression.kind !== 'attribute' || registration === undefined) return false
    return (
      registration.author.member === expression.authority &&
      registration.body.attributes.includes(expression.attribute) &&
      !isOut(expression.authority)
    )
  }
  let best = DENIALS.indexOf('no-grant')
  for (const { tx } of past) {
    if (tx.kind !== 'spv.grant' || tx.author.alias !== question.alias) continue
    const { grantee, scope, purposes, from, to } = tx.body
    const isMeant =
      'member' in grantee
        ? grantee.member === accessor.member
        : 'role' in grantee
          ? registration?.body.role === grantee.role && registration.body.hospital === grantee.hospital
          : has(grantee.expression)
    if (!isMeant) continue
    const inScope = question.records.every((record) => {
      const anchor = past.find((each) => each.tx.kind === 'spv.anchor' && each.tx.body.recordId === record)
      if (anchor?.tx.kind !== 'spv.anchor' || anchor.tx.body.alias !== question.alias) return false
      if (scope.kind === 'records') return scope.records.includes(record)
      return scope.kind === 'all' || (scope.from <= anchor.time && anchor.time < scope.to)
    })
    const isRevoked = past.some((each) => each.tx.kind === 'spv.revoke' && each.tx.body.grant === tx.id)
    const reason: Denial | undefined = isRevoked
      ? 'grant-revoked'
      : at.time >= to
        ? 'grant-expired'
        : at.time < from
          ? 'grant-not-yet'
          : !purposes.includes(question.purpose)
            ? 'wrong-purpose'
            : inScope
              ? undefined
              : 'not-in-scope'
    if (reason === undefined) return 'permit'
    best = Math.max(best, DENIALS.indexOf(reason))
  }
  return DENIALS[best] as string
}

test('at every height, the evaluator says what a look at all transactions says', () => {
  const seen = new Map<string, number>()
  let suspended = 0
  const property = fc.property(anyHistory, fc.array(anyStep, { minLength: 6, maxLength: 6 }), (steps, questions) => {
    const region = createRegion()
    const happened: Happened[] = []
    const records: RecordId[] = []
    const grants: ParsedTransaction<'spv.grant'>[] = []
    const add = (list: readonly ParsedTransaction[]) => {
      region.commit(list)
      const { height: at, time } = region.block()
      for (const tx of list) happened.push({ tx, height: at, time })
    }
    const registration = registerBody(clinic, {}, chain, ministry.member)
    add([openAlias(anna), openAlias(bruno, beta), transaction(ministry, 'member.register', registration, { chain })])
    for (const block of steps) {
      for (const step of block) {
        const tx = proposed(step, records, grants, region.block().time + MINUTE)
        try {
          if (tx !== undefined) add([tx])
        } catch (error) {
          // A refused one leaves the chain as it was.
          if (!(error instanceof Error) || !error.message.startsWith('transaction 0')) throw error
          continue
        }
        if (tx?.kind === 'spv.anchor' && tx.body.alias === aliasOf(anna)) records.push(tx.body.recordId)
        if (tx?.kind === 'spv.grant') grants.push(tx)
      }
      region.commit([])
    }
    for (const { act, a, b, c, d } of questions) {
      const asked = records.filter((_, i) => ((b >> i) & 1) === 1).slice(0, 3)
      const question = ask(pick(people, a) as Person, {
        records: asked.length === 0 ? records.slice(0, 1) : asked,
        purpose: pick(PURPOSES, c) as AccessQuestion['purpose']
      })
      if (question.records.length === 0) continue
      for (const at of [region.block(), region.block((act * 7 + d) % (region.block().height + 1))]) {
        const answer = decided(region, question, at)
        seen.set(answer, (seen.get(answer) ?? 0) + 1)
        assert.is(answer, naive(happened, question, at))
        if (isSuspended(region, question.accessor.member, at.height)) suspended += 1
      }
    }
  })
  fc.assert(property, { numRuns: 150 })
  for (const answer of ['permit', ...DENIALS]) assert.ok((seen.get(answer) ?? 0) > 0, `${answer}: ${seen.get(answer)}`)
  assert.ok(suspended > 0, 'staff of an expelled hospital asked')
})

/** Whether the member was staff, and not itself expelled, of a hospital that was. */
function isSuspended({ state }: Region, id: MemberId, at: number): boolean {
  const member = readMember(state, id)
  const hospital = member?.hospital && readMember(state, member.hospital)
  return member?.revoked === null && hospital?.revoked != null && hospital.revoked <= at
}

function proposed(
  step: Step,
  records: readonly RecordId[],
  grants: readonly ParsedTransaction<'spv.grant'>[],
  nowMs: number
): ParsedTransaction | undefined {
  const { act, a, b } = step
  if (act < 4) return anchorRecord(a % 5 === 0 ? bruno : anna, { owner: a % 5 === 0 ? beta : alpha })
  if (act < 12) {
    const { grantee, ...rest } = anyTerms(step, records, nowMs)
    return grantTo(a % 7 === 6 ? bruno : anna, grantee, rest)
  }
  if (act < 15) {
    const grant = pick(grants, a)
    return grant && takeBack(b % 5 === 0 ? bruno : anna, grant.id, pick(founders, b) as Person)
  }
  if (act === 19) return b % 3 === 0 ? expel(ministry, clinic) : undefined
  const hospital = pick([beta, gamma, clinic], b >> 1) as Person
  const who = pick([surgeon, nurse, people[4], people[5]], a) as Person
  if (act < 18) return staff(who, hospital, b % 2 === 0 ? 'doctor' : 'nurse', step.c % 3 === 0 ? [] : [...ATTRIBUTES])
  return act === 18 && b % 3 === 0 ? expel(hospital, who) : undefined
}

test('a release decided before a revocation that its accessor had seen is refused, not covered', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon)
  region.commit([grant])
  const before = region.block()
  region.commit([takeBack(anna, grant.id)])
  const request = requestOf(surgeon, anna, [one], { minHeight: region.block().height })
  assert.throws(() => access(request, { decidedAt: before, basis: grant.id }), /decided-too-early/)
})

test('the largest grant and the largest bucket are small enough for daemons to keep them in memory', () => {
  const region = begun()
  const atom: Atom = { kind: 'attribute', attribute: 'a'.repeat(32), authority: beta.member }
  const most = limits.grantsPerBucketMax
  let largest = 0
  // Above a few records and atoms, a bucket leaves them to the grant's own row.
  for (const [index, { count, atoms }] of [
    { count: limits.accessRecordsMax, atoms: limits.expressionAtomsMax },
    ...[1, 2, 3, 4, 5, 8, 9].flatMap((count) => [1, 2, 3, 4, 5, 8, 9].map((atoms) => ({ count, atoms })))
  ].entries()) {
    const wallet = patient(`widest-${index}`)
    const mine = Array.from({ length: count }, () => anchorRecord(wallet))
    region.commit([openAlias(wallet), ...mine])
    const scope = { kind: 'records', records: mine.map(({ body }) => body.recordId).sort() } as const
    const expression: Expression = { kind: 'or', of: Array<Atom>(atoms).fill(atom) }
    const widest = { scope, purposes: [...PURPOSES].sort() }
    region.commit(Array.from({ length: most }, () => grantTo(wallet, { expression }, widest)))
  }
  for (const { key, value } of region.state.changes()) {
    if (!key.startsWith('spv/grant')) continue
    largest = Math.max(largest, value?.length ?? 0)
    assert.ok(value !== null && value.length <= 8_192, `${key}: ${value?.length}`)
  }
  assert.ok(largest > 6_000, `${largest}`)
})

test('a grant and a bucket of one array are decoded once', () => {
  const region = begun()
  const grant = grantTo(anna, surgeon, { scope: { kind: 'records', records: [one] } })
  region.commit([grant])
  assert.is(readGrant(region.state, grant.id), readGrant(region.state, grant.id))
})

test('a block asks its base for each row once, whatever its transactions read', () => {
  const region = begun()
  const records = [one, two].sort()
  region.commit(Array.from({ length: 16 }, () => grantTo(anna, surgeon, { scope: { kind: 'records', records } })))
  const asked = new Map<string, number>()
  const base: StateView = {
    get(key) {
      asked.set(key, (asked.get(key) ?? 0) + 1)
      // As from a database: another array each time.
      return region.state.get(key)?.slice()
    }
  }
  const decidedAt = region.block()
  const transactions = [1, 2, 3].map(() => access(requestOf(surgeon, anna, [one, two]), { decidedAt }))
  const position = { height: height(decidedAt.height + 1), time: decidedAt.time + MINUTE, parent: decidedAt }
  assert.is(execute(base, { ...position, transactions }).kind, 'ok')
  assert.equal(
    [...asked].filter(([, times]) => times > 1),
    []
  )
})

test('members as they are read here are as the ledger has them', () => {
  const region = begun()
  const member = readMember(region.state, surgeon.member) as Member
  assert.is(member.by, beta.member)
  assert.equal(member.attributes, ['surgeon'])
})

test.run()
