import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WardlineError } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { homePaths, loadConfig, loadPassphrase, socketPaths } from '../src/index.ts'

const test = suite('config/load')

const folder = mkdtempSync(join(tmpdir(), 'wardline-config-'))
test.after(() => rmSync(folder, { recursive: true }))

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    if (error instanceof WardlineError) return error.code
    throw error
  }
  return 'none'
}

test('reads the file of the home that flags or environment name', () => {
  writeFileSync(join(folder, 'wardline.yaml'), 'name: Mercy\n')
  const byFlag = loadConfig({ home: folder }, {})
  assert.ok(byFlag.kind === 'ok' && byFlag.settings.config.name === 'Mercy')
  const byEnvironment = loadConfig({}, { WARDLINE_HOME: folder })
  assert.ok(byEnvironment.kind === 'ok' && byEnvironment.settings.config.name === 'Mercy')
})

test('a home without a file has defaults; a file that cannot be read is an error', async () => {
  const bare = loadConfig({ home: join(folder, 'bare') }, {})
  assert.ok(bare.kind === 'ok' && bare.settings.config.name === '')
  mkdirSync(join(folder, 'odd/wardline.yaml'), { recursive: true })
  assert.is(await codeOf(() => loadConfig({ home: join(folder, 'odd') }, {})), 'config-unreadable')
})

test('the layout of a home', () => {
  const paths = homePaths('/h')
  assert.is(paths.chain('a').genesis, '/h/chains/a/genesis.json')
  assert.is(paths.chain('a').store, '/h/chains/a/db')
  assert.is(paths.chain('a').votes, '/h/chains/a/votes')
  assert.is(paths.vault('a'), '/h/vault/a')
  assert.equal(socketPaths(paths.run), { admin: '/h/run/admin.sock', ehr: '/h/run/ehr.sock', read: '/h/run/read.sock' })
})

test('a passphrase loses one line end and nothing else', async () => {
  const path = join(folder, 'passphrase')
  for (const [text, wanted] of [
    ['abc', 'abc'],
    ['abc\n', 'abc'],
    ['abc\r\n', 'abc'],
    [' a b \n\n', ' a b \n'],
    ['x'.repeat(1024), 'x'.repeat(1024)],
    [`${'x'.repeat(1024)}\r\n`, 'x'.repeat(1024)]
  ] as const) {
    writeFileSync(path, text, { mode: 0o600 })
    assert.is(Buffer.from(await loadPassphrase(path)).toString(), wanted)
  }
})

test('a passphrase file that is absent, empty, too long or open to others is refused', async () => {
  const path = join(folder, 'passphrase')
  for (const text of ['', '\n', 'x'.repeat(1025)]) {
    writeFileSync(path, text, { mode: 0o600 })
    assert.is(await codeOf(() => loadPassphrase(path)), 'passphrase-unreadable')
  }
  writeFileSync(path, 'good')
  chmodSync(path, 0o640)
  assert.is(await codeOf(() => loadPassphrase(path)), 'passphrase-unreadable')
  assert.is(await codeOf(() => loadPassphrase(join(folder, 'none'))), 'passphrase-unreadable')
})

test.run()
