/** Patients of an alliance and of a permissions chain: their own wallets, and those that hospitals keep for them. */
import { randomBytes } from 'node:crypto'
import { ApiError } from '@wardline/api'
import { type ChainId, type MemberId, type TransactionId, toHex } from '@wardline/codec'
import { createAliasSigner, createSigner } from '@wardline/crypto'
import {
  type AliasDraft,
  cardText,
  makeCard,
  parseUnsponsored,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyAuditLog } from '../src/index.ts'
import {
  codeOf,
  type Daemon,
  type Founded,
  found,
  makePlace,
  type Place,
  start,
  startAll,
  stopAll,
  until
} from './hospitals.ts'

const test = suite('hospital/patients')

const fence = { purpose: 'treatment', legalBasis: 'care', retentionYears: 10, contact: 'office', excludedLabels: [] }
const alliance = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'DSS', fence })
const permissions = await found(['Alpha', 'Beta', 'Gamma', 'Delta'], { mode: 'SPV' })
let dss: [Daemon, Daemon, Daemon, Daemon]
let spv: [Daemon, Daemon, Daemon, Daemon]

test.before(async () => {
  dss = (await startAll(alliance)) as typeof dss
  spv = (await startAll(permissions)) as typeof spv
})

test.after(async () => {
  await stopAll([...dss, ...spv])
  for (const { failures } of [...alliance.places, ...permissions.places]) assert.equal(failures, [])
})

const DAY_MS = 24 * 60 * 60 * 1000
const nowhere = 'ab'.repeat(32)
const random = (size: number) => new Uint8Array(randomBytes(size))

/** A patient's own wallet, as far as these tests need it. */
function patient({ chain }: Founded, scope = 'alliance') {
  const signer = createAliasSigner(random(32), chain, scope, 0)
  const write = (statement: Pick<AliasDraft, 'kind' | 'body'>, more: { chain?: ChainId; expires?: number } = {}) => {
    const created = Date.now()
    const draft = { chain, nonce: random(16), created, expires: created + DAY_MS, ...more, ...statement }
    return signAliasTransaction(draft as AliasDraft, signer)
  }
  return { alias: signer.alias, write }
}

const enrolment = () => ({ kind: 'dss.enrol', body: { until: Date.now() + DAY_MS, basis: 'consent' } }) as const

test('what a wallet signed is sponsored, final, and said to be by the alias', async () => {
  const [alpha, beta] = dss
  const ada = patient(alliance)
  const transaction = toHex(ada.write(enrolment()))
  const answer = await alpha.call('tx.sponsor', { transaction })
  assert.equal([answer.state, answer.alias], ['committed', ada.alias])
  await until('Beta has it', async () => (await codeOf(beta.call('tx.get', { id: answer.id }))) === 'none')
  const got = await beta.call('tx.get', { id: answer.id })
  assert.equal([got.kind, got.alias, got.author?.name], ['dss.enrol', ada.alias, 'Alpha'])
})

test('the same bytes again give the same answer, here and at another hospital, also many times at once', async () => {
  const [alpha, beta, gamma] = dss
  const transaction = toHex(patient(alliance).write(enrolment()))
  const many = [alpha, alpha, alpha, beta, gamma].map((daemon) => daemon.call('tx.sponsor', { transaction }))
  const answers = await Promise.all(many)
  const [first] = answers
  assert.ok(first)
  for (const { id, state, height, alias } of answers) {
    assert.equal([id, state, height, alias], [first.id, 'committed', first.height, first.alias])
  }
  const later = await beta.call('tx.sponsor', { transaction })
  assert.equal([later.id, later.state, later.height], [first.id, 'committed', first.height])
  await until('none of them is pending', async () => {
    const [chain] = (await alpha.call('status', {})).chains
    return chain?.mempool.transactions === 0
  })
})

test('a pending transaction is not made twice', async () => {
  const [alpha] = dss
  const transaction = toHex(patient(alliance).write(enrolment()))
  const [one, two] = await Promise.all([
    alpha.call('tx.sponsor', { transaction, wait: 'accepted' }),
    alpha.call('tx.sponsor', { transaction, wait: 'accepted' })
  ])
  assert.is(one?.id, two?.id)
  const third = await alpha.call('tx.sponsor', { transaction })
  assert.equal([third.id, third.state], [one?.id, 'committed'])
})

