import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addressProblem, type ConfigSources, labelProblem, parseConfig } from '../src/index.ts'

const test = suite('config/config')

const base = { userHome: '/users/op', workingFolder: '/folder' }

function settings(sources: Partial<ConfigSources>) {
  const parsed = parseConfig({ ...base, ...sources })
  if (parsed.kind === 'problems') throw new Error(parsed.problems.join('\n'))
  return parsed.settings
}

function problems(sources: Partial<ConfigSources>): readonly string[] {
  const parsed = parseConfig({ ...base, ...sources })
  return parsed.kind === 'problems' ? parsed.problems : []
}

test('defaults', () => {
  const { config, origins, file } = settings({})
  assert.equal(config, {
    home: '/users/op/.wardline',
    name: '',
    passphraseFile: '/users/op/.wardline/passphrase',
    runFolder: '/users/op/.wardline/run',
    logLevel: 'info',
    chains: {}
  })
  assert.is(file, '/users/op/.wardline/wardline.yaml')
  assert.ok(Object.values(origins).every((origin) => origin === 'default'))
})

test('flag before environment before file before default', () => {
  const file = 'logLevel: warn\nname: File\nrunFolder: /run/file\n'
  const environment = { WARDLINE_LOG_LEVEL: 'error', WARDLINE_NAME: 'Env', WARDLINE_HOME: '/h' }
  const flags = { logLevel: 'debug' }
  const { config, origins } = settings({ file, environment, flags })
  assert.equal([config.logLevel, origins['logLevel']], ['debug', 'flag --log-level'])
  assert.equal([config.name, origins['name']], ['Env', 'environment WARDLINE_NAME'])
  assert.equal([config.runFolder, origins['runFolder']], ['/run/file', 'file /h/wardline.yaml'])
  assert.equal([config.passphraseFile, origins['passphraseFile']], ['/h/passphrase', 'default'])
  assert.equal([config.home, origins['home']], ['/h', 'environment WARDLINE_HOME'])
})

test('what is acknowledged without a person: everything unless the chain’s settings say otherwise', () => {
  const file = (acknowledge: string) =>
    `chains: {a: {listen: /ip4/1.2.3.4/tcp/1, acknowledge: ${acknowledge}}, b: {listen: /ip4/1.2.3.4/tcp/2}}`
  for (const value of ['auto', 'opened', 'manual']) {
    const { config, origins } = settings({ file: file(value), flags: { home: '/h' } })
    assert.equal([config.chains['a']?.acknowledge, config.chains['b']?.acknowledge], [value, 'auto'])
    assert.equal(
      [origins['chains.a.acknowledge'], origins['chains.b.acknowledge']],
      ['file /h/wardline.yaml', 'default']
    )
  }
  assert.match(
    problems({ file: file('never') })[0] ?? '',
    /chains\.a\.acknowledge .* must be one of auto, opened, manual/
  )
})

test('relative paths: flags and environment from the working folder, the file’s from its own', () => {
  const { config } = settings({
    flags: { home: 'h' },
    file: 'runFolder: r\nchains: {a: {listen: /ip4/1.2.3.4/tcp/1, genesis: g}}'
  })
  assert.is(config.home, '/folder/h')
  assert.is(config.runFolder, '/folder/h/r')
  assert.is(config.chains['a']?.genesis, '/folder/h/g')
  assert.is(settings({ environment: { WARDLINE_PASSPHRASE_FILE: 'p' } }).config.passphraseFile, '/folder/p')
})

test('chains: listen, announce and genesis with their origins', () => {
  const file =
    'chains:\n  st-1:\n    listen: /ip4/0.0.0.0/tcp/20123\n    announce: [/dns4/w.example/tcp/20123]\n  b:\n    listen: /ip6/::1/tcp/20124\n'
  const { config, origins } = settings({ file, flags: { home: '/h' } })
  assert.equal(config.chains['st-1'], {
    listen: '/ip4/0.0.0.0/tcp/20123',
    announce: ['/dns4/w.example/tcp/20123'],
    genesis: '/h/chains/st-1/genesis.json',
    pin: null,
    acknowledge: 'auto'
  })
  assert.equal(config.chains['b']?.announce, ['/ip6/::1/tcp/20124'])
  assert.is(origins['chains.st-1.announce'], 'file /h/wardline.yaml')
  assert.is(origins['chains.b.announce'], 'default')
})

test('a pinned block is a height and a digest, and nothing else', () => {
  const digest = 'ab'.repeat(32)
  const file = (pin: string) => `chains: {a: {listen: /ip4/1.2.3.4/tcp/1, pin: "${pin}"}}`
  assert.equal(settings({ file: file(`120:${digest}`) }).config.chains['a']?.pin, { height: 120, digest })
  for (const wrong of [
    digest,
    `120:${digest.toUpperCase()}`,
    `012:${digest}`,
    `-1:${digest}`,
    `120:${digest}00`,
    '120:'
  ]) {
    assert.match(problems({ file: file(wrong) })[0] ?? '', /chains\.a\.pin .* must be HEIGHT:DIGEST/, wrong)
  }
})

