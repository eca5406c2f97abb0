import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Api, ApiError } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from './fixture.ts'

const test = suite('wardline/run')

const { folder, run, remove } = createRunner()
test.after(remove)
const home = ['--home', folder]
const ID = 'ab'.repeat(32)

async function withFake(api: Partial<Api>, body: () => Promise<void>): Promise<void> {
  const server = await serveFake(join(folder, 'run'), api)
  try {
    await body()
  } finally {
    await server.close()
  }
}

/** Whatever is asked for, in the shape of the table; good enough for what the command prints. */
function fake<M extends keyof Api>(method: M, answer: (params: Parameters<Api[M]>[0]) => unknown): Partial<Api> {
  return { [method]: async (params: Parameters<Api[M]>[0]) => answer(params) } as Partial<Api>
}

const STATUS = {
  health: 'warn',
  problems: [
    { severity: 'warn', code: 'peer-missing', chain: 'transfers', problem: 'Mercy is away.', remedy: 'Call them.' }
  ],
  name: 'Baystate',
  version: '0.1.0',
  startedMs: 0,
  nowMs: 61_000,
  uptimeMs: 61_000,
  rssBytes: 90e6,
  pid: 7,
  chains: [
    {
      label: 'transfers',
      chain: ID,
      mode: 'stt',
      member: ID,
      name: 'Baystate',
      validator: true,
      phase: 'running',
      height: 12,
      head: ID,
      headTimeMs: 0,
      headAgeMs: 5_000,
      epoch: 0,
      view: 13,
      transactions: 3,
      peers: { connected: [{ member: ID, name: 'Holyoke' }], missing: [{ member: ID, name: 'Mercy' }], expected: 2 },
      mempool: { transactions: 0, bytes: 0 },
      duties: { pending: 1, overdue: 0 },
      payloads: { missing: 0 }
    }
  ]
}

for (const [args, exit] of [
  [['--help'], 0],
  [['--version'], 0],
  [['record', 'send', '--help'], 0],
  [[], 2],
  [['stat'], 2],
  [['status', '--colour'], 2],
  [['record', 'send', 'x'], 2],
  [['record', 'send', '--to', 'a'], 2],
  [['record', 'open'], 2],
  [['record', 'list', '--which', 'some'], 2],
  [['record', 'holders', ID, '--at', 'yesterday'], 2],
  [['record', 'trace', ID, '--to', 'Mercy'], 2],
  [['record', 'handoffs', '--from', 'Mercy'], 2],
  [['record', 'handoffs'], 2],
  [['record', 'handoffs', '--member', 'Mercy'], 2],
  [['record', 'handoffs', ID, '--member', 'Mercy'], 2],
  [['tx', 'get', ID, '--anchor', 'x'], 2],
  [['chain', 'block', 'x'], 2],
  [['rpc', 'status', '{'], 2],
  [['rpc', 'status', '7'], 2],
  [['status', '--socket', 'root'], 2],
  [['verify', 'r', '--genesis', 'g', '--pin', '1:2'], 2],
  [['status'], 3],
  // Without a daemon it reads the stopped home, and this one has no chain.
  [['chain', 'verify'], 2],
  [['rpc', 'anything'], 3]
] as const) {
  test(`wardline ${args.join(' ').slice(0, 50)} ends with ${exit}`, async () => {
    const ran = await run([...args, ...home])
    assert.is(ran.exit, exit, ran.err)
    if (exit !== 0) {
      assert.is(ran.out, '', 'talk goes to standard error')
      assert.ok(ran.err.length > 0)
      assert.not.match(ran.err, /\n\s+at /, 'no stack')
    }
  })
}

test('bad settings: every problem on its line, exit 2', async () => {
  const bad = join(folder, 'bad')
  mkdirSync(bad)
  writeFileSync(join(bad, 'wardline.yaml'), 'logLevel: loud\nrunfolder: /x\n')
  const { exit, out, err } = await run(['status', '--home', bad])
  assert.is(exit, 2)
  assert.is(out, '')
  assert.match(err, /did you mean runFolder/)
  assert.match(err, /logLevel .* must be one of/)
})

test('status: health first, problems with their remedies, then the chains', async () => {
  await withFake(
    fake('status', () => STATUS),
    async () => {
      const { exit, out, err } = await run(['status', ...home])
      assert.is(exit, 0, err)
      const lines = out.split('\n')
      assert.is(lines[0], 'WARN  Baystate')
      assert.is(lines[1], 'warn  transfers: Mercy is away. Call them.')
      assert.match(out, /transfers\s+stt\s+running\s+12\s+5 s\s+13\s+1\/2/)
      assert.match(out, /connected to Holyoke; not connected: Mercy/)
      const json = await run(['status', '--json', ...home])
      assert.equal(JSON.parse(json.out), STATUS)
      assert.is(json.err, '')
    }
  )
})

