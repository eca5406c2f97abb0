import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseGenesis, verifyGenesis } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../fixture.ts'

const test = suite('wardline/commands/genesis')

const { folder, run, remove } = createRunner()
test.after(remove)

const at = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(at(name), 'utf8')
const HOSPITALS = ['Baystate Medical Center', 'Mercy', 'Holyoke', 'Cooley Dickinson']

/** At all hospitals at once: opening key files is slow on purpose. */
async function everywhere(step: (hospital: number, name: string) => Promise<unknown>): Promise<void> {
  await Promise.all(HOSPITALS.map((name, hospital) => step(hospital, name)))
}

/** Runs and expects success; gives the data. */
// biome-ignore lint/suspicious/noExplicitAny: every command has a shape of its own.
async function ok(args: readonly string[]): Promise<any> {
  const { exit, out, err } = await run([...args, '--json'])
  assert.is(exit, 0, `${args.join(' ')}: ${err}`)
  assert.is(err, '', 'with --json nothing is said beside the data')
  assert.is(out.split('\n').length, 2, 'one line')
  return JSON.parse(out)
}

async function fails(args: readonly string[], exit: number, code: string): Promise<void> {
  const ran = await run([...args, '--json'])
  assert.is(ran.exit, exit, ran.err)
  assert.is(ran.out, '')
  assert.is(JSON.parse(ran.err).error.code, code)
}

test('init makes a home that only its owner can read, and never a second time', async () => {
  await everywhere(async (i, name) => {
    const made = await ok(['init', '--name', name, '--home', `h${i}`])
    assert.is(made.name, name)
    assert.is(made.home, at(`h${i}`))
    assert.match(made.identity, /^[0-9a-f]{64}$/)
  })
  assert.is(statSync(at('h0')).mode & 0o777, 0o700)
  assert.is(statSync(at('h0/passphrase')).mode & 0o777, 0o600)
  assert.is(statSync(at('h0/keys/identity.key')).mode & 0o777, 0o600)
  assert.is.not(read('h0/passphrase'), read('h1/passphrase'))
  const before = readFileSync(at('h0/keys/identity.key'))
  await fails(['init', '--name', 'Other', '--home', 'h0'], 1, 'already-initialised')
  assert.equal(readFileSync(at('h0/keys/identity.key')), before)
})

test('an interrupted init goes on with the keys that are there', async () => {
  const first = await ok(['init', '--name', 'Half', '--home', 'half'])
  const config = at('half/wardline.yaml')
  unlinkSync(config)
  assert.is((await ok(['init', '--name', 'Half', '--home', 'half'])).identity, first.identity)
})

test('init wants a name, by flag or environment', async () => {
  await fails(['init', '--home', 'unnamed'], 2, 'usage')
  assert.not(existsSync(at('unnamed')))
  const { exit } = await run(['init', '--home', 'named'], { env: { WARDLINE_NAME: 'By Environment' } })
  assert.is(exit, 0)
  assert.match(read('named/wardline.yaml'), /By Environment/)
})

test('a passphrase file of one’s own is used and remembered', async () => {
  writeFileSync(at('secret'), 'correct horse\n', { mode: 0o600 })
  await ok(['init', '--name', 'Own', '--home', 'own', '--passphrase-file', 'secret'])
  assert.not(existsSync(at('own/passphrase')))
  await ok(['id', 'export', '--chain', 'c', '--home', 'own', '--out', 'own.card'])
  writeFileSync(at('secret'), 'wrong\n', { mode: 0o600 })
  await fails(['id', 'export', '--chain', 'c', '--home', 'own'], 1, 'keys-passphrase')
})

test('id export makes the keys once and gives the same card every time', async () => {
  const ports = new Set<string>()
  await everywhere(async (i) => {
    const first = await ok(['id', 'export', '--chain', 'transfers', '--home', `h${i}`, '--out', `${i}.card`])
    const port = Number(first.listen.split('/').at(-1))
    assert.ok(port >= 20_000 && port <= 32_767)
    ports.add(first.listen)
    assert.match(read(`h${i}/wardline.yaml`), new RegExp(first.listen))
    const again = await run(['id', 'export', '--chain', 'transfers', '--home', `h${i}`])
    assert.is(again.exit, 0)
    assert.is(again.out, read(`${i}.card`))
    assert.match(again.err, new RegExp(first.fingerprint))
  })
  assert.is(ports.size, HOSPITALS.length)
  assert.equal(readdirSync(at('h0/keys')).sort(), ['identity.key', 'transfers.key'])
})

test('id export makes no keys anew for a chain that has run here', async () => {
  await ok(['id', 'export', '--chain', 'ran', '--home', 'h1'])
  mkdirSync(at('h1/vault/ran'), { recursive: true })
  writeFileSync(at('h1/vault/ran/sealed'), '')
  unlinkSync(at('h1/keys/ran.key'))
  await fails(['id', 'export', '--chain', 'ran', '--home', 'h1'], 1, 'keys-absent')
  assert.not(existsSync(at('h1/keys/ran.key')))
})

