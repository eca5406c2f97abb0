/**
 * Structured log. Messages are fixed English sentences; what varies goes into fields. Neither ever holds a record's
 * bytes, a person's name, or a secret key: ids, codes, counts, durations and heights only.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log whose every line also carries `fields`. */
  with(fields: LogFields): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>
