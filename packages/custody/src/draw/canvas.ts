/** A rectangle of one-column characters. */
export type Canvas = {
  readonly width: number
  /** Writes the characters of `text` from `x` on; what falls outside is left out. */
  put(y: number, x: number, text: string): void
  lines(): string[]
}

export function createCanvas(height: number, width: number): Canvas {
  const cells = Array.from({ length: height }, () => new Array<string>(width).fill(' '))
  return {
    width,
    put(y, x, text) {
      const row = cells[y]
      if (row === undefined) return
      let column = x
      for (const character of text) {
        if (column >= 0 && column < width) row[column] = character
        column += 1
      }
    },
    lines: () => cells.map((row) => row.join(''))
  }
}