test('id export says where it listens and is reached, and refuses another answer later', async () => {
  const args = ['id', 'export', '--chain', 'second', '--home', 'h0']
  const listen = '/ip4/0.0.0.0/tcp/20999'
  const address = '/dns4/wardline.example/tcp/20999'
  const made = await ok([...args, '--listen', listen, '--address', address])
  assert.equal([made.listen, made.addresses], [listen, [address]])
  assert.equal((await ok(args)).addresses, [address])
  await fails([...args, '--listen', '/ip4/0.0.0.0/tcp/21000'], 1, 'chain-exists')
  await fails([...args, '--address', 'wardline.example:20999'], 2, 'usage')
  await fails(['id', 'export', '--chain', 'identity', '--home', 'h0'], 2, 'usage')
  await fails(['id', 'export', '--chain', '../x', '--home', 'h0'], 2, 'usage')
  await fails(['id', 'export', '--chain', 'x', '--home', 'nowhere'], 1, 'passphrase-unreadable')
})

test('a card file that holds something else is not overwritten', async () => {
  writeFileSync(at('taken.card'), 'precious')
  await fails(['id', 'export', '--chain', 'transfers', '--home', 'h0', '--out', 'taken.card'], 1, 'file-exists')
  assert.is(read('taken.card'), 'precious')
  assert.not(readdirSync(folder).some((name) => name.startsWith('.taken')))
})

const cards = HOSPITALS.map((_, i) => `${i}.card`)

test('draft: the drafting hospital is the registrar, all founders are in', async () => {
  const made = await ok(['genesis', 'draft', ...cards, '--chain', 'transfers', '--home', 'h1', '--out', 'g.json'])
  assert.is(made.registrar.name, 'Mercy')
  assert.is(made.founders.length, 4)
  assert.equal([made.quorum, made.faultsTolerated, made.complete], [3, 1, false])
  await fails(
    ['genesis', 'draft', ...cards, '--chain', 'transfers', '--home', 'h1', '--out', 'g.json'],
    1,
    'file-exists'
  )
})

test('draft: parameters, a registrar by card, and what is refused', async () => {
  const draft = (...args: string[]) => ['genesis', 'draft', ...args, '--home', 'h0']
  const small = await ok(
    draft(
      '1.card',
      '2.card',
      '--chain',
      'transfers',
      '--registrar',
      '0.card',
      '--parameter',
      'heartbeatMs=5000',
      '--out',
      's.json'
    )
  )
  assert.is(small.registrar.name, HOSPITALS[0])
  assert.is(small.parameters.heartbeatMs, 5000)
  const out = ['--out', 'no.json']
  await fails(draft('1.card', '2.card', '--chain', 'transfers', ...out), 2, 'usage')
  await fails(draft('0.card', '--chain', 'other', ...out), 1, 'rule')
  await fails(draft('0.card', '0.card', '--chain', 'transfers', ...out), 1, 'rule')
  await fails(draft('0.card', '--chain', 'transfers', '--parameter', 'heartbeatMs=5', ...out), 2, 'usage')
  await fails(draft('0.card', '--chain', 'transfers', '--parameter', 'colour=5', ...out), 2, 'usage')
  await fails(draft('none.card', '--chain', 'transfers', ...out), 1, 'file-unreadable')
  writeFileSync(at('forged.card'), read('0.card').replace('Baystate', 'Basetate'))
  await fails(draft('forged.card', '--chain', 'transfers', ...out), 4, 'signature')
  assert.not(existsSync(at('no.json')))
})

test('review tells names, fingerprints, rules and what it tolerates', async () => {
  const { exit, out, err } = await run(['genesis', 'review', 'g.json'])
  assert.is(exit, 0)
  assert.is(err, '')
  for (const name of HOSPITALS) assert.ok(out.includes(name))
  assert.match(
    out,
    /needs 3 of 4 validators\. It goes on while one is away, and cannot fork while no more than one lies\.\n/
  )
  assert.match(out, /Fingerprint {2}([0-9a-f]{5} ){7}/)
  assert.match((await run(['genesis', 'review', 's.json'])).out, /cannot replace a lost key/)
})

