/** What is answered of a record that travelled more often than one answer may hold. */
import { verifyTrace } from '@wardline/custody'
import type { KeyValueStore } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  base64,
  codeOf,
  connected,
  type Daemon,
  found,
  level,
  start,
  stopAll,
  storeWith,
  until,
  untilState
} from '../hospitals.ts'

const test = suite('hospital/api/custody')

const founded = await found(['Alpha', 'Beta', 'Gamma'])
let daemons: readonly Daemon[] = []

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

/** After the first transmission of a record come so many others that no answer reads to the second. */
function flooded(store: KeyValueStore): KeyValueStore {
  return storeWith(store, {
    async *range(options) {
      const isFlooded = options.from.startsWith('views/custody/send/')
      for await (const entry of store.range(options)) {
        const copies = isFlooded ? (options.limit ?? 0) : 1
        for (let i = 0; i < copies; i++) yield entry
        if (isFlooded) return
      }
    }
  })
}

test('a holder that sends without end denies nobody the receipt of a path, and hides no holder', async () => {
  const [alpha, beta, gamma] = await Promise.all(
    founded.places.map((place) =>
      start(founded, place, { store: (store) => (place.name === 'Gamma' ? flooded(store) : store) })
    )
  )
  assert.ok(alpha && beta && gamma)
  daemons = [alpha, beta, gamma]
  await connected(daemons)
  const first = await alpha.call('record.send', { to: ['Beta'], content: base64('popular') })
  await untilState(alpha, first, beta, 'opened')
  const { record } = first
  const second = await beta.call('record.send', { to: ['Gamma'], record })
  await untilState(alpha, second, gamma, 'opened')
  await level(daemons)

  assert.is(await codeOf(gamma.call('record.trace', { record, draw: 'terminal' })), 'too-large')
  const traced = await gamma.call('record.trace', { record, draw: 'terminal', show: { max: 100 } })
  assert.is(traced.complete, false)
  assert.ok(traced.edges.every(({ transmission }) => transmission === first.id))
  assert.equal(
    traced.holders.map(({ name }) => name),
    ['Alpha', 'Beta', 'Gamma']
  )
  assert.match(traced.drawing ?? '', 'at least 2 holders now')

  assert.is(await codeOf(gamma.call('record.receipt', { record })), 'too-large')
  const path = await gamma.call('record.receipt', { record, to: 'Gamma' })
  const verdict = verifyTrace(path.receipt, founded.genesis)
  if (verdict.kind === 'failed') throw new Error(verdict.what)
  assert.equal(
    verdict.graph.transmissions.map(({ id, to }) => [id, to.map(({ state }) => state)]),
    [
      [first.id, ['opened']],
      [second.id, ['opened']]
    ]
  )

  await alpha.call('record.recall', { record })
  await until('all have attested', async () => {
    const { recall } = await gamma.call('record.trace', { record })
    return recall?.missing.length === 0 && recall.attested.some(({ name }) => name === 'Gamma')
  })
})

test('who holds nothing has no path to prove', async () => {
  const [alpha] = daemons as readonly [Daemon]
  const { record } = await alpha.call('record.send', { to: ['Beta'], content: base64('for one') })
  assert.is(await codeOf(alpha.call('record.receipt', { record, to: 'Gamma' })), 'not-found')
  assert.is(await codeOf(alpha.call('record.receipt', { record: 'ab'.repeat(32) as never, to: 'Beta' })), 'not-found')
})

test.run()
