/**
 * Bad input at the sockets of real daemons: every fault has its stable code, the daemon stays up and well, and what a record
 * holds is found in no log, no error and no file of a hospital that has nothing to do with it.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { type ChainId, type RecordId, toHex } from '@wardline/codec'
import { homePaths } from '@wardline/config'
import { commitContent, createSigner, encodeContent, publicSealKey, type Signer, sealEnvelope } from '@wardline/crypto'
import { buildTransaction, cardMember, type Draft, envelopeCommitment, memberIdOf, recordIdOf } from '@wardline/ledger'
import { createSystemRandom } from '@wardline/system'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { takeHome } from '../src/adversary/taken-home.ts'
import { restartSite } from '../src/local-network/network.ts'
import {
  base64,
  codeOf,
  LABEL,
  memberOf,
  type Network,
  startFour,
  until,
  untilEqualHeads,
  untilState,
  untilWell
} from './e2e-network.ts'

const test = suite('simulator/e2e-bad-input')

/** In a record, in what describes one, and in whatever else a caller may send by mistake. */
const CANARY = `canary-${randomBytes(8).toString('hex')}`
const HOUR_MS = 60 * 60 * 1000

let network: Network
let signer: Signer
test.before(async () => {
  network = await startFour()
  const [alpha] = network.sites
  // The home's own keys, to sign what its daemon never would.
  await alpha?.daemon.stop()
  const taken = await takeHome(alpha?.home as string, LABEL, createSystemRandom())
  signer = createSigner(taken.keys.sign)
  await taken.release()
  await restartSite(alpha as Network['sites'][number])
})
test.after(() => network.remove())

const site = (index: number) => network.sites[index] as Network['sites'][number]
const said: string[] = []

/** The code of an answer, whose whole text is kept to look for the canary in. */
async function refused(call: Promise<unknown>): Promise<string> {
  const code = await codeOf(
    call.catch((error: unknown) => {
      said.push(error instanceof Error ? `${error.message} ${JSON.stringify(error)}` : String(error))
      throw error
    })
  )
  return code
}

type Craft = {
  readonly chain?: ChainId
  readonly by?: Signer
  readonly created?: number
  readonly expires?: number
  readonly record?: RecordId
  readonly signWith?: Signer
}

/** A transmission from the first hospital to the second, signed with its key, wrong in whatever is given. */
async function crafted({ chain = network.chain, by = signer, created = Date.now(), expires, record, signWith }: Craft) {
  const nonce = randomBytes(16)
  const member = memberIdOf(by.publicKey)
  const recordId = record ?? recordIdOf(chain, member, nonce)
  const receiver = memberOf(site(1))
  const seal = network.genesis.founders.find((card) => cardMember(card) === receiver)?.seal
  const content = { salt: randomBytes(32), descriptor: new Uint8Array([0xa0]), bytes: Buffer.from(CANARY) }
  const receivers = [
    { member: receiver, key: seal as NonNullable<typeof seal> },
    { member, key: publicSealKey(randomBytes(32)) }
  ]
  const context = { chain, record: recordId, sender: member, receivers }
  const envelope = await sealEnvelope(context, encodeContent(content), (size) => randomBytes(size))
  const draft: Draft = {
    chain,
    kind: 'stt.send',
    author: { member, keyIndex: 0 },
    nonce,
    created,
    expires: expires ?? created + HOUR_MS,
    body: {
      recordId,
      content: commitContent(content),
      to: [{ member: receiver, sealingKey: seal as NonNullable<typeof seal> }],
      via: null,
      purpose: 'treatment',
      subject: null
    },
    payload: { commitment: envelopeCommitment(envelope), size: envelope.length }
  }
  const bytes = buildTransaction(draft, signWith ?? by)
  return { transaction: toHex(bytes), payload: Buffer.from(envelope).toString('base64') }
}

const submit = (params: object) => site(0).daemon.ehr.callAny('tx.submit', { timeoutMs: 60_000, ...params })
const stranger = createSigner(randomBytes(32))

