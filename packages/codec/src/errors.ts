/**
 * A failing world: an operation that the operating system, the disk, the network or a peer's absence made impossible.
 * `code` is stable and is what callers branch on; `message` may change. A peer's wrong input is never an error but a
 * returned verdict, and our own bug is an `AssertionError`.
 */
export class WardlineError extends Error {
  override readonly name = 'WardlineError'
  readonly code: string

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Our own bug. Nothing catches it to go on: the daemon stops. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** @throws AssertionError with `message` unless `condition` holds */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** For the `default` of an exhaustive switch. @throws AssertionError always */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)?.slice(0, 80)}`)
}
