/** A running hash over everything that happened, so that two runs of one seed can be compared by one string. */

export type TraceEvent = {
  /** Virtual milliseconds since the world began. */
  readonly atMs: number
  /** `timer`, `gossip`, `frame`, … or `note` */
  readonly kind: string
  /** The node it happened to, or an empty string. */
  readonly node: string
  readonly detail: string
}

export type Trace = {
  add(atMs: number, kind: string, node: string, detail: string): void
  /** 64 bits in hex. Not cryptographic: it tells runs apart, not forgeries. */
  hash(): string
  /** Events so far. */
  count(): number
  /** The newest events, oldest first. */
  recent(): readonly TraceEvent[]
}

/** @param keep how many of the newest events to keep for reading */
export function createTrace(keep: number): Trace {
  // FNV-1a over UTF-16 units in one lane and a multiply-rotate in the other: 64 bits together, cheap in 32-bit arithmetic.
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  let count = 0
  const ring: TraceEvent[] = []

  const mixText = (text: string): void => {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul((high << 13) | (high >>> 19), 0x85ebca6b) ^ unit
    }
    low = Math.imul(low ^ 0xffff, 0x01000193)
    high = (high + text.length + 1) | 0
  }

  return {
    add(atMs, kind, node, detail) {
      mixText(`${atMs} ${kind}`)
      mixText(node)
      mixText(detail)
      if (keep > 0) ring[count % keep] = { atMs, kind, node, detail }
      count += 1
    },
    hash: () => hex(high) + hex(low),
    count: () => count,
    recent() {
      const start = count <= keep ? 0 : count % keep
      return [...ring.slice(start), ...ring.slice(0, start)]
    }
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