const transactions: readonly (readonly [why: string, make: () => Promise<object>, code: string])[] = [
  ['a byte too few', async () => ({ transaction: (await crafted({})).transaction.slice(0, -2) }), 'malformed'],
  ['a byte too many', async () => ({ transaction: `${(await crafted({})).transaction}00` }), 'malformed'],
  ['random bytes', async () => ({ transaction: randomBytes(300).toString('hex') }), 'malformed'],
  ['nothing', async () => ({ transaction: '' }), 'invalid-params'],
  ['no hex', async () => ({ transaction: CANARY }), 'invalid-params'],
  ['larger than any transaction', async () => ({ transaction: 'ab'.repeat(61 * 1024) }), 'invalid-params'],
  ['a flipped signature', async () => flipped(await crafted({})), 'bad-signature'],
  ['signed by another member of nothing', () => crafted({ by: stranger }), 'unknown-author'],
  ['of another chain', () => crafted({ chain: 'ab'.repeat(32) as ChainId }), 'wrong-chain'],
  ['expired', () => crafted({ created: Date.now() - 3 * HOUR_MS, expires: Date.now() - 2 * HOUR_MS }), 'expired'],
  ['expiring before it was made', () => crafted({ expires: Date.now() - HOUR_MS }), 'bad-lifetime'],
  ['living too long', () => crafted({ expires: Date.now() + 72 * HOUR_MS }), 'too-far-expiry'],
  ['of a record id that is not its own', () => crafted({ record: 'cd'.repeat(32) as RecordId }), 'record-id-mismatch'],
  ['without its payload', async () => ({ ...(await crafted({})), payload: undefined }), 'payload-absent'],
  ['with another payload', async () => ({ ...(await crafted({})), payload: base64(CANARY) }), 'payload-mismatch'],
  ['a payload that is no base64', async () => ({ ...(await crafted({})), payload: `${CANARY}!` }), 'invalid-params']
]

function flipped<T extends { readonly transaction: string }>(sent: T): T {
  const { transaction } = sent
  const last = (Number.parseInt(transaction.slice(-2), 16) ^ 1).toString(16).padStart(2, '0')
  return { ...sent, transaction: `${transaction.slice(0, -2)}${last}` }
}

for (const [why, make, code] of transactions) {
  test(`a transaction is refused: ${why}`, async () => {
    const mempool = async () => (await site(0).daemon.admin.call('status', {})).chains[0]?.mempool.transactions
    assert.is(await refused(submit(await make())), code)
    assert.is(await mempool(), 0)
  })
}

test('a replay, to the same and to another hospital, is answered with what became of the first', async () => {
  const sent = await crafted({})
  const first = (await submit(sent)) as { id: string; state: string; height: number }
  assert.is(first.state, 'committed')
  assert.equal(await submit(sent), first)
  await untilEqualHeads(network.sites)
  const elsewhere = await site(2).daemon.ehr.callAny('tx.submit', { transaction: sent.transaction })
  assert.equal(elsewhere, first)
})

type Raw = { readonly status: number; readonly body: string }

/** Any bytes as the body of a call. */
function post(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: site(0).daemon.sockets.ehr,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers }
      },
      (incoming) => {
        const parts: Buffer[] = []
        incoming.on('data', (part: Buffer) => parts.push(part))
        incoming.on('end', () => {
          const text = Buffer.concat(parts).toString()
          said.push(text)
          resolve({ status: incoming.statusCode ?? 0, body: text })
        })
      }
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The daemon hung up on a body that it will not read.
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve({ status: 413, body: '' })
      else reject(error)
    })
    outgoing.end(body)
  })
}

const calls: readonly (readonly [why: string, body: string | Uint8Array, answer: RegExp])[] = [
  ['no JSON', CANARY, /-32700/],
  ['half a call', `{"jsonrpc":"2.0","method":"${CANARY}`, /-32700/],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), /-32700/],
  ['nothing', '', /-32700/],
  ['too deep', `${'['.repeat(100_000)}`, /-32(?:600|700)/],
  ['a key twice', `{"jsonrpc":"2.0","id":1,"method":"status","method":"${CANARY}"}`, /-32600/],
  ['a prototype', `{"jsonrpc":"2.0","id":1,"method":"status","params":{"__proto__":{"a":1}}}`, /-3260/],
  ['an unknown method', `{"jsonrpc":"2.0","id":1,"method":"${CANARY} x"}`, /-32601/],
  ['a method of Object', `{"jsonrpc":"2.0","id":1,"method":"constructor"}`, /-32601/],
  ['an unknown parameter', `{"jsonrpc":"2.0","id":1,"method":"record.send","params":{"${CANARY} y":1}}`, /-32602/],
  ['a wrong type', `{"jsonrpc":"2.0","id":1,"method":"record.send","params":{"to":"${CANARY}"}}`, /-32602/],
  ['a receiver that is no member', call('record.send', { to: [CANARY], content: '' }), /-32003.*not-found/],
  ['too many positions', `{"jsonrpc":"2.0","id":1,"method":"status","params":[1,2,3]}`, /-32602/],
  ['an empty batch', '[]', /-32600/],
  ['a batch of too many', `[${Array(101).fill(call('status', {})).join(',')}]`, /too-large/],
  [
    'a number beyond all',
    `{"jsonrpc":"2.0","id":1,"method":"chain.block","params":{"height":9007199254740993}}`,
    /-32/
  ],
  ['an administrator’s call', call('member.revoke', { member: CANARY }), /-32001.*not-permitted/]
]

function call(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
}

for (const [why, body, answer] of calls) {
  test(`a call is refused: ${why}`, async () => {
    const { body: text } = await post(body)
    assert.match(text, answer)
  })
}

