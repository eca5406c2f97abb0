/**
 * The graph of holders as nodes and links, in the languages of three programs: a node for each hospital, an edge for each
 * hand-off. Names are other members' text: each language has its own way to keep it from being read as anything but text.
 */
import type { MemberId } from '@wardline/codec'
import { RECALL_WORDS, wordsOf } from '../draw/glyphs.ts'
import { notesOf, select } from '../draw/selection.ts'
import { printable } from '../draw/text-width.ts'
import type { DrawOptions } from '../draw/view.ts'
import { type CustodyGraph, type HandOff, handOffs, holdersAt, membersOf, recallStateOf } from '../graph.ts'
import { escapeXml } from './escape.ts'

type Link = HandOff & {
  readonly from: number
  readonly to: number
  /** `3 treatment, opened`: the number of its transmission among those shown, from 1. */
  readonly label: string
}

type Network = {
  readonly nodes: readonly {
    readonly member: MemberId
    readonly name: string
    readonly isOrigin: boolean
    /** Until a recall: then nobody is to hold it. */
    readonly isHolder: boolean
    /** What a recall has made of it, in words. */
    readonly recall: string | undefined
  }[]
  readonly links: readonly Link[]
  /** What is said of the whole, a sentence each: a recall, what is hidden, that there may be more. */
  readonly notes: readonly string[]
}

function networkOf(graph: CustodyGraph, { names, selection }: DrawOptions): Network {
  const selected = select(graph, selection)
  const { transmissions } = selected
  const members = membersOf({ ...graph, transmissions })
  const holders = new Set(holdersAt(graph).flatMap(({ member, recall }) => (recall === null ? [member] : [])))
  const places = new Map(members.map((member, i) => [member, i]))
  const place = (member: MemberId) => places.get(member) as number
  const numbers = new Map(transmissions.map(({ id }, i) => [id, i + 1]))
  return {
    nodes: members.map((member) => ({
      member,
      name: printable(names(member), true),
      isOrigin: member === graph.origin,
      isHolder: holders.has(member),
      recall: wordOf(recallStateOf(graph, member))
    })),
    links: handOffs(selected).map((handOff) => {
      const { transmission, delivery } = handOff
      const label = `${numbers.get(transmission.id)} ${transmission.purpose}, ${wordsOf(graph, delivery)}`
      return { ...handOff, from: place(transmission.sender), to: place(delivery.member), label }
    }),
    notes: [...recallNote(graph), ...notesOf(selected)]
  }
}

function wordOf(state: ReturnType<typeof recallStateOf>): string | undefined {
  return state && RECALL_WORDS[state]
}

function recallNote({ recall }: CustodyGraph): string[] {
  return recall === undefined ? [] : [`Recalled ${new Date(recall.timeMs).toISOString()}.`]
}

/** For Graphviz. */
export function custodyDot(graph: CustodyGraph, options: DrawOptions): string {
  const { nodes, links, notes } = networkOf(graph, options)
  const title = [`Record ${graph.recordId}.`, ...notes].join(' ')
  return [
    'digraph custody {',
    `  graph [rankdir=LR, label=${dotText(title)}];`,
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...nodes.map(({ member, name, isOrigin, isHolder, recall }) => {
      const marks = `${isOrigin ? ', peripheries=2' : ''}${isHolder ? ', penwidth=2' : ', style="rounded,dashed"'}`
      return `  ${dotText(member)} [label=${dotText(recall === undefined ? name : `${name} (${recall})`)}${marks}];`
    }),
    ...links.map(({ transmission, delivery, label }) => {
      const style = styleOf(graph, delivery)
      return `  ${dotText(transmission.sender)} -> ${dotText(delivery.member)} [label=${dotText(label)}, style=${style}];`
    }),
    '}',
    ''
  ].join('\n')
}

/** Dotted where the record was recalled; where the receiver has destroyed it, the arrow ends in a bar as well (`arrowhead`). */
function styleOf(graph: CustodyGraph, { member, state }: HandOff['delivery']): string {
  const recall = recallStateOf(graph, member)
  if (recall === undefined) return state === 'opened' ? 'solid' : 'dashed'
  return recall === 'destroyed' ? 'dotted, arrowhead=tee' : 'dotted'
}

