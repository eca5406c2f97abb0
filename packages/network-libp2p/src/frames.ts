/**
 * Frames on a libp2p stream: a 4-byte big-endian length, then that many bytes. A length is checked before anything is
 * kept for it, and the sender is held back (the stream is paused) while the reader has enough.
 */

import type { Stream } from '@libp2p/interface'
import { assert, WardlineError } from '@wardline/codec'
import { Uint8ArrayList } from 'uint8arraylist'

export const PREFIX_BYTES = 4
const AHEAD_BYTES_MAX = 256 * 1024
/** Sent and not yet taken by the connection, below which the next frame is accepted. */
const WRITE_BUFFER_BYTES = 256 * 1024

export type FrameReader = {
  /**
   * The next frame, or undefined at the end of the stream. One call at a time. `onSize` is told the frame's size before
   * anything is kept for it; what it throws ends the call.
   * @throws WardlineError `stream-overflow` for a frame above `frameBytesMax`, `stream-closed` when the stream ends inside
   *   a frame or is reset; the signal's reason when it aborts
   */
  next(frameBytesMax: number, onSize?: (sizeBytes: number) => void): Promise<Uint8Array | undefined>
}

/**
 * Takes over reading of `stream`; at most one reader per stream.
 * @param aheadBytesMax received and not yet asked for, beyond which the stream is paused; at most, and unless given, 256 KiB
 */
export function readFrames(stream: Stream, signal: AbortSignal, aheadBytesMax = AHEAD_BYTES_MAX): FrameReader {
  const pauseBytes = Math.min(aheadBytesMax, AHEAD_BYTES_MAX) + 1
  const buffer = new Uint8ArrayList()
  let ended = false
  let failure: Error | undefined
  let wake: (() => void) | undefined
  let wanted = 0

  const changed = (): void => {
    if (buffer.byteLength >= wanted || ended || failure !== undefined) {
      wake?.()
      wake = undefined
    }
  }
  stream.addEventListener('message', ({ data }) => {
    buffer.append(data)
    if (buffer.byteLength >= Math.max(wanted, pauseBytes) && stream.status === 'open') stream.pause()
    changed()
  })
  // `end` also follows a reset and a lost connection; only `remoteCloseWrite` says that the remote sent all it had.
  let finished = stream.remoteWriteStatus === 'closed' && stream.status === 'open'
  stream.addEventListener('remoteCloseWrite', () => {
    finished = true
  })
  const onEnd = (): void => {
    if (finished) ended = true
    else failure ??= closedEarly()
    changed()
  }
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', ({ error }) => {
    signal.removeEventListener('abort', onAbort)
    if (error !== undefined) finished = false
    // What arrived before the close may still wait inside a paused stream: `end` follows once it has been read.
    if (error !== undefined || stream.readBufferLength === 0) onEnd()
  })
  const onAbort = (): void => {
    failure ??= reasonOf(signal)
    changed()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  if (stream.readableEnded) onEnd()

  /** Resolves when `size` bytes are there, or false at the end of the stream. */
  const available = async (size: number): Promise<boolean> => {
    for (;;) {
      if (failure !== undefined && !ended) throw failure
      if (buffer.byteLength >= size) return true
      if (ended) return false
      wanted = size
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (stream.readStatus === 'paused') stream.resume()
      changed()
      await woken
    }
  }

  return {
    async next(frameBytesMax, onSize) {
      if (!(await available(PREFIX_BYTES))) {
        if (buffer.byteLength === 0) return undefined
        throw closedEarly()
      }
      const prefix = buffer.subarray(0, PREFIX_BYTES)
      const size = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getUint32(0)
      if (size > frameBytesMax) {
        throw new WardlineError('stream-overflow', `a frame of ${size} bytes exceeds ${frameBytesMax}`)
      }
      onSize?.(size)
      buffer.consume(PREFIX_BYTES)
      if (!(await available(size))) throw closedEarly()
      const frame = buffer.slice(0, size)
      buffer.consume(size)
      return frame
    }
  }
}

function closedEarly(cause?: unknown): WardlineError {
  return new WardlineError('stream-closed', 'the stream closed before its end', { cause })
}

/**
 * Sends one frame and waits until most of it has left for the connection, so that a slow reader holds the writer back.
 * @throws WardlineError `stream-timeout` when nothing moves for `stallMs`; `stream-closed` when the stream closes; the
 *   signal's reason when it aborts
 */
export async function writeFrame(
  stream: Stream,
  frame: Uint8Array,
  options: { readonly stallMs: number; readonly signal: AbortSignal }
): Promise<void> {
  assert(frame.length < 2 ** 32, 'a frame is below 4 GiB')
  options.signal.throwIfAborted()
  const prefix = new Uint8Array(PREFIX_BYTES)
  new DataView(prefix.buffer).setUint32(0, frame.length)
  try {
    stream.send(new Uint8ArrayList(prefix, frame))
  } catch (cause) {
    throw closedEarly(cause)
  }
  while (stream.writeBufferLength > WRITE_BUFFER_BYTES) await moved(stream, options)
}

/** Waits for the next sign that the connection takes data again. */
function moved(stream: Stream, options: { readonly stallMs: number; readonly signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      clearTimeout(timer)
      stream.removeEventListener('drain', onMove)
      stream.removeEventListener('idle', onMove)
      stream.removeEventListener('close', onClose)
      options.signal.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    }
    // The stream sends what it holds in a microtask after `drain`: look again after that.
    const onMove = (): void => void setImmediate(() => finish())
    const onClose = ({ error }: { readonly error?: Error | undefined }): void => finish(closedEarly(error))
    const onAbort = (): void => finish(reasonOf(options.signal))
    const timer = setTimeout(() => {
      finish(new WardlineError('stream-timeout', `the peer has read nothing for ${options.stallMs} ms`))
    }, options.stallMs)
    stream.addEventListener('drain', onMove)
    stream.addEventListener('idle', onMove)
    stream.addEventListener('close', onClose)
    options.signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Why `signal` aborted, as something to throw. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
