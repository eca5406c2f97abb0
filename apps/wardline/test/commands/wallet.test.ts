import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Api, ApiError, type Params } from '@wardline/api'
import { openWallet, walletSigner } from '@wardline/client/wallet'
import {
  type Alias,
  type ChainId,
  encodeCbor,
  fromHex,
  type Height,
  type MemberId,
  type SignKey,
  type TransactionId
} from '@wardline/codec'
import { statementMessage, verifySignature } from '@wardline/crypto'
import { parseUnsponsored, signatureChecks, type UnsponsoredTransaction } from '@wardline/ledger'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner, serveFake } from '../fixture.ts'

const test = suite('wardline/commands/wallet')

const { folder, run, remove } = createRunner()
const at = (name: string) => join(folder, name)

const ALLIANCE = 'aa'.repeat(32) as ChainId
const PERMISSIONS = 'bb'.repeat(32) as ChainId
const TRANSFERS = 'cc'.repeat(32) as ChainId
const MERCY = '11'.repeat(32) as MemberId
const HOLYOKE = '22'.repeat(32) as MemberId
const HEAD_MS = 1_900_000_000_000
const GRANT = 'dd'.repeat(32) as TransactionId

/** What wallets sent, taken apart as a daemon does. */
const sponsored: UnsponsoredTransaction[] = []
const asked: unknown[] = []
/** What `record.recall` was asked, and the key that the record was sent with. */
const recalled: Params<'record.recall'>[] = []
let sentKey: string | null = null
let refuse: string | undefined
/** The aliases that have enrolled and not withdrawn. */
const enrolled = new Set<Alias>()

