/**
 * What the checks of a task say. A task that has not passed yet is given its grace: until it is over, a failing
 * check only means "not healthy yet". One that has passed before, or whose grace is over, is restarted.
 *
 * The driver counts consecutive failures; what arrives here is a turn to passing or to failing.
 */
import type { Millis } from '../base/id.ts'
import { type CheckSpec, durationMs } from './job.ts'

export interface CheckState {
  /** null until the first report. */
  readonly passing: boolean | null
  /** At least once since the task was started. */
  readonly hasPassed: boolean
}

export const unreported: CheckState = { passing: null, hasPassed: false }

/** A task that an earlier agent left healthy counts as healthy until a check says otherwise. */
export const assumedPassing: CheckState = { passing: true, hasPassed: true }

export function reported(state: CheckState, passing: boolean): CheckState {
  return { passing, hasPassed: state.hasPassed || passing }
}

/** When the task is to be restarted for this check: a time past or to come, undefined while it does not fail. */
export function restartDueAt(
  spec: CheckSpec,
  state: CheckState,
  startedAt: Millis,
): Millis | undefined {
  if (state.passing !== false) return undefined
  return state.hasPassed ? startedAt : startedAt + durationMs(spec.grace)
}

export function allPass(checks: readonly CheckState[]): boolean {
  return checks.every((check) => check.passing === true)
}
