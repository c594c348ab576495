/**
 * One interface, two drivers: processes and Docker. A driver starts and stops tasks, and finds those that an
 * earlier agent left running. It decides nothing: restarts, back-off and placement are the core's.
 */
import type { AllocationId } from '../../protocol/base/id.ts'
import type { ObservedTask } from '../../protocol/event.ts'
import type { TaskSpec } from '../../protocol/placement/job.ts'

export interface TaskRef {
  readonly allocation: AllocationId
  readonly task: string
}

export interface TaskStart extends TaskRef {
  readonly job: string
  readonly slot: number
  readonly spec: TaskSpec
  /** Host ports of the whole allocation by name. */
  readonly ports: { readonly [name: string]: number }
  /** Complete: the driver adds nothing but what its kind needs (PATH). */
  readonly env: { readonly [name: string]: string }
}

export interface TaskStarted {
  readonly pid: number | null
  readonly containerId: string | null
}

export interface TaskExit {
  /** null where unknown. */
  readonly exitCode: number | null
  /** For a person: `exited with 1`, `killed: out of memory (64 MiB)`, `killed by signal 9`. */
  readonly reason: string
}

export interface Runtime {
  readonly kind: 'process' | 'docker'
  /** Whether it can run tasks now; asked every few seconds, so an engine may come and go. */
  available(): Promise<boolean>
  /** Why it could not when it was last asked, for a person. */
  trouble(): string | undefined
  /** Starts it, or answers with what runs already. Rejects with a RuntimeFailure. */
  start(task: TaskStart): Promise<TaskStarted>
  /** Its stop signal to all of it, SIGKILL after graceMs; resolves when surely nothing of it runs. */
  stop(ref: TaskRef, graceMs: number): Promise<TaskExit>
  /** Everything of ours on this node, running or ended; starts to watch what runs. */
  observe(): Promise<ObservedTask[]>
  /** Removes what the allocation left behind. Harmless when there is nothing. */
  remove(allocation: AllocationId): Promise<void>
  /** The node leaves, and its tasks have ended: nothing of them stays outside of its data folder. */
  leave(): Promise<void>
  logs(ref: TaskRef, options: LogOptions): AsyncIterable<Uint8Array>
  stats(ref: TaskRef): Promise<TaskStats | undefined>
  /** Runs a command in the task's surroundings; for command checks. */
  exec(
    ref: TaskRef,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number | null; output: string }>
  /** Releases timers and sockets; tasks go on. */
  close(): Promise<void>
}

export interface LogOptions {
  readonly stream: 'stdout' | 'stderr' | 'both'
  readonly follow: boolean
  /** Last lines to begin with; undefined for all that is kept. */
  readonly tail: number | undefined
  readonly signal: AbortSignal
}

export interface TaskStats {
  /** Millicores over the last interval. */
  readonly cpu: number
  /** MiB. */
  readonly memory: number
}

/** Told once when a task that runs ends by itself or by a stop. */
export type ExitListener = (ref: TaskRef, exit: TaskExit) => void

export class RuntimeFailure extends Error {
  override name = 'RuntimeFailure'
  readonly code: string
  readonly definite: boolean

  /** `definite`: surely nothing runs. */
  constructor(code: string, message: string, definite: boolean, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.definite = definite
  }
}
