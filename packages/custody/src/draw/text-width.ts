/** Text on a terminal: how wide it is, and how to make it fit. Names come from other members and may hold anything. */

/** Columns that the text takes: two for wide East Asian characters and emoji, none for combining marks. */
export function textWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** The text, cut with an ellipsis or filled up with spaces, exactly `width` columns wide. */
export function fit(text: string, width: number, ellipsis: string): string {
  if (textWidth(text) <= width) return text + ' '.repeat(width - textWidth(text))
  let cut = ''
  let used = textWidth(ellipsis)
  for (const character of text) {
    used += characterWidth(character)
    if (used > width) break
    cut += character
  }
  const short = textWidth(ellipsis) <= width ? cut.trimEnd() + ellipsis : ''
  return short + ' '.repeat(width - textWidth(short))
}

/**
 * The text without anything that a terminal acts on (control characters, escapes, changes of direction); in ASCII if that is
 * all that can be shown, with accents dropped and the rest as question marks.
 */
export function printable(text: string, unicode: boolean): string {
  const clean = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  if (unicode) return clean
  return clean
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^ -~]/gu, '?')
}

const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

function characterWidth(character: string): number {
  if (/\p{M}/u.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
