/** What a hospital notes of consents: kept in its vault, and what it says of hand-offs by it. */
import { encodeCbor, type Hash, limits, sha256, type TransactionId, toHex } from '@wardline/codec'
import type { Vault } from '@wardline/ports'
import { createMemoryVaultDisk } from '@wardline/vault-files'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Consent, openConsents } from '../src/consents.ts'
import { atRest, base64, codeOf, type Daemon, found, keepingLog, start, startAll, stopAll } from './hospitals.ts'

const test = suite('hospital/consents')

const founded = await found(['Alpha', 'Beta'])
let alpha: Daemon
let beta: Daemon

test.before(async () => {
  ;[alpha, beta] = (await startAll(founded)) as [Daemon, Daemon]
})

test.after(async () => {
  await stopAll([alpha, beta])
  for (const { failures } of founded.places) assert.equal(failures, [])
})

const nameOf = (text: string) => toHex(sha256(new TextEncoder().encode(text))) as Hash
const log = keepingLog([])
const NOW = 1_800_000_000_000
const UNBOUNDED: Consent = { fromMs: null, untilMs: null, withdrawnMs: null, note: null, notedMs: NOW }
const [one, two, three] = ['one', 'two', 'three'].map(nameOf).sort() as [Hash, Hash, Hash]

test('the register keeps the newest word on each term, in the order of the names, over a restart', async () => {
  const disk = createMemoryVaultDisk()
  const consents = await openConsents({ vault: disk.open(), log })
  const bounded = { ...UNBOUNDED, untilMs: 5, note: 'until discharge' }
  for (const [consent, terms] of [
    [three, UNBOUNDED],
    [one, UNBOUNDED],
    [one, bounded],
    [two, { ...UNBOUNDED, fromMs: 0 }],
    [three, { ...UNBOUNDED, withdrawnMs: 7 }],
    [three, UNBOUNDED]
  ] as const) {
    assert.equal(await consents.note(consent, terms, NOW), terms)
  }
  for (const register of [consents, await openConsents({ vault: disk.open(), log })]) {
    assert.equal(register.get(one), bounded)
    assert.is(register.get(nameOf('another')), undefined)
    assert.equal(
      register.list().map(([consent]) => consent),
      [one, two, three]
    )
    assert.equal(register.bounded(), [one, two])
  }
})

test('the register is bounded, also for those who note at once, and a known consent can always be noted', async () => {
  const entry = encodeCbor({ v: 1, ...UNBOUNDED })
  const names = Array.from({ length: limits.consentsMax - 1 }, (_, i) => `consent/${nameOf(String(i))}`)
  const vault: Vault = {
    ...createMemoryVaultDisk().open(),
    get: async () => ({ kind: 'found', bytes: entry }),
    names: async () => names
  }
  const consents = await openConsents({ vault, log })
  const note = (consent: Hash) => consents.note(consent, UNBOUNDED, NOW)
  const said = await Promise.all([one, two, one].map(note))
  assert.equal(said, [UNBOUNDED, 'full', UNBOUNDED])
  assert.is(consents.list().length, limits.consentsMax)
  const both = await Promise.all([consents.remove(one), note(two), consents.remove(one)])
  assert.equal(both, ['removed', UNBOUNDED, 'absent'])
  assert.equal([consents.get(one), consents.get(two)], [undefined, UNBOUNDED])
})

test('a damaged entry keeps no other from being read, and is healed by noting it anew', async () => {
  for (const damage of ['altered', 'malformed', 'note too long']) {
    const disk = createMemoryVaultDisk()
    const vault = disk.open()
    const consents = await openConsents({ vault, log })
    for (const consent of [one, two]) await consents.note(consent, { untilMs: 5 }, NOW)
    if (damage === 'altered') disk.damage(`consent/${one}`)
    else if (damage === 'malformed') await vault.put(`consent/${one}`, Uint8Array.of(0xa0))
    else await vault.put(`consent/${one}`, encodeCbor({ v: 1, ...UNBOUNDED, note: 'x'.repeat(201) }))
    await vault.put('consent/elsewhere', Uint8Array.of(1))
    const again = await openConsents({ vault: disk.open(), log })
    assert.equal([again.get(one), again.get(two)?.untilMs], [undefined, 5], damage)
    assert.equal(again.list(), [
      [one, 'damaged'],
      [two, { ...UNBOUNDED, untilMs: 5 }]
    ])
    assert.equal(again.bounded(), [two])
    await again.note(one, UNBOUNDED, NOW)
    assert.equal((await openConsents({ vault: disk.open(), log })).get(one), UNBOUNDED)
  }
})

