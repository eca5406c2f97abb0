import { fromHex, toHex } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { AES_TAG_BYTES, decryptAes, encryptAes } from '../src/aes-gcm.ts'
import { random } from './random.ts'

const test = suite('crypto/aes-gcm')

const parameters = () => ({ key: random(32), nonce: random(12), associatedData: random(20) })

test('what is encrypted comes back, from nothing to a mebibyte', () => {
  for (const size of [0, 1, 15, 16, 17, 1024 * 1024]) {
    const with_ = parameters()
    const plain = random(size)
    const sealed = encryptAes(with_, plain)
    assert.is(sealed.length, size + AES_TAG_BYTES)
    assert.equal(decryptAes(with_, sealed), plain)
  }
})

test('anything changed, cut or added is undefined', () => {
  const with_ = parameters()
  const sealed = encryptAes(with_, random(20))
  for (let i = 0; i < sealed.length; i++) {
    assert.is(decryptAes(with_, sealed.with(i, (sealed[i] as number) ^ 1)), undefined)
    assert.is(decryptAes(with_, sealed.slice(0, i)), undefined)
  }
  assert.is(decryptAes(with_, Uint8Array.of(...sealed, 0)), undefined)
  assert.is(decryptAes({ ...with_, key: random(32) }, sealed), undefined)
  assert.is(decryptAes({ ...with_, nonce: random(12) }, sealed), undefined)
  assert.is(decryptAes({ ...with_, associatedData: random(20) }, sealed), undefined)
})

type Group = {
  ivSize: number
  keySize: number
  tests: { tcId: number; key: string; iv: string; aad: string; msg: string; ct: string; tag: string; result: string }[]
}

test('Wycheproof, of the key and nonce sizes in use', () => {
  const file: { testGroups: Group[] } | undefined = sharedFile('vectors/wycheproof/aes-gcm.json.gz')
  if (file === undefined) return console.log('skipped: no ../shared')
  const rows = file.testGroups
    .filter(({ ivSize, keySize }) => ivSize === 96 && keySize === 256)
    .flatMap(({ tests }) => tests)
  assert.ok(rows.length > 20)
  for (const { tcId, key, iv, aad, msg, ct, tag, result } of rows) {
    const with_ = { key: fromHex(key), nonce: fromHex(iv), associatedData: fromHex(aad) }
    const opened = decryptAes(with_, fromHex(ct + tag))
    assert.is(opened === undefined ? 'invalid' : 'valid', result, String(tcId))
    if (opened === undefined) continue
    assert.is(toHex(opened), msg)
    assert.is(toHex(encryptAes(with_, fromHex(msg))), ct + tag)
  }
})

test.run()
