import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { custodyJson, custodyNotes, FORMS, type Form, renderCustody, type Selection } from '../../src/index.ts'
import { graphOf, hospitalName, member, recalledAt, START } from '../graphs.ts'

const test = suite('custody/export/export')

const graph = graphOf([
  [0, [1, 'opened']],
  [1, [2, 'sent'], [0, 'mismatch']]
])

/** What a hospital might call itself to get out of its place in each of the languages. */
const NASTY = `=HYPERLINK("x")"]; b -> c [label="\\N\n|"| n0 --> n1 %% </text><script>alert(1)</script>&amp;#quot;\u0000\u202e\ud800`

function render(form: Form, options: { names?: (member: string) => string; selection?: Selection } = {}): string {
  return renderCustody(graph, form, { names: hospitalName, width: 100, ...options })
}

const nasty = (hospital: string) =>
  hospital === member(1) ? NASTY : hospitalName(hospital as ReturnType<typeof member>)

test('JSON survives a round trip and has an edge for each hand-off', () => {
  const json = custodyJson(graph, { names: hospitalName })
  assert.equal(JSON.parse(render('json')), json)
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

test('DOT has a node for every hospital and an edge for every hand-off, whatever the names hold', () => {
  const lines = render('dot', { names: nasty }).trimEnd().split('\n')
  const node = /^ {2}"[0-9a-f]{64}" \[label="(?:[^"\\]|\\["\\])*"(?:, [a-z]+=(?:[0-9]|"[a-z,]+"))*\];$/
  const edge = /^ {2}"[0-9a-f]{64}" -> "[0-9a-f]{64}" \[label="[0-9]+ [a-z ,-]+", style=(?:solid|dashed)\];$/
  assert.is(lines[0], 'digraph custody {')
  assert.is(lines.at(-1), '}')
  assert.is(lines.filter((line) => node.test(line)).length, 3)
  assert.is(lines.filter((line) => edge.test(line)).length, 3)
  assert.is(lines.length, 3 + 3 + 5)
})

test('Mermaid has one line for each, and only letters, digits and codes in its labels', () => {
  const lines = render('mermaid', { names: nasty }).trimEnd().split('\n')
  assert.is(lines[0], 'flowchart LR')
  const label = /"(?:[\p{L}\p{M}\p{N} ,]|#[0-9]+;)*"/u.source
  const node = new RegExp(`^ {2}n[0-9]+(?:\\[${label}\\]|\\[\\[${label}\\]\\])$`, 'u')
  const edge = new RegExp(`^ {2}n[0-9]+ (?:-->|-\\.->)\\|${label}\\| n[0-9]+$`, 'u')
  assert.is(lines.filter((line) => node.test(line)).length, 3)
  assert.is(lines.filter((line) => edge.test(line)).length, 3)
  assert.is(lines.length, 7)
})

test('CSV has a quoted field for every heading in every line, and no formula', () => {
  const lines = render('csv', { names: nasty }).split('\r\n')
  assert.is(lines.pop(), '')
  const fields = lines.map((line) => [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, field]) => field as string))
  assert.equal(
    fields.map(({ length }) => length),
    [18, 18, 18, 18]
  )
  assert.ok(fields.flat().every((field) => !/^\s*[=+\-@]/.test(field)))
  assert.ok(fields[1]?.[6]?.startsWith(`'=HYPERLINK(""x"")`))
  assert.equal(fields[2]?.slice(9, 15), [new Date(START + 2000).toISOString(), '7', 'sent', '', '', ''])
})