for (const [code, exit] of [
  ['internal-error', 1],
  ['not-found', 1],
  ['refused', 1],
  ['content-mismatch', 1],
  ['invalid-params', 2],
  ['verification-failed', 4],
  ['not-permitted', 5],
  ['not-a-holder', 5],
  ['no-grant', 5],
  ['not-in-scope', 5],
  ['timeout', 6]
] as const) {
  test(`the daemon’s ${code} ends with ${exit}, as a sentence or as JSON`, async () => {
    const api = fake('chain.list', () => {
      throw new ApiError(code, 'that cannot be', { id: ID })
    })
    await withFake(api, async () => {
      const text = await run(['chain', 'list', ...home])
      // What was accepted stays accepted: whoever sends again must know it.
      const message = code === 'timeout' ? `That cannot be. Its id is ${ID}.` : 'That cannot be.'
      assert.equal(text, { exit, out: '', err: `wardline: ${message}\n` })
      const json = await run(['chain', 'list', '--json', ...home])
      assert.is(json.exit, exit)
      assert.equal(JSON.parse(json.err).error, { code, message, data: { id: ID, code } })
    })
  })
}

test('the read socket may not send: exit 5', async () => {
  await withFake({}, async () => {
    const { exit, err } = await run(['record', 'send', '--record', ID, '--to', 'Mercy', '--socket', 'read', ...home])
    assert.is(exit, 5)
    assert.match(err, /admin and ehr socket only/)
  })
})

const SENT = {
  chain: ID,
  id: ID,
  state: 'committed',
  code: null,
  height: 3,
  record: ID,
  commitment: ID,
  via: null,
  to: [{ member: ID, name: 'Mercy' }]
}

test('record send gives the exact bytes, of a file or standard input, and keeps the receipt', async () => {
  const seen: unknown[] = []
  const api = fake('record.send', (params) => {
    seen.push(params)
    return { ...SENT, ...('receipt' in params && params.receipt && { receipt: '{"v":1}' }) }
  })
  await withFake(api, async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 10])
    writeFileSync(join(folder, 'visit'), bytes)
    const options = [
      '--to',
      'Mercy',
      '--to',
      'Holyoke',
      '--purpose',
      'emergency',
      '--media-type',
      'a/b',
      '--timeout',
      '7'
    ]
    const sent = await run([
      'record',
      'send',
      'visit',
      ...options,
      '--receipt',
      'r.json',
      '--actor',
      'Dr. Roe',
      ...home
    ])
    assert.is(sent.exit, 0, sent.err)
    assert.match(sent.out, /state\s+committed in block 3/)
    assert.is(readFileSync(join(folder, 'r.json'), 'utf8'), '{"v":1}\n')
    assert.equal(seen[0], {
      to: ['Mercy', 'Holyoke'],
      purpose: 'emergency',
      content: bytes.toString('base64'),
      descriptor: { mediaType: 'a/b' },
      wait: 'final',
      timeoutMs: 7000,
      receipt: true
    })
    await run(['record', 'send', '-', '--to', 'Mercy', ...home], { input: 'from a pipe' })
    assert.is((seen[1] as { content: string }).content, Buffer.from('from a pipe').toString('base64'))
    writeFileSync(join(folder, 'huge'), Buffer.alloc(1024 * 1024 + 1))
    assert.is((await run(['record', 'send', 'huge', '--to', 'Mercy', ...home])).exit, 1)
    assert.is(seen.length, 2)
  })
})

test('who does not hear whether a record was sent is told its id and to look before sending again', async () => {
  const api = fake('record.send', () => {
    throw new ApiError('timeout', 'not final yet', { id: ID })
  })
  await withFake(api, async () => {
    writeFileSync(join(folder, 'late'), 'x')
    const { exit, err } = await run(['record', 'send', 'late', '--to', 'Mercy', '--chain', 'c', ...home])
    assert.is(exit, 6)
    assert.match(err, new RegExp(`Its id is ${ID}\\. .*twice.*wardline record list --which own --chain c`))
  })
})

test('record recall names the record; a refusal because it was recalled is "not permitted"', async () => {
  const seen: unknown[] = []
  const api = fake('record.recall', (params) => {
    seen.push(params)
    if (seen.length > 1) throw new ApiError('recalled', 'the record has been recalled')
    return { chain: ID, id: ID, state: 'committed', code: null, height: 3, record: ID }
  })
  await withFake(api, async () => {
    const recalled = await run(['record', 'recall', ID, ...home])
    assert.is(recalled.exit, 0, recalled.err)
    assert.match(recalled.out, /state\s+committed in block 3/)
    assert.equal(seen[0], { record: ID, wait: 'final', timeoutMs: 30_000, receipt: false })
    assert.is((await run(['record', 'recall', ID, ...home])).exit, 5)
  })
})

