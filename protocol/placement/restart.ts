/**
 * When a task that ended is started again where it was. Each failure doubles the delay; more than `attempts`
 * failures within the window, and the allocation gives up, so that the slot is tried on another node.
 *
 * A `system` job has no other node to go to: it is tried again for ever, as slowly as `delayMax` says.
 */
import type { Millis } from '../base/id.ts'
import { durationMs, type JobSpec } from './job.ts'

export interface RestartPolicy {
  /** null: never give up. */
  readonly attempts: number | null
  readonly windowMs: Millis
  readonly delayMs: Millis
  readonly delayMaxMs: Millis
}

/** Past 2^30 times the first delay every job has reached its `delayMax`. */
const doublingsMax = 30

export function restartPolicy({ restart, type }: JobSpec): RestartPolicy {
  return {
    attempts: type === 'system' ? null : restart.attempts,
    windowMs: durationMs(restart.window),
    delayMs: durationMs(restart.delay),
    delayMaxMs: durationMs(restart.delayMax),
  }
}

/** Nothing is known of the job's wishes: it is not started again. */
export const neverRestart: RestartPolicy = { attempts: 0, windowMs: 0, delayMs: 0, delayMaxMs: 0 }

/** The failures that still count at `now`, with one more at `now`; bounded by what can matter. */
export function countFailure(
  failedAt: readonly Millis[],
  policy: RestartPolicy,
  now: Millis,
): readonly Millis[] {
  const kept = (policy.attempts ?? doublingsMax) + 1
  return [...failedAt.filter((at) => at > now - policy.windowMs), now].slice(-kept)
}

/** A delay of 0s means soon, not a loop as fast as the machine can turn it. */
export const restartDelayMinMs = 100

/** The delay before the next start, or undefined to give up. `failures` counts the last one too. */
export function restartDelayMs(policy: RestartPolicy, failures: number): Millis | undefined {
  if (policy.attempts !== null && failures > policy.attempts) return undefined
  const doublings = Math.min(Math.max(failures - 1, 0), doublingsMax)
  const delayMs = Math.min(policy.delayMs * 2 ** doublings, policy.delayMaxMs)
  return Math.max(delayMs, restartDelayMinMs)
}

/** A stop that failed (an engine that does not answer) is tried for ever: 1 s, 2 s, 4 s, then every 8 s. */
const stopRetryMs = 1000
const stopDoublingsMax = 3

export function stopRetryAfterMs(failures: number): Millis {
  return stopRetryMs * 2 ** Math.min(failures, stopDoublingsMax)
}
