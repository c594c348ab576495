/**
 * What the core asks of the world. Plain data, imperative, performed in list order. A `persist` comes first
 * in the list of its step and is durable before any later effect of that list takes place; lists of other
 * steps do not wait for it, so a slow disk does not stall the failure detector. (Records that are sent before
 * they are durable do no harm: their dots are never used twice, and nobody was told that they are safe.)
 *
 * Every effect with an `id` gets exactly one answering event with the same id: the one named here, or
 * `effect-failed`. When a `persist` fails, the driver answers each effect of its list that has an id by
 * `effect-failed { code: 'not-durable', definite: true }`, still performs `reply` and `notify`, which never
 * depend on the persist of their own list, and drops the others. What has no id owes nothing.
 */
import type { AllocationId, EffectId, JobId, MemberId, Millis, RequestId } from './base/id.ts'
import type { Value } from './base/value.ts'
import type { GossipMesh } from './membership/gossip-mesh.ts'
import type { MemberUpdate } from './membership/member.ts'
import type { Broadcast, Message, Rejection } from './message.ts'
import type { TaskSpec } from './placement/job.ts'
import type { Reply } from './request.ts'

export type Effect =
  | { readonly type: 'send'; readonly to: MemberId; readonly message: Message }
  | { readonly type: 'publish'; readonly broadcast: Broadcast }
  | KeepLinks
  | Persist
  | ReservePorts
  | { readonly type: 'release-ports'; readonly allocation: AllocationId }
  | StartTask
  | StopTask
  | WatchChecks
  /** Also when the task ended by itself. */
  | { readonly type: 'unwatch-checks'; readonly allocation: AllocationId; readonly task: string }
  /** Removes what the allocation left behind: containers, folders, logs. Repeated harmlessly. */
  | { readonly type: 'remove-allocation'; readonly allocation: AllocationId }
  /** Tell the DHT that this node has healthy instances of the service, until withdrawn. */
  | { readonly type: 'provide'; readonly service: string }
  | { readonly type: 'withdraw'; readonly service: string }
  | { readonly type: 'reply'; readonly request: RequestId; readonly reply: Reply }
  /** For eyes only: may be dropped without any difference to the protocol. */
  | { readonly type: 'notify'; readonly notification: Notification }
  /** Everyone knows that we leave: the driver may close. */
  | { readonly type: 'stop-agent' }

/** The links to hold open from now on, all others may close when they fall idle; and how many of them gossip takes. */
export interface KeepLinks {
  readonly type: 'keep-links'
  readonly members: readonly MemberId[]
  readonly mesh: GossipMesh
}

/** Answer: `persisted`. All writes of one effect are durable together or not at all. */
export interface Persist {
  readonly type: 'persist'
  readonly id: EffectId
  readonly writes: readonly StoreWrite[]
}

export interface StoreWrite {
  readonly key: string
  /** null deletes the key. */
  readonly value: Value
}

/** Answer: `ports-reserved`. Held for the allocation until `release-ports`. */
export interface ReservePorts {
  readonly type: 'reserve-ports'
  readonly id: EffectId
  readonly allocation: AllocationId
  /** `host` is null where any free port will do. */
  readonly ports: readonly { readonly name: string; readonly host: number | null }[]
}

/** Answer: `task-started`. Starting a task that runs already answers with what runs. */
export interface StartTask {
  readonly type: 'start-task'
  readonly id: EffectId
  readonly allocation: AllocationId
  readonly job: JobId
  readonly slot: number
  readonly task: TaskSpec
  /** Host ports of the whole allocation by name; given to the task as PORT_<NAME>. */
  readonly ports: { readonly [name: string]: number }
}

/** Answer: `task-stopped`, once it surely does not run, also when it did not run before. */
export interface StopTask {
  readonly type: 'stop-task'
  readonly id: EffectId
  readonly allocation: AllocationId
  readonly task: string
  readonly graceMs: Millis
}

/** From now on `check-reported` says when a check of the task turns to passing or to failing. */
export interface WatchChecks {
  readonly type: 'watch-checks'
  readonly allocation: AllocationId
  readonly task: TaskSpec
  readonly ports: { readonly [name: string]: number }
}

export type Notification =
  | {
      readonly type: 'member-changed'
      readonly update: MemberUpdate
      readonly previous: string | null
    }
  | { readonly type: 'message-rejected'; readonly rejection: Rejection }
  | {
      readonly type: 'job-changed'
      readonly job: JobId
      /** The one that took the write. */
      readonly member: MemberId
      readonly change: 'submitted' | 'updated' | 'scaled' | 'deleted'
    }
  | {
      readonly type: 'job-conflict'
      readonly job: JobId
      readonly winner: string
      readonly loser: string
    }
  | {
      readonly type: 'allocation-changed'
      readonly allocation: AllocationId
      readonly job: JobId
      readonly member: MemberId
      readonly state: string
      readonly healthy: boolean
      readonly reason: string | null
    }
  | {
      readonly type: 'slot-waiting'
      readonly job: JobId
      readonly slot: number
      readonly reason: string
    }
  | { readonly type: 'storage-failed'; readonly code: string }
  | { readonly type: 'storage-recovered' }

/** Where modules put their effects; an array is one. */
export interface EffectSink {
  push(effect: Effect): unknown
}
