/** Reads the Informal Trace Format: tuples and sets become arrays, maps become `Map`s, integers numbers. */

/** @returns the states of a trace, each variable under the name it has in its module */
export function parseTrace(text: string): readonly Readonly<Record<string, unknown>>[] {
  const { states } = JSON.parse(text) as { readonly states: readonly Readonly<Record<string, unknown>>[] }
  return states.map((state) =>
    Object.fromEntries(
      Object.entries(state)
        .filter(([name]) => !name.startsWith('#'))
        .map(([name, value]) => [name.split('::').at(-1), plain(value)])
    )
  )
}

/** A key of a map that is a tuple becomes its text, since arrays are not compared by what they hold. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('#bigint' in value) return Number(value['#bigint'])
  if ('#tup' in value) return plain(value['#tup'])
  if ('#set' in value) return plain(value['#set'])
  if ('#map' in value) {
    const pairs = plain(value['#map']) as readonly (readonly [unknown, unknown])[]
    return new Map(pairs.map(([key, held]) => [Array.isArray(key) ? key.join() : key, held]))
  }
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]))
}
