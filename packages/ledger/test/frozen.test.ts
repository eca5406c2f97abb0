/**
 * The bytes of every encoded type, each as the SHA-256 of one fixed example. A row that changes is a change of format: the
 * chains and files that exist could no longer be read, so it takes a new version, not a new hash here.
 */
import { concatBytes, epoch, height, name32, sha256, toHex, view } from '@wardline/codec'
import { type Header, headerDigest, setHash, voteBytes } from '@wardline/consensus'
import { createSigner, publicSealKey } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Bodies,
  type Change,
  cardText,
  chainIdOf,
  encodeBlockBody,
  encodeReceipt,
  execute,
  genesisAppHash,
  genesisChanges,
  genesisSignatureText,
  genesisText,
  type Kind,
  leafPath,
  parseTransaction,
  recordIdOf,
  signGenesis,
  txRoot,
  validatorsOf
} from '../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  cardOf,
  chain,
  delta,
  doctorBody,
  founders,
  gamma,
  genesis,
  genesisState,
  hash,
  ministry,
  person,
  receivers,
  recoverBody,
  registerBody,
  registrarCard,
  rotationProof,
  secret,
  sendBody,
  signed
} from './world.ts'

const test = suite('ledger/frozen')

const nonce = secret('frozen').slice(0, 16)
const next = createSigner(secret('next'))
const seal = publicSealKey(secret('next seal'))
const clinic = person('Clinic')

function fixed<K extends Kind>(author: typeof alpha, kind: K, body: Bodies[K]): Uint8Array {
  return signed(author, kind, body, { nonce })
}

const recordId = recordIdOf(chain, alpha.member, nonce)
const send = fixed(alpha, 'stt.send', sendBody({ recordId, to: receivers(beta, gamma), consent: hash('consent') }))
const parsed = [
  send,
  fixed(ministry, 'member.register', registerBody(clinic)),
  fixed(beta, 'stt.ack', { via: parse(send).id, outcome: 'opened' })
].map(parse)
const executed = execute(genesisState(), { height: height(1), time: CREATED + 1, transactions: parsed })

function parse(bytes: Uint8Array) {
  const result = parseTransaction(bytes, chain)
  if (result.kind === 'reject') throw new Error(result.code)
  return result.transaction
}

