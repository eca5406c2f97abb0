import { PURPOSES as LEDGER_PURPOSES, ROLES as LEDGER_ROLES, REFUSALS } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ERROR_CODES, errorNumber, MEMBER_ROLES, methods, openRpcDocument, PURPOSES, TOPICS } from '../src/index.ts'

const test = suite('api/open-rpc')

test('every method is in the document once, with a summary, roles and schemas', () => {
  const document = openRpcDocument()
  assert.match(document.openrpc, /^1\.\d+\.\d+$/)
  assert.equal(
    document.methods.map(({ name }) => name),
    ['rpc.discover', ...Object.keys(methods), 'subscribe', 'unsubscribe']
  )
  for (const method of document.methods) {
    assert.match(method.summary, /^[A-Z].*\.$/, method.name)
    assert.ok(method['x-roles'].length > 0)
    assert.is(new Set(method.params.map(({ name }) => name)).size, method.params.length)
    for (const { schema } of method.params) assert.ok(Object.keys(schema).length > 0)
    if (Object.hasOwn(methods, method.name)) {
      const names = Object.keys(methods[method.name as keyof typeof methods].params.shape)
      assert.equal(
        method.params.map(({ name }) => name),
        names
      )
    }
  }
})

test('what a second call would do twice is said, with where to look before', () => {
  for (const [name, look] of Object.entries({
    'record.send': 'record.list',
    'record.publish': 'patient.timeline',
    'record.amend': 'patient.timeline',
    'record.anchor': 'audit.patient',
    'record.request': 'audit.patient',
    'grant.create': 'grant.list'
  })) {
    const summary = openRpcDocument().methods.find((method) => method.name === name)?.summary ?? ''
    assert.match(summary, 'Called again after a broken connection', name)
    assert.match(summary, `see in ${look}`, name)
    assert.ok(Object.hasOwn(methods, look), look)
  }
})

test('every topic is in the document, and the shape of its events', () => {
  const listed = openRpcDocument()['x-topics']
  assert.equal(
    listed.map(({ name }) => name),
    TOPICS
  )
  for (const { name, summary, event, 'x-roles': roles } of listed) {
    assert.match(summary, /^[A-Z].*\.$/, name)
    assert.match(JSON.stringify(event), /"timeMs"/, name)
    assert.equal(roles, ['admin', 'ehr', 'read'])
  }
  assert.equal(
    openRpcDocument()['x-notifications'].map(({ name }) => name),
    ['event', 'ended']
  )
})

test('the document is plain JSON', () => {
  const document = openRpcDocument()
  assert.equal(JSON.parse(JSON.stringify(document)), document)
})

test('required parameters are told from those with a default', () => {
  const send = openRpcDocument().methods.find(({ name }) => name === 'record.send')
  const required = send?.params.filter((param) => param.required).map(({ name }) => name)
  assert.equal(required, ['to'])
})

test('codes that methods declare are codes of this interface', () => {
  for (const [name, { errors }] of Object.entries(methods)) {
    for (const code of errors) assert.ok(Object.hasOwn(ERROR_CODES, code), `${name}: ${code}`)
  }
})

test('a refusal is told by its number: its code is that of the rule, which the document does not make up', () => {
  for (const { name, errors } of openRpcDocument().methods) {
    const refusals = errors.filter(({ code }) => code === ERROR_CODES.refused)
    const own: readonly string[] = Object.hasOwn(methods, name) ? methods[name as keyof typeof methods].errors : []
    assert.is(refusals.length, own.includes('refused') ? 1 : 0, name)
    for (const { data, message } of refusals) {
      assert.is(data, undefined, name)
      assert.match(message, 'data.code')
    }
    for (const { code, data } of errors) {
      if (code !== ERROR_CODES.refused) assert.is(code, errorNumber(data?.code ?? ''), name)
    }
  }
})

test('error numbers are unique, and in the ranges that JSON-RPC leaves', () => {
  const numbers = Object.values(ERROR_CODES)
  assert.is(new Set(numbers).size, numbers.length)
  assert.ok(numbers.every((number) => (number <= -32_000 && number >= -32_099) || number <= -32_600))
  assert.is(errorNumber('not-a-holder'), ERROR_CODES.refused)
  assert.is(errorNumber('toString'), ERROR_CODES.refused)
})

test('purposes and roles are the ledger’s', () => {
  assert.equal([...PURPOSES].sort(), [...LEDGER_PURPOSES].sort())
  assert.equal([...MEMBER_ROLES, 'registrar'].sort(), [...LEDGER_ROLES].sort())
})

test('codes that both the ledger and this interface have mean the same to a caller', () => {
  const both = Object.keys(REFUSALS).filter((code) => Object.hasOwn(ERROR_CODES, code))
  assert.equal(both.sort(), ['not-permitted', 'too-large'])
})

test.run()
