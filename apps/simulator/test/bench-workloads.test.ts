import type { SocketClient } from '@wardline/client'
import type { MemberId } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createWorkload } from '../src/bench/workloads.ts'
import type { Site } from '../src/local-network/network.ts'

const test = suite('simulator/bench-workloads')

const LABEL = 'chain'

type Call = { readonly site: string; readonly method: string; readonly params: Readonly<Record<string, unknown>> }

/** Hospitals that note what they are asked and answer with names of their own; `released` is what a request gets. */
function pretend(released: (asked: string) => string = (asked) => asked) {
  const calls: Call[] = []
  const contents = new Map<string, string>()
  const sites = ['A', 'B', 'C', 'D'].map((name) => {
    const answer = (method: string, params: Call['params']): unknown => {
      calls.push({ site: name, method, params })
      const number = calls.length
      switch (method) {
        case 'person.create':
          return { member: `doctor of ${name}` }
        case 'alias.open':
          return { alias: `${String(params['patient'])} of ${name}` }
        case 'record.anchor':
          contents.set(`record ${number}`, String(params['content']))
          return { id: `tx ${number}`, record: `record ${number}`, salt: 'AAAA', descriptorBytes: 'AAAAAA==' }
        case 'record.request': {
          const [record] = params['records'] as string[]
          const content = released(contents.get(record ?? '') ?? '')
          return { entry: `tx ${number}`, decision: 'permit', records: [{ record, content }] }
        }
        case 'patient.timeline':
          return { entries: [{ sizeBytes: 500 }] }
        default:
          return { id: `tx ${number}` }
      }
    }
    const client = { call: async (method: string, params: Call['params']) => answer(method, params) }
    const socket = client as unknown as SocketClient
    return {
      ...{ name, home: name, members: new Map([[LABEL, `member ${name}` as MemberId]]) },
      daemon: { ehr: socket, admin: socket }
    } as unknown as Site
  })
  return { calls, sites, of: (method: string) => calls.filter((call) => call.method === method) }
}

function sizeOf(base64: unknown): number {
  return Buffer.from(String(base64), 'base64').length
}

test('records of an alliance: each client publishes for a patient of its own, signed by its hospital’s doctor', async () => {
  for (const [kind, sizeBytes] of [
    ['dss.record', 1024],
    ['dss.record-10k', 10_000]
  ] as const) {
    const { sites, of } = pretend()
    const workload = await createWorkload(kind, { sites, label: LABEL, clients: 6 })
    assert.is(of('person.create').length, 4)
    assert.is(of('patient.enrol').length, 6)
    const id = await workload.call(5)
    const [published] = of('record.publish')
    assert.ok(published !== undefined && id.startsWith('tx '))
    const { site, params } = published
    assert.equal([site, params['alias'], params['doctors']], ['B', 'patient 5 of B', ['doctor of B']])
    assert.is(sizeOf(params['content']), sizeBytes)
    assert.is(await workload.keptBytes(), 4 * 500)
  }
})

test('anchors: content, salt and descriptor are kept once', async () => {
  const { sites, of } = pretend()
  const workload = await createWorkload('spv.anchor', { sites, label: LABEL, clients: 2 })
  await workload.call(1)
  const [anchored] = of('record.anchor')
  assert.equal([anchored?.site, sizeOf(anchored?.params['content'])], ['B', 1024])
  assert.is(await workload.keptBytes(), 1024 + 3 + 4)
})

test('accesses: the clients go over all pairs of hospitals, each with a grant to the one that asks', async () => {
  const { sites, of } = pretend()
  const workload = await createWorkload('spv.access', { sites, label: LABEL, clients: 12 })
  const grants = of('grant.create')
  assert.is(grants.length, 12)
  const pairs = new Set<string>()
  for (let client = 0; client < 12; client++) {
    await workload.call(client)
    const [asked] = of('record.request').slice(-1)
    assert.ok(asked !== undefined)
    const { site: requester, params } = asked
    const owner = String(params['owner'])
    assert.not.equal(owner, `member ${requester}`)
    const grant = grants.find((each) => each.params['alias'] === params['alias'])
    assert.equal(grant?.params['grantee'], { member: `member ${requester}` })
    assert.equal([`member ${grant?.site}`, grant?.params['purposes']], [owner, [params['purpose']]])
    pairs.add(`${requester} ${owner}`)
  }
  assert.is(pairs.size, 12)
  for (const { params } of of('record.anchor')) assert.is(sizeOf(params['content']), 10_000)
})

test('an access that brings other bytes than were anchored fails the bench', async () => {
  const { sites } = pretend((asked) => asked.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')))
  const workload = await createWorkload('spv.access', { sites, label: LABEL, clients: 1 })
  try {
    await workload.call(0)
    assert.unreachable()
  } catch (error) {
    assert.is((error as { code?: unknown }).code, 'bench-failed')
  }
})

test.run()