test('a note changes what it names, null clears it, and no period is left that ends before it begins', async () => {
  const disk = createMemoryVaultDisk()
  const consents = await openConsents({ vault: disk.open(), log })
  const noted = { ...UNBOUNDED, fromMs: 5, untilMs: 9, note: 'until discharge' }
  assert.equal(await consents.note(one, { fromMs: 5, untilMs: 9, note: 'until discharge' }, NOW), noted)
  const withdrawn = { ...noted, withdrawnMs: 7, notedMs: NOW + 1 }
  assert.equal(await consents.note(one, { withdrawnMs: 7 }, NOW + 1), withdrawn)
  for (const change of [{ fromMs: 9 }, { untilMs: 5 }]) {
    assert.is(await consents.note(one, change, NOW + 2), 'ends-before-it-begins')
  }
  assert.equal(consents.get(one), withdrawn)
  const cleared = { ...withdrawn, untilMs: null, note: null, notedMs: NOW + 3 }
  assert.equal(await consents.note(one, { untilMs: null, note: null }, NOW + 3), cleared)
  assert.equal((await openConsents({ vault: disk.open(), log })).get(one), cleared)
  assert.is(await consents.remove(one), 'removed')
  assert.equal((await openConsents({ vault: disk.open(), log })).list(), [])
})

test('an entry from before the time of a note was kept is read without one', async () => {
  const vault = createMemoryVaultDisk().open()
  const { notedMs: _, ...terms } = { ...UNBOUNDED, untilMs: 5 }
  await vault.put(`consent/${one}`, encodeCbor({ v: 1, ...terms }))
  assert.equal((await openConsents({ vault, log })).get(one), { ...terms, notedMs: null })
})

test('what the vault did not keep is not in the register', async () => {
  const disk = createMemoryVaultDisk()
  const consents = await openConsents({ vault: disk.open(), log })
  disk.fill(true)
  assert.is(await codeOf(consents.note(one, UNBOUNDED, NOW)), 'vault-failed')
  assert.equal(consents.list(), [])
})

/** A hand-off from Alpha to Beta under this consent, and its block time. */
async function send(consent?: Hash) {
  const sent = await alpha.call('record.send', { to: ['Beta'], content: base64('shared'), consent })
  const { edges } = await alpha.call('record.handoffs', { record: sent.record })
  return { id: sent.id, record: sent.record, timeMs: edges[0]?.timeMs as number }
}

async function invalid(more: { readonly limit?: number; readonly member?: string } = {}, daemon = alpha) {
  const ids: TransactionId[] = []
  let after: string | undefined
  do {
    const { edges, next } = await daemon.call('handoff.list', { invalidConsent: true, ...more, after })
    assert.ok(edges.every(({ consentStanding }) => consentStanding === 'invalid'))
    ids.push(...edges.map(({ transmission }) => transmission))
    after = next ?? undefined
  } while (after !== undefined)
  return ids
}

