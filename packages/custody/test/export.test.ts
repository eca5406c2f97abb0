import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { custodyDot, custodyJson } from '../src/index.ts'
import { graphOf, hospitalName, member, START } from './graphs.ts'

const test = suite('custody/export')

const graph = graphOf([
  [0, [1, 'opened']],
  [1, [2, 'sent'], [0, 'mismatch']]
])

test('JSON survives a round trip and has an edge for each hand-off', () => {
  const json = custodyJson(graph, hospitalName)
  assert.equal(JSON.parse(JSON.stringify(json)), json)
  assert.equal(
    json.members.map(({ name }) => name),
    ['Quillmere General Hospital', 'Norrowby Heart Centre', 'Thistlewick Infirmary']
  )
  assert.equal(
    json.holders.map((holder) => holder.member),
    [member(0), member(1)]
  )
  assert.equal(
    json.edges.map(({ from, to, state, ackMs }) => [from, to, state, ackMs]),
    [
      [member(0), member(1), 'opened', START + 700],
      [member(1), member(2), 'sent', null],
      [member(1), member(0), 'mismatch', START + 2700]
    ]
  )
  assert.is(json.edges[1]?.via, json.edges[0]?.transmission)
})

test('DOT names every hospital and hand-off, whatever the names hold', () => {
  const dot = custodyDot(graph, (hospital) =>
    hospital === member(1) ? 'a"]; b -> c [label="\\\n' : hospitalName(hospital)
  )
  const lines = dot.split('\n')
  assert.is(lines.filter((line) => line.includes(' -> "')).length, 3)
  assert.ok(dot.includes('[label="a\\"]; b -> c [label=\\"\\\\ ", shape=box]'))
  assert.ok(dot.includes('[label="2 treatment, content mismatch", style=dashed]'))
  assert.is(lines[0], 'digraph custody {')
  assert.is(lines.at(-1), '}')
})

test.run()