/** Names and attributes of the elements, in order; fails on what is no well-formed XML of the kind that is written here. */
function elementsOf(xml: string): { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[] {
  const open: string[] = []
  const found: ReturnType<typeof elementsOf> = []
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>/, '')
  let text = 0
  for (const match of body.matchAll(/<(\/?)([A-Za-z]+)((?: [A-Za-z][A-Za-z0-9:.-]*="[^"<]*")*)(\/?)>/g)) {
    const between = body.slice(text, match.index)
    assert.not.match(between, /[<>]|&(?!#[0-9]+;)/)
    text = match.index + match[0].length
    const [, closes, name, attributes, isEmpty] = match as unknown as [string, string, string, string, string]
    if (closes === '/') assert.is(open.pop(), name)
    else {
      assert.not.match(attributes, /&(?!#[0-9]+;)/)
      const pairs = [...attributes.matchAll(/ ([A-Za-z][A-Za-z0-9:.-]*)="([^"]*)"/g)].map(([, key, value]) => [
        key,
        value
      ])
      found.push({ name, attributes: Object.fromEntries(pairs) })
      if (isEmpty === '') open.push(name)
    }
  }
  assert.equal(open, [])
  assert.is(body.slice(text).trim(), '')
  assert.not.match(xml, /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u)
  return found
}

test('GraphML is well formed, declares its keys, and links what it has', () => {
  const elements = elementsOf(render('graphml', { names: nasty }))
  const all = (name: string) => elements.filter((element) => element.name === name).map(({ attributes }) => attributes)
  const nodes = all('node').map(({ id }) => id)
  assert.is(nodes.length, 3)
  assert.equal(
    all('edge').map(({ source, target }) => [source, target].every((end) => nodes.includes(end as string))),
    [true, true, true]
  )
  const keys = all('key').map(({ id }) => id)
  assert.ok(all('data').every(({ key }) => keys.includes(key as string)))
  assert.is(all('graph')[0]?.['edgedefault'], 'directed')
  assert.is(all('graphml')[0]?.['xmlns'], 'http://graphml.graphdrawing.org/xmlns')
})

test('SVG is well formed, tells what it shows, and has nothing that runs or is loaded', () => {
  const svg = render('svg', { names: nasty })
  const elements = elementsOf(svg)
  const names = new Set(elements.map(({ name }) => name))
  assert.equal([...names].sort(), ['circle', 'desc', 'g', 'line', 'path', 'rect', 'svg', 'text', 'title'])
  assert.is(elements[0]?.attributes['role'], 'img')
  assert.equal([elements[1]?.name, elements[2]?.name], ['title', 'desc'])
  for (const { attributes } of elements) {
    assert.ok(Object.keys(attributes).every((name) => !name.startsWith('on') && !name.includes('href')))
  }
  assert.not.match(svg, 'url(')
  for (const word of ['opened', 'not acknowledged', 'content mismatch']) assert.match(svg, `>${word}</text>`)
})

test('PROV: every name in a relation is declared, with the fields that the relation must have', () => {
  const prov = JSON.parse(render('prov', { names: nasty }))
  const must: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    used: { 'prov:activity': 'activity', 'prov:entity': 'entity' },
    wasGeneratedBy: { 'prov:entity': 'entity', 'prov:activity': 'activity' },
    wasDerivedFrom: { 'prov:generatedEntity': 'entity', 'prov:usedEntity': 'entity', 'prov:activity': 'activity' },
    wasAttributedTo: { 'prov:entity': 'entity', 'prov:agent': 'agent' },
    wasAssociatedWith: { 'prov:activity': 'activity', 'prov:agent': 'agent' }
  }
  for (const [relation, fields] of Object.entries(must)) {
    assert.ok(Object.keys(prov[relation]).length > 0, relation)
    for (const [id, statement] of Object.entries<Record<string, string>>(prov[relation])) {
      assert.match(id, /^_:[a-z0-9-]+$/)
      for (const [field, kind] of Object.entries(fields)) assert.ok((statement[field] as string) in prov[kind], field)
      if ('prov:time' in statement) assert.match(statement['prov:time'] as string, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    }
  }
  const ids = ['entity', 'activity', 'agent'].flatMap((kind) => Object.keys(prov[kind]))
  assert.ok(ids.every((id) => /^wl:[a-z]+-[0-9a-f]{64}(?:-(?:[0-9a-f]{64}|origin))?$/.test(id)))
  // The account, and the copies: the origin's, and the one that was opened. What was not opened generated nothing.
  assert.is(Object.keys(prov.entity).length, 3)
  assert.is(Object.keys(prov.wasGeneratedBy).length, 1)
  assert.equal(Object.keys(prov.prefix), ['wl'])
})

test('a recall, and who has destroyed what it had, is in every form', () => {
  const recalled = recalledAt(graph, START + 60_000, [1])
  const form = (name: Form) => renderCustody(recalled, name, { names: hospitalName, width: 100 })
  const when = '2026-11-20T10:42:02.000Z'
  assert.match(form('dot'), `Recalled ${when}`)
  assert.match(form('dot'), /label="1 treatment, opened, destroyed", style=dotted, arrowhead=tee/)
  assert.match(form('dot'), /not acknowledged, to destroy", style=dotted\]/)
  assert.match(form('mermaid'), /n0 --x\|"1 treatment, opened, destroyed"\| n1/)
  assert.match(form('mermaid'), /--o\|"2 treatment, not acknowledged, to destroy"\|/)
  const elements = elementsOf(form('graphml'))
  const keys = elements.filter(({ name }) => name === 'data').map(({ attributes }) => attributes['key'])
  assert.is(keys.filter((key) => key === 'recalledMs').length, 3)
  assert.is(keys.filter((key) => key === 'destroyedMs').length, 1)
  const json = JSON.parse(form('json'))
  assert.equal([json.recall.timeMs, json.recall.attested[0].member], [START + 60_000, member(1)])
  assert.equal(json.recall.missing, [member(0), member(2)])
  assert.is(JSON.parse(render('json')).recall, null)
  assert.equal(
    json.edges.map(({ destroyedMs }: { destroyedMs: number | null }) => destroyedMs),
    [START + 61_000, null, null]
  )
  const lines = form('csv').trimEnd().split('\r\n')
  assert.match(lines[1] as string, /"2026-11-20T10:42:02.000Z","2026-11-20T10:42:03.000Z"$/)
  assert.match(lines[2] as string, /"2026-11-20T10:42:02.000Z",""$/)
  const prov = JSON.parse(form('prov'))
  const [{ 'prov:entity': copy = '', 'prov:activity': act = '' } = {}] = Object.values<Record<string, string>>(
    prov.wasInvalidatedBy
  )
  assert.ok(copy.startsWith(`wl:copy-${member(1)}`))
  assert.ok(copy in prov.entity && act in prov.activity)
  assert.is(Object.keys(prov.wasInvalidatedBy).length, 1)
})

/** Mermaid's labels hold codes for what is not a letter, a digit, a space or a comma. */
const decoded = (text: string) => text.replace(/#([0-9]+);/g, (_, code) => String.fromCodePoint(Number(code)))

test('what a selection hides, and that a graph is cut, is said in every form, for CSV beside it', () => {
  const hidden = 'Hidden hand-offs: 2 in other states.'
  const cut = 'Not complete: 2 transmissions were looked at; there may be more.'
  for (const [complete, selection, notes] of [
    [true, {}, []],
    [true, { states: ['sent'] }, [hidden]],
    [false, {}, [cut]],
    [false, { states: ['sent'] }, [hidden, cut]]
  ] as const) {
    const shown = { ...graph, complete }
    assert.equal(custodyNotes(shown, selection), notes)
    for (const form of FORMS) {
      const text = decoded(renderCustody(shown, form, { names: hospitalName, width: 100, selection }))
      if (form === 'json') {
        const { complete: isComplete, hidden: counts } = JSON.parse(text)
        assert.equal([isComplete, counts], [complete, custodyJson(shown, { names: hospitalName, selection }).hidden])
      } else if (form !== 'csv') {
        for (const note of [hidden, cut]) {
          assert.is(text.includes(note), (notes as readonly string[]).includes(note), `${form}: ${note}`)
        }
      }
      if ('states' in selection) assert.not.match(text, 'mismatch', form)
    }
  }
})

test('a selection leaves out of every form what it hides', () => {
  const selection = { states: ['sent'] } as const
  assert.equal(JSON.parse(render('json', { selection })).hidden, { time: 0, hospital: 0, state: 2, older: 0 })
  assert.is(render('csv', { selection }).split('\r\n').length, 3)
  // Hidden or not, the copy that was sent is declared; and the account, which says that it is not all.
  const { entity } = JSON.parse(render('prov', { selection }))
  assert.is(Object.keys(entity).length, 2)
  const { 'wl:hidden': count, 'wl:complete': complete } = entity[`wl:account-${graph.recordId}`]
  assert.equal([count, complete], ['2', 'true'])
})

test('notes are drawn by Mermaid, each in a node of its own', () => {
  const text = renderCustody({ ...graph, complete: false }, 'mermaid', {
    names: hospitalName,
    width: 100,
    selection: { max: 1 }
  })
  assert.not.match(text, '%%')
  assert.is(text.split('\n').filter((line) => /^ {2}note[01]>"(?:[\p{L}\p{N} ,]|#[0-9]+;)+"\]$/u.test(line)).length, 2)
})

test('every reason to hide is counted once', () => {
  const hiddenBy = (selection: Selection) => custodyJson(graph, { names: hospitalName, selection }).hidden
  const none = { time: 0, hospital: 0, state: 0, older: 0 }
  assert.equal(hiddenBy({}), none)
  assert.equal(hiddenBy({ fromMs: START + 1 }), { ...none, time: 1 })
  assert.equal(hiddenBy({ toMs: START + 2000 }), { ...none, time: 2 })
  assert.equal(hiddenBy({ members: [member(2)] }), { ...none, hospital: 2 })
  assert.equal(hiddenBy({ fromMs: START + 1, members: [member(2)], states: ['opened'] }), {
    ...none,
    time: 1,
    hospital: 1,
    state: 1
  })
  assert.equal(hiddenBy({ max: 1 }), { ...none, older: 2 })
})

test.run()