test('hand-offs before, within and after the period, and after a withdrawal, stand as the hospital noted it', async () => {
  const [before, first, last, after, late] = [
    await send(two),
    await send(two),
    await send(two),
    await send(two),
    await send(two)
  ]
  const other = await send(one)
  const unknown = await send(three)
  const none = await send()
  const all = [before, first, last, after, late, other, unknown, none]
  const standings = (daemon: Daemon) =>
    Promise.all(
      all.map(async ({ record }) => {
        const { edges } = await daemon.call('record.handoffs', { record })
        const traced = await daemon.call('record.trace', { record })
        assert.is(traced.edges[0]?.consentStanding, edges[0]?.consentStanding)
        return edges[0]?.consentStanding
      })
    )
  const unknowns = [...all.slice(1).map(() => 'unknown'), 'absent']
  assert.equal(await standings(alpha), unknowns)
  assert.equal(await invalid(), [])

  const period = { fromMs: first.timeMs, untilMs: after.timeMs }
  const noted = await alpha.call('consent.note', { consent: two, ...period, note: 'one stay', actor: 'clerk-3' })
  assert.equal([noted.consent, noted.fromMs, noted.withdrawnMs, noted.standing], [two, first.timeMs, null, 'invalid'])
  const [, ...rest] = unknowns
  assert.equal(await standings(alpha), ['invalid', 'valid', 'valid', 'invalid', 'invalid', ...rest.slice(4)])
  assert.equal(await invalid(), [before.id, after.id, late.id])

  await alpha.call('consent.note', { consent: two, ...period, withdrawnMs: last.timeMs })
  await alpha.call('consent.note', { consent: one, untilMs: other.timeMs })
  // Of one without bounds nothing can be invalid.
  await alpha.call('consent.note', { consent: three })
  const expected = [other.id, before.id, last.id, after.id, late.id]
  for (const more of [{}, { limit: 1 }, { limit: 2, member: 'Beta' }]) assert.equal(await invalid(more), expected)
  assert.equal((await standings(alpha)).slice(5), ['invalid', 'valid', 'absent'])
  for (const [{ record }, count] of [
    [last, 1],
    [first, 0],
    [none, 0]
  ] as const) {
    assert.is((await alpha.call('record.handoffs', { record, invalidConsent: true })).edges.length, count)
  }

  // Another hospital has noted nothing, and is told nothing.
  await atRest([alpha, beta])
  assert.equal(await invalid({}, beta), [])
  assert.equal(await standings(beta), unknowns)
  assert.equal((await beta.call('consent.list', {})).consents, [])

  const line =
    alpha.place.audit
      .text()
      .split('\n')
      .find((text) => text.includes('"consent.note"')) ?? '{}'
  const { actor, ids } = JSON.parse(line)
  assert.equal([actor, ids], ['clerk-3', { consent: two }])
  assert.not.match(alpha.place.audit.text() + alpha.place.log.join('\n'), /one stay/)
})

test('what is noted is listed page by page, outlives the daemon, and is not for the read socket', async () => {
  await alpha.stop()
  alpha = await start(founded, alpha.place)
  const first = await alpha.call('consent.list', { limit: 2 })
  assert.equal([first.consents.map(({ consent }) => consent), first.next], [[one, two], two])
  const rest = await alpha.call('consent.list', { after: two })
  const [last] = rest.consents
  assert.ok(Math.abs(Date.now() - (last?.notedMs ?? 0)) < 60_000)
  const expected = { consent: three, ...UNBOUNDED, notedMs: last?.notedMs, standing: 'valid' }
  assert.equal([rest.consents, rest.next], [[expected], null])
  assert.is(await codeOf(alpha.call('consent.list', {}, { role: 'read' })), 'not-permitted')
  assert.is(await codeOf(alpha.call('consent.note', { consent: one }, { role: 'read' })), 'not-permitted')
})

test('what is left out of a note stays, and what was noted is removed with a word in the audit log', async () => {
  const consent = nameOf('a stay')
  const note = (terms: object) => alpha.call('consent.note', { consent, ...terms })
  await note({ fromMs: 5, untilMs: 9, note: 'one stay' })
  const withdrawn = await note({ withdrawnMs: 7 })
  assert.equal([withdrawn.fromMs, withdrawn.untilMs, withdrawn.note], [5, 9, 'one stay'])
  assert.is(await codeOf(note({ fromMs: 9 })), 'invalid-params')
  const reinstated = await note({ withdrawnMs: null, untilMs: null })
  assert.equal([reinstated.fromMs, reinstated.untilMs, reinstated.standing], [5, null, 'valid'])
  const remove = () => alpha.call('consent.remove', { consent, actor: 'clerk-3' })
  assert.is(await codeOf(alpha.call('consent.remove', { consent }, { role: 'read' })), 'not-permitted')
  assert.is((await remove()).consent, consent)
  assert.is(await codeOf(remove()), 'not-found')
  const [removed] = alpha.place.audit.text().trimEnd().split('\n').slice(-2)
  const { method, actor, outcome } = JSON.parse(removed ?? '{}')
  assert.equal([method, actor, outcome], ['consent.remove', 'clerk-3', 'ok'])
  assert.not.ok((await alpha.call('consent.list', {})).consents.some((row) => row.consent === consent))
})

