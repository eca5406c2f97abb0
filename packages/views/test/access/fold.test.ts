import { type Hash, name32 } from '@wardline/codec'
import {
  type CommittedBlock,
  type Grant,
  type ParsedTransaction,
  readAnsweredRequest,
  readEntries,
  readGrant,
  requestIdOf
} from '@wardline/ledger'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccessEntry, accessPage, grantStatus } from '../../src/index.ts'
import {
  aliasOf,
  alpha,
  anchor,
  beta,
  CREATED,
  createRegion,
  grant,
  open,
  patient,
  type Region,
  refold,
  revoke
} from './region.ts'

const test = suite('views/access/fold')

const anna = patient('Anna')
const bruno = patient('Bruno')
const alias = aliasOf(anna)
const all = { limit: 100 }

/** Anna opens an alias, has a record anchored, grants, is read about, takes the grant back, and is asked about again. */
function story() {
  const region = createRegion()
  const opened = open(anna)
  region.commit(opened, open(bruno))
  const anchored = anchor(anna)
  const granted = grant(anna, beta)
  region.commit(anchored, anchor(bruno), granted)
  const { recordId } = anchored.body
  const read = region.access(beta, anna, [recordId])
  region.commit(read)
  const end = revoke(anna, granted, beta)
  region.commit(end)
  const denied = region.access(beta, anna, [recordId])
  region.commit(denied)
  return { region, opened, anchored, granted, read, end, denied }
}

test('an access log has every entry of an alias and of nobody else, newest first, linked to the state', async () => {
  const { region, opened, anchored, granted, read, end, denied } = story()
  const { entries, next } = await accessPage(region.rows(), alias, all)
  assert.is(next, null)
  assert.equal(
    entries.map(({ number, id, kind, hospital, height, time }) => [number, id, kind, hospital, height, time]),
    [
      [6, denied.id, 'spv.access', alpha.member, 5, CREATED + 5000],
      [5, end.id, 'spv.revoke', beta.member, 4, CREATED + 4000],
      [4, read.id, 'spv.access', alpha.member, 3, CREATED + 3000],
      [3, granted.id, 'spv.grant', alpha.member, 2, CREATED + 2000],
      [2, anchored.id, 'spv.anchor', alpha.member, 2, CREATED + 2000],
      [1, opened.id, 'alias.open', alpha.member, 1, CREATED + 1000]
    ]
  )
  assert.equal(readEntries(region.state, alias), { count: 6, head: entries[0]?.hash })
})

test('an access says who asked for what, what was decided, and which grant covered it', async () => {
  const { region, anchored, granted, read, denied } = story()
  const { entries } = await accessPage(region.rows(), alias, all)
  const [last, , first] = entries as [AccessEntry, AccessEntry, AccessEntry]
  const common = { kind: 'spv.access', hospital: alpha.member, accessor: beta.member, purpose: 'treatment' }
  const records = [anchored.body.recordId]
  const covered = { decidedAt: 2, decision: 'permit', status: 'covered', code: null, grant: granted.id, height: 3 }
  const refused = { decidedAt: 4, decision: 'deny', status: 'denied', code: 'grant-revoked', grant: null, height: 5 }
  const request = (tx: typeof read) => requestIdOf(tx.body.request.request)
  const at = (entry: AccessEntry) => ({ hash: entry.hash, number: entry.number, time: entry.time })
  assert.equal(first, { ...common, ...covered, ...at(first), id: read.id, request: request(read), records })
  assert.equal(last, { ...common, ...refused, ...at(last), id: denied.id, request: request(denied), records })
})

test('pages go on where the last one ended', async () => {
  const { region } = story()
  const rows = region.rows()
  const seen: number[] = []
  let next: number | null = null
  do {
    const page = await accessPage(rows, alias, { limit: 4, ...(next !== null && { before: next }) })
    seen.push(...page.entries.map(({ number }) => number))
    next = page.next
  } while (next !== null)
  assert.equal(seen, [6, 5, 4, 3, 2, 1])
  assert.equal(await accessPage(rows, alias, { limit: 6 }).then((page) => page.next), null)
  assert.equal(await accessPage(rows, name32('0'.repeat(64)), all), { entries: [], next: null })
})

