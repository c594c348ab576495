/**
 * Why an allocation is to end, and as what. The record has no word for it while the allocation is stopping, so
 * a new agent reads it from the tasks that ended.
 */
import type { AllocationBody } from './allocation.ts'
import { settled, type TaskRun } from './task-state.ts'

export interface Goal {
  readonly final: 'complete' | 'failed'
  readonly reason: string | null
}

/** Only a stop for a failure leaves a reason on its tasks: that is how `finalOf` knows it again. */
export function stoppedFor(goal: Goal, run: TaskRun, exitCode = run.status.exitCode): TaskRun {
  const reason = goal.final === 'failed' ? (run.status.reason ?? goal.reason) : null
  return settled(run, exitCode, reason)
}

/** How an allocation that an earlier agent was stopping is to end. */
export function finalOf(body: AllocationBody): Goal['final'] {
  const isFailure = body.tasks.some((task) => task.state === 'exited' && task.reason !== null)
  return isFailure ? 'failed' : 'complete'
}
