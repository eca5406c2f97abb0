/** Programs that are not ours, as their users would use them. */
import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { createJSONRPCRequest, JSONRPCClient } from 'json-rpc-2.0'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { countingFeed, exampleDispatch, post, withServer } from './fixture.ts'

const test = suite('socket/clients')

/** Its client hands over a request or a batch, and takes one answer or a list of them. */
type Carrier = (payload: unknown, client: JSONRPCClient) => Promise<void>

async function check(carry: Carrier): Promise<void> {
  const client: JSONRPCClient = new JSONRPCClient((payload) => carry(payload, client))
  assert.is(await client.request('sum', [1, 2]), 3)
  client.notify('update', [1])
  try {
    await client.request('nothing', [])
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code?: number }).code, -32601)
  }
  const request = (id: number) => createJSONRPCRequest(id, 'sum', [id, 1])
  const answers = await client.requestAdvanced([request(1), request(2)])
  assert.equal(
    answers.map(({ result }) => result),
    [2, 3]
  )
  // The library's own server would answer a batch of one with an object.
  const [only] = await client.requestAdvanced([request(3)])
  assert.is(only?.result, 4)
}

test('json-rpc-2.0 by HTTP', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    await check(async (payload, client) => {
      const { text } = await post(path, JSON.stringify(payload))
      if (text !== '') client.receive(JSON.parse(text))
    })
  })
})

test('json-rpc-2.0 by WebSocket', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const socket = new WebSocket(`ws+unix:${path}:/`)
    await new Promise((resolve) => socket.once('open', resolve))
    let receive = (_text: string) => {}
    socket.on('message', (data: Buffer) => receive(String(data)))
    await check(async (payload, client) => {
      receive = (text) => client.receive(JSON.parse(text))
      socket.send(JSON.stringify(payload))
    })
    socket.terminate()
  })
})

test('json-rpc-2.0 on the raw stream', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    const socket = connect(path)
    let rest = ''
    let receive = (_text: string) => {}
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const one of lines) receive(one)
    })
    await check(async (payload, client) => {
      receive = (text) => client.receive(JSON.parse(text))
      socket.write(JSON.stringify(payload))
    })
    socket.destroy()
  })
})

const has = (program: string) =>
  spawnSync(program, ['--version']).error === undefined && spawnSync(program, ['-V']).error === undefined
const testCurl = has('curl') ? test : test.skip
const testSocat = has('socat') ? test : test.skip

function output(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args)
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.on('close', () => resolve(text))
    child.stdin.end(input)
  })
}

const sum = '{"jsonrpc":"2.0","id":1,"method":"sum","params":[1,2]}'
const answer = '{"jsonrpc":"2.0","result":3,"id":1}'

testCurl('curl', async () => {
  await withServer(exampleDispatch, async ({ path }) => {
    assert.is(await output('curl', ['-s', '--unix-socket', path, '-d', sum, 'http://wardline/']), answer)
  })
})

testSocat('socat: answers to what is piped into it, and events while its input stays open', async () => {
  await withServer(
    exampleDispatch,
    async ({ path }) => {
      assert.is(await output('socat', ['-t5', '-', `UNIX-CONNECT:${path}`], sum + sum), `${answer}\n${answer}\n`)
      const child = spawn('socat', ['-', `UNIX-CONNECT:${path}`])
      let text = ''
      const heard = new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          text += chunk
          if (text.split('\n').length > 3) resolve()
        })
      })
      child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"topic":"blocks","from":1}}')
      await heard
      child.kill()
      assert.match(text, /"result":\{"subscription":1.*\n.*"height":2.*\n.*"height":3/)
    },
    { subscribe: countingFeed(3) }
  )
})

test.run()
