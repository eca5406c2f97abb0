import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { fromHex, name32, type SignKey, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import {
  createVerifier,
  isAcceptableSignKey,
  isUsableSignKey,
  publicSignKey,
  syncVerifier,
  verifySignature
} from '../src/index.ts'
import { random } from './random.ts'

const test = suite('crypto/signature')

type Row = { key: string; message: Uint8Array; signature: string; valid: boolean; name: string }

/** All three ways to verify must give the row's answer. */
async function check(rows: readonly Row[]): Promise<void> {
  const verifier = createVerifier()
  await Promise.all(
    rows.map(async ({ key, message, signature, valid, name }) => {
      const args = [name32<SignKey>(key), message, fromHex(signature)] as const
      assert.is(verifySignature(...args), valid, name)
      assert.is(await verifier.verify(...args), valid, name)
      assert.is(await syncVerifier.verify(...args), valid, name)
    })
  )
}

type Rfc8032 = { name: string; seed: string; publicKey: string; message: string; signature: string }
const rfc8032: { cases: Rfc8032[] } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/rfc8032.json', import.meta.url), 'utf8')
)

test('RFC 8032: keys and signatures', async () => {
  assert.is(rfc8032.cases.length, 5)
  for (const { seed, publicKey } of rfc8032.cases) assert.is(publicSignKey(fromHex(seed)), publicKey)
  await check(rfc8032.cases.map((row) => ({ ...row, key: row.publicKey, message: fromHex(row.message), valid: true })))
})

test('RFC 8032: nothing verifies once anything is changed', async () => {
  await check(
    rfc8032.cases.flatMap(({ name, publicKey, message, signature }, i) => {
      const other = rfc8032.cases[(i + 1) % rfc8032.cases.length] as Rfc8032
      const row = { key: publicKey, message: fromHex(message), signature, valid: false, name }
      const flipped = fromHex(signature)
      flipped[40] = (flipped[40] as number) ^ 1
      return [
        { ...row, key: other.publicKey },
        { ...row, message: Uint8Array.of(...row.message, 0) },
        { ...row, signature: other.signature },
        { ...row, signature: toHex(flipped) }
      ]
    })
  )
})

test('a signature that is not 64 bytes is false, not an error', async () => {
  const { publicKey, message, signature } = rfc8032.cases[1] as Rfc8032
  const row = { key: publicKey, message: fromHex(message), valid: false, name: 'length' }
  await check(['', '00', signature.slice(2), `${signature}00`].map((wrong) => ({ ...row, signature: wrong })))
})

test('a key that is no point on the curve verifies nothing', async () => {
  const { message, signature } = rfc8032.cases[1] as Rfc8032
  const key = `02${'00'.repeat(31)}`
  await check([{ key, message: fromHex(message), signature, valid: false, name: 'no point' }])
})

test('more verifications than run at once, of more keys than are kept, all answer rightly', async () => {
  const { publicKey, message, signature } = rfc8032.cases[2] as Rfc8032
  const verifier = createVerifier({ concurrencyMax: 2, keysMax: 1 })
  const keys = [publicKey, (rfc8032.cases[0] as Rfc8032).publicKey].map((key) => name32<SignKey>(key))
  const answers = await Promise.all(
    Array.from({ length: 1500 }, (_, i) =>
      verifier.verify(keys[i % 2] as SignKey, fromHex(message), fromHex(signature))
    )
  )
  assert.equal(
    answers,
    Array.from({ length: 1500 }, (_, i) => i % 2 === 0)
  )
})

test('what is urgent overtakes everything that waits', async () => {
  const secret = random(32)
  const key = publicSignKey(secret)
  const message = random(40)
  const signature = ed25519.sign(message, secret)
  const verifier = createVerifier({ concurrencyMax: 1 })
  const order: string[] = []
  const asked = Array.from({ length: 50 }, async () => {
    await verifier.verify(key, message, signature)
    order.push('normal')
  })
  asked.push(verifier.verify(key, message, signature, 'urgent').then(() => void order.push('urgent')))
  await Promise.all(asked)
  assert.is(order.length, 51)
  // The one under way when it was asked may still end before it.
  assert.ok(order.indexOf('urgent') <= 1, String(order.indexOf('urgent')))
})

test('keys of small or mixed order, or not canonical, may not be registered', () => {
  for (const { publicKey } of rfc8032.cases) assert.ok(isAcceptableSignKey(name32(publicKey)))
  for (const key of [
    // The points of order 1, 2, 4, 4, 8 and 8.
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '00'.repeat(32),
    `${'00'.repeat(31)}80`,
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    // Not canonical: p + 1, -0 (x = 0 with the sign bit set), 2^255 - 1; and no point at all.
    `ee${'ff'.repeat(30)}7f`,
    `01${'00'.repeat(30)}80`,
    'ff'.repeat(32),
    `02${'00'.repeat(31)}`
  ]) {
    assert.not(isAcceptableSignKey(name32(key)), key)
  }
})

/** The eight points whose order divides the cofactor. */
function torsionPoints() {
  const generator = ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
  return Array.from({ length: 8 }, (_, times) => generator.multiplyUnsafe(BigInt(times)))
}

const FIELD_PRIME = 2n ** 255n - 19n

function withSign(y: bigint, sign: 0n | 1n): SignKey {
  const hex = (y + (sign << 255n)).toString(16).padStart(64, '0')
  return name32<SignKey>(Uint8Array.from(Buffer.from(hex, 'hex').reverse()))
}

