/** The journal's home: a small ordered key-value store with atomic, fsynced batches. */
import type { Value } from '../../protocol/base/value.ts'
import type { StoreWrite } from '../../protocol/effect.ts'

export interface Store {
  /** Everything, in key order. */
  entries(): AsyncIterable<{ key: string; value: Value }>
  /** Durable when it resolves: all or nothing. Rejects with a StoreFailure. */
  write(writes: readonly StoreWrite[]): Promise<void>
  close(): Promise<void>
}

export class StoreFailure extends Error {
  override name = 'StoreFailure'
  /** `disk-full`, `locked`, `corrupt`, `io`. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
