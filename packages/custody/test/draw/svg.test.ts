import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CustodyGraph, handOffs, renderCustody } from '../../src/index.ts'
import { DAY, graphOf, type Hop, hospitalName, recalledAt, START } from '../graphs.ts'

const test = suite('custody/draw/svg')

const draw = (graph: CustodyGraph) => renderCustody(graph, 'svg', { names: hospitalName, width: 100 })

/** The view box, and every coordinate that an element is placed by. */
function placesIn(svg: string): {
  readonly width: number
  readonly height: number
  readonly xs: number[]
  readonly ys: number[]
} {
  const [, width, height] = /viewBox="0 0 ([0-9]+) ([0-9]+)"/.exec(svg) as unknown as [string, string, string]
  const numbers = (pattern: RegExp) => [...svg.matchAll(pattern)].map(([, value]) => Number(value))
  const xs = numbers(/ (?:x|x1|x2|cx)="([^"]*)"/g)
  const ys = numbers(/ (?:y|y1|y2|cy)="([^"]*)"/g)
  return { width: Number(width), height: Number(height), xs, ys }
}

function isInside(svg: string): void {
  const { width, height, xs, ys } = placesIn(svg)
  assert.ok([...xs, ...ys].every(Number.isFinite))
  assert.ok(xs.every((x) => x >= 0 && x <= width))
  assert.ok(ys.every((y) => y >= 0 && y <= height))
}

const hops = fc.array(fc.tuple(fc.nat(7), fc.nat(7), fc.constantFrom('opened', 'sent', 'refused', 'mismatch')), {
  minLength: 1,
  maxLength: 120
})

test('any graph: all inside the view, a title for every column, every state in words', () => {
  fc.assert(
    fc.property(hops, fc.option(fc.uniqueArray(fc.nat(7))), (rows, attested) => {
      const made = graphOf(
        rows.map(([from, step, state]): Hop => [from, [(from + 1 + (step % 7)) % 8, state as 'opened']])
      )
      const graph = attested === null ? made : recalledAt(made, START + DAY, attested)
      const svg = draw(graph)
      isInside(svg)
      const columns = [...svg.matchAll(/<g><title>[0-9]+\. /g)].length
      assert.ok(columns > 0 && columns <= 60)
      if (rows.length <= 60) assert.is(columns, rows.length)
      for (const { delivery } of handOffs(graph)) {
        const word = { opened: 'opened', sent: 'not acknowledged', refused: 'refused', mismatch: 'content mismatch' }
        assert.match(svg, word[delivery.state as keyof typeof word])
      }
    }),
    { numRuns: 60 }
  )
})

test('a recalled record: a line across, a mark on every lane, and how each goes on told by line, mark and word', () => {
  const journey: readonly Hop[] = [
    [0, [1, 'opened']],
    [1, [2, 'opened']],
    [0, [3, 'sent']]
  ]
  const svg = draw(recalledAt(graphOf(journey), START + DAY, [1]))
  isInside(svg)
  const count = (pattern: RegExp) => [...svg.matchAll(pattern)].length
  assert.is(count(/>recalled<\/text>/g), 2, 'above the line and in the legend')
  // In the legend, at the ends of lanes, and the state of hand-offs in the table.
  assert.is(count(/>to destroy<\/text>/g), 4)
  assert.is(count(/>destroyed<\/text>/g), 2)
  assert.match(svg, '>opened, destroyed</text>')
  assert.match(svg, '>opened, to destroy</text>')
  assert.match(svg, '>not acknowledged, to destroy</text>')
  assert.is(count(/stroke-width="4" stroke-dasharray="9 4"/g), 4)
  assert.match(svg, 'Not said to be destroyed by Quillmere General Hospital, Thistlewick Infirmary')
  assert.not.match(draw(graphOf(journey)), /recalled|destroy/)
})

test('500 hand-offs among 12 hospitals fit a page of bounded size, times above, counts beside the arrows', () => {
  const rows = Array.from({ length: 500 }, (_, i): Hop => [(i * 7) % 12, [(i * 7 + 1 + (i % 2)) % 12, 'opened']])
  const svg = draw(graphOf(rows, { everyMs: DAY / 2 }))
  isInside(svg)
  const { width, height } = placesIn(svg)
  assert.ok(width <= 2600 && height <= 2200, `${width} x ${height}`)
  assert.ok(svg.length < 400_000)
  assert.match(svg, /×[0-9]+<\/text>/)
  assert.match(svg, '2026-11-20')
})

test('no hand-off to show is a picture too', () => {
  const nothing = renderCustody(graphOf([[0, [1, 'opened']]]), 'svg', {
    names: hospitalName,
    width: 100,
    selection: { states: ['refused'] }
  })
  isInside(nothing)
  assert.match(nothing, 'Hidden hand-offs: 1 in other states.')
})

test('of a graph that is cut, the description claims no more than is known', () => {
  const cut = { ...graphOf([[0, [1, 'opened']]]), complete: false }
  isInside(draw(cut))
  assert.match(draw(cut), '<desc>1 hand-off, all opened · at least 2 holders now')
  assert.match(
    draw(cut),
    'Held by at least Quillmere General Hospital, Norrowby Heart Centre. Not complete: 1 transmissions'
  )
  assert.match(draw(recalledAt(cut, START + DAY, [0, 1])), 'Destroyed by all of these. Not complete')
})

test.run()