test('what no wallet of this chain signed is refused with the code of its fault', async () => {
  const [alpha] = dss
  const ada = patient(alliance)
  const good = ada.write(enrolment())
  const last = good.length - 1
  const flipped = good.with(last, (good[last] as number) ^ 1)
  const parsed = parseUnsponsored(good, alliance.chain)
  assert.is(parsed.kind, 'ok')
  if (parsed.kind !== 'ok') return
  const stranger = createSigner(random(32))
  const sponsored = sponsorTransaction(parsed.transaction, { member: nowhere as MemberId, keyIndex: 0 }, stranger)
  const rows: readonly (readonly [why: string, bytes: Uint8Array, code: string])[] = [
    ['nothing', new Uint8Array([0]), 'malformed'],
    ['cut off', good.subarray(0, -1), 'malformed'],
    ['altered', flipped, 'bad-signature'],
    ['for another chain', ada.write(enrolment(), { chain: permissions.chain }), 'wrong-chain'],
    ['sponsored already', sponsored, 'malformed'],
    [
      'of a kind this chain does not have',
      ada.write({ kind: 'spv.revoke', body: { grant: nowhere as TransactionId } }),
      'kind-not-here'
    ],
    ['already over', ada.write({ kind: 'dss.enrol', body: { until: 1, basis: 'consent' } }), 'until-passed'],
    ['never enrolled', ada.write({ kind: 'dss.withdraw', body: {} }), 'not-enrolled'],
    ['too long-lived', ada.write(enrolment(), { expires: Date.now() + 3 * DAY_MS }), 'too-far-expiry']
  ]
  for (const [why, bytes, code] of rows) {
    assert.is(await codeOf(alpha.call('tx.sponsor', { transaction: toHex(bytes) })), code, why)
  }
  // Whoever sponsored it without being a hospital: no daemon takes it in.
  assert.is(await codeOf(alpha.call('tx.submit', { transaction: toHex(sponsored) })), 'unknown-author')
  const { transaction } = await alpha.call('tx.get', {
    id: (await alpha.call('tx.sponsor', { transaction: toHex(good) })).id
  })
  assert.is(await codeOf(alpha.call('tx.sponsor', { transaction: transaction as string })), 'malformed')
})

test('only a hospital in standing sponsors, with a signature of its own', async () => {
  // Nobody lets a hospital into an alliance yet.
  const [alpha] = spv
  const sponsoredBy = (who: Pick<Place, 'member' | 'sign'>, signer = who.sign) => {
    const opening = { kind: 'alias.open', body: { hospital: who.member, custodial: false } } as const
    const parsed = parseUnsponsored(patient(permissions, alpha.place.member).write(opening), permissions.chain)
    if (parsed.kind !== 'ok') throw new Error(parsed.code)
    return toHex(sponsorTransaction(parsed.transaction, { member: who.member, keyIndex: 0 }, signer))
  }
  const submit = (transaction: string) => codeOf(alpha.call('tx.submit', { transaction }))
  const registration = { chain: permissions.chain, by: alpha.place.member }
  const hospital = await makePlace('Epsilon', registration)
  await alpha.call('member.register', { card: cardText(hospital.card), role: 'hospital' })
  assert.is(await submit(sponsoredBy(hospital)), 'none')
  assert.is(await submit(sponsoredBy(hospital, alpha.place.sign)), 'key-mismatch')
  await alpha.call('member.revoke', { member: hospital.member })
  assert.is(await submit(sponsoredBy(hospital)), 'author-revoked')

  const sign = createSigner(random(32))
  const facts = { name: 'Payer', label: 'transfers', seal: null, addresses: [], registration }
  const card = makeCard(facts, { identity: createSigner(random(32)), sign, vote: null, host: null })
  const { member } = await alpha.call('member.register', { card: cardText(card), role: 'payer' })
  assert.is(await submit(sponsoredBy({ member, sign })), 'sponsor-not-hospital')
  const forged = { publicKey: alpha.place.sign.publicKey, sign: sign.sign }
  assert.is(await submit(sponsoredBy(alpha.place, forged)), 'bad-signature')
  assert.is(await submit(sponsoredBy(alpha.place)), 'none')
})

test('a hospital keeps one wallet for each patient, however often and however many at once it is asked for', async () => {
  const [alpha, beta] = dss
  const opened = await Promise.all(Array.from({ length: 8 }, () => alpha.call('alias.open', { patient: 'MRN 1' })))
  assert.is(new Set(opened.map(({ alias }) => alias)).size, 1)
  assert.ok(opened.every(({ opening }) => opening === null))
  const { alias } = await alpha.call('alias.find', { patient: 'MRN 1' })
  assert.is(alias, opened[0]?.alias)
  assert.is.not((await alpha.call('alias.open', { patient: 'MRN 2' })).alias, alias)
  // The same reference at another hospital is another patient, as far as anybody can tell.
  assert.is.not((await beta.call('alias.open', { patient: 'MRN 1' })).alias, alias)
  assert.is(await codeOf(alpha.call('alias.find', { patient: 'MRN 3' })), 'not-found')
  for (const bad of ['', 'x'.repeat(129), '\ud800']) {
    assert.is(await codeOf(alpha.call('alias.open', { patient: bad })), 'invalid-params')
  }
})

