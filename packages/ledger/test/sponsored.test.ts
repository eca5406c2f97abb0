/** What a patient writes, and the hospital that stands in for it. */
import { type CborValue, decodeCbor, encodeCbor, name32, nameBytes, type SignKey } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  buildTransaction,
  chargedTo,
  judge,
  parseTransaction,
  parseUnsponsored,
  signAliasTransaction,
  sponsorTransaction,
  type UnsponsoredTransaction,
  verifyTransaction
} from '../src/index.ts'
import { after, aliasOf, anna, bruno, chain, enrol, NOW, otherChain } from './dss/world.ts'
import { alpha, beta, CREATED, HOUR, ministry, nextNonce, type Person, secret } from './world.ts'

const test = suite('ledger/sponsored')

const draft = {
  chain,
  kind: 'dss.enrol',
  nonce: nextNonce(),
  created: CREATED,
  expires: CREATED + 24 * HOUR,
  body: { until: NOW + HOUR, basis: 'consent' }
} as const

const written = signAliasTransaction(draft, anna)

function unsponsored(bytes = written): UnsponsoredTransaction {
  const parsed = parseUnsponsored(bytes, chain)
  if (parsed.kind === 'reject') throw new Error(parsed.code)
  return parsed.transaction
}

function sponsoredBy(who: Person, signer = who.sign): Uint8Array {
  return sponsorTransaction(unsponsored(), { member: who.member, keyIndex: 0 }, signer)
}

function parsed(bytes: Uint8Array) {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(result.code)
  return result.transaction
}

function mapIn(bytes: Uint8Array): Readonly<Record<string, object>> {
  return decodeCbor(bytes) as unknown as Readonly<Record<string, object>>
}

/** The signed bytes with something else in their map. */
function edited(bytes: Uint8Array, change: (signed: Readonly<Record<string, object>>) => object): Uint8Array {
  return encodeCbor(change(mapIn(bytes)) as CborValue)
}

test('its id is what the patient wrote, whoever sponsors it, and each sponsor makes a leaf of its own', () => {
  const byAlpha = parsed(sponsoredBy(alpha))
  const byBeta = parsed(sponsoredBy(beta))
  assert.is(byAlpha.id, unsponsored().id)
  assert.is(byBeta.id, byAlpha.id)
  assert.is.not(byBeta.leaf, byAlpha.leaf)
  assert.equal(byAlpha.author, { alias: aliasOf(anna) })
  assert.is(chargedTo(byAlpha), alpha.member)
  assert.ok(verifyTransaction(byAlpha))
  assert.ok(verifyTransaction(byBeta))
  assert.is(judge(after([byAlpha]), byBeta, NOW).kind, 'refuse')
})

test('every byte of it is covered: by its form, by the patient’s signature or by the sponsor’s', () => {
  const good = sponsoredBy(alpha)
  for (let at = 0; at < good.length; at++) {
    const bad = new Uint8Array(good)
    bad[at] = (bad[at] as number) ^ 1
    const result = parseTransaction(bad, chain)
    const verdict = result.kind === 'ok' && verifyTransaction(result.transaction) ? result.transaction : undefined
    // What names another sponsor is still signed by the first one's key: that the key is not the member's, judging finds.
    if (verdict !== undefined) assert.is(judge(after([]), verdict, NOW).kind, 'refuse', `byte ${at}`)
  }
})

test('a sponsor’s signature holds for one transaction only', () => {
  const other = unsponsored(signAliasTransaction({ ...draft, nonce: nextNonce() }, anna))
  const moved = edited(sponsorTransaction(other, { member: alpha.member, keyIndex: 0 }, alpha.sign), (signed) => ({
    ...mapIn(written),
    sponsor: signed['sponsor']
  }))
  assert.not.ok(verifyTransaction(parsed(moved)))
})

test('a member cannot sponsor with a key that is not its own', () => {
  const verdict = judge(after([]), parsed(sponsoredBy(alpha, beta.sign)), NOW)
  assert.equal(verdict, { kind: 'refuse', code: 'key-mismatch', permanent: false })
})

const malformed: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['a patient’s transaction without a sponsor', written],
  [
    'a member’s transaction with a sponsor',
    edited(sponsoredBy(alpha), ({ sponsor }) => ({
      ...mapIn(
        buildTransaction(
          {
            ...draft,
            kind: 'member.revoke',
            body: { member: beta.member },
            author: { member: ministry.member, keyIndex: 0 }
          },
          ministry.sign
        )
      ),
      sponsor
    }))
  ],
  [
    'an alias that another key speaks for',
    edited(sponsoredBy(alpha), (signed) => ({
      ...signed,
      tx: { ...signed['tx'], author: { alias: nameBytes(aliasOf(bruno)) } }
    }))
  ],
  [
    'a patient’s kind written by a member',
    edited(sponsoredBy(alpha), (signed) => ({
      ...signed,
      tx: { ...signed['tx'], author: { member: nameBytes(alpha.member), keyIndex: 0 } }
    }))
  ]
]
for (const [name, bytes] of malformed) {
  test(`malformed: ${name}`, () => {
    assert.equal(parseTransaction(bytes, chain), { kind: 'reject', code: 'malformed' })
  })
}

test('a sponsor is asked to sign only what nobody has sponsored, for its own chain, by an alias that is a key', () => {
  assert.equal(parseUnsponsored(sponsoredBy(alpha), chain), { kind: 'reject', code: 'malformed' })
  assert.equal(parseUnsponsored(written, otherChain), { kind: 'reject', code: 'wrong-chain' })
  const small = name32<SignKey>(new Uint8Array(32))
  const forged = edited(written, (signed) => ({
    ...signed,
    tx: { ...signed['tx'], author: { alias: nameBytes(small) }, key: nameBytes(small) }
  }))
  assert.equal(parseUnsponsored(forged, chain), { kind: 'reject', code: 'key-not-acceptable' })
})

test('enrolled by one hospital, a patient is enrolled for all, and its sponsor may be any of them', () => {
  for (const sponsor of [alpha, beta]) assert.is(judge(after([]), enrol(anna, { sponsor }), NOW).kind, 'accept')
})

test('garbage is never a patient’s transaction', () => {
  for (let size = 0; size < 200; size += 7) {
    const bytes = new Uint8Array(size).map((_, i) => secret(`${size}`)[i % 32] as number)
    assert.is(parseUnsponsored(bytes, chain).kind, 'reject')
  }
})

test.run()
