/**
 * One task of an allocation of ours, and what each thing that happens to it makes of it. A value and pure
 * transitions: what is to be asked of the world next is decided by the allocation, from this state alone, so
 * a lost or late answer can not leave a task half way.
 *
 * ```
 * pending ──▶ starting ──▶ running ──▶ exited            (a batch task that is done, or one that was stopped)
 *                ▲  │         │
 *                │  └────┬────┘
 *            backing-off ◀──┘   ──▶ exited                (gave up)
 * ```
 * Invariant: `mayRun` is true from the moment a start is asked for until it is sure that nothing runs. An
 * allocation ends, and gives back its resources, only when no task of it may run.
 */
import type { EffectId, Millis } from '../base/id.ts'
import type { ObservedTask } from '../event.ts'
import { limits } from '../limits.ts'
import type { TaskStatus } from './allocation.ts'
import { assumedPassing, type CheckState, unreported } from './health.ts'
import type { TaskSpec } from './job.ts'
import { countFailure, type RestartPolicy, restartDelayMs } from './restart.ts'

export interface TaskRun {
  /** Undefined where the version of the job that it belongs to is no longer known. */
  readonly spec: TaskSpec | undefined
  readonly status: TaskStatus
  readonly mayRun: boolean
  /** By the journal it may run, and its runtime has not said yet whether it does. Meanwhile it is left alone. */
  readonly isUnobserved: boolean
  /** The start and the stop that are under way. Both at once: a stop that did not wait for the start. */
  readonly starting: EffectId | null
  readonly stopping: EffectId | null
  /** A stop was asked for while the start was under way; once is enough until the start is answered. */
  readonly wasStopAsked: boolean
  /** The next attempt, to start or to stop, is not before; null for at once. */
  readonly retryAt: Millis | null
  readonly stopFailures: number
  /** It is to be stopped and started again, as a failure, because of this. */
  readonly restartCause: string | null
  readonly hasGivenUp: boolean
  readonly failedAt: readonly Millis[]
  readonly checks: readonly CheckState[]
  readonly isWatched: boolean
  /** It ended before its start was answered. */
  readonly earlyExit: Ended | null
}

export interface Ended {
  readonly exitCode: number | null
  readonly reason: string
}

/** How an allocation treats the end of its tasks. */
export interface EndRule {
  readonly isBatch: boolean
  readonly restart: RestartPolicy
}

const freshStatus = {
  state: 'pending',
  restarts: 0,
  startedAt: null,
  pid: null,
  containerId: null,
  exitCode: null,
  reason: null,
} as const

export function newStatus(name: string): TaskStatus {
  return { name, ...freshStatus }
}

export function taskOf(spec: TaskSpec | undefined, status: TaskStatus): TaskRun {
  const mayRun = status.state === 'starting' || status.state === 'running'
  return {
    spec,
    status,
    mayRun,
    isUnobserved: mayRun,
    starting: null,
    stopping: null,
    wasStopAsked: false,
    retryAt: null,
    stopFailures: 0,
    restartCause: null,
    hasGivenUp: false,
    failedAt: [],
    checks: (spec?.checks ?? []).map(() => unreported),
    isWatched: false,
    earlyExit: null,
  }
}

export function startAsked(run: TaskRun, id: EffectId): TaskRun {
  const status = { ...run.status, state: 'starting' as const, pid: null, containerId: null }
  const asked = { starting: id, mayRun: true, isUnobserved: false }
  return { ...run, status, ...asked, retryAt: null, earlyExit: null }
}

export function started(
  run: TaskRun,
  { pid, containerId }: Pick<ObservedTask, 'pid' | 'containerId'>,
  now: Millis,
): TaskRun {
  const status = {
    ...run.status,
    state: 'running' as const,
    startedAt: now,
    pid,
    containerId,
    exitCode: null,
  }
  const checks = run.checks.map(() => unreported)
  const runs = { starting: null, wasStopAsked: false, mayRun: true, isUnobserved: false }
  return { ...run, status, checks, ...runs }
}

/** Nothing was done, through no fault of the task: the same again, a little later. */
export function startPutOff(run: TaskRun, retryAt: Millis): TaskRun {
  const state = run.status.startedAt === null ? ('pending' as const) : ('backing-off' as const)
  const status = { ...run.status, state }
  return { ...run, status, starting: null, wasStopAsked: false, mayRun: false, retryAt }
}