test('a custodial patient is enrolled, withdrawn, and enrolled again', async () => {
  const [alpha] = dss
  const early = await alpha.call('patient.enrol', { patient: 'MRN 9' }).catch((error: ApiError) => error)
  assert.instance(early, ApiError)
  if (early instanceof ApiError) assert.match(`${early.code}: ${early.message}`, /^not-found: .*wardline patient open/)
  const { alias } = await alpha.call('alias.open', { patient: 'MRN 9' })
  assert.is(await codeOf(alpha.call('patient.withdraw', { patient: 'MRN 9' })), 'not-enrolled')
  const enrolled = await alpha.call('patient.enrol', { patient: 'MRN 9', basis: 'care' })
  assert.equal([enrolled.state, enrolled.alias], ['committed', alias])
  const seen = await alpha.call('patient.timeline', { patient: 'MRN 9' })
  assert.equal([seen.alias, seen.enrolment?.basis, seen.enrolment?.status], [alias, 'care', 'enrolled'])
  assert.is((await alpha.call('patient.withdraw', { patient: 'MRN 9' })).state, 'committed')
  assert.is(await codeOf(alpha.call('patient.withdraw', { patient: 'MRN 9' })), 'enrolment-ended')
  assert.is((await alpha.call('patient.enrol', { patient: 'MRN 9' })).state, 'committed')
  assert.is(await codeOf(alpha.call('patient.enrol', { patient: 'MRN 9', untilMs: 5 })), 'until-passed')
})

test('an alias is opened on a permissions chain once, by transaction, for this hospital', async () => {
  const [alpha, beta] = spv
  const opened = await Promise.all(Array.from({ length: 5 }, () => alpha.call('alias.open', { patient: 'MRN 1' })))
  const [first] = opened
  assert.is(first?.opening?.state, 'committed')
  for (const { alias, opening } of opened) {
    assert.equal([alias, opening?.id, opening?.height], [first?.alias, first?.opening?.id, first?.opening?.height])
  }
  const again = await alpha.call('alias.open', { patient: 'MRN 1' })
  assert.equal([again.alias, again.opening?.id], [first?.alias, first?.opening?.id])
  assert.is.not((await beta.call('alias.open', { patient: 'MRN 1' })).alias, first?.alias)
})

test('a patient’s own alias is opened for the hospital it names, and no other can make it its own', async () => {
  const [alpha, beta] = spv
  const hospital = alpha.place.member
  const ada = patient(permissions, hospital)
  const opening = ada.write({ kind: 'alias.open', body: { hospital, custodial: false } })
  assert.is(await codeOf(beta.call('tx.sponsor', { transaction: toHex(opening) })), 'wrong-sponsor')
  assert.is((await alpha.call('tx.sponsor', { transaction: toHex(opening) })).state, 'committed')
  const another = ada.write({ kind: 'alias.open', body: { hospital, custodial: false } })
  assert.is(await codeOf(alpha.call('tx.sponsor', { transaction: toHex(another) })), 'alias-exists')
  // Its wallet is not here, so the hospital cannot speak for it.
  const grant = { alias: ada.alias, grantee: { member: 'Beta' }, purposes: ['treatment'] } as const
  assert.is(await codeOf(alpha.call('grant.create', grant)), 'not-found')
  assert.equal((await alpha.call('grant.list', { alias: ada.alias })).grants, [])
  const [opened] = (await alpha.call('audit.patient', { alias: ada.alias })).entries
  assert.equal([opened?.kind, opened?.custodial], ['alias.open', false])
})

