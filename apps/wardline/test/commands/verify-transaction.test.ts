/** `wardline verify` with the receipt of one transaction, of every kind: who, which and why, without a daemon. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Alias,
  type ContentKey,
  type Digest,
  epoch,
  type Hash,
  type MemberId,
  type RecordId,
  type SealKey,
  type TransactionId,
  toHex,
  view
} from '@wardline/codec'
import { approvalBytes, NO_DIGEST, voteBytes } from '@wardline/consensus'
import { commitContent, createSigner } from '@wardline/crypto'
import {
  type AliasKind,
  type Bodies,
  buildTransaction,
  chainIdOf,
  doctorStatement,
  genesisText,
  type Kind,
  memberIdOf,
  NO_EXPIRY,
  parseTransaction,
  parseUnsponsored,
  registrationStatement,
  requestIdOf,
  signAliasTransaction,
  signRecall,
  signRequest,
  sponsorTransaction,
  validatorChangeDigest
} from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../fixture.ts'
import { alder, birch, CREATED, cedar, genesisOf, receiptOf, secret } from '../receipts.ts'

const test = suite('wardline/commands/verify-transaction')

const { folder, run, remove } = createRunner()
test.after(remove)
const at = (name: string) => join(folder, name)

const MODES = ['DSS', 'STT', 'SPV'] as const
type Mode = (typeof MODES)[number]

const fence = {
  ...{ purpose: 'Care of shared patients', legalBasis: 'consent', retentionYears: 10, contact: 'care@region.example' },
  excludedLabels: []
}
const genesis = {
  DSS: genesisOf({ mode: 'DSS', fence }),
  STT: genesisOf({ mode: 'STT' }),
  SPV: genesisOf({ mode: 'SPV' })
}
const chain = { DSS: chainIdOf(genesis.DSS), STT: chainIdOf(genesis.STT), SPV: chainIdOf(genesis.SPV) }
for (const mode of MODES) writeFileSync(at(`${mode}.genesis`), genesisText(genesis[mode]))

function modeOf(kind: Kind): Mode {
  if (kind.startsWith('dss.')) return 'DSS'
  return kind.startsWith('spv.') || kind === 'alias.open' ? 'SPV' : 'STT'
}

const ANNA = createSigner(secret(90))
const ALIAS = ANNA.publicKey as string as Alias
const WITH_PAYLOAD: readonly Kind[] = ['stt.send', 'dss.record', 'dss.amend']
const PAYLOAD = { commitment: 'ab'.repeat(32) as Hash, size: 1000 }

/** A member's transaction is Alder's; a patient's is Anna's, sponsored by Alder. */
function signed<K extends Kind>(kind: K, body: Bodies[K]): Uint8Array {
  const on = chain[modeOf(kind)]
  const draft = {
    chain: on,
    kind,
    author: { member: alder.member, keyIndex: 0 },
    nonce: new Uint8Array(16).fill(1),
    created: CREATED,
    expires: kind === 'spv.access' ? NO_EXPIRY : CREATED + 60_000,
    body,
    ...(WITH_PAYLOAD.includes(kind) && { payload: PAYLOAD })
  }
  // The kind and the body belong together by this function's type.
  if (!BY_PATIENT.has(kind))
    return buildTransaction(draft as unknown as Parameters<typeof buildTransaction>[0], alder.sign)
  const { author, ...unsponsored } = draft
  const bytes = signAliasTransaction(unsponsored as unknown as Parameters<typeof signAliasTransaction>[0], ANNA)
  const parsed = parseUnsponsored(bytes, on)
  if (parsed.kind === 'reject') throw new Error(parsed.code)
  return sponsorTransaction(parsed.transaction, author, alder.sign)
}

const BY_PATIENT = new Set<string>(
  Object.keys({
    'dss.enrol': true,
    'dss.withdraw': true,
    'alias.open': true,
    'spv.grant': true,
    'spv.revoke': true
  } satisfies Record<AliasKind, true>)
)

