/** What makes a command fail, said so that its user knows what to do next. Exit code 1. */
export class CommandFailure extends Error {
  override name = 'CommandFailure'
  /** A line each, below the message. */
  readonly details: readonly string[]

  constructor(message: string, details: readonly string[] = []) {
    super(message)
    this.details = details
  }
}
