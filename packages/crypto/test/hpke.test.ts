import { hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { fromHex, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { createSuite, DirectHkdfSha256, openingSuite, SeededX25519 } from '../src/hpke.ts'
import { random } from './random.ts'

const test = suite('crypto/hpke')

type Encryption = { aad: string; pt: string; ct: string }
type Setup = {
  aead: number
  info: string
  ikmE: string
  skRm: string
  pkRm: string
  enc: string
  encryptions: readonly Encryption[]
}

const AES_128_GCM = 1
const AES_256_GCM = 2

/** Seals and opens a setup's messages in order; both directions must give the listed bytes. */
async function check(setup: Setup): Promise<void> {
  const kem = new SeededX25519((size) => {
    assert.is(size, 32)
    return fromHex(setup.ikmE)
  })
  const ours = setup.aead === AES_256_GCM
  const sealing = ours ? createSuite(kem) : new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes128Gcm() })
  const info = fromHex(setup.info)
  const recipientPublicKey = await kem.deserializePublicKey(fromHex(setup.pkRm))
  const sender = await sealing.createSenderContext({ recipientPublicKey, info })
  assert.is(toHex(new Uint8Array(sender.enc)), setup.enc)
  const recipientKey = {
    privateKey: await kem.deserializePrivateKey(fromHex(setup.skRm)),
    publicKey: recipientPublicKey
  }
  const opening = ours ? openingSuite : sealing
  const recipient = await opening.createRecipientContext({ recipientKey, enc: fromHex(setup.enc), info })
  for (const { aad, pt, ct } of setup.encryptions) {
    assert.is(toHex(new Uint8Array(await sender.seal(fromHex(pt), fromHex(aad)))), ct)
    assert.is(toHex(new Uint8Array(await recipient.open(fromHex(ct), fromHex(aad)))), pt)
  }
}

test('RFC 9180: ephemeral keys from randomness, encapsulation and messages', async () => {
  const { cases }: { cases: Setup[] } = JSON.parse(
    readFileSync(new URL('../../../test/vectors/rfc9180.json', import.meta.url), 'utf8')
  )
  assert.equal(
    cases.map(({ aead }) => aead),
    [AES_128_GCM, AES_256_GCM]
  )
  for (const setup of cases) await check(setup)
})

type SharedSetup = Omit<Setup, 'aead' | 'encryptions'> & {
  mode: number
  aead_id: number
  encryptions: (Encryption & { seq: number })[]
}

test('RFC 9180, from the shared vectors', async () => {
  const setups: SharedSetup[] | undefined = sharedFile('vectors/hpke/rfc9180-x25519-sha256.json')
  if (setups === undefined) return console.log('skipped: no ../shared')
  const base = setups.filter(({ mode, aead_id }) => mode === 0 && (aead_id === AES_128_GCM || aead_id === AES_256_GCM))
  assert.is(base.length, 2)
  for (const setup of base) {
    // The list skips numbers after 2; what lies between cannot be sealed without its text.
    await check({ ...setup, aead: setup.aead_id, encryptions: setup.encryptions.filter(({ seq }) => seq <= 2) })
  }
})

type HkdfTest = { tcId: number; ikm: string; salt: string; info: string; size: number; okm: string; result: string }

test('Wycheproof: HKDF-SHA256 against the vectors, by its parts and whole; the library’s own at its output size', async () => {
  const file: { testGroups: { tests: HkdfTest[] }[] } | undefined = sharedFile('vectors/wycheproof/hkdf-sha256.json.gz')
  if (file === undefined) return console.log('skipped: no ../shared')
  const ours = new DirectHkdfSha256()
  const library = new HkdfSha256()
  library.init(new Uint8Array(0))
  let compared = 0
  for (const { tcId, ikm, salt, info, size, okm, result } of file.testGroups.flatMap(({ tests }) => tests)) {
    const parts = [fromHex(salt), fromHex(ikm), fromHex(info), size] as const
    if (result !== 'valid') {
      assert.is(await ours.extractAndExpand(...parts).catch((error: Error) => error.name), 'RangeError', String(tcId))
      continue
    }
    assert.is(toHex(new Uint8Array(hkdfSync('sha256', parts[1], parts[0], parts[2], size))), okm, String(tcId))
    assert.is(toHex(new Uint8Array(await ours.extractAndExpand(...parts))), okm, String(tcId))
    if (size > library.hashSize || ikm === '') continue
    assert.is(toHex(new Uint8Array(await library.extractAndExpand(...parts))), okm, String(tcId))
    compared += 1
  }
  assert.ok(compared > 5, `${compared} rows compared`)
})

test('what we seal the unchanged library opens, and the other way round', async () => {
  const library = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm()
  })
  const ours = createSuite(new SeededX25519(random))
  const theirs = await library.kem.generateKeyPair()
  const publicBytes = await library.kem.serializePublicKey(theirs.publicKey)
  const secret = await library.kem.serializePrivateKey(theirs.privateKey)
  const keysOf = async ({ kem }: CipherSuite) => ({
    privateKey: await kem.deserializePrivateKey(secret),
    publicKey: await kem.deserializePublicKey(publicBytes)
  })
  for (const size of [0, 1, 32, 1024]) {
    const plain = random(size)
    const info = random(size % 100)
    for (const [sealing, opening] of [
      [ours, library],
      [library, ours],
      [library, openingSuite]
    ] as const) {
      const recipientPublicKey = (await keysOf(sealing)).publicKey
      const recipientKey = await keysOf(opening)
      const { enc, ct } = await sealing.seal({ recipientPublicKey, info }, plain)
      assert.equal(new Uint8Array(await opening.open({ recipientKey, enc, info }, ct)), plain)
      const failure = await opening.open({ recipientKey, enc, info: random(7) }, ct).catch((error: Error) => error.name)
      assert.is(failure, 'OpenError')
    }
  }
})

test.run()