const api = {
  async 'chain.info'({ chain }: { chain?: string }) {
    if (chain === 'transfers' || chain === TRANSFERS) {
      return { chain: TRANSFERS, label: 'transfers', mode: 'stt', member: MERCY, headTimeMs: HEAD_MS }
    }
    const isDss = chain === 'alliance' || chain === ALLIANCE
    if (!isDss && chain !== 'permissions' && chain !== PERMISSIONS) throw new ApiError('not-found', 'no such chain')
    const facts = isDss
      ? { chain: ALLIANCE, label: 'alliance', mode: 'dss' }
      : { chain: PERMISSIONS, label: 'permissions', mode: 'spv' }
    return { ...facts, member: MERCY, headTimeMs: HEAD_MS }
  },
  async 'member.list'() {
    const members = [
      { member: MERCY, name: 'Mercy' },
      { member: HOLYOKE, name: 'Holyoke' },
      { member: '33'.repeat(32), name: 'Twin' },
      { member: '44'.repeat(32), name: 'Twin' }
    ]
    return { members, next: null }
  },
  async 'tx.sponsor'(params: { chain: ChainId; transaction: string }) {
    const parsed = parseUnsponsored(fromHex(params.transaction), params.chain)
    if (parsed.kind !== 'ok') throw new ApiError(parsed.code, 'that is no transaction')
    const { transaction } = parsed
    assert.ok(
      signatureChecks(transaction).every(({ key, message, signature }) => verifySignature(key, message, signature))
    )
    if (refuse !== undefined) throw new ApiError(refuse, 'the rules refuse it')
    sponsored.push(transaction)
    asked.push(params)
    const { id, author } = transaction
    if (transaction.kind === 'dss.enrol') enrolled.add(author.alias)
    if (transaction.kind === 'dss.withdraw') enrolled.delete(author.alias)
    const answer = { chain: params.chain, id, state: 'committed', code: null, height: 7 as Height, alias: author.alias }
    return { ...answer, ...('receipt' in params && { receipt: '{"v":1}' }) }
  },
  async 'tx.get'({ id }: { id: TransactionId }) {
    const found = sponsored.find((one) => one.id === id)
    if (found === undefined) throw new ApiError('not-found', 'there is no such transaction')
    return { id, kind: found.kind, alias: found.author.alias }
  },
  async 'grant.list'({ alias, after }: { alias: Alias; after?: string }) {
    const made = sponsored.filter(({ kind, author }) => kind === 'spv.grant' && author.alias === alias)
    const at = Number(after?.slice('m/'.length) ?? 0)
    const members = [{ member: HOLYOKE, name: 'Holyoke' }]
    const terms = { grantee: { member: HOLYOKE }, members, scope: { kind: 'all' }, purposes: ['treatment'] }
    const rows = made.slice(at, at + 1).map(({ id }) => {
      const sinceMs = sponsored.findIndex((one) => one.id === id)
      return { grant: id, ...terms, fromMs: 0, toMs: HEAD_MS, sinceMs, status: 'active' }
    })
    return { alias, grants: rows, next: at + 1 < made.length ? `m/${String(at + 1).padStart(64, '0')}` : null }
  },
  async 'record.holders'({ limit }: Params<'record.holders'>) {
    assert.is(limit, 1)
    return { recallKey: sentKey }
  },
  async 'record.recall'(params: Params<'record.recall'>) {
    recalled.push(params)
    return { chain: TRANSFERS, id: MERCY, state: 'committed', code: null, height: 7 as Height, record: params.record }
  },
  async 'patient.timeline'({ alias, limit }: { alias: Alias; limit: number }) {
    const entry = { kind: 'enrolled', hospital: { member: MERCY, name: 'Mercy' }, record: null, version: null }
    const none = { doctors: [], reads: null, purpose: null, concurrent: false }
    const entries = [{ ...entry, ...none, basis: 'consent', untilMs: HEAD_MS, timeMs: 2000 }].slice(0, limit)
    const enrolment = enrolled.has(alias) ? { status: 'enrolled' } : null
    return { alias, enrolment, entries, next: null }
  },
  async 'audit.patient'({ alias, before, limit }: { alias: Alias; before?: string; limit: number }) {
    const none = { record: null, grant: null, grantStatus: null, terms: null, custodial: null }
    const by = { hospital: { member: MERCY, name: 'Mercy' }, ...none }
    const scope = { kind: 'all' }
    const members = [{ member: HOLYOKE, name: 'Holyoke' }]
    const window = { fromMs: 0, toMs: 1000, purposes: ['treatment'] }
    const granted = {
      ...{ ...by, kind: 'spv.grant', accessor: null, records: null, purpose: null, decision: null, status: null },
      ...{ code: null, grant: GRANT, grantStatus: 'active', timeMs: 2500 },
      terms: { grantee: { member: HOLYOKE }, members, scope, ...window }
    }
    const denied = { accessor: { member: HOLYOKE, name: 'Holyoke' }, purpose: 'treatment', records: [MERCY] }
    const entries =
      before === undefined
        ? [
            {
              ...by,
              ...denied,
              kind: 'spv.access',
              decision: 'deny',
              status: 'denied',
              code: 'no-grant',
              timeMs: 3000
            },
            granted
          ]
        : [
            {
              ...by,
              accessor: null,
              records: null,
              purpose: null,
              kind: 'alias.open',
              custodial: false,
              decision: null,
              status: null,
              code: null,
              timeMs: 1000
            }
          ]
    return { alias, entries: entries.slice(0, limit), next: before === undefined ? '2' : null }
  }
} as unknown as Partial<Api>

let server: { readonly close: () => Promise<void> }
test.before(async () => {
  server = await serveFake(join(folder, 'run'), api)
})
test.after(async () => {
  await server.close()
  remove()
})
test.before.each(() => {
  refuse = undefined
})

const home = ['--home', folder]
const wallet = (...args: string[]) => run(['wallet', ...args, ...home])

async function ok(...args: string[]) {
  const ran = await wallet(...args, '--json')
  assert.is(ran.exit, 0, ran.err)
  return JSON.parse(ran.out)
}

async function fails(exit: number, code: string, ...args: string[]) {
  const sent = sponsored.length
  const ran = await wallet(...args, '--json')
  assert.equal([ran.exit, ran.out], [exit, ''], ran.err)
  assert.is(JSON.parse(ran.err).error.code, code)
  assert.is(sponsored.length, sent, 'nothing was sent')
}

const last = () => sponsored.at(-1) as UnsponsoredTransaction

async function aliasesIn(file: string) {
  const words = readFileSync(`${file}.passphrase`, 'utf8').trimEnd()
  const opened = await openWallet(readFileSync(file, 'utf8'), new TextEncoder().encode(words))
  assert.is(opened.kind, 'opened')
  if (opened.kind !== 'opened') throw new Error(opened.code)
  return opened.wallet.aliases.map((alias) => ({ ...alias, name: walletSigner(opened.wallet, alias).alias }))
}