test('grants are made, listed and taken back, by reference or alias', async () => {
  const [alpha, beta] = spv
  const { alias } = await alpha.call('alias.open', { patient: 'MRN 5' })
  const one = await alpha.call('grant.create', {
    patient: 'MRN 5',
    grantee: { member: 'Beta' },
    purposes: ['treatment', 'emergency', 'treatment']
  })
  assert.equal([one.state, one.alias, one.grant], ['committed', alias, one.id])
  const toMs = Date.now() + 7 * DAY_MS
  const expression = {
    and: [
      { attribute: 'cardiology', authority: 'Beta' },
      { not: { attribute: 'intern', authority: beta.place.member } }
    ]
  }
  const two = await alpha.call('grant.create', {
    alias,
    grantee: { role: 'doctor', hospital: 'Gamma' },
    scope: { kind: 'anchored', fromMs: 5, toMs: 50 },
    purposes: ['research'],
    fromMs: toMs - 1000,
    toMs
  })
  const three = await alpha.call('grant.create', { alias, grantee: { expression }, purposes: ['legal'] })
  assert.is((await alpha.call('grant.revoke', { grant: three.grant })).state, 'committed')
  const { grants, next } = await alpha.call('grant.list', { patient: 'MRN 5' })
  assert.is(next, null)
  const byId = new Map(grants.map((grant) => [grant.grant, grant]))
  assert.is(byId.size, 3)
  const { entries } = await alpha.call('audit.patient', { alias })
  assert.equal(
    entries.map(({ kind, custodial }) => [kind, custodial]),
    [['spv.revoke', null], ...Array.from({ length: 3 }, () => ['spv.grant', null]), ['alias.open', true]]
  )
  for (const { kind, grant, terms } of entries) {
    if (kind !== 'spv.grant') assert.is(terms, null, kind)
    else {
      const { grantee, members, scope, purposes, fromMs, toMs: endMs } = byId.get(grant as TransactionId) ?? {}
      assert.equal(terms, { grantee, members, scope, purposes, fromMs, toMs: endMs })
    }
  }
  const first = byId.get(one.grant)
  assert.equal(first?.grantee, { member: beta.place.member })
  assert.equal(first?.members, [{ member: beta.place.member, name: 'Beta' }])
  assert.equal([first?.scope, first?.purposes, first?.status], [{ kind: 'all' }, ['emergency', 'treatment'], 'active'])
  const second = byId.get(two.grant)
  assert.equal(second?.scope, { kind: 'anchored', fromMs: 5, toMs: 50 })
  assert.equal([second?.status, second?.toMs, second?.revoked], ['not-yet', toMs, null])
  assert.equal(
    second?.members.map(({ name }) => name),
    ['Gamma']
  )
  const third = byId.get(three.grant)
  assert.is(third?.status, 'revoked')
  assert.equal(
    third?.members.map(({ name }) => name),
    ['Beta']
  )
  const [Beta] = [beta.place.member]
  assert.equal(third?.grantee, {
    expression: {
      and: [{ attribute: 'cardiology', authority: Beta }, { not: { attribute: 'intern', authority: Beta } }]
    }
  })

  const paged: string[] = []
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof alpha.call<'grant.list'>>> = await alpha.call('grant.list', {
      alias,
      limit: 1,
      ...(after !== null && { after })
    })
    paged.push(...page.grants.map(({ grant }) => grant))
    after = page.next
  } while (after !== null)
  assert.equal(paged.sort(), [...byId.keys()].sort())
})

test('grants that cannot be meant, and those of others, are refused', async () => {
  const [alpha, beta] = spv
  const { alias } = await alpha.call('alias.open', { patient: 'MRN 6' })
  const purposes = ['treatment'] as const
  const make = (more: object) => codeOf(alpha.call('grant.create', { alias, purposes, ...more } as never))
  const grantee = { member: 'Beta' }
  assert.is(await make({ grantee: { member: 'Nobody' } }), 'not-found')
  assert.is(await make({ grantee: { member: nowhere } }), 'not-found')
  assert.is(await make({ grantee: { role: 'wizard', hospital: 'Beta' } }), 'invalid-params')
  assert.is(await make({ grantee, purposes: [] }), 'invalid-params')
  assert.is(await make({ grantee, purposes: ['curiosity'] }), 'invalid-params')
  assert.is(await make({ grantee, patient: 'MRN 6' }), 'invalid-params')
  assert.is(await make({ grantee, fromMs: 20, toMs: 10 }), 'empty-window')
  assert.is(await make({ grantee, fromMs: 10, toMs: 20 }), 'grant-over')
  assert.is(await make({ grantee, scope: { kind: 'records', records: [nowhere] } }), 'unknown-record')
  assert.is(await make({ grantee: { expression: { and: [] } } }), 'invalid-params')
  let deep: object = { attribute: 'a', authority: 'Beta' }
  for (let i = 0; i < 20; i++) deep = { not: deep }
  assert.is(await make({ grantee: { expression: deep } }), 'invalid-params')
  const many = Array.from({ length: 32 }, () => ({
    or: [
      { attribute: 'a', authority: 'Beta' },
      { attribute: 'b', authority: 'Beta' }
    ]
  }))
  assert.is(await make({ grantee: { expression: { and: many } } }), 'invalid-params')
  assert.is(await codeOf(alpha.call('grant.revoke', { grant: nowhere as TransactionId })), 'unknown-grant')
  const made = await alpha.call('grant.create', { alias, grantee, purposes })
  await until('Beta has it', async () => (await beta.call('grant.list', { alias })).grants.length === 1)
  assert.is(await codeOf(beta.call('grant.revoke', { grant: made.grant })), 'not-found')
  assert.is((await alpha.call('grant.revoke', { grant: made.grant })).state, 'committed')
  assert.is(await codeOf(alpha.call('grant.revoke', { grant: made.grant })), 'already-revoked')
})

