/** The daemon as its operator meets it: it starts, stops, and says in one sentence why it does neither. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connectSocket } from '@wardline/client'
import { encodeCbor } from '@wardline/codec'
import { homePaths, socketPaths } from '@wardline/config'
import { openLevelStore } from '@wardline/store-level'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { command, daemon, failure, LABEL, makeHomes } from './homes.ts'

const test = suite('wardlined/main')

const homes = await makeHomes()
test.after(() => homes.remove())

/** Takes the room of a running process away; and there is a device that is always full. */
const LIMITER = '/usr/bin/prlimit'
const onLinux = existsSync(LIMITER) && existsSync('/dev/full') ? test : test.skip

const chainOf = (home: string) => homePaths(home).chain(LABEL)

test('it starts, answers, and stops on SIGTERM and on SIGINT soon, with code 0', async () => {
  const home = await homes.copy('plain')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const started = daemon(home)
    await started.ready()
    const client = connectSocket(socketPaths(homePaths(home).run).admin)
    const { health, chains } = await client.call('status', {})
    assert.is(health, 'ok')
    assert.is(chains[0]?.phase, 'running')
    // A call that waits, for 30 s, must not hold the daemon back.
    const waiting = client
      .call('record.send', { to: ['Solo Hospital'], via: 'ab'.repeat(32) as never })
      .catch((error: { code: string }) => error.code)
    const startMs = performance.now()
    started.signal(signal)
    const { code } = await started.ended
    assert.is(code, 0)
    assert.ok(performance.now() - startMs < 10_000, `${performance.now() - startMs} ms`)
    assert.type(await waiting, 'string')
    client.close()
    assert.equal((await readdir(homePaths(home).run)).sort(), [])
  }
})

test('files that it makes are for their owner', async () => {
  const home = await homes.copy('modes')
  const started = daemon(home)
  await started.ready()
  const mode = async (path: string) => (await stat(path)).mode & 0o777
  const { admin, ehr, read } = socketPaths(homePaths(home).run)
  assert.equal(await Promise.all([admin, ehr, read, homePaths(home).audit].map(mode)), [0o600, 0o660, 0o660, 0o600])
  started.signal('SIGTERM')
  await started.ended
})

test('a second daemon on one home', async () => {
  const home = await homes.copy('twice')
  const first = daemon(home)
  await first.ready()
  const { code, said } = await failure(home)
  assert.is(code, 1)
  assert.match(
    said,
    new RegExp(`^wardlined: Another daemon \\(process ${first.pid}\\) is running on .* \\(folder-locked\\)$`)
  )
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  assert.is((await client.call('status', {})).health, 'ok')
  client.close()
  first.signal('SIGTERM')
  assert.is((await first.ended).code, 0)
})

test('after kill -9 it starts again', async () => {
  const home = await homes.copy('killed')
  const first = daemon(home)
  await first.ready()
  first.signal('SIGKILL')
  await first.ended
  const again = daemon(home)
  await again.ready()
  again.signal('SIGTERM')
  assert.is((await again.ended).code, 0)
})

test('a port in use', async () => {
  const home = await homes.copy('port')
  const port = Number(/tcp\/(\d+)/.exec(await readFile(join(home, 'wardline.yaml'), 'utf8'))?.[1])
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { code, said } = await failure(home)
  server.close()
  assert.is(code, 1)
  assert.match(said, new RegExp(`^wardlined: [^\\n]*${port}[^\\n]*in use[^\\n]*\\(port-in-use\\)$`))
})

type Bad = {
  readonly why: string
  readonly spoil: (home: string) => Promise<unknown>
  readonly args?: (home: string) => readonly string[]
  readonly code: number
  /** The one line on standard error. */
  readonly says: RegExp
}

