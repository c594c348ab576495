/** What the world tells the core. Plain data, past tense. */
import type { AllocationId, EffectId, MemberId, Millis, RequestId } from './base/id.ts'
import type { Broadcast, Message, RejectionReason } from './message.ts'
import type { NodeBody } from './placement/node-body.ts'
import type { Resources } from './placement/resources.ts'
import type { Command } from './request.ts'

export type Event =
  /** A deadline has come; harmless when early. */
  | { readonly type: 'tick' }
  /** `from` is authenticated by the driver. */
  | { readonly type: 'message-received'; readonly from: MemberId; readonly message: Message }
  | { readonly type: 'broadcast-received'; readonly broadcast: Broadcast }
  /** Something arrived that the driver could not decode. */
  | {
      readonly type: 'message-refused'
      readonly from: MemberId
      readonly reason: RejectionReason
      readonly detail: string
    }
  | { readonly type: 'link-opened'; readonly member: MemberId }
  | { readonly type: 'link-closed'; readonly member: MemberId }
  /** A probe timer fired late by this much: our own slowness (Lifeguard's local health). */
  | { readonly type: 'loop-delayed'; readonly delayMs: Millis }
  | { readonly type: 'persisted'; readonly id: EffectId }
  | {
      readonly type: 'ports-reserved'
      readonly id: EffectId
      readonly ports: { readonly [name: string]: number }
    }
  | {
      readonly type: 'task-started'
      readonly id: EffectId
      readonly allocation: AllocationId
      readonly task: string
      readonly pid: number | null
      readonly containerId: string | null
    }
  | {
      readonly type: 'task-stopped'
      readonly id: EffectId
      readonly allocation: AllocationId
      readonly task: string
      readonly exitCode: number | null
    }
  /** By itself; may also come while a stop is under way. */
  | {
      readonly type: 'task-exited'
      readonly allocation: AllocationId
      readonly task: string
      readonly exitCode: number | null
      readonly reason: string
    }
  | {
      readonly type: 'check-reported'
      readonly allocation: AllocationId
      readonly task: string
      readonly check: number
      readonly passing: boolean
      readonly output: string
    }
  | TasksObserved
  | { readonly type: 'node-changed'; readonly node: NodeBody }
  | { readonly type: 'resources-measured'; readonly used: Resources }
  | { readonly type: 'request-received'; readonly request: RequestId; readonly command: Command }
  /** SIGTERM: stop the tasks, tell everyone, then `stop-agent`. With keepTasks they go on, for the next agent. */
  | { readonly type: 'leave-requested'; readonly keepTasks: boolean }
  | EffectFailed

export interface EffectFailed {
  readonly type: 'effect-failed'
  readonly id: EffectId
  readonly code: string
  readonly detail: string
  /** True: surely did not happen, a retry is safe. False: unknown, observe first. */
  readonly definite: boolean
}

/** After the start, everything of ours that was found, running or ended; again when a runtime answers later. */
export interface TasksObserved {
  readonly type: 'tasks-observed'
  readonly tasks: readonly ObservedTask[]
  /** Those that have not answered yet: whether their tasks run is not known. */
  readonly unanswered?: readonly NodeBody['runtimes'][number][]
}

export interface ObservedTask {
  readonly allocation: AllocationId
  readonly task: string
  readonly running: boolean
  readonly pid: number | null
  readonly containerId: string | null
  readonly ports: { readonly [name: string]: number }
  readonly exitCode: number | null
}
