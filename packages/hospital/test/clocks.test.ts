/** Wrong clocks, and chains that stand still: what `status` and the log say of them. */
import type { StatusProblem } from '@wardline/api'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { base64, connected, type Daemon, found, start, stopAll, until } from './hospitals.ts'

const test = suite('hospital/clocks')
const HOUR_MS = 3_600_000

async function problemOf({ call }: Daemon, code: string): Promise<StatusProblem | undefined> {
  return (await call('status', {})).problems.find((problem) => problem.code === code)
}

/** Four hospitals whose clocks are off by what `aheadMs` says at the moment, and for which so much more time has passed. */
async function hospitals(aheadMs: number[], passedMs = () => 0): Promise<readonly [Daemon, Daemon, Daemon, Daemon]> {
  const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
  const daemons = await Promise.all(
    founded.places.map((place, index) => start(founded, place, { clockMs: () => aheadMs[index] ?? 0, passedMs }))
  )
  await connected(daemons)
  return daemons as unknown as readonly [Daemon, Daemon, Daemon, Daemon]
}

test('half of the clocks an hour ahead: every operator is told of the clocks and of the standstill, until they are right', async () => {
  const aheadMs = [0, 0, 0, 0]
  let passedMs = 0
  const daemons = await hospitals(aheadMs, () => passedMs)
  const [alpha, beta, gamma] = daemons
  await alpha.call('record.send', { to: ['Beta'], content: base64('all is well') })
  for (const daemon of daemons) assert.is((await daemon.call('status', {})).health, 'ok')

  aheadMs.fill(HOUR_MS, 0, 2)
  const sent = gamma.call('record.send', { to: ['Beta'], content: base64('stuck'), timeoutMs: 400_000 })
  const isTold = async () => (await Promise.all(daemons.map((one) => problemOf(one, 'clock-off')))).every(Boolean)
  await until('the clocks are noticed', isTold, 30_000)
  const seenByAlpha = await problemOf(alpha, 'clock-off')
  assert.is(seenByAlpha?.severity, 'warn')
  assert.match(seenByAlpha?.problem ?? '', /(?:Gamma|Delta) 3[56]\d\d s behind, (?:Gamma|Delta) 3[56]\d\d s behind/)
  assert.match((await problemOf(gamma, 'clock-off'))?.problem ?? '', /(?:Alpha|Beta) 3[56]\d\d s ahead/)
  const refusals = gamma.place.log.filter((line) => line.startsWith('a block is refused, its time'))
  assert.ok(refusals.length >= 1 && refusals.length <= 2, refusals.join('\n'))
  assert.match(refusals[0] ?? '', /"name":"(?:Alpha|Beta)".*"code":"wrong-time","aheadS":3[56]\d\d/)

  // Half a minute passes on all clocks, and before the call is over.
  passedMs = 40_000
  for (const index of aheadMs.keys()) aheadMs[index] = (aheadMs[index] ?? 0) + 40_000
  for (const daemon of daemons) {
    const stalled = await problemOf(daemon, 'chain-stalled')
    assert.is(stalled?.severity, 'fail')
    assert.match(stalled?.problem ?? '', /waiting for \d+ s and nothing becomes final/)
    assert.match(stalled?.remedy ?? '', /clocks/)
  }

  aheadMs.fill(40_000)
  await sent
  const isWell = async () =>
    (await Promise.all(daemons.map(({ call }) => call('status', {})))).every(({ health }) => health === 'ok')
  for (let round = 0; round < 12; round++)
    await beta.call('record.send', { to: ['Gamma'], content: base64(`${round}`) })
  await until('all are well', isWell, 30_000)
  await stopAll(daemons)
})

for (const wrongMs of [HOUR_MS, -HOUR_MS, 30_000]) {
  test(`one clock of four is ${wrongMs / 1000} s ahead: its operator is told, and nothing stands still`, async () => {
    const aheadMs = [0, 0, 0, 0]
    const daemons = await hospitals(aheadMs)
    const [alpha, beta, gamma, delta] = daemons
    aheadMs[0] = wrongMs
    let count = 0
    await until(
      'it is told',
      async () => {
        await beta.call('record.send', { to: ['Gamma'], content: base64(`${count++}`) })
        return (await problemOf(alpha, 'clock-off')) !== undefined
      },
      30_000
    )
    assert.match((await problemOf(alpha, 'clock-off'))?.problem ?? '', wrongMs > 0 ? /s behind/ : /s ahead/)
    for (const other of [beta, gamma, delta]) assert.is((await other.call('status', {})).health, 'ok')
    assert.is(await problemOf(alpha, 'chain-stalled'), undefined)
    await stopAll(daemons)
  })
}

test.run()