test('create makes a wallet and its passphrase, for their owner alone and never over another', async () => {
  const made = await ok('create', 'ada.wallet')
  assert.equal(made, { wallet: 'ada.wallet', passphraseFile: 'ada.wallet.passphrase' })
  for (const name of ['ada.wallet', 'ada.wallet.passphrase']) assert.is(statSync(at(name)).mode & 0o777, 0o600)
  assert.equal(await aliasesIn(at('ada.wallet')), [])
  const before = readFileSync(at('ada.wallet'), 'utf8')
  await fails(1, 'file-exists', 'create', 'ada.wallet')
  assert.is(readFileSync(at('ada.wallet'), 'utf8'), before)
  assert.match((await wallet('show', 'ada.wallet')).out, /no aliases yet/)
})

test('who has the passphrase made beside the wallet is told that both together open it, and how to part them', async () => {
  const { exit, err } = await wallet('create', 'eve.wallet')
  assert.is(exit, 0, err)
  assert.match(err, /eve\.wallet\.passphrase lies beside the wallet/)
  assert.match(err, /both together open it/)
  assert.match(err, /--wallet-passphrase-file/)
  assert.match((await wallet('create', 'fay.wallet', '--json')).err, /both together open it/)
  for (const more of [[], ['--json']]) {
    const elsewhere = await wallet(
      'create',
      `gil${more.length}.wallet`,
      '--wallet-passphrase-file',
      at('apart'),
      ...more
    )
    assert.not.match(elsewhere.err, /beside/)
  }
})

test('another passphrase file is used where one is named, and the hospital’s own never', async () => {
  writeFileSync(at('words'), 'secret words\n', { mode: 0o600 })
  writeFileSync(at('passphrase'), 'of the hospital\n', { mode: 0o600 })
  await ok('create', 'bo.wallet', '--wallet-passphrase-file', at('words'))
  assert.not(existsSync(at('bo.wallet.passphrase')))
  assert.is(readFileSync(at('words'), 'utf8'), 'secret words\n')
  await ok('show', 'bo.wallet', '--wallet-passphrase-file', at('words'))
  await fails(1, 'passphrase-unreadable', 'show', 'bo.wallet')
  await fails(1, 'wallet-passphrase', 'show', 'bo.wallet', '--wallet-passphrase-file', at('passphrase'))
  chmodSync(at('words'), 0o644)
  await fails(1, 'passphrase-unreadable', 'show', 'bo.wallet', '--wallet-passphrase-file', at('words'))
})

test('a recall key is another one each time, and recalls the record that was sent with it', async () => {
  const record = 'ee'.repeat(32)
  await ok('create', 'ivy.wallet')
  const keys = [
    await ok('recall-key', 'ivy.wallet', '--chain', 'transfers'),
    await ok('recall-key', 'ivy.wallet', '--chain', 'transfers')
  ]
  assert.is.not(keys[0]?.recallKey, keys[1]?.recallKey)
  sentKey = keys[0]?.recallKey as string
  await ok('recall', 'ivy.wallet', record, '--chain', 'transfers')
  const subject = recalled.at(-1)?.subject
  assert.is(subject?.key, sentKey)
  const statement = encodeCbor({ chain: fromHex(TRANSFERS), record: fromHex(record) })
  const message = statementMessage('wardline/recall/1', statement)
  assert.ok(verifySignature(subject?.key as SignKey, message, fromHex(subject?.signature as string)))
})

test('a record that was sent with another key, or none, is not recalled; other chains have no recall', async () => {
  const record = 'ee'.repeat(32)
  const before = recalled.length
  await ok('create', 'jo.wallet')
  for (const key of [null, 'ff'.repeat(32)]) {
    sentKey = key
    await fails(5, 'not-the-origin', 'recall', 'jo.wallet', record, '--chain', 'transfers')
  }
  await fails(2, 'usage', 'recall', 'jo.wallet', 'no record', '--chain', 'transfers')
  await fails(1, 'wrong-mode', 'recall-key', 'jo.wallet', '--chain', 'alliance')
  assert.is(recalled.length, before)
})

