/** What comes back over a control socket, or does not. */
import { WardlineError } from '@wardline/codec'

/** The daemon answered, and the answer is no. `code` is stable: one of api's codes, or a refusal of the ledger. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: string
  readonly data: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, data: Readonly<Record<string, unknown>>) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** @param signal what ended the wait, if it did */
export function describeFailure(path: string, error: NodeJS.ErrnoException, signal: AbortSignal | undefined): Error {
  if (error instanceof WardlineError) return error
  const options = { cause: error }
  if (signal?.aborted) return new WardlineError('call-timeout', 'the daemon did not answer in time', options)
  const code = error.code ?? error.name
  if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(code)) {
    return new WardlineError('daemon-not-running', `no daemon answers on ${path}`, options)
  }
  if (['EACCES', 'EPERM'].includes(code)) {
    return new WardlineError('socket-forbidden', `the file mode of ${path} does not let you in`, options)
  }
  return new WardlineError('daemon-gone', `the daemon ended the call (${code})`, options)
}

type Answer = { readonly id?: unknown; readonly result?: unknown; readonly error?: AnswerError }
type AnswerError = { readonly message?: unknown; readonly data?: Record<string, unknown> }

/** The result of the call `id`. @throws CallError what the daemon says; WardlineError `answer-unreadable` */
export function readAnswer(text: string, id: number): unknown {
  let answer: Answer
  try {
    // Anything that is no object has neither a result nor an error.
    answer = Object(JSON.parse(text))
  } catch (error) {
    throw new WardlineError('answer-unreadable', 'the daemon’s answer is not JSON', { cause: error })
  }
  if (answer.error !== undefined) {
    const { message, data = {} } = answer.error
    const code = typeof data['code'] === 'string' ? data['code'] : 'internal-error'
    throw new CallError(code, typeof message === 'string' ? message : 'the daemon gave no reason', data)
  }
  if (answer.id !== id || !('result' in answer)) {
    throw new WardlineError('answer-unreadable', 'the daemon’s answer is not one to this call')
  }
  return answer.result
}