function writeReceipt<K extends Kind>(name: string, kind: K, body: Bodies[K]): TransactionId {
  const bytes = signed(kind, body)
  const parsed = parseTransaction(bytes, chain[modeOf(kind)])
  if (parsed.kind === 'reject') throw new Error(`${kind}: ${parsed.code}`)
  writeFileSync(at(name), receiptOf(genesis[modeOf(kind)], bytes))
  return parsed.transaction.id
}

const A = 'a1'.repeat(32)
const B = 'b2'.repeat(32)
const C = 'c3'.repeat(32)
const RECORD = A as RecordId
const OTHER_RECORD = B as RecordId
const CONTENT = C as Hash
const UNTIL = Date.UTC(2027, 5, 1, 12)
const ISO = '2027-06-01T12:00:00Z'

const doctor = createSigner(secret(80))
const DOCTOR = memberIdOf(doctor.publicKey)
const registration = registrationStatement(chain.STT, alder.member, { sign: doctor.publicKey, seal: null, host: null })
const registered: Bodies['member.register'] = {
  role: 'doctor',
  sign: doctor.publicKey,
  seal: null,
  host: null,
  hospital: alder.member,
  attributes: ['cardiology', 'surgeon'],
  grants: null,
  until: UNTIL,
  proof: doctor.sign('wardline/key-proof/1', registration),
  hostProof: null
}

const removal = { action: 'remove', member: cedar.member, vote: null, epoch: 0, expires: UNTIL, synced: null } as const
const approval = birch.vote.sign(approvalBytes(chain.STT, epoch(0), validatorChangeDigest(chain.STT, removal)))

const ballot = (kind: 'nullify' | 'finalize', digest: Digest) => ({
  kind,
  digest,
  signature: birch.vote.sign(voteBytes(kind, chain.STT, epoch(0), view(7), digest))
})
const ballots = [ballot('nullify', NO_DIGEST), ballot('finalize', A as Digest)] as const

const SURGEON_NOT_LOCUM = {
  kind: 'and',
  of: [
    { kind: 'attribute', attribute: 'surgeon', authority: birch.member },
    { kind: 'not', of: { kind: 'attribute', attribute: 'locum', authority: cedar.member } }
  ]
} as const

const byPatient = signRecall(chain.STT, RECORD, createSigner(secret(91)))

const attested = { alias: ALIAS, recordId: RECORD, content: CONTENT }
const signature = (supersedes: TransactionId | null) => ({
  ...{ member: DOCTOR, keyIndex: 0, key: doctor.publicKey, role: 'doctor' as const },
  sig: doctor.sign('wardline/doctor/1', doctorStatement({ chain: chain.DSS, supersedes, ...attested }, 'doctor'))
})

const request = signRequest(
  {
    chain: chain.SPV,
    owner: alder.member,
    alias: ALIAS,
    records: [RECORD, OTHER_RECORD],
    purpose: 'treatment',
    nonce: new Uint8Array(16).fill(3),
    minHeight: 2,
    notAfter: UNTIL,
    accessor: { member: birch.member, keyIndex: 0, key: birch.sign.publicKey }
  },
  birch.sign
)
const REQUEST = requestIdOf(request.request)
const decidedAt = { height: 2, digest: C as Digest }
const permitted: Bodies['spv.access'] = {
  request,
  decidedAt,
  decision: 'permit',
  code: null,
  basis: A as TransactionId
}

type Row<K extends Kind> = {
  readonly body: Bodies[K]
  /** The lines between the author and the block. */
  readonly text: readonly string[]
  /** The body as JSON, where it is not the very body. */
  readonly json?: unknown
  readonly derived?: unknown
  readonly provesNot?: readonly string[]
}

/** As the program writes it: a name of the genesis beside the id. */
const called = (who: { readonly member: MemberId }, name: string) => `${who.member} (${name})`

