/**
 * The bytes of every encoded type, each as the SHA-256 of one fixed example. A row that changes is a change of format: the
 * chains and files that exist could no longer be read, so it takes a new version, not a new hash here.
 */
import { concatBytes, type Digest, epoch, height, name32, sha256, toHex, view } from '@wardline/codec'
import { type Header, headerDigest, setHash, voteBytes } from '@wardline/consensus'
import { createSigner, createVoteSigner, publicSealKey } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Bodies,
  type Change,
  cardText,
  chainIdOf,
  changeApprovalText,
  changeDraftText,
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
  signRecall,
  txRoot,
  type VoteApproval,
  validatorChangeDigest,
  validatorsOf
} from '../src/index.ts'
import { changeBody } from './membership/changes.ts'
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
  parent,
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
  fixed(beta, 'stt.ack', { acks: [{ via: parse(send).id, outcome: 'opened' }] })
].map(parse)
const executed = execute(genesisState(), { height: height(1), time: CREATED + 1, parent, transactions: parsed })

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

/** @param isLater with the end of an epoch, though the block is of the first: only the bytes matter here */
function receipt(isLater = false): string {
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
  return encodeReceipt({
    chain,
    transaction: send,
    path,
    header,
    anchor: null,
    ancestor: null,
    epochs: isLater ? [{ header, certificate, change: changeBody('remove', delta) }] : [],
    certificate
  })
}

const patient = createSigner(secret('patient'))
const subjectSend = fixed(alpha, 'stt.send', sendBody({ recordId, to: receivers(beta), subject: patient.publicKey }))
const recall = fixed(alpha, 'stt.recall', { recordId, subject: null })
const patientRecall = fixed(delta, 'stt.recall', { recordId, subject: signRecall(chain, recordId, patient) })
const attestation = fixed(beta, 'stt.attest', { recordId, via: parse(subjectSend).id })
const recalling = execute(genesisState(), {
  height: height(1),
  time: CREATED + 1,
  parent,
  transactions: [subjectSend, patientRecall, attestation].map(parse)
})
const recalled = recalling.kind === 'ok' ? recalling.changes : []
const changes = executed.kind === 'ok' ? executed.changes : []
const seen = executed.kind === 'ok' ? executed.seen : []
const state = genesisChanges(genesis)
const doctor = fixed(alpha, 'member.register', doctorBody(person('Doctor'), alpha))
const revocation = fixed(ministry, 'member.revoke', { member: clinic.member })
const veto = fixed(alpha, 'member.rotate', { action: 'veto', member: alpha.member })
const proof = rotationProof(alpha.member, next, seal)
const keys = { member: alpha.member, sign: next.publicKey, seal, proof }
const announcement = fixed(alpha, 'member.rotate', { action: 'announce', ...keys })
const changed = changeBody('rotate', alpha, { key: createVoteSigner(secret('next vote')) })
const { proof: _, approvals: __, ...change } = changed
const rotation = fixed(beta, 'validator.change', changed)
const removal = fixed(beta, 'validator.change', changeBody('remove', delta))
const recovery = fixed(beta, 'member.rotate', recoverBody(alpha.member, next, [beta, gamma, delta]))

const ballot = (digit: string) => {
  const digest = name32<Digest>(digit.repeat(64))
  const signature = delta.vote.sign(voteBytes('notarize', chain, epoch(0), view(5), digest))
  return { kind: 'notarize', digest, signature } as const
}
const votes = [ballot('a'), ballot('b')] as const
const place = { epoch: epoch(0), view: view(5) }
const report = fixed(alpha, 'evidence.report', { signer: delta.member, key: delta.vote.publicKey, ...place, votes })
const reported = execute(genesisState(), {
  ...{ height: height(1), time: CREATED + 1, parent },
  transactions: [parse(report)]
})

