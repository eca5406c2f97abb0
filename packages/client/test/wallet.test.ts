import { randomBytes } from 'node:crypto'
import { type ChainId, type MemberId, toHex } from '@wardline/codec'
import { createSigner, verifySignature } from '@wardline/crypto'
import { memberIdOf, parseTransaction, parseUnsponsored, signatureChecks, sponsorTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  aliasCalled,
  createWallet,
  newestAlias,
  openWallet,
  recallSigner,
  type Scope,
  sealWallet,
  signAsAlias,
  WALLET_ALIASES_MAX,
  WALLET_RECALL_KEYS_MAX,
  type Wallet,
  walletSigner,
  withAlias,
  withRecallKey
} from '../src/wallet.ts'

const test = suite('client/wallet')

const random = (size: number) => new Uint8Array(randomBytes(size))
const chain = 'ab'.repeat(32) as ChainId
const other = 'cd'.repeat(32) as ChainId
const mercy = '11'.repeat(32) as MemberId
const holyoke = '22'.repeat(32) as MemberId
const alliance: Scope = { chain, mode: 'DSS', label: 'alliance', hospital: null }
const anchors: Scope = { chain: other, mode: 'SPV', label: 'anchors', hospital: mercy }
const words = new TextEncoder().encode('correct horse')

function filled(): Wallet {
  const first = withAlias(createWallet(random), alliance).wallet
  const second = withAlias(first, anchors).wallet
  return withAlias(second, { ...anchors, hospital: holyoke }).wallet
}

const enrolment = { kind: 'dss.enrol', body: { until: 2_000_000_000_000, basis: 'consent' } } as const
const nowMs = 1_800_000_000_000

function signed(wallet: Wallet): Uint8Array {
  const { alias } = withAlias(wallet, alliance)
  return signAsAlias(walletSigner(wallet, alias), chain, enrolment, { nowMs, random })
}

test('an alias is made once for a chain and hospital, and renewed when that is asked for', () => {
  const wallet = filled()
  assert.is(wallet.aliases.length, 3)
  const again = withAlias(wallet, anchors)
  assert.is(again.wallet, wallet)
  assert.is(again.alias.epoch, 0)
  const renewed = withAlias(wallet, anchors, true)
  assert.is(renewed.alias.epoch, 1)
  assert.equal(newestAlias(renewed.wallet, anchors), renewed.alias)
  assert.is(newestAlias(wallet, { chain, hospital: mercy }), undefined)
  const keys = renewed.wallet.aliases.map((alias) => walletSigner(wallet, alias).alias)
  assert.is(new Set(keys).size, 4)
  assert.is(newestAlias(withAlias(renewed.wallet, anchors, true).wallet, anchors)?.epoch, 2)
})

test('an alias is found by its name, whichever epoch it is of, on its chain', () => {
  const { wallet } = withAlias(filled(), anchors, true)
  for (const alias of wallet.aliases) {
    assert.equal(aliasCalled(wallet, alias.chain, walletSigner(wallet, alias).alias), alias)
    assert.is(aliasCalled(wallet, alias.chain === chain ? other : chain, walletSigner(wallet, alias).alias), undefined)
  }
  const stranger = createWallet(random)
  assert.is(aliasCalled(wallet, chain, walletSigner(stranger, { ...alliance, epoch: 0 }).alias), undefined)
})

test('a wallet keeps a bounded number of aliases, and its file holds them all', async () => {
  let wallet = createWallet(random)
  for (let i = 0; i < WALLET_ALIASES_MAX; i++) {
    const hospital = i.toString(16).padStart(64, '0') as MemberId
    wallet = withAlias(wallet, { ...anchors, label: 'l'.repeat(32), hospital }).wallet
  }
  assert.throws(
    () => withAlias(wallet, alliance),
    (error: Error) => error instanceof RangeError
  )
  const opened = await openWallet(await sealWallet(wallet, words, random), words)
  assert.equal(opened, { kind: 'opened', wallet })
})

test('a wallet knows the recall keys that it gave out, each once, and no other', async () => {
  const first = withRecallKey(filled(), chain)
  const second = withRecallKey(first.wallet, other)
  const { wallet } = second
  assert.is.not(first.key, second.key)
  assert.equal(await openWallet(await sealWallet(wallet, words, random), words), { kind: 'opened', wallet })
  assert.is(recallSigner(wallet, chain, first.key)?.publicKey, first.key)
  assert.is(recallSigner(wallet, other, second.key)?.publicKey, second.key)
  assert.is(recallSigner(wallet, other, first.key), undefined, 'a key is for one chain')
  assert.is(recallSigner(first.wallet, other, second.key), undefined, 'not given out yet')
  const full = { ...wallet, recallKeys: WALLET_RECALL_KEYS_MAX }
  assert.throws(
    () => withRecallKey(full, chain),
    (error: Error) => error instanceof RangeError
  )
})

