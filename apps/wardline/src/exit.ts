/** How a command ends. */

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

  constructor(exit: ExitCode, code: string, message: string) {
    super(message)
    this.exit = exit
    this.code = code
  }
}

export function usage(message: string): CommandFailure {
  return new CommandFailure(EXIT.usage, 'usage', message)
}

export type Failure = {
  readonly exit: ExitCode
  readonly code: string
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
}

const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  'daemon-not-running': EXIT.notRunning,
  'verification-failed': EXIT.verification,
  'not-permitted': EXIT.notPermitted,
  'socket-forbidden': EXIT.notPermitted,
  'not-registrar': EXIT.notPermitted,
  'not-own-hospital': EXIT.notPermitted,
  'out-of-scope': EXIT.notPermitted,
  'not-a-holder': EXIT.notPermitted,
  timeout: EXIT.timeout,
  'call-timeout': EXIT.timeout,
  'invalid-params': EXIT.usage,
  'method-not-found': EXIT.usage
}

/** Errors with a stable code are told as they are; anything else is a bug of this program and is thrown on. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommandFailure) return { exit: error.exit, code: error.code, message: error.message }
  if (error instanceof Error && (error.name === 'CallError' || error.name === 'WardlineError') && 'code' in error) {
    const code = String(error.code)
    const data = 'data' in error ? (error.data as Record<string, unknown>) : undefined
    const accepted = code === 'timeout' && typeof data?.['id'] === 'string' ? ` Its id is ${data['id']}.` : ''
    const known = { exit: EXIT_BY_CODE[code] ?? EXIT.error, code, message: sentence(error.message) + accepted }
    return data === undefined ? known : { ...known, data }
  }
  throw error
}

function sentence(text: string): string {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`
  return whole.charAt(0).toUpperCase() + whole.slice(1)
}
