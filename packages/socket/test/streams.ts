/** A client of a connection that stays, by WebSocket or on the raw stream, that looks the same to a test. */
import { connect } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'

// biome-ignore lint/suspicious/noExplicitAny: what comes is looked at field by field.
export type Message = any

export type Stream = {
  send(text: string): void
  /** The beginning of a message, of which the rest does not come. */
  sendPart(text: string): void
  /** The next message. @throws Error if none comes within a minute, or the connection has ended */
  next(): Promise<Message>
  /** What came and was not asked for. */
  rest(): string
  pause(): void
  resume(): void
  destroy(): void
  isClosed(): boolean
  readonly closed: Promise<void>
  /** Of a WebSocket. */
  readonly closeCode?: number | undefined
  readonly extensions?: string
  readonly ping?: () => Promise<void>
}

const WAIT_MS = 60_000

function inbox() {
  const texts: string[] = []
  let wake = () => {}
  let isClosed = false
  let close = () => {}
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  return {
    closed,
    isClosed: () => isClosed,
    rest: () => texts.join('\n'),
    put(text: string) {
      texts.push(text)
      wake()
    },
    close() {
      isClosed = true
      close()
      wake()
    },
    async next(): Promise<Message> {
      const end = Date.now() + WAIT_MS
      while (texts.length === 0) {
        if (isClosed) throw new Error('the connection has ended')
        if (Date.now() > end) throw new Error('no message came')
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, 100)
        })
      }
      return JSON.parse(texts.shift() as string)
    }
  }
}

export async function openRaw(path: string): Promise<Stream> {
  const { put, close, ...box } = inbox()
  const socket = connect(path)
  let rest = ''
  socket.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) put(line)
  })
  socket.on('error', () => {})
  socket.on('close', close)
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    ...box,
    send: (text) => void socket.write(text),
    sendPart: (text) => void socket.write(text),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void socket.destroy()
  }
}

export async function openWebSocket(path: string, options: ClientOptions = {}): Promise<Stream> {
  const { put, close, ...box } = inbox()
  const client = new WebSocket(`ws+unix:${path}:/`, { perMessageDeflate: false, ...options })
  let closeCode: number | undefined
  client.on('message', (data: Buffer) => put(String(data)))
  client.on('error', () => {})
  client.on('close', (code) => {
    closeCode = code
    close()
  })
  await new Promise<void>((resolve) => client.once('open', () => resolve()))
  return {
    ...box,
    send: (text) => client.send(text),
    sendPart: (text) => client.send(text, { fin: false }),
    pause: () => client.pause(),
    resume: () => client.resume(),
    destroy: () => client.terminate(),
    get closeCode() {
      return closeCode
    },
    extensions: client.extensions,
    ping: () =>
      new Promise((resolve) => {
        client.once('pong', () => resolve())
        client.ping()
      })
  }
}
