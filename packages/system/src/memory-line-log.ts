/** `LineLog` in memory, for tests and for programs that keep no home. */
import { WardlineError } from '@wardline/codec'
import { assertLine, type LineLog } from '@wardline/ports'

export type MemoryLineLog = {
  /** Opens what earlier openings wrote. */
  open(): Promise<LineLog>
  text(): string
  /** Leaves `bytes` behind the last line, as a crash does. */
  tear(bytes: string): void
  /** Makes every append from now on fail, as a full disk does. */
  breakDisk(): void
}

export function createMemoryLineLog(): MemoryLineLog {
  let text = ''
  let broken = false
  return {
    async open() {
      text = text.slice(0, text.lastIndexOf('\n') + 1)
      const last = text === '' ? undefined : text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1)
      let closed = false
      return {
        last,
        async append(line) {
          assertLine(line)
          if (closed) throw new WardlineError('line-log-failed', 'The log is closed.')
          if (broken) throw new WardlineError('line-log-failed', 'The log cannot be written (ENOSPC).')
          text += `${line}\n`
        },
        async close() {
          closed = true
        }
      }
    },
    text: () => text,
    tear(bytes) {
      text += bytes
    },
    breakDisk() {
      broken = true
    }
  }
}
