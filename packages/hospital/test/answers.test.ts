/** Of which block an answer says it is, where a block is committed while it is read. */
import type { KeyValueStore } from '@wardline/ports'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  base64,
  connected,
  type Daemon,
  found,
  level,
  open,
  slowToSay,
  start,
  stopAll,
  storeWith,
  untilState
} from './hospitals.ts'

const test = suite('hospital/answers')

const founded = await found(['Alpha', 'Beta', 'Gamma'])
let daemons: readonly Daemon[] = []

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test('an answer about custody has all that was final at the height it gives', async () => {
  const gate = gated()
  const [alpha, beta, gamma] = await Promise.all(
    founded.places.map((place) =>
      start(founded, place, { store: (store) => (place.name === 'Gamma' ? gate.around(store) : store) })
    )
  )
  assert.ok(alpha && beta && gamma)
  daemons = [alpha, beta, gamma]
  await connected(daemons)
  const { id, record } = await alpha.call('record.send', { to: ['Beta'], content: base64('first') })
  await untilState(alpha, { id, record }, beta, 'opened')
  await level(daemons)
  const before = (await gamma.call('chain.block', {})).height
  gate.close()
  const answers = [
    gamma.call('record.holders', { record }),
    gamma.call('record.trace', { record }),
    gamma.call('record.downstream', { record, from: 'Alpha' }),
    gamma.call('record.handoffs', { record }),
    gamma.call('record.held', { member: 'Gamma' }),
    gamma.call('handoff.between', { from: 'Alpha', to: 'Beta' }),
    gamma.call('handoff.list', { state: 'sent' })
  ]
  await gate.whenWaiting(answers.length)
  const on = await beta.call('record.send', { via: id, to: ['Gamma'] })
  await untilState(alpha, on, gamma, 'opened')
  await level(daemons)
  const after = (await gamma.call('chain.block', {})).height
  gate.open()
  assert.ok(after > before)
  for (const { height } of await Promise.all(answers)) assert.is(height, before)
  const { height, holders } = await gamma.call('record.holders', { record })
  assert.ok(height >= after)
  assert.equal(
    holders.map(({ member }) => member),
    daemons.map(({ place }) => place.member)
  )
})

test('while a block is being written that brings a record, no list has it yet, and who asks for it by name gets it when it is there', async () => {
  const whole = await found(['Alpha', 'Beta', 'Gamma'])
  let isArmed = false
  let writing: ReturnType<typeof slowToSay> | undefined
  const all = await Promise.all(
    whole.places.map((place) =>
      start(whole, place, {
        store(store) {
          if (place.name !== 'Beta') return store
          writing = slowToSay(store, ({ key }) => isArmed && key.startsWith('views/custody/'))
          return writing.slow
        }
      })
    )
  )
  const [alpha, beta] = all as [Daemon, Daemon]
  try {
    await connected(all)
    isArmed = true
    const { id, record } = await alpha.call('record.send', { to: ['Beta'], content: base64('soon') })
    await writing?.whenHeld
    isArmed = false
    const asked = [
      beta.call('record.list', {}).then(({ records }) => records.map((row) => row.record)),
      open(beta, { via: id }),
      beta.call('record.receipt', { record }).then(({ transactions }) => transactions),
      beta.call('record.trace', { record }).then((graph) => graph.edges.length)
    ]
    const answers = Promise.all(asked)
    writing?.release()
    assert.equal(await answers, [[], 'soon', 1, 1])
  } finally {
    writing?.release()
    await stopAll(all)
  }
  for (const { failures } of whole.places) assert.equal(failures, [])
})

/** A store whose custody rows are not listed while the gate is closed; each list is as it was when it was asked for. */
function gated() {
  let opened = Promise.resolve()
  let open = () => {}
  let waiting = 0
  return {
    close() {
      opened = new Promise((resolve) => {
        open = resolve
      })
    },
    open: () => open(),
    async whenWaiting(count: number) {
      while (waiting < count) await new Promise((resolve) => setTimeout(resolve, 5))
    },
    around: (store: KeyValueStore): KeyValueStore =>
      storeWith(store, {
        async *range(options) {
          const listed = []
          for await (const entry of store.range(options)) listed.push(entry)
          if (options.from.startsWith('views/custody/')) {
            waiting += 1
            await opened
          }
          yield* listed
        }
      })
  }
}

test.run()