const bads: readonly Bad[] = [
  {
    why: 'a home that is not there',
    spoil: (home) => rm(home, { recursive: true }),
    code: 1,
    says: /there is no such folder; make one with "wardline init" \(home-unusable\)$/
  },
  {
    why: 'settings that make no sense',
    spoil: (home) => appendFile(join(home, 'wardline.yaml'), 'colour: blue\n'),
    code: 2,
    says: /colour/
  },
  { why: 'an unknown flag', spoil: async () => {}, args: () => ['--fast'], code: 2, says: /--fast/ },
  {
    why: 'a run folder so deep that the sockets have no room',
    spoil: async () => {},
    args: (home) => ['--run-folder', join(home, 'x'.repeat(100))],
    code: 2,
    says: /107/
  },
  {
    why: 'no keys of a chain that never ran here',
    async spoil(home) {
      const { keys, vault, chain } = homePaths(home)
      const { store, votes } = chain(LABEL)
      for (const folder of [store, votes, vault(LABEL)]) await rm(folder, { recursive: true, force: true })
      for (const file of [`${LABEL}.key`, `${LABEL}.payload-keys.1`]) await rm(join(keys, file))
    },
    code: 1,
    says: /no keys for chain solo; run "wardline id export --chain solo" \(keys-absent\)$/
  },
  {
    why: 'the keys lost of a chain that has run here',
    spoil: (home) => rm(join(homePaths(home).keys, `${LABEL}.key`)),
    code: 1,
    says: /no keys for chain solo; put solo.key back from the backup of the keys, .* \(keys-absent\)$/
  },
  {
    why: 'a vault whose storage key is lost',
    async spoil(home) {
      const { keys, vault } = homePaths(home)
      for (const file of ['storage.key', `${LABEL}.payload-keys.1`]) await rm(join(keys, file))
      await writeFile(join(vault(LABEL), 'sealed'), '')
    },
    code: 1,
    says: /storage.key is missing .* put it back from the backup of the keys \(storage-key-absent\)$/
  },
  {
    why: 'keys that are not keys',
    spoil: (home) => writeFile(join(homePaths(home).keys, `${LABEL}.key`), 'nonsense'),
    code: 1,
    says: /\(keys-unreadable\)$/
  },
  {
    why: 'keys that others may read',
    spoil: (home) => chmod(join(homePaths(home).keys, `${LABEL}.key`), 0o644),
    code: 1,
    says: /\(keys-unreadable\)$/
  },
  {
    why: 'no passphrase',
    spoil: (home) => rm(homePaths(home).passphrase),
    code: 1,
    says: /\(passphrase-unreadable\)$/
  },
  {
    why: 'a passphrase that others may read',
    spoil: (home) => chmod(homePaths(home).passphrase, 0o644),
    code: 1,
    says: /\(passphrase-unreadable\)$/
  },
  {
    why: 'a wrong passphrase',
    spoil: (home) => writeFile(homePaths(home).passphrase, 'another passphrase\n'),
    code: 1,
    says: /\(keys-passphrase\)$/
  },
  {
    why: 'no genesis',
    spoil: (home) => rm(chainOf(home).genesis),
    code: 1,
    says: /cannot read the genesis of chain solo at .*: ENOENT \(file-unreadable\)$/
  },
  {
    why: 'a genesis that its founders have not signed',
    spoil: (home) => writeFile(chainOf(home).genesis, homes.unsigned),
    code: 1,
    says: /the genesis of chain solo cannot be used: .*sign.* \(genesis-unacceptable\)$/
  },
  {
    why: 'a genesis that is none',
    spoil: (home) => writeFile(chainOf(home).genesis, '{"v":1}'),
    code: 1,
    says: /\(genesis-unacceptable\)$/
  },
  {
    why: 'a database of a newer program',
    spoil: (home) => rewrite(home, 'meta/schema', '999'),
    code: 1,
    says: /newer Wardline .* \(database-too-new\)$/
  },
  {
    why: 'a database of another chain',
    spoil: (home) => rewrite(home, 'meta/genesis', 'ab'.repeat(32)),
    code: 1,
    says: /another chain .* \(database-of-another-chain\)$/
  },
  {
    why: 'a database whose CURRENT file is empty',
    spoil: (home) => truncate(join(chainOf(home).store, 'CURRENT'), 0),
    code: 1,
    says: /\(store-corrupt\)$/
  },
  {
    why: 'a database that has lost a block',
    spoil: (home) => rewrite(home, 'blocks/header/000000000001', null),
    code: 1,
    says: /damaged.*block 1 .*\(store-corrupt\)$/
  },
  {
    why: 'a chain that stopped at a fork',
    spoil: (home) => rewrite(home, 'meta/fork', encodeCbor({ certificate: FINALIZATION })),
    code: 4,
    says: /^wardlined: the chain is forked: .* in view 1 of epoch 0, .* \(conflicting-finalization\)$/
  },
  {
    why: 'a file of payload keys that was altered',
    spoil: (home) => writeFile(join(homePaths(home).keys, `${LABEL}.payload-keys.1`), 'nonsense'),
    code: 1,
    says: /payload-keys\.1 is damaged: .*fetched again from the other members then \(record-keys-corrupt\)$/
  },
  {
    why: 'payload keys whose storage key is lost',
    spoil: (home) => rm(join(homePaths(home).keys, 'storage.key')),
    code: 1,
    says: /storage.key is missing .* \(storage-key-absent\)$/
  },
  {
    why: 'something that is no folder where the vault should be',
    async spoil(home) {
      await rm(homePaths(home).vault(LABEL), { recursive: true })
      await writeFile(homePaths(home).vault(LABEL), '')
    },
    code: 1,
    says: /vault\/solo cannot be opened \[EEXIST\] \(vault-failed\)$/
  },
  {
    why: 'an audit log that ends in somebody else’s line',
    spoil: (home) => appendFile(homePaths(home).audit, 'hello\n'),
    code: 1,
    says: /audit log .* \(audit-log-unreadable\)$/
  },
  {
    why: 'something that is no socket where a socket should be',
    spoil: async (home) => {
      await mkdir(homePaths(home).run, { recursive: true })
      await writeFile(socketPaths(homePaths(home).run).admin, '')
    },
    code: 1,
    says: /\(socket-path-taken\)$/
  }
]

