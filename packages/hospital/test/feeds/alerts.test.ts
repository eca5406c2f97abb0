/** Alerts of real chains, as the control socket asks for them. */
import { createSubscriber, type EventOf, type Role, topics } from '@wardline/api'
import type { Height } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crafted } from '../crafted.ts'
import { type Daemon, found, startAll, stopAll, until, untilState } from '../hospitals.ts'

const test = suite('hospital/feeds/alerts')

type Told = { readonly height: Height; readonly alert: EventOf<'alerts'> }

/** Follows what final blocks alert to, from above a height or from now on. */
async function follow(daemon: Daemon, role: Role, from?: number) {
  const ending = new AbortController()
  const params = { topic: 'alerts', ...(from !== undefined && { from }) }
  const feed = await createSubscriber(daemon.hospital.openFeed)(params, { role, signal: ending.signal })
  const told: Told[] = []
  const ended = (async () => {
    for await (const { height, events } of feed.notices) {
      for (const event of events) {
        const alert = topics.alerts.event.parse(event)
        if (alert.kind === 'happened') told.push({ height, alert })
      }
    }
  })()
  return {
    told,
    async end(): Promise<void> {
      ending.abort()
      await ended
    }
  }
}

test('a failed hand-off is told to who follows at its sender, its receiver and elsewhere, and again to who resumes', async () => {
  const founded = await found(['Alpha', 'Beta', 'Gamma'])
  const daemons = await startAll(founded)
  const [alpha, beta, gamma] = daemons as [Daemon, Daemon, Daemon]
  const atSender = await follow(alpha, 'admin')
  const live = [atSender, await follow(beta, 'ehr'), await follow(gamma, 'read')]
  const bad = await crafted(founded, [alpha, beta], { sealed: 'SECRET one', committed: 'SECRET other' })
  await untilState(alpha, bad, beta, 'mismatch')
  await until('all who follow are told', () => live.every(({ told }) => told.length > 0))

  const { height, alert } = atSender.told[0] as Told
  assert.equal([alert.code, alert.severity], ['handoff-mismatch', 'warn'])
  const { transactions } = await alpha.call('chain.block', { height })
  assert.ok(transactions.some(({ id, kind }) => id === alert.transaction && kind === 'stt.ack'))
  const resumed = await follow(alpha, 'read', height - 1)
  await until('who resumes is told', () => resumed.told.length > 0)
  for (const { told, end } of [...live, resumed]) {
    assert.equal(told, [{ height, alert }])
    assert.not.match(JSON.stringify(told), /SECRET/)
    await end()
  }
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

test.run()
