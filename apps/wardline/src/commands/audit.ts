/** The local log of audited calls, checked without a daemon. */
import { createReadStream } from 'node:fs'
import { homePaths } from '@wardline/config'
import { verifyAuditLog } from '@wardline/hospital'
import { LINE_LENGTH_MAX } from '@wardline/ports'
import { CommandFailure, EXIT, type ExitCode } from '../exit.ts'
import { type Common, emit, say } from '../output.ts'
import { settingsOf } from '../settings.ts'

export async function verifyAudit(common: Common, file: string | undefined): Promise<ExitCode> {
  const path = file ?? homePaths((await settingsOf(common)).config.home).audit
  const verdict = await verifyAuditLog(linesOf(path))
  if (verdict.kind === 'verified') {
    const { entries, last } = verdict
    emit(common, { ok: true, entries, last }, () => `verified  ${entries} calls\nlast      ${last}`)
    return EXIT.ok
  }
  const { line, code } = verdict
  emit(common, { ok: false, line, code }, () => '')
  if (!common.json) say(`Not verified: line ${line} of ${path} does not follow the one before it (${code}).`)
  return EXIT.verification
}

/** Its whole lines; a last one without its end is still being written, or was cut off by a crash, and is no line yet. */
async function* linesOf(path: string): AsyncIterable<string> {
  let rest = ''
  try {
    for await (const part of createReadStream(path, 'utf8')) {
      const lines = `${rest}${part}`.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
      if (rest.length > LINE_LENGTH_MAX) {
        yield rest
        return
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(EXIT.error, 'file-unreadable', `${path} cannot be read (${code}).`)
  }
}