test('record trace says below the drawing who has destroyed a recalled record and who has not', async () => {
  const mark = { id: ID, timeMs: 0, height: 3 }
  const recall = { ...mark, attested: [{ member: ID, name: 'Mercy', ...mark }], missing: [] }
  const api = fake('record.trace', () => ({ drawing: '◆━━▶', edges: [], complete: true, recall }))
  await withFake(api, async () => {
    const traced = await run(['record', 'trace', ID, ...home])
    assert.is(traced.exit, 0, traced.err)
    assert.match(traced.out, /◆━━▶\nRecalled 1970-01-01T00:00:00Z/)
    assert.match(traced.out, /Destroyed by +Mercy\nNot yet said by +nobody/)
  })
})

test('record open writes the bytes and nothing else to standard output', async () => {
  const api = fake('record.open', () => ({
    chain: ID,
    record: ID,
    transmission: ID,
    from: { member: ID, name: 'Mercy' },
    origin: { member: ID, name: null },
    content: Buffer.from('{"a": 0.10}\n').toString('base64'),
    sizeBytes: 12,
    commitment: ID,
    descriptor: {},
    alias: null,
    version: null,
    access: null
  }))
  await withFake(api, async () => {
    const shown = await run(['record', 'open', ID, ...home])
    assert.is(shown.out, '{"a": 0.10}\n')
    assert.match(shown.err, /from Mercy, origin abababababab/)
    const kept = await run(['record', 'open', ID, '--out', 'opened', '--json', ...home])
    assert.is(kept.exit, 0, kept.err)
    assert.not.match(kept.out, /content/)
    assert.is(readFileSync(join(folder, 'opened'), 'utf8'), '{"a": 0.10}\n')
    assert.is((await run(['record', 'open', ID, '--out', 'opened', ...home])).exit, 1, 'never over another file')
  })
})

test('record envelope writes the bytes and nothing else to standard output', async () => {
  const bytes = Buffer.from('sealed\n')
  const facts = { chain: ID, record: ID, transmission: ID, sizeBytes: bytes.length }
  const api = fake('record.envelope', () => ({ ...facts, envelope: bytes.toString('base64') }))
  await withFake(api, async () => {
    const kept = await run(['record', 'envelope', ID, '--out', 'envelope', '--json', ...home])
    assert.is(kept.exit, 0, kept.err)
    assert.equal(JSON.parse(kept.out), { ...facts, out: 'envelope' })
    assert.equal(readFileSync(join(folder, 'envelope')), bytes)
    assert.is((await run(['record', 'envelope', ID, '--out', 'envelope', ...home])).exit, 1, 'never over another file')
    assert.is((await run(['record', 'envelope', ID, ...home])).out, bytes.toString())
  })
})

for (const args of [[], ['frob'], ['status', '--colour'], ['record', 'send', 'x']]) {
  test(`wardline --json ${args.join(' ')} tells what is wrong with the call as one line of JSON`, async () => {
    const { exit, out, err } = await run(['--json', ...args])
    assert.is(exit, 2)
    assert.is(out, '')
    assert.is(JSON.parse(err).error.code, 'usage')
  })
}

test('chain verify: a fault is data and ends with 4', async () => {
  const answer = {
    chain: ID,
    ok: true,
    height: 9,
    head: ID,
    appHash: ID,
    transactions: 1,
    elapsedMs: 1,
    fault: null
  }
  const list = fake('chain.list', () => ({ chains: [{ label: 'transfers' }] }))
  await withFake({ ...list, ...fake('chain.verify', () => answer) }, async () => {
    assert.is((await run(['chain', 'verify', 'transfers', ...home])).exit, 0)
    const { exit, out } = await run(['chain', 'verify', '--json', ...home])
    assert.equal([exit, JSON.parse(out)], [0, answer], 'the only chain needs no name')
  })
  const fault = { height: 10, code: 'app-hash', what: 'It re-executes to another hash.' }
  await withFake(
    fake('chain.verify', () => ({ ...answer, ok: false, head: null, appHash: null, transactions: null, fault })),
    async () => {
      const { exit, out } = await run(['chain', 'verify', 'transfers', '--json', ...home])
      assert.is(exit, 4)
      assert.equal(JSON.parse(out).fault, fault)
    }
  )
})

