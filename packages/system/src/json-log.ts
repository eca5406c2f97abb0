/** The log of a daemon: one JSON object per line, for whatever collects standard error. */
import { writeSync } from 'node:fs'
import type { Clock, Log, LogFields, LogLevel } from '@wardline/ports'

export type JsonLogOptions = {
  /** Lines below this level are left out. */
  readonly level: LogLevel
  readonly clock: Clock
  /** Takes one whole line with its newline; by default standard error. What it throws is ignored. */
  readonly write?: (line: string) => void
  readonly fields?: LogFields
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Longer string fields are cut, so that no line grows with what a peer sent. */
const FIELD_LENGTH_MAX = 512

/**
 * A log that writes `{"time": ISO 8601 UTC, "level", "message", …fields}` per line. It never throws: a daemon must not
 * stop because nobody reads its log any more (EPIPE), or because the disk under the log is full.
 */
export function createJsonLog(options: JsonLogOptions): Log {
  const { level, clock, fields = {} } = options
  const write = options.write ?? writeToStderr
  const line = (lineLevel: LogLevel, message: string, lineFields: LogFields | undefined): void => {
    if (RANK[lineLevel] < RANK[level]) return
    try {
      write(`${formatLine(clock.nowMs(), lineLevel, message, { ...fields, ...lineFields })}\n`)
    } catch {
      // There is no second place to say that the log cannot be written.
    }
  }
  return {
    debug: (message, lineFields) => line('debug', message, lineFields),
    info: (message, lineFields) => line('info', message, lineFields),
    warn: (message, lineFields) => line('warn', message, lineFields),
    error: (message, lineFields) => line('error', message, lineFields),
    with: (more) => createJsonLog({ ...options, fields: { ...fields, ...more } })
  }
}

function formatLine(timeMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const line: Record<string, string | number | boolean> = { time: new Date(timeMs).toISOString(), level, message }
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || Object.hasOwn(line, key)) continue
    line[key] =
      typeof value === 'string' && value.length > FIELD_LENGTH_MAX ? `${value.slice(0, FIELD_LENGTH_MAX)}…` : value
  }
  return JSON.stringify(line)
}

/** Straight to the file descriptor: a stream would turn EPIPE into an event that ends the process when nobody listens. */
function writeToStderr(line: string): void {
  writeSync(2, line)
}