test('draft and review: each mode, and the fence of a DSS chain in plain words', async () => {
  const draft = (...args: string[]) => [
    'genesis',
    'draft',
    '0.card',
    '1.card',
    '--chain',
    'transfers',
    ...args,
    '--home',
    'h0'
  ]
  const stt = await ok(draft('--out', 'stt.json'))
  assert.equal([stt.mode, stt.fence, stt.disclosure], ['stt', null, null])
  const spv = await ok(draft('--mode', 'spv', '--out', 'spv.json'))
  assert.equal([spv.mode, spv.fence, spv.disclosure], ['spv', null, 'open'])
  const spvSaid = (await run(['genesis', 'review', 'spv.json'])).out
  assert.match(spvSaid, /^Chain transfers: anchored records, released by the patients’ grants \(SPV\)/)
  assert.match(spvSaid, /every member can read to whom a patient grants what/)

  const plain = await ok(draft('--mode', 'dss', '--out', 'dss.json'))
  assert.is(plain.mode, 'dss')
  assert.is(plain.fence.retentionYears, 10)
  assert.is(plain.fence.contact, HOSPITALS[0])
  assert.equal(plain.fence.excludedLabels, ['hiv', 'psychotherapy', 'sexual-health', 'substance-use'])
  const own = ['--purpose', 'cardiology', '--legal-basis', 'consent', '--retention-years', '30', '--contact', 'Dr. Ada']
  const more = await ok(
    draft('--mode', 'dss', ...own, '--exclude-label', 'vip', '--exclude-label', 'hiv', '--out', 'dss2.json')
  )
  assert.equal(more.fence, {
    purpose: 'cardiology',
    legalBasis: 'consent',
    retentionYears: 30,
    contact: 'Dr. Ada',
    excludedLabels: ['hiv', 'vip']
  })
  for (const command of ['review', 'show']) {
    const { out } = await run(['genesis', command, 'dss2.json'])
    for (const word of [
      'records shared in an alliance (DSS)',
      'cardiology',
      'consent',
      '30 years',
      'Dr. Ada',
      'labelled hiv, vip'
    ]) {
      assert.ok(out.includes(word), `${command} says ${word}`)
    }
  }
  const none = await ok(draft('--mode', 'dss', '--exclude-label', 'none', '--out', 'dss3.json'))
  assert.equal(none.fence.excludedLabels, [])
  for (const [i, args] of [
    ['--mode', 'DSS'],
    ['--mode', 'stt', '--purpose', 'x'],
    ['--mode', 'spv', '--exclude-label', 'hiv'],
    ['--exclude-label', 'hiv'],
    ['--mode', 'dss', '--purpose', ' '],
    ['--mode', 'dss', '--contact', 'x'.repeat(201)],
    ['--mode', 'dss', '--contact', 'two\nlines'],
    ['--mode', 'dss', '--retention-years', '0'],
    ['--mode', 'dss', '--retention-years', '1.5'],
    ['--mode', 'dss', '--exclude-label', 'HIV'],
    ['--mode', 'dss', '--exclude-label', 'none', '--exclude-label', 'hiv']
  ].entries()) {
    await fails(draft(...args, '--out', `refused${i}.json`), 2, 'usage')
    assert.not(existsSync(at(`refused${i}.json`)))
  }
})

test('sign in parallel, join, and install only when all have signed', async () => {
  await everywhere((i) => ok(['genesis', 'sign', 'g.json', '--home', `h${i}`, '--out', `g${i}.json`]))
  await ok(['genesis', 'sign', 'g.json', '--home', 'h0'])
  await fails(['genesis', 'install', 'g.json', '--home', 'h0'], 4, 'missing-signature')
  await fails(['genesis', 'join', 'g1.json', 's.json', '--out', 'j.json'], 4, 'different-genesis')
  const joined = await ok(['genesis', 'join', 'g.json', 'g1.json', 'g2.json', 'g3.json', '--out', 'g.json'])
  assert.ok(joined.complete)
  const parsed = parseGenesis(read('g.json'))
  assert.ok(parsed.kind === 'ok' && verifyGenesis(parsed.genesis).length === 0)
  await everywhere(async (i) => {
    const installed = await ok(['genesis', 'install', 'g.json', '--home', `h${i}`])
    assert.is(installed.out, at(`h${i}/chains/transfers/genesis.json`))
    assert.ok(installed.founder)
    assert.is(read(`h${i}/chains/transfers/genesis.json`), read('g.json'))
  })
  assert.ok((await ok(['genesis', 'install', 'g.json', '--home', 'h0'])).complete, 'the same again does no harm')
})

test('an installed genesis is not replaced by another', async () => {
  for (const i of [1, 2]) await ok(['genesis', 'sign', 's.json', '--home', `h${i}`])
  await fails(['genesis', 'install', 's.json', '--home', 'h1'], 1, 'file-exists')
  await fails(['genesis', 'sign', 's.json', '--home', 'h3'], 1, 'not-a-founder')
  await fails(['genesis', 'install', 's.json', '--home', 'half'], 1, 'no-chain-keys')
})

test('show, and a genesis that was changed by hand', async () => {
  const shown = await ok(['genesis', 'show', 'g.json'])
  assert.equal(shown.problems, [])
  assert.match(shown.chain, /^[0-9a-f]{64}$/)
  writeFileSync(at('changed.json'), read('g.json').replace(/"created": \d/, '"created": 2'))
  await fails(['genesis', 'install', 'changed.json', '--home', 'h0'], 4, 'signature')
  writeFileSync(at('spaced.json'), read('g.json').replace('{', '{ '))
  await fails(['genesis', 'show', 'spaced.json'], 1, 'not-canonical')
})

test('no secret leaves: nothing in cards, genesis or settings is in a key file’s plaintext or the passphrase', () => {
  const passphrase = read('h0/passphrase').trim()
  for (const file of ['0.card', 'g.json', 'h0/wardline.yaml', 'h0/keys/transfers.key']) {
    assert.not(readFileSync(at(file)).includes(passphrase), file)
  }
})

test.run()