test('the config is frozen to its leaves', () => {
  const { config } = settings({ file: 'chains: {a: {listen: /ip4/1.2.3.4/tcp/1}}' })
  assert.throws(() => Object.assign(config, { name: 'x' }))
  assert.throws(() => Object.assign(config.chains['a'] ?? {}, { listen: 'x' }))
})

test('all problems are told at once, each naming its setting and origin', () => {
  const file = [
    'logLevel: loud',
    'runfolder: /x',
    'home: /y',
    'colour: red',
    'name: 7',
    'chains:',
    '  Upper: {listen: /ip4/1.2.3.4/tcp/1}',
    '  identity: {listen: /ip4/1.2.3.4/tcp/1}',
    '  storage: {listen: /ip4/1.2.3.4/tcp/1}',
    '  a: {listen: tcp://1.2.3.4}',
    '  b: {}',
    '  c: {listen: /ip4/1.2.3.4/tcp/70000, lissten: x, announce: none}'
  ].join('\n')
  const found = problems({ file, environment: { WARDLINE_LOGLEVEL: 'info' } })
  for (const wanted of [
    /^logLevel \(file .*wardline\.yaml\) must be one of debug, info, warn, error\.$/,
    /^runfolder in .* is not a setting; did you mean runFolder\?$/,
    /^home cannot be set in .*: use --home or WARDLINE_HOME\.$/,
    /^colour in .* is not a setting; known are name, .*chains\.$/,
    /^name \(file .*\) must be text\.$/,
    /^chains\.Upper .*lower-case/,
    /^chains\.identity .*is taken/,
    /^chains\.storage .*is taken/,
    /^chains\.a\.listen \(file .*\) must be a multiaddr such as/,
    /^chains\.b\.listen \(file .*\) is missing\.$/,
    /^chains\.c\.listen .* must have a port from 1 to 65535\.$/,
    /^chains\.c\.lissten in .* did you mean chains\.c\.listen\?$/,
    /^chains\.c\.announce .* must be a list\.$/,
    /^The environment variable WARDLINE_LOGLEVEL is not known; did you mean WARDLINE_LOG_LEVEL\?$/
  ]) {
    assert.ok(
      found.some((problem) => wanted.test(problem)),
      `${wanted} is not in\n${found.join('\n')}`
    )
  }
  assert.is(found.length, 14, found.join('\n'))
})

for (const [name, file, wanted] of [
  ['broken YAML', 'name: [', /wardline\.yaml line \d+: /],
  ['the same key twice', 'name: a\nname: b', /line 2: .*unique/],
  ['a list', '- name', /must be a YAML mapping/],
  ['a scalar', 'x', /must be a YAML mapping/],
  ['an alias', 'name: &n x\nrunFolder: *n', /without aliases/],
  ['chains as a list', 'chains: [a]', /must map labels/],
  ['a name with a line end', 'name: "a\\nb"', /one line/],
  ['an empty name', 'name: ""', /must not be empty/]
] as const) {
  test(`${name} is one clear problem`, () => {
    const found = problems({ file })
    assert.is(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', wanted)
  })
}

test('an empty file and one of comments are fine', () => {
  assert.equal(problems({ file: '' }), [])
  assert.equal(problems({ file: '# nothing yet\n' }), [])
  assert.equal(problems({ file: 'chains:\n' }), [])
})

test('a home too deep for a socket path is told with the setting that helps, and 107 bytes are fine', () => {
  const home = `/${'d'.repeat(107 - '/'.length - '/run/admin.sock'.length)}`
  assert.equal(problems({ flags: { home } }), [])
  const found = problems({ flags: { home: `${home}d` } })
  assert.is(found.length, 1)
  assert.match(found[0] ?? '', /108 bytes .* allows 107: set runFolder \(--run-folder, WARDLINE_RUN_FOLDER\)/)
  assert.equal(problems({ flags: { home: `${home}d`, runFolder: '/run/w' } }), [])
  assert.match(problems({ flags: { runFolder: `/${'é'.repeat(50)}` } })[0] ?? '', /runFolder/)
})

test('variables of others under the prefix are left alone', () => {
  assert.equal(problems({ environment: { WARDLINE_REQUIRE_SHARED: '1', WARDLINE_DEMO_SEED: '7' } }), [])
  assert.equal(settings({ environment: { WARDLINE_NAME: '' } }).origins['name'], 'default')
})

test('labels and addresses', () => {
  for (const label of ['a', 'stt-1', '1st', 'x'.repeat(32)]) assert.is(labelProblem(label), undefined, label)
  for (const label of ['', '-a', 'A', 'a/b', '..', 'a_b', 'x'.repeat(33), 'identity', 'storage']) {
    assert.type(labelProblem(label), 'string', label)
  }
  for (const address of ['/ip4/1.2.3.4/tcp/1', '/ip6/fe80::1/tcp/65535', '/dns4/a-b.example/tcp/443']) {
    assert.is(addressProblem(address), undefined, address)
  }
  for (const address of [
    '1.2.3.4:5',
    '/ip4/1.2.3.4/udp/1',
    '/ip4/1.2.3.4/tcp/0',
    '/ip4/1.2.3.4/tcp/1/ws',
    '/ip4/ /tcp/1'
  ]) {
    assert.type(addressProblem(address), 'string', address)
  }
})

test.run()