const rows: { readonly [K in Kind]: Row<K> } = {
  'member.register': {
    body: registered,
    text: [
      `member       ${DOCTOR}`,
      'role         doctor',
      `hospital     ${called(alder, 'Alder')}`,
      `sign key     ${doctor.publicKey}`,
      'seal key     -',
      'host key     -',
      'attributes   cardiology, surgeon',
      'may confer   -',
      `until        ${ISO}`
    ],
    json: {
      ...{ role: 'doctor', sign: doctor.publicKey, seal: null, host: null, hospital: alder.member },
      ...{ attributes: ['cardiology', 'surgeon'], grants: null, untilMs: UNTIL },
      ...{ proof: toHex(registered.proof), hostProof: null }
    },
    derived: { member: DOCTOR },
    provesNot: ['still-registered']
  },
  'member.revoke': { body: { member: cedar.member }, text: [`member       ${called(cedar, 'Cedar')}`] },
  'member.rotate': {
    body: { action: 'announce', member: alder.member, sign: null, seal: birch.seal, proof: null },
    text: [
      'action       announce',
      `member       ${called(alder, 'Alder')}`,
      'sign key     as before',
      `seal key     ${birch.seal}`
    ],
    provesNot: ['keys-in-force']
  },
  'validator.change': {
    body: {
      ...removal,
      proof: null,
      approvals: [{ member: birch.member, key: birch.vote.publicKey, signature: approval }]
    },
    text: [
      'action       remove',
      `member       ${called(cedar, 'Cedar')}`,
      'vote key     -',
      'epoch        0',
      `void from    ${ISO}`,
      `approved by  ${called(birch, 'Birch')}`
    ],
    json: {
      ...{ action: 'remove', member: cedar.member, vote: null, epoch: 0, expiresMs: UNTIL, synced: null, proof: null },
      approvals: [{ member: birch.member, key: birch.vote.publicKey, signature: toHex(approval) }]
    }
  },
  'evidence.report': {
    body: { signer: birch.member, key: birch.vote.publicKey, epoch: epoch(0), view: view(7), votes: ballots },
    text: [
      `validator    ${called(birch, 'Birch')}`,
      `vote key     ${birch.vote.publicKey}`,
      'signed both  nullify and finalize',
      'in           epoch 0, view 7',
      `nullify      ${NO_DIGEST}`,
      `finalize     ${A}`
    ],
    json: {
      ...{ signer: birch.member, key: birch.vote.publicKey, epoch: 0, view: 7 },
      votes: ballots.map((one) => ({ ...one, signature: toHex(one.signature) }))
    },
    derived: { conflict: 'nullify-finalize' }
  },
  'stt.send': {
    body: {
      recordId: RECORD,
      content: CONTENT,
      to: [{ member: birch.member, sealingKey: birch.seal as SealKey }],
      via: B as TransactionId,
      purpose: 'treatment',
      subject: null,
      consent: A as Hash
    },
    text: [
      `record       ${RECORD}`,
      `commitment   ${CONTENT}`,
      `to           ${called(birch, 'Birch')}`,
      `via          ${B}`,
      'purpose      treatment',
      `consent      ${A}`,
      'recall key   -',
      `payload      ${PAYLOAD.commitment}, 1000 bytes`
    ],
    provesNot: ['opened']
  },
  'stt.ack': {
    body: {
      acks: [
        { via: A as TransactionId, outcome: 'opened' },
        { via: B as TransactionId, outcome: 'mismatch', contentKey: C as ContentKey }
      ]
    },
    text: [`opened       ${A}`, `mismatch     ${B}`, `content key  ${C} of ${B}`],
    provesNot: ['outcome']
  },
  'stt.recall': {
    body: { recordId: RECORD, subject: byPatient },
    text: [`record       ${RECORD}`, `recalled by  the patient, by the recall key ${byPatient.key}`],
    json: { recordId: RECORD, subject: { key: byPatient.key, sig: toHex(byPatient.sig) } },
    provesNot: ['destroyed']
  },
  'stt.attest': {
    body: { recordId: RECORD, via: null },
    text: [`record       ${RECORD}`, 'via          -, the author is the record’s origin'],
    provesNot: ['destroyed']
  },
  'dss.enrol': {
    body: { until: UNTIL, basis: 'consent' },
    text: [`until        ${ISO}`, 'basis        consent'],
    json: { untilMs: UNTIL, basis: 'consent' },
    provesNot: ['still-enrolled']
  },
  'dss.withdraw': { body: {}, text: [], provesNot: ['still-withdrawn'] },
  'dss.record': {
    body: { ...attested, doctors: [signature(null)], after: null },
    text: [
      `patient      ${ALIAS}`,
      `record       ${RECORD}`,
      `commitment   ${CONTENT}`,
      `signed by    ${DOCTOR} as doctor`,
      'after        -',
      `payload      ${PAYLOAD.commitment}, 1000 bytes`
    ],
    json: { ...attested, doctors: [{ ...signature(null), sig: toHex(signature(null).sig) }], after: null },
    provesNot: ['newest-version']
  },
  'dss.amend': {
    body: { ...attested, supersedes: B as TransactionId, doctors: [signature(B as TransactionId)], after: A as Hash },
    text: [
      `patient      ${ALIAS}`,
      `record       ${RECORD}`,
      `supersedes   ${B}`,
      `commitment   ${CONTENT}`,
      `signed by    ${DOCTOR} as doctor`,
      `after        ${A}`,
      `payload      ${PAYLOAD.commitment}, 1000 bytes`
    ],
    json: {
      ...{ ...attested, supersedes: B, after: A },
      doctors: [{ ...signature(B as TransactionId), sig: toHex(signature(B as TransactionId).sig) }]
    },
    provesNot: ['newest-version']
  },
  'dss.access': {
    body: {
      ...{ alias: ALIAS, reader: DOCTOR, purpose: 'research' },
      records: [{ record: RECORD, version: B as TransactionId }]
    },
    text: [
      `patient      ${ALIAS}`,
      `record       ${RECORD}, version ${B}`,
      `reader       ${DOCTOR}`,
      'purpose      research'
    ],
    provesNot: ['read']
  },
  'alias.open': {
    body: { hospital: alder.member, custodial: true },
    text: [`hospital     ${called(alder, 'Alder')}`, 'wallet       kept by the hospital']
  },
  'spv.anchor': {
    body: attested,
    text: [`patient      ${ALIAS}`, `record       ${RECORD}`, `commitment   ${CONTENT}`]
  },
  'spv.grant': {
    body: {
      grantee: { expression: SURGEON_NOT_LOCUM },
      scope: { kind: 'anchored', from: 0, to: UNTIL },
      purposes: ['emergency', 'treatment'],
      from: CREATED,
      to: UNTIL,
      mayDelegate: false
    },
    text: [
      `to           whoever is (surgeon by ${called(birch, 'Birch')} and not locum by ${called(cedar, 'Cedar')})`,
      `records      all that are anchored before ${ISO}`,
      'purpose      emergency',
      'purpose      treatment',
      'from         2027-01-15T08:00:00Z',
      `until        ${ISO}`
    ],
    json: {
      grantee: { expression: SURGEON_NOT_LOCUM },
      scope: { kind: 'anchored', fromMs: 0, toMs: UNTIL },
      ...{ purposes: ['emergency', 'treatment'], fromMs: CREATED, toMs: UNTIL, mayDelegate: false }
    },
    provesNot: ['still-granted']
  },
  'spv.revoke': { body: { grant: A as TransactionId }, text: [`grant        ${A}`] },
  'spv.access': {
    body: permitted,
    text: [
      `request      ${REQUEST}`,
      `accessor     ${called(birch, 'Birch')}`,
      `patient      ${ALIAS}`,
      `record       ${RECORD}`,
      `record       ${OTHER_RECORD}`,
      'purpose      treatment',
      'decision     permit',
      `grant        ${A}`,
      `decided at   2 ${C}`,
      `asked for    a decision at height 2 or above, before ${ISO}`
    ],
    json: {
      request: {
        request: {
          ...{ chain: chain.SPV, owner: alder.member, alias: ALIAS, records: [RECORD, OTHER_RECORD] },
          ...{ purpose: 'treatment', nonce: '03'.repeat(16), minHeight: 2, notAfterMs: UNTIL },
          accessor: { member: birch.member, keyIndex: 0, key: birch.sign.publicKey }
        },
        sig: toHex(request.sig)
      },
      ...{ decidedAt, decision: 'permit', code: null, basis: A }
    },
    derived: { request: REQUEST },
    provesNot: ['chain-finding', 'bytes-taken']
  }
}

