/**
 * Jobs that come over time, from whatever source: drawn from the seed or read from a trace of a real cluster. A
 * source is asked for one arrival at a time, so that a long one need not be in memory.
 */
import type { JobId } from '../protocol/base/id.ts'

export interface Arrival {
  /** Microseconds since the end of the boot, already sped up; never before the previous one's. */
  readonly atUs: number
  readonly job: JobId
  /** As a user would submit it. */
  readonly spec: { readonly [field: string]: unknown }
  /** A service is deleted this much later; left out, it stays. A batch task ends by itself (`sleep`). */
  readonly runsUs: number | undefined
}

export interface ArrivalSource {
  /** Shown with the results: whose trace it is, or how it was drawn. */
  readonly credit: string
  /** Undefined when there are no more. */
  next(): Arrival | undefined
}