/** Replaces one row of the chain's database (a stopped daemon's), or deletes it. */
/** Of view 1, with one signature. */
const FINALIZATION = Uint8Array.of(3, ...Array(15).fill(0), 1, ...Array(32).fill(1), 1, 1, ...Array(64).fill(0))

async function rewrite(home: string, key: string, value: string | Uint8Array | null): Promise<void> {
  const store = await openLevelStore(chainOf(home).store)
  await store.write([{ key, value: value === null ? null : Buffer.from(value) }], { sync: true })
  // The start after a clean stop checks from where the last one ended.
  await store.write([{ key: 'meta/verified', value: Buffer.from('0') }], { sync: true })
  await store.close()
}

/** A home with a chain of some blocks, whose daemon has stopped. */
async function usedHome(name: string): Promise<string> {
  const home = await homes.copy(name)
  const started = daemon(home)
  await started.ready()
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  const { chains } = await client.call('chain.list', {})
  const card = join(homes.folder, `${name}.card`)
  const person = await homes.bare(`${name}-person`)
  const [chain] = chains
  const to = ['--chain', LABEL, '--chain-id', chain?.chain as string, '--registered-by', chain?.member as string]
  await command('id', 'export', ...to, '--home', person, '--out', card)
  await client.call('member.register', { card: await readFile(card, 'utf8'), role: 'hospital' })
  client.close()
  started.signal('SIGTERM')
  await started.ended
  return home
}

const used = await usedHome('used')

