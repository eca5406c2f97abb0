import { quorum } from '@wardline/consensus'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  chainIdOf,
  draftGenesis,
  type Fence,
  type Genesis,
  type GenesisDraft,
  type GenesisMode,
  genesisChanges,
  genesisFingerprint,
  genesisSignatureText,
  genesisText,
  type ProblemCode,
  parseGenesis,
  parseGenesisSignature,
  readFence,
  readMember,
  readMode,
  readParameters,
  readRegistrar,
  readValidators,
  registrarOf,
  signGenesis,
  validatorsOf,
  verifyGenesis,
  withSignatures
} from '../src/index.ts'
import {
  alpha,
  beta,
  CREATED,
  cardOf,
  chain,
  delta,
  founders,
  foundersOf,
  gamma,
  genesis,
  genesisOf,
  genesisState,
  ministry,
  person,
  registrarCard,
  secret,
  stateOf
} from './world.ts'

const test = suite('ledger/genesis')

const fence: Fence = {
  purpose: 'Treatment across the region',
  legalBasis: 'GDPR 9(2)(h)',
  retentionYears: 30,
  contact: 'privacy@region.example',
  excludedLabels: ['hiv', 'psychotherapy']
}

function facts() {
  return {
    label: 'region',
    created: CREATED,
    random: secret('random'),
    founders: founders.map((founder) => cardOf(founder)),
    registrar: { kind: 'founder', member: alpha.member }
  } as const
}

function draft(changes: Partial<Omit<GenesisDraft, 'mode' | 'fence'>> = {}): Genesis {
  return draftGenesis({ ...facts(), mode: 'STT', ...changes })
}

/** The genesis signed by all its founders that are in `people`. */
function signedBy(unsigned: Genesis, people = founders): Genesis {
  return withSignatures(
    unsigned,
    people.map(({ identity }) => signGenesis(unsigned, identity))
  )
}

function codes(of: Genesis): readonly ProblemCode[] {
  return verifyGenesis(of).map(({ code }) => code)
}

test('a ceremony: draft, one signature each by file, founded', () => {
  const drafted = draft()
  assert.equal(codes(drafted), Array(4).fill('missing-signature'))
  let file = genesisText(drafted)
  for (const founder of founders) {
    const mine = parseGenesis(file)
    if (mine.kind === 'failed') throw new Error('unreadable')
    const text = genesisSignatureText(chainIdOf(mine.genesis), signGenesis(mine.genesis, founder.identity))
    const signature = parseGenesisSignature(text)
    if (signature.kind === 'failed') throw new Error('unreadable')
    assert.is(signature.chain, chainIdOf(drafted))
    file = genesisText(withSignatures(mine.genesis, [signature.signature]))
  }
  const founded = parseGenesis(file)
  if (founded.kind === 'failed') throw new Error('unreadable')
  assert.equal(verifyGenesis(founded.genesis), [])
  assert.is(chainIdOf(founded.genesis), chainIdOf(drafted))
  assert.is(genesisText(founded.genesis), file)
})

test('who has not signed is named', () => {
  const problems = verifyGenesis(signedBy(draft(), [alpha, gamma]))
  const missing = [beta, delta].map(({ name }) => `${name} has not signed the genesis.`)
  assert.equal(problems.map(({ message }) => message).sort(), missing.sort())
})

test('the order of cards and signatures does not matter', () => {
  const backwards = draft({ founders: founders.map((founder) => cardOf(founder)).toReversed() })
  assert.is(chainIdOf(backwards), chainIdOf(draft()))
  assert.is(genesisText(signedBy(backwards, founders.toReversed())), genesisText(signedBy(draft())))
})

test('the chain id is the hash of everything but the signatures', () => {
  const variants = [
    draft(),
    draft({ label: 'other' }),
    draft({ created: CREATED + 1 }),
    draft({ random: secret('other') }),
    draft({ registrar: { kind: 'founder', member: beta.member } }),
    draft({ registrar: { kind: 'card', card: registrarCard(ministry) } }),
    draft({ founders: founders.slice(1).map((founder) => cardOf(founder)) }),
    draft({ parameters: { heartbeatMs: 1000 } }),
    draft({ parameters: { rotationDelayMs: 0 } })
  ]
  assert.is(new Set(variants.map(chainIdOf)).size, variants.length)
  assert.is(chainIdOf(signedBy(draft())), chainIdOf(draft()))
  assert.match(genesisFingerprint(genesis), /^([0-9a-f]{5} ){7}[0-9a-f]{5}$/)
  assert.is(genesisFingerprint(genesis).replaceAll(' ', ''), chain.slice(0, 40))
})

