import { randomBytes } from 'node:crypto'
import { pureJsCrypto } from '@chainsafe/libp2p-noise'
import { Uint8ArrayList } from 'uint8arraylist'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Ciphers, withKeptKeys } from '../src/lean-noise.ts'
import { pause, startHost, until } from './hosts.ts'
import { startRawPeer } from './raw-peer.ts'

const test = suite('network-libp2p/lean-noise')

// Its lists of bytes are those of another version of their package, which differ in type alone.
const library = {
  encrypt: pureJsCrypto.chaCha20Poly1305Encrypt,
  decrypt: pureJsCrypto.chaCha20Poly1305Decrypt
} as object as Ciphers
const lean = withKeptKeys(library)
/** On both sides of where Node's cipher takes over, and the largest message of Noise. */
const SIZES = [0, 1, 983, 984, 999, 1000, 1001, 1016, 1017, 65_519]
const bytes = (size: number) => new Uint8Array(randomBytes(size))
const parts = (whole: Uint8Array) =>
  new Uint8ArrayList(whole.subarray(0, whole.length >> 1), whole.subarray(whole.length >> 1))

test('it says what the library says, in one piece or in parts', () => {
  const key = bytes(32)
  for (const size of SIZES) {
    const [plain, nonce, associated] = [bytes(size), bytes(12), bytes(size % 40)]
    const expected = library.encrypt(plain, nonce, associated, key).subarray()
    assert.equal(new Uint8Array(lean.encrypt(plain, nonce, associated, key).subarray()), new Uint8Array(expected))
    assert.equal(
      new Uint8Array(lean.encrypt(parts(plain), nonce, associated, key).subarray()),
      new Uint8Array(expected)
    )
    for (const sealed of [new Uint8Array(expected), parts(new Uint8Array(expected))]) {
      assert.equal(new Uint8Array(lean.decrypt(sealed, nonce, associated, key).subarray()), plain)
    }
  }
})

test('it opens nothing that was altered, and nothing with another key', () => {
  const [key, nonce, associated] = [bytes(32), bytes(12), new Uint8Array(0)]
  for (const size of [100, 2_000]) {
    const sealed = new Uint8Array(lean.encrypt(bytes(size), nonce, associated, key).subarray())
    for (const at of [0, size >> 1, size - 1, size, sealed.length - 1]) {
      const altered = new Uint8Array(sealed)
      altered[at] = (altered[at] as number) ^ 1
      assert.throws(() => lean.decrypt(altered, nonce, associated, key), undefined, `${size} ${at}`)
    }
    assert.throws(() => lean.decrypt(new Uint8Array(sealed), nonce, associated, bytes(32)))
    assert.throws(() => lean.decrypt(new Uint8Array(sealed), nonce, bytes(1), key))
  }
})

test('a host speaks with one that runs the library as it is', async () => {
  const host = await startHost()
  const raw = await startRawPeer(randomBytes(32))
  try {
    await host.network.setPeers([{ name: raw.name, addresses: [] }])
    host.network.serve(
      '/wardline/echo/1',
      async function* (request) {
        yield request
      },
      { requestBytesMax: 100_000 }
    )
    for (const size of [1, 970, 1_000, 1_040, 70_000]) {
      const stream = await raw.open(host, '/wardline/echo/1')
      const frame = new Uint8Array(4 + size)
      new DataView(frame.buffer).setUint32(0, size)
      frame.set(bytes(size), 4)
      const received = new Uint8ArrayList()
      stream.addEventListener('message', ({ data }) => received.append(data))
      stream.send(frame)
      await until('the echo', () => received.byteLength >= frame.length)
      assert.equal(new Uint8Array(received.subarray()), frame)
      await stream.close()
    }
    await pause(10)
  } finally {
    await raw.close()
    await host.network.close()
  }
})

test.run()