test('a chain takes no key of small order, by whatever encoding', () => {
  const points = torsionPoints()
  assert.is(new Set(points.map((point) => point.toHex())).size, 8)
  for (const point of points) {
    assert.ok(point.isSmallOrder())
    assert.not(isUsableSignKey(name32(point.toHex())), point.toHex())
    // With the other sign bit: the inverse point, or for x = 0 an encoding that is not canonical.
    const { y } = point.toAffine()
    for (const sign of [0n, 1n] as const) assert.not(isUsableSignKey(withSign(y, sign)), String(y))
  }
})

test('a chain takes no key with a coordinate from the prime upwards, and those just below it', () => {
  for (let y = FIELD_PRIME; y < 2n ** 255n; y++) {
    for (const sign of [0n, 1n] as const) assert.not(isUsableSignKey(withSign(y, sign)), String(y - FIELD_PRIME))
  }
  // p - 1 is of order 2, see above.
  for (const below of [2n, 3n, 4n, 300n]) {
    for (const sign of [0n, 1n] as const) assert.ok(isUsableSignKey(withSign(FIELD_PRIME - below, sign)), String(below))
  }
})

test('a chain takes a random encoding of a point exactly when noble finds it canonical and not of small order', () => {
  let points = 0
  for (let i = 0; i < 200; i++) {
    const bytes = random(32)
    const key = name32<SignKey>(bytes)
    let expected: boolean
    try {
      expected = !ed25519.Point.fromBytes(bytes, false).isSmallOrder()
    } catch {
      // No point: the chain leaves it to the proof of possession, which cannot verify.
      assert.not(verifySignature(key, new Uint8Array(1), random(64)))
      continue
    }
    points += 1
    assert.is(isUsableSignKey(key), expected, key)
  }
  assert.ok(points > 20)
})

test('a key with a component of small order is usable, not acceptable, and its signatures verify like those of the key without', () => {
  const secret = random(32)
  const { scalar } = ed25519.utils.getExtendedPublicKey(secret)
  const [, torsion] = torsionPoints()
  const mixed = ed25519.Point.BASE.multiply(scalar).add(torsion as ReturnType<typeof torsionPoints>[number])
  const key = name32<SignKey>(mixed.toHex())
  assert.ok(isUsableSignKey(key))
  assert.not(isAcceptableSignKey(key))
  const message = new TextEncoder().encode('hand-off')
  // A Schnorr signature by the known scalar for the mixed key, as its owner would make it.
  const nonce = 12345n
  const commitment = ed25519.Point.BASE.multiply(nonce).toBytes()
  const digest = createHash('sha512').update(commitment).update(mixed.toBytes()).update(message).digest()
  const order = ed25519.Point.Fn.ORDER
  const challenge = BigInt(`0x${digest.reverse().toString('hex')}`) % order
  const response = (nonce + challenge * scalar) % order
  const signature = new Uint8Array(64)
  signature.set(commitment)
  signature.set(Buffer.from(response.toString(16).padStart(64, '0'), 'hex').reverse(), 32)
  assert.ok(verifySignature(key, message, signature))
  assert.not(verifySignature(key, new Uint8Array(1), signature))
})

type SpeccheckCase = {
  index: number
  condition: string
  message: string
  pub_key: string
  signature: string
  expect: { zip215: boolean }
}

test('speccheck, by the ZIP-215 column', async () => {
  const file: { cases: SpeccheckCase[] } | undefined = sharedFile('vectors/ed25519/speccheck.json')
  if (file === undefined) return console.log('skipped: no ../shared')
  await check(
    file.cases.map(({ index, condition, message, pub_key, signature, expect }) => ({
      key: pub_key,
      message: fromHex(message),
      signature,
      valid: expect.zip215,
      name: `${index}: ${condition}`
    }))
  )
  // Cases 0 to 2, 10 and 11 have keys of small order, 3 to 5 of mixed order, and 8 (a good key) tests the size of S.
  for (const index of [0, 1, 3, 4, 5, 10, 11]) {
    assert.not(isAcceptableSignKey(name32((file.cases[index] as SpeccheckCase).pub_key)), String(index))
  }
})

type CctvCase = {
  number: number
  key: string
  sig: string
  msg: string
  flags: string[] | null
  expect_zip215: boolean
}

test('CCTV, by the ZIP-215 column', async () => {
  const cases: CctvCase[] | undefined = sharedFile('vectors/ed25519/cctv-ed25519-part.json.gz')
  if (cases === undefined) return console.log('skipped: no ../shared')
  await check(
    cases.map(({ number, key, sig, msg, expect_zip215 }) => ({
      key,
      message: new TextEncoder().encode(msg),
      signature: sig,
      valid: expect_zip215,
      name: String(number)
    }))
  )
  for (const { key, flags } of cases) {
    const crooked = flags?.some((flag) => flag === 'low_order_A' || flag === 'non_canonical_A') ?? false
    if (crooked) assert.not(isAcceptableSignKey(name32(key)), key)
  }
})

type WycheproofGroup = {
  publicKey: { pk: string }
  tests: { tcId: number; msg: string; sig: string; result: string; comment: string }[]
}

test('Wycheproof; ZIP-215 alone accepts its row 151', async () => {
  const file: { testGroups: WycheproofGroup[] } | undefined = sharedFile('vectors/ed25519/wycheproof-ed25519.json.gz')
  if (file === undefined) return console.log('skipped: no ../shared')
  await check(
    file.testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(({ tcId, msg, sig, result, comment }) => ({
        key: publicKey.pk,
        message: fromHex(msg),
        signature: sig,
        valid: result === 'valid' || tcId === 151,
        name: `${tcId}: ${comment}`
      }))
    )
  )
})

test.run()
