/** When a hospital may send a record on. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { base64, connected, type Daemon, found, slowToSay, start, stopAll, untilState } from './hospitals.ts'

const test = suite('hospital/holding')

const founded = await found(['Alpha', 'Beta', 'Gamma'])
let daemons: readonly Daemon[] = []

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test('who sends on while the block of its own opening is being written is not told that it holds nothing', async () => {
  let whenHeld: Promise<void> | undefined
  let release = () => {}
  const [alpha, beta, gamma] = await Promise.all(
    founded.places.map((place) =>
      start(founded, place, {
        store(store) {
          if (place.name !== 'Beta') return store
          const between = slowToSay(store, ({ key, value }) => value === null && key.startsWith('duties/open/'))
          ;({ whenHeld, release } = between)
          return between.slow
        }
      })
    )
  )
  assert.ok(alpha && beta && gamma)
  daemons = [alpha, beta, gamma]
  await connected(daemons)
  const { id, record } = await alpha.call('record.send', { to: ['Beta'], content: base64('a record') })
  await whenHeld
  const forwards = [{ via: id }, { record }].map((wanted) =>
    beta.call('record.send', { ...wanted, to: ['Gamma'] }).catch((error: unknown) => error)
  )
  const early = await Promise.race([...forwards, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))])
  release()
  assert.is(early, 'waiting')
  for (const sent of await Promise.all(forwards)) {
    assert.not.instance(sent, Error)
    await untilState(alpha, sent as Awaited<ReturnType<typeof beta.call<'record.send'>>>, gamma, 'opened')
  }
})

test.run()
