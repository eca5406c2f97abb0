/** What the caller got wrong: one sentence, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