function argsFor(kind: Kind, file: string, ...more: readonly string[]): readonly string[] {
  return ['verify', file, '--genesis', `${modeOf(kind)}.genesis`, ...more]
}

function checkKind<K extends Kind>(kind: K): void {
  const { body, text, json = body, derived = {}, provesNot = [] } = rows[kind]
  const isPatient = BY_PATIENT.has(kind)
  test(`${kind}: what it says is told, as text and as JSON`, async () => {
    const id = writeReceipt(`${kind}.json`, kind, body)
    const [told, data] = await Promise.all([
      run(argsFor(kind, `${kind}.json`)),
      run(argsFor(kind, `${kind}.json`, '--json'))
    ])
    assert.equal([told.exit, data.exit], [0, 0], told.err)
    const author = called(alder, 'Alder')
    const lines = told.out.split('\n')
    assert.equal(
      lines.slice(
        0,
        lines.findIndex((line) => line.startsWith('block '))
      ),
      [
        `verified     ${id}`,
        `kind         ${kind}`,
        `author       ${isPatient ? `alias ${ALIAS}, sponsored by ${author}` : author}`,
        ...text
      ]
    )
    assert.match(told.out, 'proves       that this transaction is final, signed by its author')
    assert.is(lines.filter((line) => line.startsWith('proves not   ')).length, provesNot.length)
    const facts = JSON.parse(data.out)
    assert.equal([facts.ok, facts.id, facts.kind, facts.author], [true, id, kind, alder.member])
    assert.equal([facts.body, facts.derived, facts.provesNot], [json, derived, provesNot])
    const payload = WITH_PAYLOAD.includes(kind) ? { commitment: PAYLOAD.commitment, sizeBytes: PAYLOAD.size } : null
    assert.equal([facts.payload, facts.alias], [payload, isPatient ? ALIAS : null])
  })
}

