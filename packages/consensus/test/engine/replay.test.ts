import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { replayTrace } from './replay.ts'
import { BYZANTINE, drawTraces, VALIDATORS } from './specification.ts'

const test = suite('consensus/engine/replay')
const traces = await drawTraces(12, 60, 1)

test('after each step of 12 traces of the specification the engines have signed and reached what it says', () => {
  const events = new Map<string, number>()
  for (const trace of traces) {
    for (const [name, count] of replayTrace(trace, VALIDATORS, BYZANTINE)) {
      events.set(name, (events.get(name) ?? 0) + count)
    }
  }
  const expected = [
    'byzantine',
    'crash',
    'hear-certificate',
    'hear-proposal',
    'hear-vote',
    'propose',
    'timeout',
    'work'
  ]
  assert.equal([...events.keys()].sort(), expected)
})

test('an engine that signed what a trace does not have is a difference', () => {
  const whole = JSON.parse(traces[0] as string)
  for (const [, node] of whole.states.at(-1)['instance::validator::nodes']['#map']) node.signed = { '#set': [] }
  assert.throws(
    () => replayTrace(JSON.stringify(whole), VALIDATORS, BYZANTINE),
    /^step 60, .*: validator \d is .*, by the specification /
  )
})

test.run()
