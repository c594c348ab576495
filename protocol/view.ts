/**
 * What can be read of a member's state, for the API, the console, the metrics and the checkers. Every
 * member can answer for the whole cluster, from what it knows now. Lists are in a stable order.
 */
import type { AllocationId, JobId, MemberId, Millis, Stamp } from './base/id.ts'
import type { MemberState } from './membership/member.ts'
import type { AllocationBody } from './placement/allocation.ts'
import type { JobSpec } from './placement/job.ts'
import type { NodeBody } from './placement/node-body.ts'
import type { Resources } from './placement/resources.ts'
import type { ReplicaRecord } from './replication/record.ts'

export interface ClusterView {
  readonly self: MemberId
  /** The replicated state's root hash: equal on members that agree. */
  digest(): string
  /** Everything that the digest is of: by key, then newest first. */
  records(): Iterable<ReplicaRecord>
  /** By name, then id; members that left long ago are not kept. */
  nodes(): NodeView[]
  node(member: MemberId): NodeView | undefined
  memberState(member: MemberId): MemberState | undefined
  /** Multiaddrs to reach a member at, best first; empty when unknown. */
  addressesOf(member: MemberId): readonly string[]
  jobs(): JobView[]
  job(id: JobId): JobView | undefined
  /** Newest first; empty for a job that was never there. */
  history(id: JobId): HistoryEntry[]
  why(id: JobId): WhyView | undefined
  /** All, in (job, slot, created) order; ended ones while they are kept. */
  allocations(filter?: { job?: JobId; member?: MemberId }): AllocationView[]
  allocation(id: AllocationId): AllocationView | undefined
  services(): ServiceView[]
  service(name: string): ServiceView | undefined
  counts(): CountsView
}

export interface NodeView {
  id: MemberId
  state: MemberState
  incarnation: number
  draining: boolean
  /** Undefined until the member's record has arrived. */
  body: NodeBody | undefined
  committed: Resources
  used: Resources
  /** The probe rings' neighbours, for whom `keep-links` asked. */
  linked: boolean
}

export interface JobView {
  id: JobId
  version: string
  /** The version, and the write of the count: another one after a scale too. */
  revision: string
  count: number
  spec: JobSpec
  /** Live allocations; those running; those running and healthy; slots with none. */
  live: number
  running: number
  healthy: number
  waiting: number
  /** A batch: slots that ended with success. */
  complete: number
  state: 'pending' | 'running' | 'complete' | 'degraded'
}

export interface AllocationView {
  member: MemberId
  /** `lost` when the member is down or gone, else as the member wrote it. */
  state: AllocationBody['state'] | 'lost'
  body: AllocationBody
}

export interface HistoryEntry {
  field: 'spec' | 'count'
  version: string
  author: MemberId
  stamp: Stamp
  at: Millis
  /** `current`; `replaced` by a later edit that saw it; `lost` to a concurrent one. */
  outcome: 'current' | 'replaced' | 'lost'
  /** The spec or the count; null for a deletion. */
  value: unknown
}

export interface WhyView {
  job: JobId
  steward: MemberId | undefined
  /** Why a roll-out does not go on. */
  note: string | undefined
  slots: WhySlot[]
}

export interface WhySlot {
  slot: number
  /** Where it runs, or undefined while it waits. */
  member: MemberId | undefined
  state: 'placed' | 'placing' | 'waiting' | 'complete' | 'backing-off'
  /** What it waits for, where that is no node: how it failed, or a node that is suspect or away. */
  reason?: string | undefined
  /** When it is tried again, where that is known. */
  until?: Millis | undefined
  /** In the order in which they are asked. */
  candidates: WhyCandidate[]
}

export interface WhyCandidate {
  member: MemberId
  /** The lower the better; undefined where refused. */
  score: number | undefined
  /** What was missing: `cpu: needs 2000, 500 free`, `label.zone = a: is b`, `draining`, `down`. */
  refusal: string | undefined
}

export interface ServiceView {
  name: string
  endpoints: EndpointView[]
}

export interface EndpointView {
  allocation: AllocationId
  job: JobId
  member: MemberId
  host: string
  port: number
  healthy: boolean
  tags: readonly string[]
}

export interface CountsView {
  members: { alive: number; suspect: number; down: number; left: number }
  records: number
  tombstones: number
  jobs: number
  /** Messages dropped, by reason. */
  rejections: { readonly [reason: string]: number }
  storageFailed: boolean
}