for (const kind of Object.keys(rows) as readonly Kind[]) checkKind(kind)

test('spv.access: what the chain found and what was taken are told to be no part of it', async () => {
  writeReceipt('access.json', 'spv.access', permitted)
  const { out } = await run(argsFor('spv.access', 'access.json'))
  assert.match(out, /^proves not {3}whether it is covered, late or a violation: that is the chain’s finding/m)
  assert.match(out, /^proves not {3}what was taken: it speaks of the decision, not of bytes$/m)
  const facts = JSON.parse((await run(argsFor('spv.access', 'access.json', '--json'))).out)
  assert.equal(
    facts.members,
    [
      { member: alder.member, name: 'Alder' },
      { member: birch.member, name: 'Birch' }
    ].sort((a, b) => (a.member < b.member ? -1 : 1))
  )
})

test('spv.access: a denial has the reason of the owner and no grant, and the chain finds nothing else', async () => {
  writeReceipt('denied.json', 'spv.access', { ...permitted, decision: 'deny', code: 'wrong-purpose', basis: null })
  const { out } = await run(argsFor('spv.access', 'denied.json'))
  assert.match(out, 'decision     deny (wrong-purpose)\ngrant        -\n')
  assert.not.match(out, 'chain’s finding')
  assert.equal(JSON.parse((await run(argsFor('spv.access', 'denied.json', '--json'))).out).provesNot, ['bytes-taken'])
})

test('member.rotate: a veto has no keys, and nothing is left open', async () => {
  writeReceipt('veto.json', 'member.rotate', { action: 'veto', member: birch.member })
  const { out } = await run(argsFor('member.rotate', 'veto.json'))
  assert.match(out, `action       veto\nmember       ${called(birch, 'Birch')}\nblock `)
  assert.not.match(out, 'proves not')
})