test('a file that was altered or is no wallet does not open', async () => {
  await ok('create', 'cy.wallet')
  const text = readFileSync(at('cy.wallet'), 'utf8')
  const { sealed } = JSON.parse(text)
  const bytes = Buffer.from(sealed, 'base64')
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
  writeFileSync(at('cy.wallet'), JSON.stringify({ wardlineWallet: 1, sealed: bytes.toString('base64') }))
  await fails(1, 'wallet-passphrase', 'enrol', 'cy.wallet', '--chain', 'alliance')
  writeFileSync(at('cy.wallet'), 'hello')
  await fails(1, 'wallet-unreadable', 'enrol', 'cy.wallet', '--chain', 'alliance')
  await fails(1, 'file-unreadable', 'show', 'nowhere.wallet')
})

test('enrol makes the alias of the alliance, remembers it, and says until when and why', async () => {
  const answer = await ok(
    'enrol',
    'ada.wallet',
    '--chain',
    'alliance',
    '--until',
    '2027-12-31T00:00:00Z',
    '--basis',
    'care'
  )
  const [alias] = await aliasesIn(at('ada.wallet'))
  assert.equal([alias?.chain, alias?.hospital, alias?.epoch, alias?.name], [ALLIANCE, null, 0, answer.alias])
  assert.is(last().kind, 'dss.enrol')
  assert.equal(last().body, { until: Date.parse('2027-12-31T00:00:00Z'), basis: 'care' })
  const { transaction: _, ...params } = asked.at(-1) as { transaction: string }
  assert.equal(params, { chain: ALLIANCE, wait: 'final', timeoutMs: 30_000, receipt: false })
  const shown = await wallet('enrol', 'ada.wallet', '--chain', 'alliance', '--receipt', 'e.json', '--timeout', '7')
  assert.is(shown.exit, 0, shown.err)
  assert.match(shown.out, new RegExp(`alias +${answer.alias}\\n.*\\nstate +committed in block 7`))
  assert.is(readFileSync(at('e.json'), 'utf8'), '{"v":1}\n')
  assert.is((await aliasesIn(at('ada.wallet'))).length, 1)
  assert.is((last().body as { basis: string }).basis, 'consent')
  await ok('withdraw', 'ada.wallet', '--chain', 'alliance')
  assert.equal([last().kind, last().author.alias], ['dss.withdraw', answer.alias])
})

test('an alias is opened for the hospital that is asked, once, and another with --new', async () => {
  const first = await ok('alias', 'ada.wallet', '--chain', 'permissions')
  assert.equal(last().body, { hospital: MERCY, custodial: false })
  assert.is(last().author.alias, first.alias)
  refuse = 'alias-exists'
  const again = await ok('alias', 'ada.wallet', '--chain', 'permissions')
  assert.equal([again.alias, again.opening], [first.alias, null])
  refuse = undefined
  const other = await ok('alias', 'ada.wallet', '--chain', 'permissions', '--new')
  assert.is.not(other.alias, first.alias)
  const epochs = (await aliasesIn(at('ada.wallet'))).map(({ label, epoch }) => [label, epoch])
  assert.equal(epochs, [
    ['alliance', 0],
    ['permissions', 0],
    ['permissions', 1]
  ])
  const shown = await wallet('show', 'ada.wallet')
  for (const name of [first.alias, other.alias]) assert.ok(shown.out.includes(name))
})

test('what was remembered stays when the daemon refuses', async () => {
  await ok('create', 'di.wallet')
  refuse = 'until-passed'
  await fails(1, 'until-passed', 'enrol', 'di.wallet', '--chain', 'alliance')
  assert.is((await aliasesIn(at('di.wallet'))).length, 1)
})