test('the file opens with its passphrase alone, and says nothing without', async () => {
  const wallet = filled()
  const file = await sealWallet(wallet, words, random)
  assert.equal(await openWallet(file, words), { kind: 'opened', wallet })
  assert.is(file.split('\n').length, 2)
  assert.not(file.includes('anchors'))
  const sealed = Buffer.from(JSON.parse(file).sealed, 'base64').toString('hex')
  for (const name of [toHex(wallet.kPatient), mercy, chain]) assert.not(sealed.includes(name))
  for (const wrong of ['correct hors', 'Correct horse', 'correct horse\n']) {
    const result = await openWallet(file, new TextEncoder().encode(wrong))
    assert.equal(result, { kind: 'failed', code: 'wrong-passphrase' })
  }
  assert.equal(await openWallet(file, new Uint8Array(0)), { kind: 'failed', code: 'wrong-passphrase' })
})

test('an empty wallet is a wallet', async () => {
  const wallet = createWallet(random)
  assert.equal(await openWallet(await sealWallet(wallet, words, random), words), { kind: 'opened', wallet })
})

test('a file that was altered, cut or is none does not open', async () => {
  const file = await sealWallet(filled(), words, random)
  const { sealed } = JSON.parse(file) as { sealed: string }
  const bytes = Buffer.from(sealed, 'base64')
  const text = (content: Uint8Array) =>
    JSON.stringify({ wardlineWallet: 1, sealed: Buffer.from(content).toString('base64') })
  // In the parameters and in the encrypted part.
  for (const at of [bytes.length - 1, bytes.length - 40, Math.floor(bytes.length / 2)]) {
    const flipped = await openWallet(text(bytes.with(at, (bytes[at] as number) ^ 1)), words)
    assert.is(flipped.kind, 'failed', `byte ${at}`)
  }
  const none = { kind: 'failed', code: 'malformed' }
  const bad = [
    '',
    'hello',
    'null',
    '[]',
    '{}',
    file.slice(0, 100),
    text(bytes.subarray(0, -1)),
    JSON.stringify({ wardlineWallet: 2, sealed }),
    JSON.stringify({ wardlineWallet: 1, sealed, more: 1 }),
    JSON.stringify({ wardlineWallet: 1, sealed: `${sealed}!` }),
    'x'.repeat(1024 * 1024)
  ]
  for (const each of bad) assert.equal(await openWallet(each, words), none, each.slice(0, 30))
})

test('what it signs has good form on its chain, and every signature in it verifies', () => {
  const wallet = filled()
  const bytes = signed(wallet)
  const parsed = parseUnsponsored(bytes, chain)
  assert.is(parsed.kind, 'ok')
  if (parsed.kind !== 'ok') return
  const { transaction } = parsed
  assert.is(transaction.author.alias, walletSigner(wallet, withAlias(wallet, alliance).alias).alias)
  assert.equal(transaction.body, enrolment.body)
  assert.ok(
    signatureChecks(transaction).every(({ key, message, signature }) => verifySignature(key, message, signature))
  )
  assert.ok(transaction.expires - nowMs <= 48 * 60 * 60 * 1000)
})

test('it counts on its own chain alone, once whoever sponsors it, and not without a sponsor', () => {
  const bytes = signed(filled())
  assert.equal(parseUnsponsored(bytes, other), { kind: 'reject', code: 'wrong-chain' })
  assert.equal(parseTransaction(bytes, chain), { kind: 'reject', code: 'malformed' })
  const parsed = parseUnsponsored(bytes, chain)
  assert.is(parsed.kind, 'ok')
  if (parsed.kind !== 'ok') return
  const ids = ['one', 'two'].map(() => {
    const signer = createSigner(random(32))
    const sponsor = { member: memberIdOf(signer.publicKey), keyIndex: 0 }
    const whole = sponsorTransaction(parsed.transaction, sponsor, signer)
    assert.equal(parseUnsponsored(whole, chain), { kind: 'reject', code: 'malformed' }, 'it has a sponsor already')
    const sponsored = parseTransaction(whole, chain)
    assert.is(sponsored.kind, 'ok')
    return sponsored.kind === 'ok' ? sponsored.transaction.id : ''
  })
  assert.equal(ids, [parsed.transaction.id, parsed.transaction.id])
})

test('what was altered after signing does not verify', () => {
  const bytes = signed(filled())
  const at = bytes.length - 1
  const parsed = parseUnsponsored(bytes.with(at, (bytes[at] as number) ^ 1), chain)
  assert.is(parsed.kind, 'ok')
  if (parsed.kind !== 'ok') return
  const [own] = signatureChecks(parsed.transaction)
  assert.ok(own)
  assert.not(verifySignature(own.key, own.message, own.signature))
})

test.run()
