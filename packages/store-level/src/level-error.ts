/** What LevelDB's errors say, in this project's codes. */
import { WardlineError } from '@wardline/codec'

/** The innermost stable code of an abstract-level error (`LEVEL_LOCKED`, `LEVEL_CORRUPTION`, …), or an empty string. */
export function levelCode(error: unknown): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const code = (inner as NodeJS.ErrnoException).code ?? ''
    if (code !== 'LEVEL_DATABASE_NOT_OPEN' && code.startsWith('LEVEL_')) return code
    if (inner.cause === undefined) return code
  }
  return ''
}

/** Why a database did not open, as an error whose message an operator can act on. */
export function openError(path: string, error: unknown): WardlineError {
  const code = levelCode(error)
  if (code === 'LEVEL_LOCKED') {
    return new WardlineError('store-locked', `Another process has the database ${path} open.`, { cause: error })
  }
  if (code === 'LEVEL_CORRUPTION') {
    return new WardlineError('store-corrupt', `The database ${path} is damaged.`, { cause: error })
  }
  return new WardlineError('store-failed', `The database ${path} cannot be opened.`, { cause: error })
}