test('grant: members by name, scopes, times, and expressions', async () => {
  const answer = await ok(
    'grant',
    'ada.wallet',
    '--chain',
    'permissions',
    '--to',
    'Holyoke',
    '--purpose',
    'treatment',
    '--purpose',
    'emergency'
  )
  assert.is(answer.grant, answer.id)
  const [first] = (await aliasesIn(at('ada.wallet'))).filter(({ epoch }) => epoch === 1)
  assert.is(last().author.alias, first?.name, 'the newest alias')
  const { to, ...terms } = last().body as { to: number }
  assert.equal(terms, {
    grantee: { member: HOLYOKE },
    scope: { kind: 'all' },
    purposes: ['emergency', 'treatment'],
    from: HEAD_MS,
    mayDelegate: false
  })
  assert.is(to, HEAD_MS + 30 * 24 * 60 * 60 * 1000)

  const records = ['cc'.repeat(32), 'bb'.repeat(32)].flatMap((id) => ['--record', id])
  const window = ['--from', '2026-01-01T00:00:00Z', '--until', '2026-02-01T00:00:00Z']
  await ok(
    'grant',
    'ada.wallet',
    '--chain',
    'permissions',
    '--to-role',
    'doctor@Holyoke',
    '--purpose',
    'legal',
    ...records,
    ...window
  )
  assert.equal(last().body, {
    grantee: { role: 'doctor', hospital: HOLYOKE },
    scope: { kind: 'records', records: ['bb'.repeat(32), 'cc'.repeat(32)] },
    purposes: ['legal'],
    from: Date.parse('2026-01-01T00:00:00Z'),
    to: Date.parse('2026-02-01T00:00:00Z'),
    mayDelegate: false
  })

  const expression = `{"and":[{"attribute":"cardiology","authority":"Mercy"},{"not":{"or":[{"attribute":"intern","authority":"${HOLYOKE}"}]}}]}`
  await ok(
    'grant',
    'ada.wallet',
    '--chain',
    'permissions',
    '--to-expression',
    expression,
    '--purpose',
    'research',
    '--anchored-to',
    '2026-02-01T00:00:00Z'
  )
  const { grantee, scope } = last().body as { grantee: unknown; scope: unknown }
  assert.equal(scope, { kind: 'anchored', from: 0, to: Date.parse('2026-02-01T00:00:00Z') })
  assert.equal(grantee, {
    expression: {
      kind: 'and',
      of: [
        { kind: 'attribute', attribute: 'cardiology', authority: MERCY },
        { kind: 'not', of: { kind: 'or', of: [{ kind: 'attribute', attribute: 'intern', authority: HOLYOKE }] } }
      ]
    }
  })
})

const grant = ['grant', 'ada.wallet', '--chain', 'permissions']
const treatment = ['--purpose', 'treatment']

test('grant of a chosen alias, and revoke by the one that made the grant', async () => {
  const [older, newer] = (await aliasesIn(at('ada.wallet'))).filter(({ label }) => label === 'permissions')
  const chosen = ['--alias', older?.name ?? '']
  const made = await ok(...grant, ...treatment, '--to', 'Holyoke', ...chosen)
  const ofNewer = await ok(...grant, ...treatment, '--to', 'Holyoke')
  assert.equal([made.alias, ofNewer.alias], [older?.name, newer?.name])
  const revoked = await ok('revoke', 'ada.wallet', made.grant, '--chain', 'permissions')
  assert.equal([revoked.alias, revoked.grant], [older?.name, made.grant])
  assert.equal([last().kind, last().body, last().author.alias], ['spv.revoke', { grant: made.grant }, older?.name])
  await fails(1, 'unknown-grant', 'revoke', 'ada.wallet', GRANT, '--chain', 'permissions')
  await fails(1, 'unknown-grant', 'revoke', 'ada.wallet', revoked.id, '--chain', 'permissions')
  await fails(1, 'no-alias', 'revoke', 'di.wallet', made.grant, '--chain', 'permissions')
  await fails(1, 'no-alias', ...grant, ...treatment, '--to', 'Holyoke', '--alias', 'ab'.repeat(32))
  await fails(2, 'usage', ...grant, ...treatment, '--to', 'Holyoke', ...chosen, '--hospital', 'Mercy')
})

test('grants of all aliases, newest first, with the whole ids that revoke takes, page after page', async () => {
  const { grants } = await ok('grants', 'ada.wallet')
  const made = sponsored.filter(({ kind }) => kind === 'spv.grant').map(({ id, author }) => [id, author.alias])
  assert.equal(
    grants.map((one: { grant: string; alias: string }) => [one.grant, one.alias]),
    made.reverse()
  )
  const { out, err } = await wallet('grants', 'ada.wallet', '--chain', 'permissions')
  assert.match(
    out,
    new RegExp(`${made[0]?.[0]} +${made[0]?.[1]?.slice(0, 12)} on permissions +active +Holyoke +treatment`)
  )
  assert.is(err, '')
  assert.match((await wallet('grants', 'di.wallet')).out, /^no grants/)
  await fails(1, 'not-found', 'grants', 'ada.wallet', '--chain', 'nosuch')
})