const incomplete = person('Incomplete')
const rules: readonly (readonly [name: string, code: ProblemCode, of: () => Genesis])[] = [
  ['a founder twice', 'rule', () => draft({ founders: [cardOf(alpha), cardOf(alpha)] })],
  ['no founders', 'rule', () => draft({ founders: [] })],
  ['founders out of order', 'rule', () => ({ ...draft(), founders: draft().founders.toReversed() })],
  ['a founder without a daemon', 'rule', () => draft({ founders: [cardOf(alpha), registrarCard(incomplete)] })],
  ['a card for another chain', 'rule', () => draft({ founders: [cardOf(alpha), cardOf(beta, 'elsewhere')] })],
  [
    'two founders of one name',
    'rule',
    () => draft({ founders: [cardOf(alpha), cardOf({ ...beta, name: alpha.name })] })
  ],
  [
    'two founders with one libp2p key',
    'rule',
    () => draft({ founders: [cardOf(alpha), cardOf({ ...beta, host: alpha.host })] })
  ],
  [
    'two founders with one sealing key',
    'rule',
    () => draft({ founders: [cardOf(alpha), cardOf({ ...beta, seal: alpha.seal })] })
  ],
  ["a registrar that is a founder's card", 'rule', () => draft({ registrar: { kind: 'card', card: cardOf(alpha) } })],
  ['a registrar from nowhere', 'rule', () => draft({ registrar: { kind: 'founder', member: ministry.member } })],
  [
    'a card that was changed',
    'signature',
    () => ({ ...draft(), founders: draft().founders.map((card) => ({ ...card, name: `${card.name}x` })) })
  ],
  [
    'a signature for another genesis',
    'signature',
    () => ({ ...draft(), signatures: signedBy(draft({ label: 'x' })).signatures })
  ],
  ['a signature by a stranger', 'signature', () => signedBy(draft(), [...founders, ministry])],
  [
    'a signature twice',
    'signature',
    () => {
      const one = signedBy(draft())
      return { ...one, signatures: [...one.signatures, ...one.signatures] }
    }
  ],
  ['a founder that has not signed', 'missing-signature', () => signedBy(draft(), [alpha])]
]
for (const [name, code, of] of rules) {
  test(`${code}: ${name}`, () => assert.ok(codes(of()).includes(code), codes(of()).join()))
}

const modes: readonly GenesisMode[] = [{ mode: 'DSS', fence }, { mode: 'STT' }, { mode: 'SPV' }]
for (const terms of modes) {
  test(`a ${terms.mode} genesis is read back as it was drafted, and its state says what it is`, () => {
    const drafted = draftGenesis({ ...facts(), ...terms })
    const parsed = parseGenesis(genesisText(drafted))
    if (parsed.kind === 'failed') return assert.unreachable(parsed.problems[0]?.message)
    assert.equal(parsed.genesis, drafted)
    const state = stateOf(genesisChanges(drafted))
    assert.is(readMode(state), terms.mode)
    assert.equal(readFence(state), terms.mode === 'DSS' ? fence : undefined)
  })
}

test('the mode is part of the chain id', () => {
  assert.is(new Set(modes.map((terms) => chainIdOf(draftGenesis({ ...facts(), ...terms })))).size, modes.length)
})

