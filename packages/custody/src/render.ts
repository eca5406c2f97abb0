/** A record's custody in every form that somebody may want. */
import { unreachable } from '@wardline/codec'
import { notesOf, type Selection, select } from './draw/selection.ts'
import { drawSvg } from './draw/svg.ts'
import { drawSwimlanes } from './draw/swimlanes.ts'
import type { DrawOptions } from './draw/view.ts'
import { custodyCsv } from './export/csv.ts'
import { custodyJson } from './export/json.ts'
import { custodyDot, custodyGraphml, custodyMermaid } from './export/network.ts'
import { custodyProv } from './export/prov.ts'
import type { CustodyGraph } from './graph.ts'

/** `terminal` and `ascii` are drawn for a width, `svg` for a browser; the others are for programs. */
export const FORMS = ['terminal', 'ascii', 'svg', 'dot', 'graphml', 'mermaid', 'json', 'csv', 'prov'] as const
export type Form = (typeof FORMS)[number]

/**
 * Sentences that every form but `csv` has in it: what the selection hides, and that there may be more than was looked at. None
 * where a drawing shows all there is.
 */
export function custodyNotes(graph: CustodyGraph, selection?: Selection): string[] {
  return notesOf(select(graph, selection))
}

/** How many hand-offs such a drawing shows. */
export function drawnHandOffs(graph: CustodyGraph, selection?: Selection): number {
  return select(graph, selection).transmissions.reduce((sum, { to }) => sum + to.length, 0)
}

/** @param options.width columns, for `terminal` and `ascii` */
export function renderCustody(
  graph: CustodyGraph,
  form: Form,
  options: DrawOptions & { readonly width: number }
): string {
  switch (form) {
    case 'terminal':
      return drawSwimlanes(graph, { ...options, unicode: true })
    case 'ascii':
      return drawSwimlanes(graph, { ...options, unicode: false })
    case 'svg':
      return drawSvg(graph, options)
    case 'dot':
      return custodyDot(graph, options)
    case 'graphml':
      return custodyGraphml(graph, options)
    case 'mermaid':
      return custodyMermaid(graph, options)
    case 'json':
      return `${JSON.stringify(custodyJson(graph, options), null, 2)}\n`
    case 'csv':
      return custodyCsv(graph, options)
    case 'prov':
      return `${JSON.stringify(custodyProv(graph, options), null, 2)}\n`
    default:
      return unreachable(form)
  }
}