function bytesOf(changes: readonly Change[], prefix: string): Uint8Array {
  const chosen = changes.filter(({ key }) => key.startsWith(prefix))
  if (chosen.length === 0) throw new Error(`nothing under ${prefix}`)
  return concatBytes(...chosen.flatMap(({ key, value }) => [text(key), value ?? new Uint8Array(0)]))
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function receipt(): string {
  const leaves = parsed.map(({ leaf }) => leaf)
  const header: Header = {
    version: 1,
    chain,
    epoch: epoch(0),
    view: view(1),
    height: height(1),
    parent: name32(chain),
    time: CREATED + 1,
    proposer: alpha.member,
    txRoot: txRoot(leaves),
    history: hash('history'),
    appHash: hash('app'),
    nextSetHash: setHash(validatorsOf(genesis).validators)
  }
  const digest = headerDigest(header)
  const { validators } = validatorsOf(genesis)
  const message = voteBytes('finalize', chain, header.epoch, header.view, digest)
  const signatures = validators.slice(0, 3).map(({ member }) => {
    const founder = founders.find((one) => one.member === member) as typeof alpha
    return founder.vote.sign(message)
  })
  const certificate = {
    kind: 'finalize',
    epoch: header.epoch,
    view: header.view,
    digest,
    signers: [0, 1, 2],
    signatures
  } as const
  const path = leafPath(leaves, 1)
  return encodeReceipt({ chain, transaction: send, path, header, anchor: null, ancestor: null, certificate })
}

const changes = executed.kind === 'ok' ? executed.changes : []
const seen = executed.kind === 'ok' ? executed.seen : []
const state = genesisChanges(genesis)
const doctor = fixed(alpha, 'member.register', doctorBody(person('Doctor'), alpha))
const revocation = fixed(ministry, 'member.revoke', { member: clinic.member })
const veto = fixed(alpha, 'member.rotate', { action: 'veto', member: alpha.member })
const proof = rotationProof(alpha.member, next, seal)
const keys = { member: alpha.member, sign: next.publicKey, seal, proof }
const announcement = fixed(alpha, 'member.rotate', { action: 'announce', ...keys })
const recovery = fixed(beta, 'member.rotate', recoverBody(alpha.member, next, [beta, gamma, delta]))

const rows: readonly (readonly [name: string, expected: string, actual: Uint8Array])[] = [
  [
    'member.register of a hospital',
    'f9c1b1e188e0065e53216b508f197c102ac455a014778ffcb8045ff4ba3367b8',
    (parsed[1] as (typeof parsed)[0]).bytes
  ],
  ['member.register of a doctor', 'b71964c40e829c11373f4489483ffad505fc725173193a0297f2ba8d553f5f0a', doctor],
  ['member.revoke', '8fb4f05f4398d137bb628fa92e6c8e542fa9b1d9ffd6fe5f27ab35aeba573709', revocation],
  ['member.rotate announce', '966c59e4eda85160e29b52012d3a23b811311303e46e7df23cd7899f14b29656', announcement],
  ['member.rotate veto', 'e20db70027092c5441d4c358e904ca284508bde1b9983d441e4217d27071de51', veto],
  ['member.rotate recover', '0ab675f1e4a377debacbe1f5bbd80c8825b296ddd6090be1c7b022dc2aaa16f6', recovery],
  ['stt.send', 'd22db93d50c8c43332e8a68ecac9045cbc8f51d746934ebdef27f3d70191fbf1', send],
  [
    'stt.ack',
    '257c0257c943a79b7d7e3ac9e76781dd98c15249877e186c0d143ea1d9916c38',
    (parsed[2] as (typeof parsed)[0]).bytes
  ],
  [
    'ids and leaves',
    '1d8c4365454124b13d9a92090a35852f952067328a8c846e97a15c5528c2e525',
    text(parsed.map(({ id, leaf }) => `${id} ${leaf}`).join())
  ],
  ['chain/', '8002134b603246b5d0490735dc5032f8ff3ae798ee10f46e77a216db3da4dae8', bytesOf(state, 'chain/')],
  ['member/', '101ca983b3205d6c1e149496947179af5be096bf840013bdfbefdc2f84142178', bytesOf(changes, 'member/')],
  ['host/', 'e871a2c5d021d5f5abb278dfbc6a60980a047e5dbc6e74ec0f06b6ccf1ed2c2e', bytesOf(changes, 'host/')],
  ['stt/record/', '7ad9ff7306cf6f23bb9dd55222ffad26fc6fede92af29585f4b02a4c06e1c2f4', bytesOf(changes, 'stt/record/')],
  [
    'stt/transmission/',
    '81dc4264818b25d7d17196e1ea58f312a29dec4e5f4d3e895df0d6e26e037da5',
    bytesOf(changes, 'stt/transmission/')
  ],
  ['stt/ack/', 'b3f4e97fc92cc2774edae6e0a03842d3ef03ad51b5d2b54a9fc515909de6229d', bytesOf(changes, 'stt/ack/')],
  ['seen/', '0b72d8a05a831ac0186882e63d30d9c7961d720ed954f4ae75175867639e54a6', bytesOf(seen, 'seen/')],
  [
    'the state of a genesis',
    '105353d9967277488c13566124b12e49b1bd2b6e0e31a97174c3f6c20ae88266',
    text(genesisAppHash(genesis))
  ],
  ['a chain id', 'b3bc2c8c9cd51b62086f415ea1245d47684bd8871df131919393764333015a9c', text(chainIdOf(genesis))],
  ['a genesis file', '4e4400091cd9e98c1001781a480d5de5d45808ff1090e051c7b9e28469c012d3', text(genesisText(genesis))],
  [
    'a genesis signature file',
    '46c3b8a2cf6682c0bee23cbaf8507624db5632fdc9ee011285f8c9dc6fab6d70',
    text(genesisSignatureText(chain, signGenesis(genesis, alpha.identity)))
  ],
  [
    'a card file',
    'c7035ab473ae552a04012003711a0a881493453ede93a8d0266dcb0bb368bf0e',
    text(cardText(cardOf(clinic, 'region', { chain, by: ministry.member })))
  ],
  [
    "a registrar's card file",
    '861813ef7406596d14d6ad1498765b6765e8391d415c3feb406ce944bf741f39',
    text(cardText(registrarCard(ministry)))
  ],
  ['a receipt', 'ffa81c5351a62ccc535bbbd025e9650c5d05d099d0ba26f42397f8bbf90e39b4', text(receipt())],
  [
    'a block body',
    '6c6c4a5cf5602088c493e0b6af5e117485e5cbf5c7866cab51ffa11ea10b88d0',
    encodeBlockBody(parsed.map(({ bytes }) => bytes))
  ]
]

for (const [name, expected, actual] of rows) {
  test(name, () => assert.is(toHex(sha256(actual)), expected))
}

test.run()
