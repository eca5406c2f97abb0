import type { Leaf } from '@wardline/codec'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEFAULT_TIMING, engineStatus, headerDigest, type Output } from '../../src/index.ts'
import { certificateOf, fakeSet, genesisParent, hashOf, headerOf, proposalOf, voteOf } from '../chain-fixture.ts'
import {
  answerBuild,
  certificatesSent,
  checked,
  createLone,
  feed,
  hearCertificate,
  hearProposal,
  hearVote,
  restart,
  ring,
  viewOf,
  votesSent
} from './lone-engine.ts'

const test = suite('consensus/engine/timers')
const set = fakeSet(4)
const leaves = [hashOf<Leaf>('a')]
const first = headerOf(set, 1, genesisParent, leaves, genesisParent.time + 900)
const buildIn = (outputs: readonly Output[]) => outputs.find((output) => output.kind === 'build')

test('the view timer is 3Δ + 100 ms and grows by half with each nullified view, up to 30 s', () => {
  const lone = createLone(set, 3)
  feed(lone, { kind: 'work', hasWork: true })
  const waits: number[] = []
  for (let view = 1; view <= 12; view++) {
    waits.push((lone.alarmMs ?? 0) - lone.nowMs)
    hearCertificate(lone, certificateOf(set, 'nullify', view))
    lone.nowMs += 1000
    feed(lone, { kind: 'work', hasWork: true })
  }
  assert.equal(
    waits.map((wait) => Math.round(wait)),
    waits.map((_, k) => (k === 0 ? 1600 : Math.min(30_000, Math.round(1600 * 1.5 ** k)) - 1000))
  )
})

test('retries come after 1 s and then 1.5 times later each, up to 10 s, with all that others may lack', () => {
  const lone = createLone(set, 3)
  hearProposal(lone, proposalOf(set, first, leaves, null))
  checked(lone, headerDigest(first))
  hearVote(lone, voteOf(set, 0, 'notarize', 1, headerDigest(first)))
  assert.is(viewOf(lone), 2)
  const fired = ring(lone)
  assert.equal(votesSent(fired), ['nullify 2'])
  assert.ok(fired.some((output) => output.kind === 'retry'))
  const waits: number[] = []
  const attempts: number[] = []
  for (let i = 0; i < 9; i++) {
    waits.push((lone.alarmMs ?? 0) - lone.nowMs)
    const outputs = ring(lone)
    assert.equal(votesSent(outputs), ['nullify 2', 'finalize 1'])
    assert.equal(certificatesSent(outputs), ['notarize 1'])
    for (const output of outputs) {
      if (output.kind === 'send' && output.message.kind === 'vote') attempts.push(output.message.vote.attempt)
    }
  }
  assert.equal(waits, [1000, 1500, 2250, 3375, 5063, 7594, 10_000, 10_000, 10_000])
  assert.is(new Set(attempts).size, 9, 'every retry has its own attempt')
})

test('attempts after a restart differ from those before', () => {
  const lone = createLone(set, 3)
  feed(lone, { kind: 'work', hasWork: true })
  ring(lone)
  const attemptOf = (outputs: readonly Output[]) =>
    outputs.flatMap((one) => (one.kind === 'send' && one.message.kind === 'vote' ? [one.message.vote.attempt] : []))
  const before = attemptOf(ring(lone))
  lone.nowMs += 1000
  const after = attemptOf(restart(lone))
  assert.ok(before.length === 1 && after.length === 1 && (after[0] ?? 0) > (before[0] ?? 0))
})

test('asleep: no timer but the heartbeat, and then an empty block', () => {
  const lone = createLone(set, 1)
  assert.is(lone.alarmMs, genesisParent.time + DEFAULT_TIMING.heartbeatMs)
  assert.is(engineStatus(lone.engine).awake, false)
  const request = buildIn(ring(lone))
  assert.is(request?.allowEmpty, true)
  assert.is(engineStatus(lone.engine).awake, true)
  feed(lone, { kind: 'work', hasWork: false })
})

test('work that goes away puts the node to sleep again', () => {
  const lone = createLone(set, 3)
  feed(lone, { kind: 'work', hasWork: true })
  assert.is(lone.alarmMs, lone.nowMs + 1600)
  feed(lone, { kind: 'work', hasWork: false })
  assert.is(lone.alarmMs, genesisParent.time + DEFAULT_TIMING.heartbeatMs)
})

test('a leader with nothing to include waits for more work; one that can not build gives the view up', () => {
  const lone = createLone(set, 1)
  const request = buildIn(feed(lone, { kind: 'work', hasWork: true }))
  assert.is(request?.allowEmpty, false)
  const nothing = { kind: 'built', view: 1, parent: genesisParent.digest, header: null, leaves: [] } as const
  assert.is(buildIn(feed(lone, { ...nothing, view: 1 as never, reason: 'nothing' })), undefined)
  const again = feed(lone, { kind: 'work', hasWork: true })
  assert.ok(buildIn(again))
  assert.equal(votesSent(feed(lone, { ...nothing, view: 1 as never, reason: 'failed' })), ['nullify 1'])
})

test('a build that comes after its view was given up is not signed', () => {
  const lone = createLone(set, 1)
  const outputs = feed(lone, { kind: 'work', hasWork: true })
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
  const late = answerBuild(lone, outputs, genesisParent, leaves).outputs
  assert.not.ok(late.some((output) => output.kind === 'send' || output.kind === 'journal'))
})

test('a clock that is set back does not put off what is due', () => {
  const lone = createLone(set, 3)
  feed(lone, { kind: 'work', hasWork: true })
  lone.nowMs -= 3_600_000
  feed(lone, { kind: 'work', hasWork: true })
  assert.is(lone.alarmMs, lone.nowMs + 1600)
  assert.equal(votesSent(ring(lone)), ['nullify 1'])
})

test('a node without a vote follows the chain and says nothing', () => {
  const lone = createLone(set, 3, { self: null })
  hearProposal(lone, proposalOf(set, first, leaves, null))
  const outputs = [
    ...checked(lone, headerDigest(first)),
    ...feed(lone, { kind: 'work', hasWork: true }),
    ...hearCertificate(lone, certificateOf(set, 'finalize', 1, headerDigest(first), [0, 1, 2]))
  ]
  assert.ok(outputs.some((output) => output.kind === 'commit'))
  assert.not.ok(outputs.some((output) => output.kind === 'send' || output.kind === 'journal'))
})

test('a leader waits for the disk when too many commits are not synced', () => {
  const lone = createLone(fakeSet(1), 0)
  let outputs = feed(lone, { kind: 'work', hasWork: true })
  let parent = genesisParent
  const digests = []
  while (buildIn(outputs) !== undefined) {
    const { header, digest, outputs: after } = answerBuild(lone, outputs, parent, [hashOf<Leaf>(`${parent.height}`)])
    parent = { digest, height: header.height, time: header.time }
    digests.push(digest)
    outputs = after
  }
  assert.is(digests.length, 64)
  assert.ok(buildIn(feed(lone, { kind: 'committed', digest: digests[0] as (typeof digests)[0] })))
})

test.run()