test('methods of another mode say so, and the read socket may do none of this', async () => {
  assert.is(await codeOf(dss[0].call('grant.list', { patient: 'MRN 1' })), 'not-found')
  assert.is(await codeOf(dss[0].call('grant.list', { chain: 'transfers', patient: 'MRN 1' })), 'wrong-mode')
  assert.is(await codeOf(spv[0].call('patient.enrol', { chain: 'transfers', patient: 'MRN 1' })), 'wrong-mode')
  const read = { role: 'read' } as const
  assert.is(await codeOf(dss[0].call('alias.find', { patient: 'MRN 1' }, read)), 'not-permitted')
  assert.is(await codeOf(dss[0].call('tx.sponsor', { transaction: '00' }, read)), 'not-permitted')
  assert.is(await codeOf(dss[0].call('person.create', { name: 'X', role: 'nurse' }, { role: 'ehr' })), 'not-permitted')
})

test('a damaged wallet is not made anew', async () => {
  const [, beta] = dss
  await beta.call('alias.open', { patient: 'MRN 7' })
  const { vault } = beta.place
  const opened = vault.open()
  const [name] = (await opened.names('patients/')).slice(-1)
  assert.ok(name)
  // Other patients of Beta keep theirs; which of them this was, the name does not tell.
  vault.damage(name)
  const codes = await Promise.all(
    ['MRN 1', 'MRN 7'].map((reference) => codeOf(beta.call('alias.open', { patient: reference })))
  )
  assert.equal(codes.sort(), ['none', 'unavailable'])
})

test('what the vault cannot keep is not promised', async () => {
  const [, , gamma] = spv
  gamma.place.vault.fill(true)
  assert.is(await codeOf(gamma.call('alias.open', { patient: 'MRN 1' })), 'unavailable')
  assert.is(await codeOf(gamma.call('person.create', { name: 'Dr. Full', role: 'doctor' })), 'unavailable')
  gamma.place.vault.fill(false)
  const { members } = await gamma.call('member.list', {})
  assert.not(members.some(({ name }) => name === 'Dr. Full'))
  assert.is((await gamma.call('alias.open', { patient: 'MRN 1' })).opening?.state, 'committed')
})

test('wallets and staff outlive the daemon', async () => {
  const [alpha, beta, gamma, delta] = dss
  const before = await delta.call('alias.open', { patient: 'MRN 8' })
  const person = await delta.call('person.create', { name: 'Dr. Vey', role: 'doctor', reference: 'p-1' })
  await delta.stop()
  const again = await start(alliance, delta.place)
  dss = [alpha, beta, gamma, again]
  assert.is((await again.call('alias.find', { patient: 'MRN 8' })).alias, before.alias)
  const { members } = await again.call('member.list', {})
  assert.is(members.find(({ member }) => member === person.member)?.name, 'Dr. Vey')
  const same = await again.call('person.create', { name: 'Other', role: 'nurse', reference: 'p-1' })
  assert.equal([same.member, same.name, same.id, same.state], [person.member, 'Dr. Vey', person.id, 'committed'])
})

test('no reference, name or key is in a log, and the audit log names aliases', async () => {
  for (const { audit, log } of [...alliance.places, ...permissions.places]) {
    assert.is((await verifyAuditLog(audit.text().split('\n').slice(0, -1))).kind, 'verified')
    assert.not.match(audit.text() + log.join('\n'), /MRN|Vey/)
  }
  const { alias } = await spv[0].call('alias.open', { patient: 'MRN 1', actor: 'clerk-3' })
  const line = JSON.parse(spv[0].place.audit.text().trimEnd().split('\n').at(-1) ?? '')
  assert.equal([line.method, line.actor, line.ids.alias, line.outcome], ['alias.open', 'clerk-3', alias, 'committed'])
})

test.run()