const VISIT = Buffer.from('What was found.\n')
const salt = secret(70)
const descriptor = Buffer.from('a0', 'hex')
const PROOF = {
  chain: chain.SPV,
  record: RECORD,
  salt: Buffer.from(salt).toString('base64'),
  descriptorBytes: descriptor.toString('base64'),
  commitment: commitContent({ salt, descriptor, bytes: VISIT })
}
writeFileSync(at('visit'), VISIT)
writeFileSync(at('visit.wardline'), JSON.stringify(PROOF))
writeFileSync(at('changed'), 'What was found!\n')
writeFileSync(at('other.wardline'), JSON.stringify({ ...PROOF, record: OTHER_RECORD }))
writeFileSync(at('elsewhere.wardline'), JSON.stringify({ ...PROOF, chain: chain.STT }))
writeFileSync(at('salted.wardline'), JSON.stringify({ ...PROOF, salt: Buffer.alloc(32).toString('base64') }))
writeFileSync(at('short.wardline'), JSON.stringify({ ...PROOF, salt: 'AAAA' }))
writeReceipt('anchor.json', 'spv.anchor', { alias: ALIAS, recordId: RECORD, content: PROOF.commitment })

const held = (...more: readonly string[]) => argsFor('spv.anchor', 'anchor.json', ...more)

test('--file: the file that was anchored is held against the receipt, with the proof beside it or one that is named', async () => {
  const { exit, out, err } = await run(held('--file', 'visit'))
  assert.is(exit, 0, err)
  assert.match(out, /^file {9}visit is this record, byte for byte as it was anchored$/m)
  const named = await run(held('--file', '-', '--proof', 'visit.wardline'), { input: VISIT.toString() })
  assert.is(named.exit, 0, named.err)
  const data = await run(held('--file', 'visit', '--proof', 'visit.wardline', '--json'))
  assert.equal(JSON.parse(data.out).file, { path: 'visit', proof: 'visit.wardline' })
  assert.not.ok('file' in JSON.parse((await run(held('--json'))).out))
})

for (const [what, args, code] of [
  ['of which a byte was changed', ['--file', 'changed', '--proof', 'visit.wardline'], 'other-file'],
  ['with another salt', ['--file', 'visit', '--proof', 'salted.wardline'], 'other-file'],
  ['with the proof of another record', ['--file', 'visit', '--proof', 'other.wardline'], 'other-proof'],
  ['with the proof of another chain', ['--file', 'visit', '--proof', 'elsewhere.wardline'], 'other-proof']
] as const) {
  test(`--file: a file ${what} ends with 4`, async () => {
    const told = await run(held(...args))
    assert.equal([told.exit, told.out], [4, ''])
    assert.match(told.err, new RegExp(`^The receipt verifies, but .* \\(${code}\\)`))
    const { ok, code: given } = JSON.parse((await run(held(...args, '--json'))).out)
    assert.equal([ok, given], [false, code])
  })
}

test('--file: a receipt that does not verify is told first', async () => {
  const { exit, out } = await run([...held('--file', 'visit', '--json'), '--pin', `1:${A}`])
  assert.equal([exit, JSON.parse(out).code], [4, 'pin-mismatch'])
})

for (const [args, exit, code] of [
  [held('--file', 'visit', '--proof', 'short.wardline'), 1, 'proof-unreadable'],
  [held('--file', 'visit', '--proof', 'anchor.json'), 1, 'proof-unreadable'],
  [held('--file', 'none', '--proof', 'visit.wardline'), 1, 'file-unreadable'],
  [held('--file', 'changed'), 1, 'file-unreadable'],
  [held('--proof', 'visit.wardline'), 2, 'usage'],
  [held('--file', '-'), 2, 'usage'],
  [held('--envelope', 'visit'), 2, 'usage'],
  [argsFor('spv.access', 'spv.access.json', '--file', 'visit'), 2, 'usage']
] as const) {
  test(`${args.slice(1).join(' ')} ends with ${exit}`, async () => {
    const ran = await run([...args, '--json'])
    assert.equal([ran.exit, JSON.parse(ran.err).error.code], [exit, code])
  })
}

test.run()
