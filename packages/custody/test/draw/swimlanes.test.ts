import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { STATE_WORDS } from '../../src/draw/glyphs.ts'
import { textWidth } from '../../src/draw/text-width.ts'
import { type CustodyGraph, type DeliveryState, drawnHandOffs, drawSwimlanes, handOffs } from '../../src/index.ts'
import { DAY, graphOf, type Hop, hospitalName, recalledAt, START } from '../graphs.ts'

const test = suite('custody/draw/swimlanes')

const draw = (graph: CustodyGraph, width = 80, unicode = true) =>
  drawSwimlanes(graph, { names: hospitalName, width, unicode })

const journey: readonly Hop[] = [
  [0, [1, 'opened']],
  [1, [2, 'opened']],
  [2, [0, 'opened']],
  [0, [1, 'refused'], [3, 'sent']]
]

test('a journey with a return, a refusal and a hand-off nobody answered', () => {
  const expected = `
Record 4f2a91c03b7e5d20… of Quillmere General Hospital
5 hand-offs, 3 opened, 1 refused, 1 not acknowledged · 3 holders now
for treatment · 2026-11-20, times in UTC

                               10:41:02    10:41:04    10:41:06    10:41:08
Quillmere General Hospital ◆━━━━━━┥1┝━━━━━━━━━━━━━━━━━━━━━━▲━━━━━━━━━━┥4┝━━━━━●
                                   │                       │           ╎
Norrowby Heart Centre      · · · · ▼━━━━━━━━━━┥2┝━━━━━━━━━ │ ━━━━━━━━━━!━━━━━━●
                                               │           │           ╎
Thistlewick Infirmary      · · · · · · · · · · ▼━━━━━━━━━━┥3┝━━━━━━━━━ ╎ ━━━━━●
                                                                       ╎
Alderfen University Clinic · · · · · · · · · · · · · · · · · · · · · · ▽──────○

◆ origin   ━━━ holds it   ─── sent to it   ▼▲ opened   ! refused
▽△ not acknowledged   ● holds it now

#  via  time      from              to                state               after
─  ───  ────────  ────────────────  ────────────────  ──────────────────  ─────
1  own  10:41:02  Quillmere Gener…  Norrowby Heart…   ▼ opened            0.7 s
2    1  10:41:04  Norrowby Heart…   Thistlewick Inf…  ▼ opened            0.7 s
3    2  10:41:06  Thistlewick Inf…  Quillmere Gener…  ▼ opened            0.7 s
4  own  10:41:08  Quillmere Gener…  Norrowby Heart…   ! refused           0.7 s
                                    Alderfen Univer…  ▽ not acknowledged`
  assert.fixture(draw(graphOf(journey)), expected.slice(1))
})

test('the same in ASCII', () => {
  const expected = `
Record 4f2a91c03b7e5d20.. of Quillmere General Hospital
5 hand-offs, 3 opened, 1 refused, 1 not acknowledged - 3 holders now
for treatment - 2026-11-20, times in UTC

                               10:41:02    10:41:04    10:41:06    10:41:08
Quillmere General Hospital @======[1]======================^==========[4]=====*
                                   |                       |           :
Norrowby Heart Centre      . . . . v==========[2]========= | ==========!======*
                                               |           |           :
Thistlewick Infirmary      . . . . . . . . . . v==========[3]========= : =====*
                                                                       :
Alderfen University Clinic . . . . . . . . . . . . . . . . . . . . . . o------o

@ origin   === holds it   --- sent to it   v^ opened   ! refused
o not acknowledged   * holds it now

#  via  time      from              to                state               after
-  ---  --------  ----------------  ----------------  ------------------  -----
1  own  10:41:02  Quillmere Gene..  Norrowby Heart..  v opened            0.7 s
2    1  10:41:04  Norrowby Heart..  Thistlewick In..  v opened            0.7 s
3    2  10:41:06  Thistlewick In..  Quillmere Gene..  v opened            0.7 s
4  own  10:41:08  Quillmere Gene..  Norrowby Heart..  ! refused           0.7 s
                                    Alderfen Unive..  o not acknowledged`
  assert.fixture(draw(graphOf(journey), 80, false), expected.slice(1))
})