test('a body over its limit is not read', async () => {
  const { status, body } = await post('x'.repeat(3 * 1024 * 1024))
  assert.is(status, 413)
  assert.not.match(body, /xxx/)
})

test('a record with its description travels; those that have nothing to do with it have no trace of it', async () => {
  const descriptor = { fileName: `${CANARY}.txt`, category: CANARY.slice(0, 60), labels: [CANARY] }
  const { daemon } = site(0)
  const sent = await daemon.ehr.call('record.send', {
    to: ['Beta'],
    content: base64(`${CANARY} body`),
    descriptor,
    actor: 'desk-1'
  })
  // Its own daemon may be a block behind the sender's.
  for (const one of [daemon, site(1).daemon]) await untilState(one, sent, memberOf(site(1)), 'opened')
  const opened = await site(1).daemon.ehr.call('record.open', { record: sent.record })
  assert.is(opened.descriptor.fileName, `${CANARY}.txt`)
  // What its receivers cannot do with it fails without saying what it is.
  assert.is(await refused(site(2).daemon.ehr.call('record.open', { record: sent.record })), 'not-found')
  assert.is(await refused(site(2).daemon.ehr.call('record.send', { to: ['Delta'], via: sent.id })), 'not-a-holder')
})

test('the daemons are up, equal and well', async () => {
  await untilEqualHeads(network.sites)
  for (const { daemon } of network.sites) assert.is(daemon.end(), null)
  await untilWell(network.sites)
})

test('a transmission whose time ended without a block leaves its envelope in no file of its author', async () => {
  const away = [site(1), site(2)]
  for (const { daemon } of away) await daemon.stop()
  const expires = Date.now() + 6_000
  const bound = await crafted({ expires })
  // Ciphertext: no other bytes of any file look like it.
  const envelope = Buffer.from(bound.payload, 'base64').subarray(-48)
  const { id } = (await site(0).daemon.ehr.callAny('tx.submit', { ...bound, wait: 'accepted' })) as { id: never }
  const isOnDisk = async () => {
    const files = await filesUnder(homePaths(site(0).home).chain(LABEL).folder)
    const found = await Promise.all(files.map(async (path) => (await readIfThere(path)).includes(envelope)))
    return found.includes(true)
  }
  assert.ok(await isOnDisk(), 'the scan finds what is there')
  await until('its time is over', () => Date.now() > expires)
  await Promise.all(away.map(restartSite))
  await until('the transmission has expired', async () => {
    await site(0).daemon.ehr.call('record.send', { to: [memberOf(site(1))], content: base64('time goes by') })
    return (await codeOf(site(0).daemon.ehr.call('tx.get', { id }))) === 'expired'
  })
  await until('no file holds the envelope', async () => !(await isOnDisk()))
  await untilEqualHeads(network.sites)
})

/** LevelDB removes files at any time. */
async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

test('the canary is in no answer that refused, in no log, and in no file of any hospital', async () => {
  await network.stop()
  const needles = [CANARY, base64(CANARY).slice(0, 24), Buffer.from(CANARY).toString('hex')]
  for (const text of said) for (const needle of needles) assert.not(text.includes(needle), text.slice(0, 200))
  let files = 0
  for (const { home } of network.sites) {
    for (const path of await filesUnder(home)) {
      // Latin-1 keeps every byte, so that text within binary files is found.
      const text = await readFile(path, 'latin1')
      for (const needle of needles) assert.not(text.includes(needle), path)
      files += 1
    }
  }
  assert.ok(files > 40)
})

test('what was refused is in the audit log of who was asked, by its code; who was asked nothing has an empty one', async () => {
  const outcomes = await Promise.all(
    network.sites.map(async ({ home }) => {
      const lines = (await readFile(homePaths(home).audit, 'utf8')).split('\n').filter((line) => line !== '')
      return [...new Set(lines.map((line) => (JSON.parse(line) as { readonly outcome: string }).outcome))].sort()
    })
  )
  // What is no call of the method has no line.
  const codes = transactions.map(([, , code]) => code).filter((code) => code !== 'invalid-params')
  assert.equal(outcomes, [
    [...new Set([...codes, 'accepted', 'committed', 'not-found', 'not-permitted'])].sort(),
    ['ok'],
    ['committed', 'not-a-holder', 'not-found'],
    []
  ])
})

test('logs and audit logs hold no name of a hospital and no key', async () => {
  const [alpha] = network.sites
  for (const { home } of network.sites) {
    const text = (await readFile(join(home, 'daemon.log'), 'utf8')) + (await readFile(homePaths(home).audit, 'utf8'))
    assert.not.match(text, /Alpha|Beta|Gamma|Delta/)
    for (const { sign, seal, vote } of network.genesis.founders) {
      for (const key of [sign, seal, vote]) if (key !== null) assert.not(text.includes(key))
    }
  }
  assert.match(await readFile(homePaths(alpha?.home as string).audit, 'utf8'), /"actor":"desk-1"/)
})

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

test.run()