test('a grant stands as its times and its revocation say', () => {
  const { region, granted } = story()
  const ended = readGrant(region.state, granted.id) as Grant
  assert.is(grantStatus(ended, CREATED), 'revoked')
  const running = { ...ended, revoked: null }
  const { from, to } = running.terms
  assert.equal(
    [from - 1, from, to - 1, to].map((timeMs) => grantStatus(running, timeMs)),
    ['not-yet', 'active', 'active', 'expired']
  )
})

type Step = { readonly act: number; readonly a: number; readonly b: number }
const anyStep: fc.Arbitrary<Step> = fc.record({ act: fc.nat(9), a: fc.nat(50), b: fc.nat(50) })

function proposed(
  region: Region,
  { act, a, b }: Step,
  before: readonly ParsedTransaction[]
): ParsedTransaction | undefined {
  const wallet = a % 3 === 0 ? bruno : anna
  const anchors = before.flatMap((tx) => (tx.kind === 'spv.anchor' ? [tx.body.recordId] : []))
  const grants = before.flatMap((tx) => (tx.kind === 'spv.grant' ? [tx] : []))
  if (act < 1) return open(wallet)
  if (act < 3) return anchor(wallet, b % 6 === 0 ? beta : alpha)
  if (act < 5) return grant(wallet, b % 2 === 0 ? beta : alpha)
  const record = anchors[b % Math.max(1, anchors.length)]
  if (act < 8)
    return record === undefined ? undefined : region.access(beta, wallet, [record], b % 9 === 0 ? beta : alpha)
  const chosen = grants[b % Math.max(1, grants.length)]
  return chosen && revoke(wallet, chosen)
}

test('whatever happens: rebuilt equals incremental, and every entry that the rules took is there, linked', async () => {
  let refusals = 0
  const statuses = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anyStep, { maxLength: 6 }), { minLength: 4, maxLength: 12 }), async (plan) => {
      const region = createRegion()
      const accepted: ParsedTransaction[] = [...region.commit(open(anna), open(bruno))]
      for (const steps of plan) {
        const tried = steps.flatMap((step) => proposed(region, step, accepted) ?? [])
        const taken = region.commit(...tried)
        refusals += tried.length - taken.length
        accepted.push(...taken)
      }
      const rows = region.rows()
      assert.equal(refold(region.blocks).entries(), rows.entries())
      for (const wallet of [anna, bruno]) {
        const { entries } = await accessPage(rows, aliasOf(wallet), { limit: 1000 })
        assert.equal(
          entries.map(({ id }) => id).reverse(),
          accepted.filter((tx) => aliasOfTransaction(tx) === aliasOf(wallet)).map(({ id }) => id)
        )
        assert.is(readEntries(region.state, aliasOf(wallet))?.head, entries[0]?.hash as Hash)
        for (const entry of entries) {
          if (entry.kind !== 'spv.access') continue
          statuses.set(entry.status, (statuses.get(entry.status) ?? 0) + 1)
          assert.is(readAnsweredRequest(region.state, entry.request)?.status, entry.status)
        }
      }
    }),
    { numRuns: 60 }
  )
  assert.ok(refusals > 20, `${refusals} refused`)
  for (const status of ['covered', 'denied'])
    assert.ok((statuses.get(status) ?? 0) > 10, `${status}: ${statuses.get(status)}`)
})

function aliasOfTransaction(tx: ParsedTransaction) {
  if (tx.kind === 'spv.access') return tx.body.request.request.alias
  if (tx.kind === 'spv.anchor') return tx.body.alias
  return 'alias' in tx.author ? tx.author.alias : undefined
}

/** The block, counting how often somebody asks for the kind of one of its transactions. */
function counting(block: CommittedBlock) {
  let asked = 0
  const transactions = block.transactions.map(
    (tx) =>
      new Proxy(tx, {
        get(target, name) {
          if (name === 'kind') asked += 1
          return Reflect.get(target, name)
        }
      })
  )
  return { block: { ...block, transactions }, asked: () => asked }
}

test('a block is gone through a few times, however many patients it is about', () => {
  const region = createRegion()
  region.commit(...Array.from({ length: 40 }, (_, number) => open(patient(`patient ${number}`))))
  const { block, asked } = counting(region.blocks[0] as CommittedBlock)
  assert.equal(refold([block]).entries(), region.rows().entries())
  assert.ok(asked() <= 8 * block.transactions.length, `${asked()} for ${block.transactions.length} transactions`)
})

test.run()
