/**
 * Boolean expressions over attributes: who a grant is for where it names neither a member nor a role.
 *
 * On the wire an atom is the map `{attribute, authority}` and the rest are lists, `["and", …]`, `["or", …]` and `["not", …]`,
 * which keeps eight levels within the nesting that canonical CBOR allows in a transaction.
 */
import {
  bytes32,
  type CborValue,
  limits,
  type MemberId,
  mapOf,
  nameBytes,
  type Reader,
  unreachable
} from '@wardline/codec'
import { readAttribute } from '../membership/member.ts'

/** Holds for who has the attribute from this very authority: from the member that registered it. */
export type Atom = { readonly kind: 'attribute'; readonly attribute: string; readonly authority: MemberId }

export type Expression =
  | Atom
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }

const readAtom = mapOf({ attribute: readAttribute, authority: bytes32<MemberId> })

/** An expression of at most `limits.expressionDepthMax` levels and `limits.expressionAtomsMax` atoms. */
export const readExpression: Reader<Expression> = (value) => {
  const expression = readLevel(value, limits.expressionDepthMax)
  if (expression === undefined) return undefined
  return countAtoms(expression, limits.expressionAtomsMax) <= limits.expressionAtomsMax ? expression : undefined
}

function readLevel(value: CborValue | undefined, levels: number): Expression | undefined {
  if (levels === 0) return undefined
  if (!Array.isArray(value)) {
    const atom = readAtom(value)
    return atom && { kind: 'attribute', ...atom }
  }
  const [kind, ...rest] = value as readonly CborValue[]
  if (rest.length === 0 || rest.length > limits.expressionAtomsMax) return undefined
  const of: Expression[] = []
  for (const item of rest) {
    const expression = readLevel(item, levels - 1)
    if (expression === undefined) return undefined
    of.push(expression)
  }
  if (kind === 'and' || kind === 'or') return { kind, of }
  const [only] = of
  return kind === 'not' && of.length === 1 && only !== undefined ? { kind, of: only } : undefined
}

/** The number of atoms; stops counting above `most`. */
export function countAtoms(expression: Expression, most: number): number {
  switch (expression.kind) {
    case 'attribute':
      return 1
    case 'not':
      return countAtoms(expression.of, most)
    case 'and':
    case 'or': {
      let count = 0
      for (const part of expression.of) {
        count += countAtoms(part, most)
        if (count > most) break
      }
      return count
    }
    default:
      return unreachable(expression)
  }
}

export function encodeExpression(expression: Expression): CborValue {
  switch (expression.kind) {
    case 'attribute':
      return { attribute: expression.attribute, authority: nameBytes(expression.authority) }
    case 'not':
      return ['not', encodeExpression(expression.of)]
    case 'and':
    case 'or':
      return [expression.kind, ...expression.of.map(encodeExpression)]
    default:
      return unreachable(expression)
  }
}

/** Every authority that the expression names, each once. */
export function authoritiesOf(expression: Expression): ReadonlySet<MemberId> {
  const found = new Set<MemberId>()
  const visit = (part: Expression): void => {
    if (part.kind === 'attribute') found.add(part.authority)
    else if (part.kind === 'not') visit(part.of)
    else part.of.forEach(visit)
  }
  visit(expression)
  return found
}

/** Whether the expression holds where `has` says which atoms do. */
export function holds(expression: Expression, has: (atom: Atom) => boolean): boolean {
  switch (expression.kind) {
    case 'attribute':
      return has(expression)
    case 'not':
      return !holds(expression.of, has)
    case 'and':
      return expression.of.every((part) => holds(part, has))
    case 'or':
      return expression.of.some((part) => holds(part, has))
    default:
      return unreachable(expression)
  }
}
