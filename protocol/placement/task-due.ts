/**
 * What the state of a task says without anything happening to it: whether it is up or done, whether one of its
 * checks asks for a restart by now, and when to look again.
 */
import type { Millis } from '../base/id.ts'
import { restartDueAt } from './health.ts'
import type { TaskRun } from './task-state.ts'

/** A batch task that has done its work; nothing else ends with 0 and without a reason. */
export function isDone(run: TaskRun): boolean {
  const { state, exitCode, reason } = run.status
  return state === 'exited' && exitCode === 0 && reason === null
}

export function isRunning(run: TaskRun): boolean {
  return run.status.state === 'running' && run.restartCause === null
}

export function failedCheck(run: TaskRun, now: Millis): string | null {
  const failing = run.checks.findIndex((_, check) => (checkDueAt(run, check) ?? now + 1) <= now)
  if (failing < 0) return null
  const type = run.spec?.checks[failing]?.type ?? ''
  return `its ${type} check failed`
}

function checkDueAt(run: TaskRun, check: number): Millis | undefined {
  const spec = run.spec?.checks[check]
  const { startedAt, state } = run.status
  if (spec === undefined || startedAt === null || state !== 'running') return undefined
  return restartDueAt(spec, run.checks[check]!, startedAt)
}

/** When `advance` would do something for the task; nothing while an answer is awaited. */
export function momentsOf(run: TaskRun, isStopping: boolean): Millis[] {
  if (run.starting !== null || run.stopping !== null) return []
  if (run.retryAt !== null) return [run.retryAt]
  if (isStopping) return []
  return run.checks.flatMap((_, check) => checkDueAt(run, check) ?? [])
}