test('chain verify without a label: every chain on its line, and none hides another', async () => {
  const agreed = { chain: ID, ok: true, height: 9, head: ID, appHash: ID, transactions: 1, elapsedMs: 1, fault: null }
  const fault = { height: 10, code: 'app-hash', what: 'It re-executes to another hash.' }
  let answers: Readonly<Record<string, unknown>> = {}
  const api = {
    ...fake('chain.list', () => ({ chains: Object.keys(answers).map((label) => ({ label })) })),
    ...fake('chain.verify', ({ chain }) => {
      const answer = answers[chain ?? '']
      if (answer instanceof Error) throw answer
      return answer
    })
  }
  await withFake(api, async () => {
    answers = { alliance: agreed, transfers: agreed }
    const well = await run(['chain', 'verify', ...home])
    assert.equal(well, { exit: 0, out: `alliance  verified to 9 ${ID}\ntransfers  verified to 9 ${ID}\n`, err: '' })
    const busy = new ApiError('busy', 'this chain is being verified already')
    answers = { alliance: busy, transfers: { ...agreed, ok: false, head: null, fault }, permissions: agreed }
    const ran = await run(['chain', 'verify', ...home])
    assert.is(ran.exit, 4)
    const [first, second, third] = ran.out.split('\n')
    assert.is(first, 'alliance  NOT VERIFIED (busy): This chain is being verified already.')
    assert.is(second, 'transfers  FAULT at height 10 (app-hash): It re-executes to another hash.')
    assert.is(third, `permissions  verified to 9 ${ID}`)
    const json = JSON.parse((await run(['chain', 'verify', '--json', ...home])).out)
    assert.is(json.ok, false)
    assert.equal(
      json.chains.map(({ label, ok, error }: { label: string; ok: boolean; error?: { code: string } }) => [
        label,
        ok,
        error?.code
      ]),
      [
        ['alliance', false, 'busy'],
        ['transfers', false, undefined],
        ['permissions', true, undefined]
      ]
    )
    answers = { alliance: busy, permissions: agreed }
    assert.is((await run(['chain', 'verify', ...home])).exit, 1, 'what was not looked at is not well')
    answers = {}
    assert.is((await run(['chain', 'verify', ...home])).exit, 2)
  })
})

test('tx get: pending with its code, and a receipt alone on standard output', async () => {
  const answer = {
    chain: ID,
    id: ID,
    leaf: ID,
    kind: 'stt.send',
    author: { member: ID, name: 'Mercy' },
    state: 'accepted',
    code: 'not-a-holder',
    height: null,
    index: null,
    timeMs: null,
    expiresMs: 0,
    sizeBytes: 9,
    transaction: null
  }
  await withFake(
    fake('tx.get', () => answer),
    async () => {
      assert.match((await run(['tx', 'get', ID, ...home])).out, /state\s+pending \(not-a-holder\)/)
      const none = await run(['tx', 'get', ID, '--receipt', ...home])
      assert.equal([none.exit, none.out], [1, ''])
    }
  )
  await withFake(
    fake('tx.get', () => ({ ...answer, state: 'committed', code: null, height: 4, receipt: '{"v":1}' })),
    async () => assert.is((await run(['tx', 'get', ID, '--receipt', ...home])).out, '{"v":1}\n')
  )
})

test('names from elsewhere cannot move the cursor', async () => {
  const peer = {
    chain: 'c',
    member: ID,
    name: 'Mer\u001b[2Jcy\nFAKE',
    peer: 'p',
    addresses: [],
    validator: true,
    connected: true,
    sinceMs: null
  }
  await withFake(
    fake('peers.list', () => ({ peers: [peer] })),
    async () => {
      const { out } = await run(['peers', ...home])
      assert.not(out.includes('\u001b'))
      assert.match(out, /Mer\?\[2Jcy\?FAKE/)
    }
  )
})

test('rpc passes anything through, and discovers', async () => {
  await withFake({}, async () => {
    const found = await run(['rpc', 'rpc.discover', '--json', ...home])
    assert.is(JSON.parse(found.out).openrpc, '1.3.2')
    assert.is((await run(['rpc', 'no.such', ...home])).exit, 2)
  })
})

test('config show: values with their origins', async () => {
  const { exit, out } = await run(['config', 'show', '--origin', '--json'], { env: { WARDLINE_HOME: folder } })
  assert.is(exit, 0)
  const { config, origins } = JSON.parse(out)
  assert.is(config.home, folder)
  assert.is(origins.home, 'environment WARDLINE_HOME')
  assert.is(origins.logLevel, 'default')
})

test('verify: files that are no receipt or genesis', async () => {
  writeFileSync(join(folder, 'r'), '{}')
  const { exit, out } = await run(['verify', 'r', '--genesis', 'r', '--json'])
  assert.is(exit, 4)
  assert.is(JSON.parse(out).code, 'genesis')
  assert.is((await run(['verify', 'none', '--genesis', 'r'])).exit, 1)
})

test.run()
