/** A validator that signs two votes which exclude each other, in a network of four: found, reported once, listed by all. */
import { type Digest, epoch, type View } from '@wardline/codec'
import { encodeMessage, type Vote, voteBytes } from '@wardline/consensus'
import { createVoteSigner } from '@wardline/crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Daemon, found, startAll, stopAll, until } from './hospitals.ts'

const test = suite('hospital/evidence')
const founded = await found(['Alpha', 'Beta', 'Gamma', 'Delta'])
let daemons: Daemon[] = []

test.before(async () => {
  daemons = await startAll(founded)
})

test.after(async () => {
  await stopAll(daemons)
  for (const { failures } of founded.places) assert.equal(failures, [])
})

function voteOfDelta(delta: Daemon, view: number, digit: string, attempt: number): Uint8Array {
  const signer = createVoteSigner(delta.place.keys['vote'] as Uint8Array)
  const statement = {
    kind: 'notarize',
    epoch: epoch(0),
    view: view as View,
    digest: digit.repeat(64) as Digest
  } as const
  const signature = signer.sign(voteBytes('notarize', founded.chain, statement.epoch, statement.view, statement.digest))
  const vote: Vote = { ...statement, signer: delta.place.member, signature, attempt }
  return encodeMessage({ kind: 'vote', vote })
}

test('it is on the chain by one report, and every daemon lists it with the two votes', async () => {
  const delta = daemons[3] as Daemon
  const { view } = await delta.call('chain.info', {})
  const topic = `/wardline/${founded.chain}/vote/1`
  let looks = 0
  // Delta's own daemon goes on as if nothing were: what it signs later in that view excludes one of the two as well.
  const rowsOf = async () => {
    const lists = await Promise.all(daemons.map(({ call }) => call('evidence.list', {})))
    return lists.map(({ evidence }) => evidence.find(({ conflict }) => conflict === 'notarize-notarize'))
  }
  await until('the chain has recorded it everywhere', async () => {
    // Again after a second or so: a vote that no mesh carried is lost.
    const attempt = looks / 100
    for (const digit of Number.isInteger(attempt) ? ['a', 'b'] : []) {
      await delta.network.gossip.publish(topic, voteOfDelta(delta, view, digit, attempt))
    }
    looks += 1
    return (await rowsOf()).every((row) => row?.recorded)
  })
  const rows = await rowsOf()
  const [row] = rows
  for (const other of rows) assert.equal(other, row)
  assert.equal(
    [row?.offender.name, row?.epoch, row?.view, row?.votes.map(({ digest }) => digest[0])],
    ['Delta', 0, view, ['a', 'b']]
  )
  const report = await (daemons[0] as Daemon).call('tx.get', { id: row?.recorded?.id as never })
  assert.equal([report.kind, report.height], ['evidence.report', row?.recorded?.height])
})

test.run()