const edits: readonly (readonly [name: string, code: ProblemCode, change: object])[] = [
  ['version 2', 'unsupported', { v: 2 }],
  ['a mode that does not exist', 'field', { mode: 'XYZ' }],
  ['a DSS chain without a fence', 'rule', { mode: 'DSS' }],
  ['an STT chain with a fence', 'rule', { fence }],
  ['an SPV chain that does not say how grants are disclosed', 'rule', { mode: 'SPV' }],
  ['an STT chain that discloses grants', 'rule', { disclosure: 'open' }],
  ['an SPV chain with sealed grants', 'field', { mode: 'SPV', disclosure: 'sealed' }],
  ['a fence without a contact', 'field', { mode: 'DSS', fence: { ...fence, contact: '' } }],
  ['excluded labels out of order', 'field', { mode: 'DSS', fence: { ...fence, excludedLabels: ['b', 'a'] } }],
  ['an excluded label in capitals', 'field', { mode: 'DSS', fence: { ...fence, excludedLabels: ['HIV'] } }],
  ['rules of the future', 'unsupported', { ruleset: 2 }],
  ['an authenticated map', 'unsupported', { stateMap: 1 }],
  ['a time before 1970', 'field', { created: -1 }],
  ['too little randomness', 'field', { random: '00' }],
  ['a parameter out of bounds', 'field', { parameters: { ...genesis.parameters, deltaMs: 0 } }],
  ['a parameter too many', 'field', { parameters: { ...genesis.parameters, speed: 9 } }],
  ['no founders', 'field', { founders: [] }],
  ['a founder that is no card', 'field', { founders: [{}] }],
  ['a registrar that is neither', 'field', { registrar: {} }],
  ['a registrar that is both', 'field', { registrar: { founder: alpha.member, card: {} } }],
  ['a signature of another shape', 'field', { signatures: [{ identity: 'x', signature: 'y' }] }],
  ['a field too many', 'field', { motd: 'hello' }]
]
for (const [name, code, change] of edits) {
  test(`${code}: ${name}`, () => {
    const parsed = parseGenesis(JSON.stringify({ ...JSON.parse(genesisText(genesis)), ...change }, null, 2))
    if (parsed.kind === 'ok') return assert.unreachable('the genesis was read')
    assert.ok(parsed.problems.some((problem) => problem.code === code))
    for (const { message } of parsed.problems) assert.match(message, /^[A-Z].*\.$/)
  })
}

test('all problems are told at once', () => {
  const json = { ...JSON.parse(genesisText(genesis)), created: -1, random: '', label: 'X' }
  const parsed = parseGenesis(JSON.stringify(json))
  assert.is(parsed.kind === 'failed' && parsed.problems.length, 3)
})

test('every changed character is found', () => {
  const two = foundersOf(2)
  const drafted = draft({ founders: two.map((founder) => cardOf(founder)) })
  const text = genesisText(signedBy(drafted, two))
  assert.is(parseGenesis(text).kind, 'ok')
  for (let at = 0; at < text.trimEnd().length; at += 13) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1)
    const parsed = parseGenesis(changed)
    assert.ok(parsed.kind === 'failed' || verifyGenesis(parsed.genesis).length > 0, `character ${at}`)
  }
})

test('garbage never throws', () => {
  for (const text of ['', 'null', '[]', '{', '"x"', '{"__proto__":{}}', '['.repeat(100_000)]) {
    assert.is(parseGenesis(text).kind, 'failed')
    assert.is(parseGenesisSignature(text).kind, 'failed')
  }
  fc.assert(fc.property(fc.json(), (text) => parseGenesis(text).kind === 'failed'))
})

test('the founders are the first validators, sorted by member', () => {
  const set = validatorsOf(genesis)
  assert.is(set.epoch, 0)
  assert.is(quorum(set.validators.length), 3)
  const members = set.validators.map(({ member }) => member)
  assert.equal(members, [...members].sort())
  for (const { member, key } of set.validators) {
    assert.is(founders.find((founder) => founder.member === member)?.vote.publicKey, key)
  }
})

test('the state at height 0 is what the genesis says', () => {
  const state = genesisState()
  assert.equal(readParameters(state), genesis.parameters)
  assert.is(readRegistrar(state), ministry.member)
  assert.is(registrarOf(genesis), ministry.member)
  assert.equal(
    readValidators(state).members,
    validatorsOf(genesis).validators.map(({ member }) => member)
  )
  assert.is(readMember(state, alpha.member)?.role, 'hospital')
  assert.is(readMember(state, ministry.member)?.role, 'registrar')
  const keys = genesisChanges(genesis).map(({ key }) => key)
  assert.equal(keys, [...keys].sort())
})

test('a chain of one hospital can be founded', () => {
  const solo = genesisOf(foundersOf(1))
  assert.equal(verifyGenesis(solo), [])
})

test.run()
