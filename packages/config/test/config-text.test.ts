import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { initialConfigText, parseConfig, withChain, withoutChain } from '../src/index.ts'

const test = suite('config/config-text')

function parsed(file: string) {
  const result = parseConfig({ file, userHome: '/u', workingFolder: '/w' })
  if (result.kind === 'problems') throw new Error(result.problems.join('\n'))
  return result.settings.config
}

test('what init writes is read back, whatever the name', () => {
  for (const name of [
    'Mercy',
    'a: b',
    '# x',
    'O\'Hara "North"',
    'yes',
    '7',
    'null',
    'Klinikum Süd 病院',
    '- a',
    '{a}'
  ]) {
    assert.is(parsed(initialConfigText({ name })).name, name)
  }
  const all = parsed(initialConfigText({ name: 'x', runFolder: '/run/w', passphraseFile: '/etc/p' }))
  assert.equal([all.runFolder, all.passphraseFile], ['/run/w', '/etc/p'])
})

test('adding a chain keeps comments and the other chains', () => {
  const one = withChain(initialConfigText({ name: 'x' }), 'a', { listen: '/ip4/127.0.0.1/tcp/20001' })
  const two = withChain(`${one}# my remark\n`, 'b', {
    listen: '/ip4/0.0.0.0/tcp/20002',
    announce: ['/dns4/h.example/tcp/20002']
  })
  assert.match(two, /# my remark/)
  assert.match(two, /# Settings of this hospital/)
  const { chains } = parsed(two)
  assert.equal(Object.keys(chains), ['a', 'b'])
  assert.is(chains['a']?.listen, '/ip4/127.0.0.1/tcp/20001')
  assert.equal(chains['b']?.announce, ['/dns4/h.example/tcp/20002'])
})

test('a file without chains, or with an empty value, takes one', () => {
  for (const text of ['', 'name: x\n', 'chains:\n', 'chains: {}\n']) {
    assert.equal(Object.keys(parsed(withChain(text, 'a', { listen: '/ip4/127.0.0.1/tcp/1' })).chains), ['a'])
  }
})

test('taking a chain out keeps comments and the other chains; the last one leaves an empty map', () => {
  const one = withChain(initialConfigText({ name: 'x' }), 'a', { listen: '/ip4/127.0.0.1/tcp/20001' })
  const two = withChain(`${one}# my remark\n`, 'b', { listen: '/ip4/127.0.0.1/tcp/20002' })
  const rest = withoutChain(two, 'a')
  assert.match(rest, /# my remark/)
  assert.equal(Object.keys(parsed(rest).chains), ['b'])
  assert.is(withoutChain(rest, 'a'), rest)
  const none = withoutChain(rest, 'b')
  assert.equal(parsed(none).chains, {})
  assert.equal(Object.keys(parsed(withChain(none, 'c', { listen: '/ip4/127.0.0.1/tcp/20003' })).chains), ['c'])
})

test.run()
