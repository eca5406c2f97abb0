/** How a command ends. */
import { DENIALS } from '@wardline/ledger'

/** Scripts branch on these; they do not change. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  notRunning: 3,
  verification: 4,
  notPermitted: 5,
  timeout: 6
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command. `code` is stable and goes out with `--json`; `message` is for people, one sentence or several lines. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exit: ExitCode
  readonly code: string
  readonly data: Failure['data']

  constructor(exit: ExitCode, code: string, message: string, data?: Failure['data']) {
    super(message)
    this.exit = exit
    this.code = code
    this.data = data
  }
}

export function usage(message: string): CommandFailure {
  return new CommandFailure(EXIT.usage, 'usage', message)
}

export type Failure = {
  readonly exit: ExitCode
  readonly code: string
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  ...Object.fromEntries(DENIALS.map((code) => [code, EXIT.notPermitted])),
  'daemon-not-running': EXIT.notRunning,
  'verification-failed': EXIT.verification,
  'not-permitted': EXIT.notPermitted,
  'socket-forbidden': EXIT.notPermitted,
  'not-registrar': EXIT.notPermitted,
  'not-own-hospital': EXIT.notPermitted,
  'not-alias-hospital': EXIT.notPermitted,
  'not-own-grant': EXIT.notPermitted,
  'out-of-scope': EXIT.notPermitted,
  'not-a-holder': EXIT.notPermitted,
  'not-the-origin': EXIT.notPermitted,
  recalled: EXIT.notPermitted,
  'consent-invalid': EXIT.notPermitted,
  timeout: EXIT.timeout,
  'call-timeout': EXIT.timeout,
  'invalid-params': EXIT.usage,
  'method-not-found': EXIT.usage
}

/** Errors with a stable code are told as they are; anything else is a bug of this program and is thrown on. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommandFailure) {
    const { exit, code, message, data } = error
    return data === undefined ? { exit, code, message } : { exit, code, message, data }
  }
  if (error instanceof Error && (error.name === 'CallError' || error.name === 'WardlineError') && 'code' in error) {
    const code = String(error.code)
    const data = 'data' in error ? (error.data as Record<string, unknown>) : undefined
    const accepted = code === 'timeout' && typeof data?.['id'] === 'string' ? ` Its id is ${data['id']}.` : ''
    const known = { exit: EXIT_BY_CODE[code] ?? EXIT.error, code, message: sentence(error.message) + accepted }
    return data === undefined ? known : { ...known, data }
  }
  throw error
}

/** After these the daemon may have done what was asked, or may still do it. */
const UNSURE: readonly unknown[] = ['timeout', 'call-timeout', 'daemon-gone', 'answer-unreadable', 'unavailable']

/** Where it is not known whether `id` was accepted, the failure with the id and with what to do about it; else `error` itself. */
export function ifUnsure(error: unknown, id: string | undefined, advice: string): unknown {
  if (!(error instanceof Error && 'code' in error && UNSURE.includes(error.code))) return error
  const { exit, code, message, data } = describeFailure(error)
  return new CommandFailure(exit, code, `${message} ${advice}`, id === undefined ? data : { code, ...data, id })
}

function sentence(text: string): string {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`
  return whole.charAt(0).toUpperCase() + whole.slice(1)
}
