/** What the consent of a hand-off is worth: the rule, and the hand-offs that it makes invalid. */
import type { Hash } from '@wardline/codec'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ConsentTerms,
  consentStanding,
  edgesOfInvalidConsents,
  isBounded,
  type PageOptions
} from '../src/index.ts'
import { CREATED, createChain, type Hospital, hash } from './chain.ts'
import { CONSENTS, play, steps } from './histories.ts'

const test = suite('custody/consent')

const UNBOUNDED: ConsentTerms = { fromMs: null, untilMs: null, withdrawnMs: null }
const CONSENT = hash('consent')

const standings: readonly (readonly [terms: Partial<ConsentTerms>, timeMs: number, standing: string])[] = [
  [{}, 0, 'valid'],
  [{ fromMs: 10 }, 9, 'invalid'],
  [{ fromMs: 10 }, 10, 'valid'],
  [{ untilMs: 20 }, 19, 'valid'],
  [{ untilMs: 20 }, 20, 'invalid'],
  [{ withdrawnMs: 15 }, 14, 'valid'],
  [{ withdrawnMs: 15 }, 15, 'invalid'],
  [{ withdrawnMs: 0 }, 0, 'invalid'],
  [{ fromMs: 10, untilMs: 20 }, 9, 'invalid'],
  [{ fromMs: 10, untilMs: 20 }, 15, 'valid'],
  [{ fromMs: 10, untilMs: 20, withdrawnMs: 15 }, 14, 'valid'],
  [{ fromMs: 10, untilMs: 20, withdrawnMs: 15 }, 15, 'invalid'],
  [{ fromMs: 10, untilMs: 20, withdrawnMs: 30 }, 25, 'invalid']
]
for (const [terms, timeMs, standing] of standings) {
  test(`under ${JSON.stringify(terms)} a hand-off at ${timeMs} is ${standing}`, () => {
    const whole = { ...UNBOUNDED, ...terms }
    assert.is(
      consentStanding(CONSENT, timeMs, () => whole),
      standing
    )
    if (standing === 'invalid') assert.ok(isBounded(whole))
  })
}

test('a consent without terms is unknown, and none is absent', () => {
  assert.is(
    consentStanding(CONSENT, 5, () => undefined),
    'unknown'
  )
  assert.is(
    consentStanding(null, 5, () => UNBOUNDED),
    'absent'
  )
  assert.not(isBounded(UNBOUNDED))
})

const ENDS_MS = CREATED + 4000
const termsOf = (consent: Hash): ConsentTerms | undefined => {
  const at = CONSENTS.indexOf(consent)
  return [{ ...UNBOUNDED, untilMs: ENDS_MS }, { ...UNBOUNDED, fromMs: ENDS_MS }, UNBOUNDED][at]
}

test('whatever members did, the invalid hand-offs are found, page by page', async () => {
  let invalid = 0
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (plan, limit) => {
      const { chain, sends } = play(plan)
      const rows = chain.rows()
      const timesMs = new Map(
        chain.blocks.flatMap(({ header, transactions }) => transactions.map(({ id }) => [id, header.time] as const))
      )
      const expected = CONSENTS.slice(0, 2).flatMap((consent, index) =>
        sends.filter(({ id, body }) => {
          const isAfter = (timesMs.get(id) as number) >= ENDS_MS
          return body.consent === consent && isAfter === (index === 0)
        })
      )
      invalid += expected.length
      const ask = async (only: Pick<Hospital, 'member'> | Record<string, never>) => {
        const found: string[] = []
        let page: PageOptions = { limit }
        for (;;) {
          const { items, next } = await edgesOfInvalidConsents(rows, CONSENTS, { ...page, ...only, termsOf })
          assert.ok(new Set(items.map(({ transmission }) => transmission.id)).size <= limit)
          found.push(...items.map(({ transmission, delivery }) => `${transmission.id} ${delivery.member}`))
          if (next === null) return found
          assert.match(next, /^[0-9a-f/]{1,128}$/)
          page = { limit, after: next }
        }
      }
      const lines = expected.flatMap(({ id, author, body: { to } }) =>
        to.map(({ member }) => ({ line: `${id} ${member}`, members: [author.member, member] }))
      )
      assert.equal(
        await ask({}),
        lines.map(({ line }) => line)
      )
      for (const { member } of chain.hospitals) {
        const own = lines.filter(({ members }) => members.includes(member))
        assert.equal(
          await ask({ member }),
          own.map(({ line }) => line)
        )
      }
    }),
    { numRuns: 150 }
  )
  assert.ok(invalid > 10, `${invalid} transmissions were under a consent that did not hold`)
})

test('consents that nothing names cost of a page what they cost to look for, and any cursor leads on or to the end', async () => {
  const chain = createChain(2)
  const [a, b] = chain.hospitals as [Hospital, Hospital]
  const one = chain.firstSend(a, [b])
  const [first, last] = [CONSENTS[0], CONSENTS[2]] as [Hash, Hash]
  const named = chain.draft(a, 'stt.send', { ...one.body, consent: last })
  for (const tx of [one, named]) assert.equal(chain.add(tx), { kind: 'accept' })
  chain.commit()
  const rows = chain.rows()
  const never = { ...UNBOUNDED, untilMs: 0 }
  const ask = (after?: string) =>
    edgesOfInvalidConsents(rows, CONSENTS, { limit: 1, termsOf: () => never, ...(after !== undefined && { after }) })
  assert.equal(await ask(), { items: [], next: first })
  assert.is((await ask(CONSENTS[1])).items.length, 1)
  for (const after of ['f'.repeat(128), `${last}/${'9'.repeat(21)}`, last]) {
    assert.equal(await ask(after), { items: [], next: null })
  }
  for (const after of ['0', '/', '//', `${first}/`, `${first}//a`]) assert.is((await ask(after)).items.length, 0)
})

test.run()
