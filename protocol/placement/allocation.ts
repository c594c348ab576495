/**
 * An allocation: one slot of a job bound to one member. Its record `alloc/<member>/<id>` is written by
 * that member alone, so the steward that asked for it has nothing to lose.
 *
 * ```
 * pending ──▶ starting ──▶ running ──▶ stopping ──▶ complete      (stopped as asked, or a batch that ended with 0)
 *    │            │           │            └──────▶ failed        (a batch or a service that gave up)
 *    └────────────┴───────────┴──▶ failed
 * ```
 * `lost` is never written: it is what others see of an allocation whose member is down or gone.
 */
import type { AllocationId, JobId, Millis, Stamp } from '../base/id.ts'
import type { Resources } from './resources.ts'

export type AllocationState =
  | 'pending'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'complete'
  | 'failed'
export type TaskState = 'pending' | 'starting' | 'running' | 'backing-off' | 'exited'

export interface TaskStatus {
  readonly name: string
  readonly state: TaskState
  readonly restarts: number
  /** Unix time of the last start. */
  readonly startedAt: Millis | null
  readonly pid: number | null
  readonly containerId: string | null
  readonly exitCode: number | null
  /** Why it last ended or could not start, for a person. */
  readonly reason: string | null
}

/** The body of `alloc/<member>/<id>`. */
export interface AllocationBody {
  readonly id: AllocationId
  readonly job: JobId
  readonly slot: number
  /** The job's version (`jobVersion`) that it was started for. */
  readonly version: string
  /** What it runs (`essenceOf`): as good as any later version of the same. */
  readonly essence: string
  readonly state: AllocationState
  /** Running and every check passes; without checks, running. */
  readonly healthy: boolean
  readonly resources: Resources
  /** Host ports by port name. */
  readonly ports: { readonly [name: string]: number }
  readonly tasks: readonly TaskStatus[]
  /** When the member admitted it: the order of "original" and "replacement". */
  readonly createdStamp: Stamp
  /** Unix time when it last became running; null before. */
  readonly runningSince: Millis | null
  /** Why it stops or failed, for a person. */
  readonly reason: string | null
  /** Failures of this slot's earlier allocations in a row, carried on by the steward for its back-off. */
  readonly failures: number
}

export function isLive(state: AllocationState): boolean {
  return state === 'pending' || state === 'starting' || state === 'running'
}

export function isEnded(state: AllocationState): boolean {
  return state === 'complete' || state === 'failed'
}

export function allocationKey(member: string, id: AllocationId): string {
  return `alloc/${member}/${id}`
}
