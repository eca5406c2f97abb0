/**
 * Follows where the messages of a WebSocket client begin and end (RFC 6455, section 5.2) in the bytes that it sends, without
 * reading what is in them: how long a message takes and what it holds must be bounded while it is incomplete, and the
 * library tells of whole messages only. What is no frame is the library's to refuse.
 */

export type FrameFollower = {
  push(chunk: Uint8Array): void
  /** Bytes since the beginning of what has begun and not ended: a message, or a control frame; 0 between them. */
  pendingBytes(): number
  /** How many have begun. */
  begun(): number
}

const HEADER_BYTES_MAX = 14

export function followFrames(): FrameFollower {
  const header = new Uint8Array(HEADER_BYTES_MAX)
  let headerSize = 0
  let payloadLeft = 0
  let isFragmented = false
  let pending = 0
  let begun = 0

  /** Known as soon as the first two bytes are there: RFC 6455 puts both lengths into the second. */
  function headerLength(): number {
    const second = header[1] as number
    const short = second & 0x7f
    return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + ((second & 0x80) === 0 ? 0 : 4)
  }

  function payloadLength(): number {
    const view = new DataView(header.buffer)
    const short = view.getUint8(1) & 0x7f
    if (short === 127) return Number(view.getBigUint64(2))
    return short === 126 ? view.getUint16(2) : short
  }

  function endFrame(): void {
    const first = header[0] as number
    headerSize = 0
    // A control frame may lie between the fragments of a message and does not end it.
    const isControl = (first & 0x08) !== 0
    if (!isControl) isFragmented = (first & 0x80) === 0
    if (!isFragmented) pending = 0
  }

  return {
    push(chunk) {
      for (let index = 0; index < chunk.length; ) {
        if (headerSize === 0 && !isFragmented) begun += 1
        if (headerSize < 2 || headerSize < headerLength()) {
          header[headerSize++] = chunk[index++] as number
          pending += 1
          if (headerSize < 2 || headerSize < headerLength()) continue
          payloadLeft = payloadLength()
        }
        const taken = Math.min(payloadLeft, chunk.length - index)
        index += taken
        payloadLeft -= taken
        pending += taken
        if (payloadLeft === 0) endFrame()
      }
    },
    pendingBytes: () => pending,
    begun: () => begun
  }
}
