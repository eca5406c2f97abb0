/**
 * The name that a test file's suite must have: its package and its path without `test/` and the ending.
 * `packages/ledger/test/stt/judge-send.test.ts` is `ledger/stt/judge-send`; `test/tidy.test.ts` is `test/tidy`.
 */
export function suiteName(file: string): string {
  return file
    .replace(/^(?:packages|apps)\//, '')
    .replace(/^([^/]+)\/test\//, '$1/')
    .replace(/\.test\.ts$/, '')
}