test('a recalled record: a mark on every lane, a line of its own for who is to destroy it, and words for both', () => {
  const expected = `
Record 4f2a91c03b7e5d20… of Quillmere General Hospital
5 hand-offs, 3 opened, 1 refused, 1 not acknowledged
recalled 2026-11-20 10:42:02, destroyed by 2 of 4 · for treatment
2026-11-20, times in UTC

                               10:41:02    10:41:04    10:41:06    10:41:08     recalled
Quillmere General Hospital ◆━━━━━━┥1┝━━━━━━━━━━━━━━━━━━━━━━▲━━━━━━━━━━┥4┝━━━━━━◁┅┅┅┅┅┅┅◎
                                   │                       │           ╎
Norrowby Heart Centre      · · · · ▼━━━━━━━━━━┥2┝━━━━━━━━━ │ ━━━━━━━━━━!━━━━━━━◁       ∅
                                               │           │           ╎
Thistlewick Infirmary      · · · · · · · · · · ▼━━━━━━━━━━┥3┝━━━━━━━━━ ╎ ━━━━━━◁┅┅┅┅┅┅┅◎
                                                                       ╎
Alderfen University Clinic · · · · · · · · · · · · · · · · · · · · · · ▽───────◁       ∅

◆ origin   ━━━ holds it   ─── sent to it   ▼▲ opened   ! refused   ▽△ not acknowledged
◁ recalled   ┅┅┅◎ to destroy   ∅ destroyed

#  via  time      from              to                state                          after
─  ───  ────────  ────────────────  ────────────────  ─────────────────────────────  ─────
1  own  10:41:02  Quillmere Gener…  Norrowby Heart…   ▼ opened, destroyed            0.7 s
2    1  10:41:04  Norrowby Heart…   Thistlewick Inf…  ▼ opened, to destroy           0.7 s
3    2  10:41:06  Thistlewick Inf…  Quillmere Gener…  ▼ opened, to destroy           0.7 s
4  own  10:41:08  Quillmere Gener…  Norrowby Heart…   ! refused, destroyed           0.7 s
                                    Alderfen Univer…  ▽ not acknowledged, destroyed`
  const graph = recalledAt(graphOf(journey), START + 60_000, [1, 3])
  assert.fixture(draw(graph, 90), expected.slice(1))
  assert.match(draw(graph, 90, false), /^Norrowby Heart Centre .*=< {7}0$/m)
  assert.match(draw(graph, 90, false), /^Thistlewick Infirmary .*=<%%%%%%%#$/m)
  const all = draw(recalledAt(graphOf(journey), START + 60_000, [0, 1, 2, 3]), 90)
  assert.match(draw(graph, 40), /▽ destroyed$/m, 'where room is scarce, the mark tells the state')
  assert.match(all, 'destroyed by 4 of 4')
  assert.not.match(all, 'to destroy')
})

test('several days: dates above, date and time in the table', () => {
  const lines = draw(graphOf(journey, { everyMs: DAY }), 120).split('\n')
  assert.ok(lines.some((line) => line.includes('2026-11-20') && line.includes('2026-11-23')))
  assert.ok(lines.some((line) => line.includes('2026-11-23 10:41:02')))
})

test('a drawing that is cut short says so, and counts as one that is', () => {
  const cut = { ...graphOf(journey), complete: false }
  assert.match(draw(cut), 'Not complete: 4 transmissions were looked at; there may be more.')
  assert.match(draw(cut), 'at least 3 holders now')
  assert.match(draw(recalledAt(cut, START + 60_000, [1, 3]), 120), 'destroyed by 2 of at least 4')
})

test('what others wrote cannot move the cursor or turn the line round', () => {
  const names = () => 'A\u001b[2J\u202eB\r\n\u0007C'
  for (const unicode of [true, false]) {
    const text = drawSwimlanes(graphOf(journey), { names, width: 80, unicode })
    assert.not.match(text.replaceAll('\n', ''), /\p{C}/u)
  }
})

const states = Object.keys(STATE_WORDS) as DeliveryState[]
const hops = fc
  .array(
    fc.tuple(
      fc.nat(5),
      fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.constantFrom(...states))
    ),
    {
      minLength: 1,
      maxLength: 60
    }
  )
  .map((rows) =>
    rows.flatMap(([from, to, state]): Hop[] => {
      const others = to.filter((hospital) => hospital !== from)
      return others.length === 0 ? [] : [[from, ...others.map((hospital) => [hospital, state.next().value] as const)]]
    })
  )
  .filter((rows) => rows.length > 0)