test('who got records under a consent is asked by its name, whatever is noted of it', async () => {
  const ask = async (more: { readonly consent: Hash; readonly limit?: number; readonly member?: string }) => {
    const ids: TransactionId[] = []
    let after: string | undefined
    do {
      const { edges, next } = await alpha.call('handoff.list', { ...more, after })
      ids.push(...edges.map(({ transmission }) => transmission))
      after = next ?? undefined
    } while (after !== undefined)
    return ids
  }
  const consent = nameOf('asked for')
  const sent = [(await send(consent)).id, (await send(consent)).id]
  await send()
  for (const more of [{}, { limit: 1 }, { member: 'Beta' }]) assert.equal(await ask({ consent, ...more }), sent)
  assert.equal(await ask({ consent: nameOf('never named') }), [])
  assert.is((await ask({ consent: two })).length, 5)
  const [cursor] = [(await alpha.call('handoff.list', { consent, limit: 1 })).next as string]
  for (const wrong of [
    { consent, state: 'sent' },
    { consent, withoutConsent: true },
    { consent, invalidConsent: true },
    { consent, after: `${cursor}/${consent}` }
  ] as const) {
    assert.is(await codeOf(alpha.call('handoff.list', wrong)), 'invalid-params')
  }
})

test('while an entry is damaged nobody is told that these are all that were invalid', async () => {
  const [entry] = (await alpha.call('consent.list', { limit: 1 })).consents
  await alpha.stop()
  alpha.place.vault.damage(`consent/${one}`)
  alpha = await start(founded, alpha.place)
  assert.is((await alpha.call('consent.list', { limit: 1 })).consents[0]?.standing, 'unknown')
  assert.is(await codeOf(invalid()), 'unavailable')
  const { edges } = await alpha.call('handoff.between', { from: 'Alpha', to: 'Beta' })
  assert.ok(edges.every(({ consent, consentStanding }) => consent !== one || consentStanding === 'unknown'))
  const [{ record }] = edges as [(typeof edges)[0]]
  assert.is(await codeOf(alpha.call('record.handoffs', { record, invalidConsent: true })), 'unavailable')
  await alpha.call('consent.note', { consent: one, untilMs: entry?.untilMs ?? 0 })
  assert.is((await invalid()).length, 5)
})

test('under a consent that is noted as not in force nothing is sent, and nothing signed', async () => {
  const to = ['Beta']
  const hour = 3_600_000
  const nowMs = Date.now()
  const first = await alpha.call('record.send', { to, content: base64('first') })
  await atRest([alpha, beta])
  const before = await alpha.call('chain.info', {})
  for (const [name, terms] of Object.entries({
    withdrawn: { withdrawnMs: nowMs - hour },
    over: { untilMs: nowMs - hour },
    'not yet': { fromMs: nowMs + hour }
  })) {
    const consent = nameOf(name)
    await alpha.call('consent.note', { consent, ...terms })
    for (const what of [{ content: base64('new') }, { record: first.record }]) {
      const refused = alpha.call('record.send', { to, consent, ...what })
      assert.is(await codeOf(refused), 'consent-invalid', name)
      await refused.catch(({ message }) => assert.match(message, /consent\.note.*another consent or none/))
    }
  }
  const line = JSON.parse(alpha.place.audit.text().trimEnd().split('\n').at(-1) ?? '')
  assert.equal([line.method, line.outcome], ['record.send', 'consent-invalid'])
  await atRest([alpha, beta])
  assert.is((await alpha.call('chain.info', {})).transactions, before.transactions)

  const content = base64('new')
  const inForce = nameOf('in force')
  await alpha.call('consent.note', { consent: inForce, fromMs: nowMs - hour, untilMs: nowMs + hour })
  for (const consent of [inForce, nameOf('nothing is noted of it')]) {
    assert.is((await alpha.call('record.send', { to, content, consent })).state, 'committed')
  }
  // What was noted of one that is damaged may have been its withdrawal.
  await alpha.stop()
  alpha.place.vault.damage(`consent/${inForce}`)
  alpha = await start(founded, alpha.place)
  assert.is(await codeOf(alpha.call('record.send', { to, content, consent: inForce })), 'unavailable')
})

test.run()
