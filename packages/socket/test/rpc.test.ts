import { ApiError } from '@wardline/api'
import { AssertionError, limits } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sharedFile } from '../../../test/shared-folder.ts'
import { answerMessage } from '../src/rpc.ts'
import { exampleDispatch, type Fixture, nothingToFollow, recordingLog } from './fixture.ts'

const test = suite('socket/rpc')

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field.
async function answer(text: string, dispatch = exampleDispatch, logged: Fixture['logged'] = []): Promise<any> {
  const rpc = {
    dispatch,
    subscribe: nothingToFollow,
    log: recordingLog(logged),
    onBug: () => {
      logged.push({ level: 'bug', message: '', fields: undefined })
    }
  }
  const given = await answerMessage(rpc, Buffer.from(text), { role: 'admin' }, () => true)
  return given === undefined ? undefined : JSON.parse(given)
}

type Example = { name: string; request: string; response: unknown }
const examples: { cases: Example[] } | undefined = sharedFile('vectors/json/jsonrpc-spec-examples.json')
if (examples === undefined) console.log('skipped: ../shared/vectors/json is absent')

const testExamples = examples === undefined ? test.skip : test
testExamples('the examples of the JSON-RPC 2.0 specification', async () => {
  assert.is(examples?.cases.length, 15)
  for (const { name, request, response } of examples?.cases ?? []) {
    const given = await answer(request)
    if (response === null) assert.is(given, undefined, name)
    else assert.equal(sorted(given), sorted(response), name)
  }
})

/** Without error texts and data; a batch's answers in an order of their own. */
function sorted(response: unknown): unknown {
  const plain = (one: { error?: { code: number } }) =>
    JSON.stringify(one.error === undefined ? one : { ...one, error: one.error.code })
  return Array.isArray(response) ? response.map(plain).sort() : plain(response as { error?: { code: number } })
}

for (const [name, text, code] of [
  ['id is an object', '{"jsonrpc":"2.0","method":"echo","id":{}}', 'invalid-request'],
  ['jsonrpc is missing', '{"method":"echo","id":1}', 'invalid-request'],
  ['jsonrpc 1.0', '{"jsonrpc":"1.0","method":"echo","id":1}', 'invalid-request'],
  ['params is text', '{"jsonrpc":"2.0","method":"echo","params":"x","id":1}', 'invalid-request'],
  ['params is null', '{"jsonrpc":"2.0","method":"echo","params":null,"id":1}', 'invalid-request'],
  ['a scalar', '7', 'invalid-request'],
  ['duplicate keys', '{"jsonrpc":"2.0","method":"echo","method":"sum","id":1}', 'invalid-request'],
  ['__proto__', '{"jsonrpc":"2.0","method":"echo","params":{"__proto__":{"x":1}},"id":1}', 'invalid-request'],
  ['lone surrogate', '{"jsonrpc":"2.0","method":"echo","params":["\\udead"],"id":1}', 'invalid-request'],
  ['2^53 + 1', '{"jsonrpc":"2.0","method":"echo","params":[9007199254740993],"id":1}', 'invalid-request'],
  ['depth 100,000', `{"jsonrpc":"2.0","id":1,"method":"echo","params":${'['.repeat(100_000)}`, 'invalid-request'],
  ['a batch above the limit', `[${'1,'.repeat(limits.rpcBatchMax)}1]`, 'too-large'],
  ['half a message', '{"jsonrpc":"2.0","method":"echo","id":1', 'parse-error']
] as const) {
  test(`${name}: ${code}`, async () => {
    const given = await answer(text)
    assert.is(given.jsonrpc, '2.0')
    assert.is(given.error.data.code, code)
    assert.type(given.error.code, 'number')
    assert.not('result' in given)
  })
}

test('ids come back as they were, null too', async () => {
  for (const id of ['"x"', '7', '-1.5', 'null', '""', '0']) {
    const given = await answer(`{"jsonrpc":"2.0","method":"echo","params":[1],"id":${id}}`)
    assert.is(JSON.stringify(given.id), id)
  }
})

test('an invalid request with a readable id is answered under it', async () => {
  assert.is((await answer('{"jsonrpc":"2.0","method":5,"id":"q"}')).id, 'q')
})

test('a batch of one is answered with an array', async () => {
  const given = await answer('[{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}]')
  assert.equal(given, [{ jsonrpc: '2.0', result: 3, id: 1 }])
})

test('a result of undefined is answered as null', async () => {
  assert.equal(await answer('{"jsonrpc":"2.0","method":"update","id":1}'), { jsonrpc: '2.0', result: null, id: 1 })
})

test('an ApiError gives its code, its data and a number', async () => {
  const given = await answer('{"jsonrpc":"2.0","method":"x","id":1}', async () => {
    throw new ApiError('not-a-holder', 'this hospital does not hold the record', { record: 'r' })
  })
  assert.equal(given.error, {
    code: -32000,
    message: 'this hospital does not hold the record',
    data: { record: 'r', code: 'not-a-holder' }
  })
})

test('an unexpected error shows nothing of itself, to the caller or in the log', async () => {
  const logged: Fixture['logged'] = []
  const given = await answer(
    '{"jsonrpc":"2.0","method":"x","id":1}',
    async () => {
      throw new TypeError('patient Jane Roe, key 00ff')
    },
    logged
  )
  assert.is(given.error.data.code, 'internal-error')
  assert.is(given.error.code, -32603)
  assert.not.match(JSON.stringify(given) + JSON.stringify(logged), /Jane|00ff/)
  assert.is(logged.length, 1)
  assert.is(logged[0]?.fields?.['error'], 'TypeError')
  assert.match(String(logged[0]?.fields?.['at']), /rpc\.test\.ts/)
})

test('a failed assertion is answered and handed on, so that the daemon stops', async () => {
  const logged: Fixture['logged'] = []
  const given = await answer(
    '{"jsonrpc":"2.0","method":"x","id":1}',
    async () => {
      throw new AssertionError('two blocks at one height')
    },
    logged
  )
  assert.is(given.error.data.code, 'internal-error')
  assert.ok(logged.some(({ level }) => level === 'bug'))
})

test('notifications that fail are not answered', async () => {
  assert.is(await answer('{"jsonrpc":"2.0","method":"nothing"}'), undefined)
})

test('a batch whose answers together are too large says so for those that do not fit', async () => {
  const big = 'x'.repeat(12 * 1024 * 1024)
  const calls = [1, 2, 3].map((id) => `{"jsonrpc":"2.0","method":"big","id":${id}}`)
  const given = await answer(`[${calls.join(',')}]`, async () => big)
  assert.is(given.filter((one: object) => 'result' in one).length, 2)
  assert.is(
    given.filter((one: { error?: { data: { code: string } } }) => one.error?.data.code === 'too-large').length,
    1
  )
})

test('a batch runs at most as many calls at once as a connection may have', async () => {
  let running = 0
  let most = 0
  const calls = Array.from({ length: limits.rpcBatchMax }, (_, id) => `{"jsonrpc":"2.0","method":"slow","id":${id}}`)
  const given = await answer(`[${calls.join(',')}]`, async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 1))
    running -= 1
    return 1
  })
  assert.is(given.length, limits.rpcBatchMax)
  assert.is(most, limits.rpcPipelineMax)
})

test.run()
