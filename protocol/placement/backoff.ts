/**
 * When a slot whose allocation has failed is placed again: `delay`, doubled with each failure in a row up to
 * `delayMax`. The count travels in the allocation records, so a new steward goes on where the old one was.
 */
import type { Millis } from '../base/id.ts'
import type { AllocationBody } from './allocation.ts'
import { durationMs, type JobSpec } from './job.ts'

export function backoffMs(restart: JobSpec['restart'], failures: number): Millis {
  const delay = durationMs(restart.delay)
  const delayMax = durationMs(restart.delayMax)
  // 2^31 × 1 ms is over any delayMax: more doublings would change nothing.
  return Math.min(delay * 2 ** Math.min(Math.max(0, failures - 1), 31), Math.max(delay, delayMax))
}

/** Failures in a row, this one included. One that ran for the whole window before starts a new row. */
export function failuresAfter(
  body: AllocationBody,
  endedMs: Millis,
  restart: JobSpec['restart'],
): number {
  if (body.state !== 'failed') return 0
  const ranLong =
    body.runningSince !== null && endedMs - body.runningSince >= durationMs(restart.window)
  return ranLong ? 1 : Math.min(body.failures + 1, failuresMax)
}

/** The wire carries a million at most; back-off has long been at its longest. */
const failuresMax = 1_000_000
