/**
 * A TypeScript file as the repository's own checks read it. TypeScript 7 has no JavaScript API and type stripping keeps
 * comments, so this is a small lexer: it knows comments, strings, templates and regular expressions, and nothing else.
 */

export type Import = {
  /** What is imported from, as written. */
  readonly from: string
  readonly typeOnly: boolean
  /**
   * Exported names, `*` for the whole module, `default` for its default. Empty for side effects and `import()`. Names
   * marked `type` are left out unless all are.
   */
  readonly names: readonly string[]
  readonly line: number
}

/** Blanks what is not code. Every blanked character becomes a space, line breaks stay, so offsets and lines still fit. */
export function blank(source: string, what: { readonly strings: boolean }): string {
  const out = source.split('')
  const erase = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' '
  }
  /** For each open `${`, how many `{` are open inside it. */
  const templates: number[] = []
  let at = 0
  let last = ''
  while (at < source.length) {
    const char = source.charAt(at)
    const two = source.slice(at, at + 2)
    let end = at + 1
    if (two === '//' || two === '/*') {
      const found = two === '//' ? source.indexOf('\n', at) : source.indexOf('*/', at + 2) + 2
      end = found < at + 2 ? source.length : found
      erase(at, end)
      at = end
      continue
    }
    if (char === "'" || char === '"') {
      end = endOfQuoted(source, at, char)
      if (what.strings) erase(at + 1, end - 1)
      last = char
    } else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop()
      end = endOfTemplatePart(source, at)
      if (what.strings) erase(at + 1, end - 1)
      if (source.charAt(end - 1) === '{') templates.push(0)
      last = source.charAt(end - 1)
    } else if (char === '/' && startsExpression(last)) {
      end = endOfRegularExpression(source, at)
      if (what.strings) erase(at + 1, end - 1)
      last = '/'
    } else if (/[\w$]/.test(char)) {
      while (end < source.length && /[\w$]/.test(source.charAt(end))) end += 1
      last = source.slice(at, end)
    } else {
      const depth = templates.length - 1
      if (depth >= 0 && char === '{') templates[depth] = (templates[depth] as number) + 1
      if (depth >= 0 && char === '}') templates[depth] = (templates[depth] as number) - 1
      if (char.trim() !== '') last = char
    }
    at = end
  }
  return out.join('')
}

/** Every static and dynamic import, re-export and `require` whose module is written as a string. */
export function importsOf(source: string): readonly Import[] {
  const code = blank(source, { strings: false })
  const words = blank(source, { strings: true })
  const found: Import[] = []
  const add = (index: number, from: string, typeOnly: boolean, clause: string) =>
    found.push({ from, typeOnly, names: namesIn(clause), line: lineAt(source, index) })

  const statement =
    /(?<![\w$.])(?:import|export)(?![\w$])\s*(type(?=\s+[\w${*]|\{))?\s*([\w$\s{},*]*?)\s*(?:\bfrom\s*)?(['"])/g
  for (const match of words.matchAll(statement)) {
    const quote = match.index + match[0].length - 1
    const clause = match[2] as string
    const from = code.slice(quote + 1, code.indexOf(match[3] as string, quote + 1))
    if (clause !== '' && !/\bfrom\s*['"]$/.test(match[0])) continue
    const braces = clause.match(/^\{([^}]*)\}$/)
    const everyNameIsType = braces?.[1] !== undefined && namesAreTypes(braces[1])
    const typeOnly = match[1] !== undefined || everyNameIsType
    add(match.index, from, typeOnly, typeOnly ? clause : clause.replace(/\btype\s+\w+(?:\s+as\s+\w+)?,?/g, ''))
  }
  for (const match of words.matchAll(/(?<![\w$.])(?:import|require)\s*\(\s*(['"`])/g)) {
    const quote = match.index + match[0].length - 1
    const before = words.slice(0, match.index)
    const typeOnly =
      /(?:[:|&<=]\s*|\btypeof\s+)$/.test(before) && words.slice(quote).match(/^(['"])\s*\1\s*\)\.[A-Z]/) !== null
    add(match.index, code.slice(quote + 1, code.indexOf(match[1] as string, quote + 1)), typeOnly, '')
  }
  return found
}

export function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length
}

function namesIn(clause: string): string[] {
  const names: string[] = []
  const inner = clause.match(/\{([^}]*)\}/)
  for (const part of inner?.[1]?.split(',') ?? []) {
    const name = part
      .trim()
      .replace(/^type\s+/, '')
      .replace(/\s+as\s+.*$/, '')
    if (name !== '') names.push(name)
  }
  const outer = clause.replace(/\{[^}]*\}/, '')
  if (outer.includes('*')) names.push('*')
  if (/^\s*[\w$]/.test(outer)) names.push('default')
  return names
}

function namesAreTypes(list: string): boolean {
  const parts = list.split(',').filter((part) => part.trim() !== '')
  return parts.length > 0 && parts.every((part) => /^\s*type\s/.test(part))
}

/** Whether a slash behind `last` (a word or one character) begins a regular expression and not a division. */
function startsExpression(last: string): boolean {
  if (/^(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/.test(last)) return true
  return last === '' || '([{,;=:?!&|+-*%~^<>'.includes(last)
}

function endOfQuoted(source: string, start: number, quote: string): number {
  let at = start + 1
  while (at < source.length && source.charAt(at) !== quote && source.charAt(at) !== '\n') {
    at += source.charAt(at) === '\\' ? 2 : 1
  }
  return Math.min(at + 1, source.length)
}

/** From a backtick, or the brace that ends a `${}`, to behind the closing backtick or the next `${`. */
function endOfTemplatePart(source: string, start: number): number {
  let at = start + 1
  while (at < source.length) {
    if (source.charAt(at) === '`') return at + 1
    if (source.slice(at, at + 2) === '${') return at + 2
    at += source.charAt(at) === '\\' ? 2 : 1
  }
  return source.length
}

function endOfRegularExpression(source: string, start: number): number {
  let inClass = false
  let at = start + 1
  while (at < source.length && source.charAt(at) !== '\n') {
    const char = source.charAt(at)
    if (char === '[') inClass = true
    if (char === ']') inClass = false
    if (char === '/' && !inClass) return at + 1
    at += char === '\\' ? 2 : 1
  }
  return at
}
