/** Bytes and hex. */

/** The two digits of each byte, as they lie in memory. */
const PAIRS = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  new Uint8Array(PAIRS.buffer, 2 * byte, 2).set(Buffer.from(byte.toString(16).padStart(2, '0'), 'latin1'))
}

/** Where names are written as text before they become a string: faster by a third than a Buffer for each. */
const digits = new Uint16Array(32)
const text = Buffer.from(digits.buffer)

export function toHex(bytes: Uint8Array): string {
  if (bytes.length > digits.length) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  }
  for (let i = 0; i < bytes.length; i++) digits[i] = PAIRS[bytes[i] as number] as number
  return text.toString('latin1', 0, 2 * bytes.length)
}

/** What each character code is worth as a lower-case hex digit; 16 for no digit. */
const DIGITS = new Uint8Array(128).fill(16)
for (const [value, digit] of '0123456789abcdef'.split('').entries()) DIGITS[digit.charCodeAt(0)] = value

/** @throws TypeError unless `hex` is an even number of lower-case hex digits */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  writeHex(bytes, 0, hex)
  return bytes
}

/** Writes the bytes that `hex` says into `target` from `offset`, where they have room. @throws as `fromHex` */
export function writeHex(target: Uint8Array, offset: number, hex: string): void {
  let isHex = hex.length % 2 === 0
  for (let i = 0; i + 1 < hex.length; i += 2) {
    const high = DIGITS[hex.charCodeAt(i)] ?? 16
    const low = DIGITS[hex.charCodeAt(i + 1)] ?? 16
    if (high === 16 || low === 16) isHex = false
    target[offset + (i >> 1)] = (high << 4) | low
  }
  if (!isHex) throw new TypeError('expected lower-case hex')
}

/** Equal length and content. Not constant time: never for secrets. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.length
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