const recalls = fc.option(fc.uniqueArray(fc.nat(5)))

test('any graph at any width: within the width, every transmission numbered once, every hand-off in the table', () => {
  fc.assert(
    fc.property(hops, fc.integer({ min: 40, max: 200 }), fc.boolean(), recalls, (rows, width, unicode, attested) => {
      const made = graphOf(rows)
      const graph = attested === null ? made : recalledAt(made, START + DAY, attested)
      const text = draw(graph, width, unicode)
      const lines = text.split('\n')
      for (const line of lines) {
        assert.ok(textWidth(line) <= width, `${textWidth(line)} columns for ${width}: ${line}`)
        assert.is(line, line.trimEnd())
      }
      if (!unicode) assert.match(text, /^[\n -~]*$/)
      for (const i of rows.keys()) {
        const badge = unicode ? `┥${i + 1}┝` : `[${i + 1}]`
        assert.is(text.split(badge).length, 2, badge)
      }
      const table = lines.slice(lines.findIndex((line) => /^ *# /.test(line)) + 2)
      assert.is(table.length, handOffs(graph).length)
    }),
    { numRuns: 300 }
  )
})

test('hundreds of hand-offs are gathered by time: every one is counted in the table, once', () => {
  const opened = Array.from({ length: 500 }, (_, i): Hop => [i % 5, [(i + 1 + (i % 3)) % 5, 'opened']])
  const rows: Hop[] = [...opened, [2, [3, 'refused'], [4, 'sent']], [2, [3, 'opened']]]
  const lines = draw(graphOf(rows, { everyMs: DAY }), 120).split('\n')
  assert.ok(lines.includes('A column gathers what one hospital sent in a while.'))
  const table = lines.slice(lines.findIndex((line) => /^ *# /.test(line)) + 2)
  assert.ok(table.length <= 60 && table.length >= 20, `${table.length} lines`)
  const counts = table.map((line) => /(?:([0-9]+)\/)?([0-9]+)$/.exec(line) ?? [])
  assert.is(
    counts.reduce((sum, [, , all]) => sum + Number(all), 0),
    503
  )
  // One of the last column's is refused, and that is what its line says.
  assert.ok(table.some((line) => /! refused +1\//.test(line)))
  assert.ok(lines.length < 200, `${lines.length} lines`)
})

test('a selection shows a part, and says how much it hides', () => {
  const text = drawSwimlanes(graphOf(journey), {
    names: hospitalName,
    width: 80,
    unicode: true,
    selection: { states: ['refused', 'sent'], max: 1 }
  })
  assert.match(text, 'Hidden hand-offs: 3 in other states, 1 that are older.')
  assert.match(text, '1 hand-off')
  const nothing = drawSwimlanes(graphOf(journey), {
    names: hospitalName,
    width: 80,
    unicode: true,
    selection: { toMs: 0 }
  })
  assert.match(nothing, 'Hidden hand-offs: 5 by time.')
  const counts = [undefined, { states: ['refused', 'sent'], max: 1 }, { toMs: 0 }] as const
  assert.equal(
    counts.map((selection) => drawnHandOffs(graphOf(journey), selection)),
    [5, 1, 0]
  )
})

test('a hundred hospitals and a thousand transmissions are drawn, in reasonable time', () => {
  const rows = Array.from({ length: 1000 }, (_, i): Hop => [i % 100, [(i + 1) % 100, 'opened']])
  assert.ok(draw(graphOf(rows), 120).length > 100_000)
})

test.run()
