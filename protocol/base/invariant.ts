/**
 * The two ways to crash. Both mean a bug of ours: the driver writes the flight record and ends the
 * process. What a remote member sent must never reach either.
 */

export class InvariantError extends Error {
  override name = 'InvariantError'
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}

/** Ends an exhaustive switch: a new variant does not compile until every switch names it. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`)
}