test('withdraw covers the enrolled aliases, each once, or one that is chosen', async () => {
  const alliance = ['--chain', 'alliance']
  await ok('create', 'kim.wallet')
  const { alias: first } = await ok('enrol', 'kim.wallet', ...alliance)
  const { alias: second } = await ok('alias', 'kim.wallet', ...alliance, '--new')
  const { alias: third } = await ok('alias', 'kim.wallet', ...alliance, '--new')
  await ok('enrol', 'kim.wallet', ...alliance)
  await ok('enrol', 'kim.wallet', ...alliance, '--alias', second)
  await fails(2, 'usage', 'withdraw', 'kim.wallet', ...alliance, '--receipt', 'w.json')
  await ok('withdraw', 'kim.wallet', ...alliance, '--alias', second, '--receipt', 'w.json')
  assert.is(readFileSync(at('w.json'), 'utf8'), '{"v":1}\n')
  assert.equal([last().kind, last().author.alias], ['dss.withdraw', second])
  const { withdrawn } = await ok('withdraw', 'kim.wallet', ...alliance)
  assert.equal(
    withdrawn.map(({ alias }: { alias: string }) => alias),
    [first, third]
  )
  await fails(1, 'not-enrolled', 'withdraw', 'kim.wallet', ...alliance)
  await fails(1, 'no-alias', 'withdraw', 'kim.wallet', ...alliance, '--alias', 'ab'.repeat(32))
  await fails(2, 'usage', 'enrol', 'kim.wallet', ...alliance, '--alias', 'kim')
})

test('who does not hear whether a grant was made is told its id, and to look before granting again', async () => {
  for (const code of ['timeout', 'unavailable']) {
    refuse = code
    const ran = await wallet(...grant, ...treatment, '--to', 'Holyoke', '--json')
    assert.is(ran.exit, code === 'timeout' ? 6 : 1)
    const { error } = JSON.parse(ran.err)
    assert.is(error.code, code)
    assert.match(error.data.id, /^[0-9a-f]{64}$/)
    assert.match(error.message, new RegExp(`wardline tx get ${error.data.id} --chain permissions`))
    assert.match(error.message, /second grant.*wardline wallet grants ada\.wallet/)
  }
  refuse = 'timeout'
  const enrolling = await wallet('enrol', 'ada.wallet', '--chain', 'alliance')
  assert.match(enrolling.err, /wardline tx get [0-9a-f]{64} --chain alliance/)
  assert.not.match(enrolling.err, /second grant/)
})
for (const [exit, code, args] of [
  [2, 'usage', ['create']],
  [2, 'usage', ['enrol', 'ada.wallet', '--chain', 'alliance', '--until', 'later']],
  [2, 'usage', ['enrol', 'ada.wallet', '--chain', 'alliance', '--basis', 'because']],
  [2, 'usage', ['revoke', 'ada.wallet', 'the-one', '--chain', 'permissions']],
  [2, 'usage', [...grant, '--to', 'Holyoke']],
  [2, 'usage', [...grant, ...treatment]],
  [2, 'usage', [...grant, ...treatment, '--to', 'Holyoke', '--to-role', 'doctor@Holyoke']],
  [2, 'usage', [...grant, ...treatment, '--to', 'Nobody']],
  [2, 'usage', [...grant, ...treatment, '--to', 'Twin']],
  [2, 'usage', [...grant, ...treatment, '--to-role', 'doctor']],
  [2, 'usage', [...grant, ...treatment, '--to-role', 'wizard@Holyoke']],
  [2, 'usage', [...grant, ...treatment, '--to-expression', '{']],
  [2, 'usage', [...grant, ...treatment, '--to-expression', '{"xor":[]}']],
  [2, 'usage', [...grant, ...treatment, '--to-expression', `${'{"not":'.repeat(9)}{}${'}'.repeat(9)}`]],
  [2, 'usage', [...grant, '--purpose', 'curiosity', '--to', 'Holyoke']],
  [2, 'usage', [...grant, ...treatment, '--to', 'Holyoke', '--record', 'x']],
  [2, 'usage', [...grant, ...treatment, '--to', 'Holyoke', '--hospital', 'x']],
  [
    1,
    'empty-window',
    [...grant, ...treatment, '--to', 'Holyoke', '--until', '1990-01-01T00:00:00Z', '--from', '1991-01-01T00:00:00Z']
  ],
  [1, 'wrong-mode', ['enrol', 'ada.wallet', '--chain', 'permissions']],
  [1, 'wrong-mode', ['withdraw', 'ada.wallet', '--chain', 'permissions']],
  [1, 'wrong-mode', ['grant', 'ada.wallet', '--chain', 'alliance', '--to', 'Holyoke', ...treatment]],
  [1, 'no-alias', [...grant, ...treatment, '--to', 'Holyoke', '--hospital', HOLYOKE]],
  [1, 'not-found', ['enrol', 'ada.wallet', '--chain', 'elsewhere']],
  [1, 'file-unreadable', ['enrol', 'ada.wallet', '--chain', 'alliance', '--genesis', 'none.json']],
  [4, 'genesis', ['enrol', 'ada.wallet', '--chain', 'alliance', '--genesis', 'ada.wallet']]
] as const) {
  test(`wallet ${args.join(' ').slice(0, 90)} ends with ${exit}`, async () => {
    await fails(exit, code, ...args)
  })
}