const rows: readonly (readonly [name: string, expected: string, actual: Uint8Array])[] = [
  [
    'member.register of a hospital',
    'bf4fffed9bd506a0694d1bbe087d01827cf5e962d4684399e1d356f63a7441a7',
    (parsed[1] as (typeof parsed)[0]).bytes
  ],
  ['member.register of a doctor', '470a601bd07de496be291ff38111667a9e95718c51f4802e3f8f9c7320dd99d4', doctor],
  ['member.revoke', '5846a084fa0b17ea948f051b4a67437db7e94b50ae1ad05e9cdbdb544e822320', revocation],
  ['member.rotate announce', '352060ee104e9c5c32e80e34f754c8198b37cd1a0f253f46c711e2e1ac714096', announcement],
  ['member.rotate veto', '32663184b3297df283d25d080362488cfcb48914ba1840c193512e8263d68236', veto],
  ['validator.change rotate', '0790b6a3e461622658c4c9c25f73286698cfc5ce0d799328a10adb6372b2e69a', rotation],
  ['validator.change remove', '95e66dde394143e3bdc5a5cdb45cfa56e31d62f84651a876b32cf44983e61fc2', removal],
  [
    'a draft of a change',
    '58d2393f1e77f7b6116c470456ca5e38558f5305d36e6875b96057208ff19fcb',
    text(changeDraftText({ chain, change, proof: changed.proof }))
  ],
  [
    'an approval of a change',
    'a08d67b1a830874699b2f610bcf793d94c5d14f2d45a4581a927047371812c5f',
    text(
      changeApprovalText({
        chain,
        digest: validatorChangeDigest(chain, change),
        approval: changed.approvals[0] as VoteApproval
      })
    )
  ],
  [
    'a receipt of a later epoch',
    '9958512374ec2ff19136100591b90215bb22a3214ef4cd74d1dd964ffa5e5739',
    text(receipt(true))
  ],
  ['member.rotate recover', 'ccded58a646ef8012441eb27707661f87ea05f2810d0b1dae45993311bcafb4b', recovery],
  ['evidence.report', '96937a10e20e45cb127b1e45bd0c582d76459965c193dbb291328b25d3d91fa8', report],
  [
    'evidence/',
    '9cbf79186e0fabcf18f45bb907b553408c9f85f8354f6df2182533c9b879b45a',
    bytesOf(reported.kind === 'ok' ? reported.changes : [], 'evidence/')
  ],
  ['stt.send', '75e8a6babf7003bd50602ab4fba19ba70860956df9729fc73c74d59bcc5d5691', send],
  [
    'stt.ack',
    '3d55e137b94d826b4b081ae2c5cc9c13a6cfe6d26f59b2bdbf4d381b95338ef1',
    (parsed[2] as (typeof parsed)[0]).bytes
  ],
  ['stt.send with a recall key', '2b6848df4a74f3da17bbc6896aeb64d10b6ec3705cfdc2b8e0d7872212cab57d', subjectSend],
  ['stt.recall by the origin', '83141c4c4f3b25adb2a791df4216d729fdb6499b432b8f1481fa6b9e1025e97b', recall],
  [
    "stt.recall by the patient's key",
    '1e81c04cd9c41b9bf6bacfd3563c7bba10ef2829992328c96543db51a5bf9d84',
    patientRecall
  ],
  ['stt.attest', 'b816c18723bf9a963f9c6b84cf0bcf857bab49daa95056aa5e802c58de788f85', attestation],
  [
    'ids and leaves',
    'a5d1057760f77eac52b6a50296d76657ba81513f18f64d335ac8e68df99e4216',
    text(parsed.map(({ id, leaf }) => `${id} ${leaf}`).join())
  ],
  ['chain/', 'c2ccec7479415270fe10a0394d15d2aa9148c3e6702cf8753fbe4e60c5676033', bytesOf(state, 'chain/')],
  ['member/', '101ca983b3205d6c1e149496947179af5be096bf840013bdfbefdc2f84142178', bytesOf(changes, 'member/')],
  ['host/', 'e871a2c5d021d5f5abb278dfbc6a60980a047e5dbc6e74ec0f06b6ccf1ed2c2e', bytesOf(changes, 'host/')],
  ['stt/record/', 'a3d9488ad3bcf737387f5d654f0bb48f1b4be2477228252b271aebe8839aa48e', bytesOf(changes, 'stt/record/')],
  [
    'stt/transmission/',
    '265b2e4e50d397a03091ea1adbda5fcd5cac2571a120b0f81d156c712414cdb4',
    bytesOf(changes, 'stt/transmission/')
  ],
  ['stt/ack/', '98e6f68ab15f21b7046ad733ef6ba25f5bacd8a4d0ca5d8a9ab68dac60383316', bytesOf(changes, 'stt/ack/')],
  [
    'stt/subject/',
    '17869d59f6c647dbfa7d4e2721ee49a59df67de82b09e615ed6a618772fac423',
    bytesOf(recalled, 'stt/subject/')
  ],
  ['stt/recall/', 'f36673f68253c0e79dbca93a4beef1d89ea6cbf24632b6c8cc78cb3aa6dc8c9e', bytesOf(recalled, 'stt/recall/')],
  [
    'stt/attested/',
    '4f1d7d73160a8b4a4c7050728599f59bc8cdbc913117948929ede121719d1fc4',
    bytesOf(recalled, 'stt/attested/')
  ],
  ['seen/', '14c975ce27f15ed435d4c2118f2bf0f7cc6e91e173bb30b21d75cb72828fd021', bytesOf(seen, 'seen/')],
  [
    'the state of a genesis',
    '0f4b69bba57d4d3abcecedd139b5abb6c45f06de27f49bbac8c04a6e0a8deb83',
    text(genesisAppHash(genesis))
  ],
  ['a chain id', '280eaab2827c52bbd648284b60035360f9d7f01edd41677d2cba3918cc23bcab', text(chainIdOf(genesis))],
  ['a genesis file', 'ff48be0a8c584f49886005f961ee59d1f07bf1e7fef47639ce7532a34ba3a383', text(genesisText(genesis))],
  [
    'a genesis signature file',
    '178890dda97c765d79c387e8a999d98f3fb0658cad520a5d090541237c14a767',
    text(genesisSignatureText(chain, signGenesis(genesis, alpha.identity)))
  ],
  [
    'a card file',
    'f43beeaa59fa4cf43c729aef2a9cf32d158103bcb6ac6c2e9f143d54321ea7d5',
    text(cardText(cardOf(clinic, 'region', { chain, by: ministry.member })))
  ],
  [
    "a registrar's card file",
    '861813ef7406596d14d6ad1498765b6765e8391d415c3feb406ce944bf741f39',
    text(cardText(registrarCard(ministry)))
  ],
  ['a receipt', 'cbe168fe78c9ef56c11f0ba67de5c4c1f0723a75a673ba5ecc61cedd08076110', text(receipt())],
  [
    'a block body',
    'ee3eba7ce3e44cc05bfde37a2d4090120e788c12944275724f6ad334f3f120dc',
    encodeBlockBody(parsed.map(({ bytes }) => bytes))
  ]
]

for (const [name, expected, actual] of rows) {
  test(name, () => assert.is(toHex(sha256(actual)), expected))
}

test.run()