/** A quoted string of DOT. Backslashes are doubled, so that Graphviz expands none of its escapes in a label. */
function dotText(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** For Mermaid, as a flowchart, each note in a flag beside it. */
export function custodyMermaid(graph: CustodyGraph, options: DrawOptions): string {
  const { nodes, links, notes } = networkOf(graph, options)
  return [
    'flowchart LR',
    ...notes.map((note, i) => `  note${i}>"${mermaidText(note)}"]`),
    ...nodes.map(({ name, isOrigin, recall }, i) => {
      const text = mermaidText(recall === undefined ? name : `${name}, ${recall}`)
      return `  n${i}${isOrigin ? `[["${text}"]]` : `["${text}"]`}`
    }),
    ...links.map(({ from, to, delivery, label }) => {
      const arrow = arrowOf(graph, delivery)
      return `  n${from} ${arrow}|"${mermaidText(label)}"| n${to}`
    }),
    ''
  ].join('\n')
}

/** In a recalled record a line without a head, with a cross where the receiver has destroyed it. */
function arrowOf(graph: CustodyGraph, { member, state }: HandOff['delivery']): string {
  const recall = recallStateOf(graph, member)
  if (recall === undefined) return state === 'opened' ? '-->' : '-.->'
  return recall === 'destroyed' ? '--x' : '--o'
}

/** Letters, digits, spaces and commas stay; all else, markup and quotes among it, becomes its entity code. */
function mermaidText(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N} ,]/gu, (character) => `#${character.codePointAt(0)};`)
}

const GRAPHML_KEYS = [
  ['name', 'node', 'string'],
  ['member', 'node', 'string'],
  ['origin', 'node', 'boolean'],
  ['holds', 'node', 'boolean'],
  ['transmission', 'edge', 'string'],
  ['via', 'edge', 'string'],
  ['purpose', 'edge', 'string'],
  ['consent', 'edge', 'string'],
  ['state', 'edge', 'string'],
  ['sentMs', 'edge', 'long'],
  ['sentHeight', 'edge', 'long'],
  ['ackMs', 'edge', 'long'],
  ['contentKey', 'edge', 'string'],
  ['recalledMs', 'edge', 'long'],
  ['destroyedMs', 'edge', 'long'],
  ['recall', 'node', 'string']
] as const

/** GraphML, for yEd, Gephi and libraries of graphs. Times in milliseconds. */
export function custodyGraphml(graph: CustodyGraph, options: DrawOptions): string {
  const { nodes, links, notes } = networkOf(graph, options)
  const data = (key: (typeof GRAPHML_KEYS)[number][0], value: string | number | boolean | null | undefined) =>
    value === null || value === undefined ? '' : `<data key="${key}">${escapeXml(String(value))}</data>`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...GRAPHML_KEYS.map(
      ([name, of, type]) => `  <key id="${name}" for="${of}" attr.name="${name}" attr.type="${type}"/>`
    ),
    `  <graph id="r${graph.recordId}" edgedefault="directed">`,
    ...(notes.length === 0 ? [] : [`    <desc>${escapeXml(notes.join(' '))}</desc>`]),
    ...nodes.map(
      ({ member, name, isOrigin, isHolder, recall }, i) =>
        `    <node id="n${i}">${data('name', name)}${data('member', member)}${data('origin', isOrigin)}${data('holds', isHolder)}${data('recall', recall)}</node>`
    ),
    ...links.map(({ from, to, transmission, delivery }, i) => {
      const { id, via, purpose, consent, timeMs, height } = transmission
      const facts = [
        data('transmission', id),
        data('via', via),
        data('purpose', purpose),
        data('consent', consent),
        data('state', delivery.state),
        data('sentMs', timeMs),
        data('sentHeight', height),
        data('ackMs', delivery.ack?.timeMs),
        data('contentKey', delivery.contentKey),
        data('recalledMs', graph.recall?.timeMs),
        data('destroyedMs', graph.recall?.attested.get(delivery.member)?.timeMs)
      ].join('')
      return `    <edge id="e${i}" source="n${from}" target="n${to}">${facts}</edge>`
    }),
    '  </graph>',
    '</graphml>',
    ''
  ].join('\n')
}
