import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  appendLeaf,
  type Digest,
  emptyFrontier,
  epoch,
  frontierRoot,
  type Hash,
  height,
  name32,
  nameBytes,
  view,
  WardlineError
} from '@wardline/codec'
import { type Header, headerDigest, setHash, voteBytes } from '@wardline/consensus'
import { createSigner, createVoteSigner, publicSealKey } from '@wardline/crypto'
import {
  buildTransaction,
  cardMember,
  chainIdOf,
  draftGenesis,
  encodeReceipt,
  genesisText,
  leafPath,
  makeCard,
  parseTransaction,
  RECEIPT_TEXT_MAX,
  signGenesis,
  txRoot,
  validatorsOf,
  withSignatures
} from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePin, verifyReceiptFile } from '../src/index.ts'

const test = suite('client/verify-receipt')

const folder = mkdtempSync(join(tmpdir(), 'wardline-receipt-'))
test.after(() => rmSync(folder, { recursive: true }))

const secret = (of: number) => new Uint8Array(32).fill(of)
const identity = createSigner(secret(1))
const sign = createSigner(secret(2))
const vote = createVoteSigner(secret(3))
const card = makeCard(
  { name: 'Mercy', label: 'solo', seal: publicSealKey(secret(5)), addresses: ['/ip4/127.0.0.1/tcp/20001'] },
  { identity, sign, vote, host: createSigner(secret(4)) }
)
const member = cardMember(card)
const drafted = draftGenesis({
  mode: 'STT',
  label: 'solo',
  created: 1_000,
  random: secret(9),
  founders: [card],
  registrar: { kind: 'founder', member }
})
const genesis = withSignatures(drafted, [signGenesis(drafted, identity)])
const chain = chainIdOf(genesis)

const bytes = buildTransaction(
  {
    chain,
    kind: 'member.revoke',
    author: { member, keyIndex: 0 },
    nonce: new Uint8Array(16),
    created: 1_000,
    expires: 60_000,
    body: { member }
  },
  sign
)
const parsed = parseTransaction(bytes, chain)
if (parsed.kind !== 'ok') throw new Error(parsed.code)
const { leaf, id } = parsed.transaction
const header: Header = {
  version: 1,
  chain,
  epoch: epoch(0),
  view: view(1),
  height: height(1),
  parent: chain as string as Digest,
  time: 2_000,
  proposer: member,
  txRoot: txRoot([leaf]),
  history: name32<Hash>(frontierRoot(appendLeaf(emptyFrontier, nameBytes(chain)))),
  appHash: '00'.repeat(32) as Hash,
  nextSetHash: setHash(validatorsOf(genesis).validators)
}
const digest = headerDigest(header)
const signature = vote.sign(voteBytes('finalize', chain, header.epoch, header.view, digest))
const certificate = {
  kind: 'finalize',
  epoch: header.epoch,
  view: header.view,
  digest,
  signers: [0],
  signatures: [signature]
} as const
const receipt = encodeReceipt({
  chain,
  transaction: bytes,
  path: leafPath([leaf], 0),
  header,
  anchor: null,
  ancestor: null,
  epochs: [],
  certificate
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const receiptFile = file('receipt.json', `${receipt}\n`)
const genesisFile = file('genesis.json', genesisText(genesis))

test('a receipt verifies from its file and the genesis file alone', async () => {
  const verdict = await verifyReceiptFile(receiptFile, genesisFile)
  assert.is(verdict.kind, 'verified')
  assert.ok(verdict.kind === 'verified' && verdict.id === id && verdict.digest === digest && !verdict.pinned)
})

test('a pin is held against it', async () => {
  const right = parsePin(`1:${digest}`)
  assert.ok(right !== undefined)
  const verdict = await verifyReceiptFile(receiptFile, genesisFile, right)
  assert.ok(verdict.kind === 'verified' && verdict.pinned)
  const wrong = parsePin(`1:${'ab'.repeat(32)}`)
  const refused = await verifyReceiptFile(receiptFile, genesisFile, wrong)
  assert.ok(refused.kind === 'failed' && refused.code === 'pin-mismatch')
})

test('what is altered is refused', async () => {
  const altered = file('altered.json', receipt.replace(/"view":1/, '"view":2'))
  assert.is((await verifyReceiptFile(altered, genesisFile)).kind, 'failed')
  const long = await verifyReceiptFile(file('long.json', ' '.repeat(RECEIPT_TEXT_MAX + 1)), genesisFile)
  assert.ok(long.kind === 'failed' && long.code === 'too-large')
})

test('a genesis that its founders did not all sign proves nothing', async () => {
  for (const text of [genesisText(drafted), '{}', '']) {
    const verdict = await verifyReceiptFile(receiptFile, file('bad.json', text))
    assert.ok(verdict.kind === 'failed' && verdict.code === 'genesis', text.slice(0, 20))
  }
})

test('a file that is not there is a failing world', async () => {
  try {
    await verifyReceiptFile(join(folder, 'none'), genesisFile)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, WardlineError)
    assert.is((error as WardlineError).code, 'file-unreadable')
  }
})

test('pins', () => {
  for (const text of [
    '',
    '1',
    '1:',
    `:${digest}`,
    `-1:${digest}`,
    `01:${digest}`,
    `1:${digest.toUpperCase()}`,
    `1:${digest}0`
  ]) {
    assert.is(parsePin(text), undefined, text)
  }
  assert.equal(parsePin(`0:${digest}`), { height: 0, digest })
})

test.run()
