import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { STATE_WORDS } from '../../src/draw/glyphs.ts'
import { textWidth } from '../../src/draw/text-width.ts'
import { type CustodyGraph, type DeliveryState, drawSwimlanes, handOffs } from '../../src/index.ts'
import { DAY, graphOf, type Hop, hospitalName } from '../graphs.ts'

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

test('several days: dates above, date and time in the table', () => {
  const lines = draw(graphOf(journey, { everyMs: DAY }), 120).split('\n')
  assert.ok(lines.some((line) => line.includes('2026-11-20') && line.includes('2026-11-23')))
  assert.ok(lines.some((line) => line.includes('2026-11-23 10:41:02')))
})

test('a drawing that is cut short says so', () => {
  assert.match(draw({ ...graphOf(journey), complete: false }), 'Only the first 4 transmissions are shown.')
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

test('any graph at any width: within the width, every transmission numbered once, every hand-off in the table', () => {
  fc.assert(
    fc.property(hops, fc.integer({ min: 40, max: 200 }), fc.boolean(), (rows, width, unicode) => {
      const graph = graphOf(rows)
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

test('a hundred hospitals and a thousand transmissions are drawn, in reasonable time', () => {
  const rows = Array.from({ length: 1000 }, (_, i): Hop => [i % 100, [(i + 1) % 100, 'opened']])
  assert.ok(draw(graphOf(rows), 120).length > 100_000)
})

test.run()