test('--restored: a home from a backup is read, and a lone hospital never votes on it again', async () => {
  const home = join(homes.folder, 'restored')
  execFileSync('cp', ['-r', '--preserve=mode', used, home])
  for (const args of [['--restored'], []]) {
    const started = daemon(home, ...args)
    await started.ready()
    const client = connectSocket(socketPaths(homePaths(home).run).admin)
    const { health, problems, chains } = await client.call('status', {})
    client.close()
    started.signal('SIGTERM')
    await started.ended
    assert.is(health, 'fail')
    assert.ok(problems.some(({ code, severity }) => code === 'journal-lost' && severity === 'fail'))
    assert.is(chains[0]?.voting.state, 'waiting')
    assert.ok((chains[0]?.height ?? 0) > 0)
  }
})

for (const [index, { why, spoil, args, code, says }] of bads.entries()) {
  test(`it does not start, and says why: ${why}`, async () => {
    const home = join(homes.folder, `bad${index}`)
    execFileSync('cp', ['-r', '--preserve=mode', used, home])
    await spoil(home)
    const failed = await failure(home, ...(args?.(home) ?? []))
    const [line = '', ...more] = failed.said.split('\n')
    assert.is(failed.code, code, failed.said)
    assert.match(line, /^wardlined: /)
    assert.match(line, says)
    // The usage follows a wrong flag.
    if (!failed.said.includes('Usage:')) assert.equal(more, [])
    assert.not.match(failed.said, /\n\s+at /)
  })
}

test('a spoilt home left alone would have started: the copy itself is whole', async () => {
  const started = daemon(used)
  await started.ready()
  started.signal('SIGTERM')
  assert.is((await started.ended).code, 0)
})

onLinux('a disk that takes no more: the daemon ends with code 1 and says so; with room again it goes on', async () => {
  const home = await homes.copy('full')
  const started = daemon(home)
  await started.ready()
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  const [chain] = (await client.call('chain.list', {})).chains
  const card = join(homes.folder, 'full.card')
  const person = await homes.bare('full-person')
  const to = ['--chain', LABEL, '--chain-id', chain?.chain as string, '--registered-by', chain?.member as string]
  await command('id', 'export', ...to, '--home', person, '--out', card)
  // From now on no file of this process may grow beyond one byte.
  execFileSync(LIMITER, ['--pid', String(started.pid), '--fsize=1'])
  const params = { card: await readFile(card, 'utf8'), role: 'hospital' } as const
  const call = client.call('member.register', params).then(
    () => 'answered',
    (error: { code: string }) => error.code
  )
  const { code, lines } = await started.ended
  assert.is(code, 1)
  assert.match(lines.at(-1) as string, /^wardlined: .* \((?:store|journal)-failed\)$/)
  assert.not.ok((await call) === 'answered')
  client.close()
  const again = daemon(home)
  await again.ready()
  const second = connectSocket(socketPaths(homePaths(home).run).admin)
  assert.ok(['committed', 'refused'].includes(await stateOf(second.call('member.register', params))))
  second.close()
  again.signal('SIGTERM')
  assert.is((await again.ended).code, 0)
})

/** The state of what was submitted; `refused` where an earlier try had come through. */
async function stateOf(call: Promise<{ readonly state: string }>): Promise<string> {
  return call.then(
    ({ state }) => state,
    ({ code }: { code: string }) => (code === 'member-exists' ? 'refused' : code)
  )
}

onLinux('an audit log that cannot be written: what belongs into it is not answered, and status says so', async () => {
  const home = await homes.copy('audit')
  await symlink('/dev/full', homePaths(home).audit)
  const started = daemon(home)
  await started.ready()
  const client = connectSocket(socketPaths(homePaths(home).run).admin)
  const refused = await client
    .call('member.revoke', { member: 'Nobody' })
    .catch((error: { code: string }) => error.code)
  assert.is(refused, 'unavailable')
  const { health, problems } = await client.call('status', {})
  assert.is(health, 'fail')
  assert.ok(problems.some(({ code }) => code === 'line-log-failed'))
  client.close()
  started.signal('SIGTERM')
  assert.is((await started.ended).code, 0)
})

test('help and version go to standard output, with code 0', async () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  assert.match(execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' }), /^wardlined: .*\n\nUsage:/)
  assert.match(execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/)
})

test.run()