test('log joins the aliases, newest first, and says what it could not ask for', async () => {
  const { entries, elsewhere } = await ok('log', 'ada.wallet')
  assert.equal(elsewhere, [])
  assert.equal(
    entries.map(({ timeMs }: { timeMs: number }) => timeMs),
    [3000, 3000, 2500, 2500, 2000, 1000, 1000]
  )
  assert.is(new Set(entries.map(({ alias }: { alias: string }) => alias)).size, 3)
  const shown = await wallet('log', 'ada.wallet', '--chain', 'permissions')
  assert.is(shown.exit, 0, shown.err)
  assert.match(shown.out, /spv\.access +Holyoke +1 records, treatment, denied, no-grant/)
  assert.match(
    shown.out,
    /spv\.grant +Mercy +to Holyoke for treatment, from 1970-01-01T00:00:00Z until 1970-01-01T00:00:01Z, all records, grant (?:dd){32}, active/
  )
  assert.match(shown.out, /alias\.open +Mercy +patient’s own wallet/)
  assert.not.match(shown.out, /enrolled/)
  assert.not.match(shown.err, /Older/)
  const short = await ok('log', 'ada.wallet', '--limit', '1')
  assert.is(short.entries.length, 3)
  const cut = (await aliasesIn(at('ada.wallet'))).filter(({ label }) => label === 'permissions')
  assert.equal(
    short.more,
    cut.map(({ name }) => name),
    'those with older entries'
  )
  assert.match((await wallet('log', 'ada.wallet', '--limit', '1')).err, /^Older entries .*--limit with more than 1/)
})

test('log of a chain that nobody knows says so; of one without an alias it is empty', async () => {
  await fails(1, 'not-found', 'log', 'ada.wallet', '--chain', 'nosuch')
  await ok('create', 'empty.wallet')
  assert.equal((await ok('log', 'empty.wallet', '--chain', 'alliance')).entries, [])
  await fails(1, 'not-found', 'log', 'empty.wallet', '--chain', 'nosuch')
})

test('whose records: by name as well', async () => {
  const answer = await ok(...grant, ...treatment, '--to', 'Holyoke', '--hospital', 'Mercy')
  assert.is(answer.grant, answer.id)
})

for (const args of [
  [...grant, '--to', 'Holyoke'],
  [...grant, ...treatment],
  [...grant, ...treatment, '--to', 'Holyoke', '--until', '2020'],
  [...grant, ...treatment, '--to', 'Holyoke', '--record', 'x'],
  ['enrol', 'ada.wallet', '--chain', 'alliance', '--until', '2020'],
  ['enrol', 'ada.wallet', '--chain', 'alliance', '--until', '2027-13-01'],
  ['revoke', 'ada.wallet', 'the-one', '--chain', 'permissions']
]) {
  test(`wallet ${args.join(' ').slice(0, 90)} is wrong without a daemon too`, async () => {
    const ran = await run(['wallet', ...args, '--home', at('elsewhere')])
    assert.is(ran.exit, 2, ran.err)
  })
}

test('without a daemon nothing is sent and nothing is lost', async () => {
  const ran = await run(['wallet', 'enrol', 'ada.wallet', '--chain', 'alliance', '--home', at('elsewhere')])
  assert.is(ran.exit, 3)
  assert.is((await aliasesIn(at('ada.wallet'))).length, 3)
})

test.run()