/** It may or may not run now: it has to be stopped before it can be started again. */
export function startUnknown(run: TaskRun, cause: string): TaskRun {
  return { ...run, starting: null, wasStopAsked: false, restartCause: cause }
}

export function stopAsked(run: TaskRun, id: EffectId): TaskRun {
  return { ...run, stopping: id, wasStopAsked: run.starting !== null, retryAt: null }
}

/** Whether it surely does not run now depends on a start that is still under way. */
export function stopAnswered(run: TaskRun, exitCode: number | null): TaskRun {
  const status = { ...run.status, exitCode: exitCode ?? run.status.exitCode }
  const mayRun = run.starting !== null
  return { ...run, status, stopping: null, stopFailures: 0, mayRun, isUnobserved: false }
}

export function stopFailed(run: TaskRun, retryAt: Millis): TaskRun {
  const stopFailures = run.stopFailures + 1
  return { ...run, stopping: null, wasStopAsked: false, retryAt, stopFailures }
}

/** It has ended by itself, or was stopped to be started again: done, again after a while, or given up. */
export function ended(run: TaskRun, end: Ended, rule: EndRule, now: Millis): TaskRun {
  if (rule.isBatch && end.exitCode === 0) return settled(run, end.exitCode, null)
  const failedAt = countFailure(run.failedAt, rule.restart, now)
  const delayMs = restartDelayMs(rule.restart, failedAt.length)
  const failed = { ...over(run, end.exitCode, end.reason), failedAt }
  if (delayMs === undefined) return { ...failed, hasGivenUp: true }
  const { restarts } = run.status
  const status = { ...failed.status, state: 'backing-off' as const, restarts: restarts + 1 }
  return { ...failed, status, retryAt: now + delayMs }
}

/** It has ended and is not started again. */
export function settled(run: TaskRun, exitCode: number | null, reason: string | null): TaskRun {
  return over(run, exitCode, reason)
}

function over(run: TaskRun, exitCode: number | null, reason: string | null): TaskRun {
  const status = {
    ...run.status,
    state: 'exited' as const,
    pid: null,
    containerId: null,
    exitCode,
    reason: reason && shortReason(reason),
  }
  const over = { mayRun: false, isUnobserved: false, restartCause: null, earlyExit: null }
  return { ...run, status, ...over, retryAt: null }
}

/** A program's last words can be long, and everyone keeps a copy. */
export function shortReason(reason: string): string {
  return reason.slice(0, limits.reasonLength)
}

/** What a new agent makes of a task of its journal, given what it found of it. */
export function adopted(
  run: TaskRun,
  found: ObservedTask | undefined,
  rule: EndRule,
  facts: {
    readonly wasHealthy: boolean
    readonly unanswered: readonly Kind[]
    readonly now: Millis
  },
): TaskRun {
  const { now } = facts
  const checks = facts.wasHealthy ? run.checks.map(() => assumedPassing) : run.checks
  if (run.isUnobserved && facts.unanswered.includes(kindOf(run))) return { ...run, checks }
  if (found?.running) {
    const startedAt = run.status.startedAt ?? now
    const going = { ...started(run, found, startedAt), checks }
    return isKnown(run.status, found) ? { ...going, status: run.status } : going
  }
  const { state } = run.status
  if (state === 'backing-off') return { ...run, retryAt: now + rule.restart.delayMs }
  if (state === 'pending' || state === 'exited') return run
  return ended(run, endOf(found), rule, now)
}

export type Kind = 'process' | 'docker'

function kindOf({ spec, status }: TaskRun): Kind {
  const isContainer = spec === undefined ? status.containerId !== null : spec.docker !== undefined
  return isContainer ? 'docker' : 'process'
}

/** The journal has it already: nothing to write. */
function isKnown({ state, pid, containerId }: TaskStatus, found: ObservedTask): boolean {
  return state === 'running' && pid === found.pid && containerId === found.containerId
}

function endOf(found: ObservedTask | undefined): Ended {
  if (found === undefined) return { exitCode: null, reason: 'not running when the agent came back' }
  const { exitCode } = found
  return {
    exitCode,
    reason: `exited with ${exitCode ?? 'an unknown code'} while the agent was away`,
  }
}
