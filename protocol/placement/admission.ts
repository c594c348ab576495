/**
 * A member's own decision to take a slot or to decline it, and the reason. This is what keeps every node
 * within its capacity, whatever anyone's view was when it asked: the sum of all that the member has not
 * surely ended, plus the new slot, must fit. The rest of the cluster only guesses.
 *
 * Only what concerns this node is checked. Where the job's other slots are (`unique`, `spread`) is the
 * steward's to weigh, who sees them all.
 */

import type { MemberId, Millis, Stamp } from '../base/id.ts'
import { remembered } from '../base/remembered.ts'
import type { AllocationBody } from './allocation.ts'
import { describeRefusal, refusalOf, type Wish, wishOf } from './feasibility.ts'
import type { Job } from './inventory.ts'
import { type JobSpec, slotResources } from './job.ts'
import type { NodeBody } from './node-body.ts'
import { Occupancy } from './occupancy.ts'
import type { Resources } from './resources.ts'
import { newStatus } from './task-state.ts'

/** The state of this member, as far as it decides. */
export interface OwnState {
  readonly member: MemberId
  readonly node: NodeBody
  readonly isLeaving: boolean
  readonly isDraining: boolean
  /** What an earlier agent left running has been found, and what nobody wants of it has ended. */
  readonly isSettled: boolean
  readonly canPersist: boolean
  /** Capacity less all allocations here that have not ended. */
  readonly free: Resources
  /** Fixed host ports of those allocations. */
  hostPorts(): ReadonlySet<number>
}

export interface WantedSlot {
  readonly job: string
  readonly slot: number
  readonly version: string
  readonly essence: string
  readonly allocation: string
}

export interface NewSlot extends WantedSlot {
  readonly failures: number
  readonly over: readonly string[]
}

/** Why the slot is declined, for a person; undefined when it is taken. */
export function refusalToHost(
  wanted: WantedSlot,
  job: Job | undefined,
  own: OwnState,
  now: Millis,
): string | undefined {
  return (
    refusalNow(own) ??
    refusalOfRequest(wanted, job) ??
    (job === undefined ? undefined : refusalOfSpec(job.spec, own, now))
  )
}

/** Whatever the job is. */
export function refusalNow(own: OwnState): string | undefined {
  if (own.isLeaving) return 'leaving'
  if (own.isDraining) return 'draining'
  if (!own.isSettled) return 'still looking for the tasks of an earlier agent'
  if (!own.canPersist) return 'cannot write to its disk'
  return undefined
}

/** Whether the request is one that this member's view of the job bears out. */
function refusalOfRequest(wanted: WantedSlot, job: Job | undefined): string | undefined {
  if (job === undefined || wanted.essence !== job.essence) return 'job is not known here yet'
  if (job.spec.type === 'system') return 'a system job is placed by each node for itself'
  if (wanted.slot >= job.count) return `slot ${wanted.slot} is over the count of ${job.count}`
  if (!isAllocationId(wanted)) return 'the allocation has the name of another slot'
  return undefined
}

/** Whether the job can run here at all, and whether there is room for it now. */
export function refusalOfSpec(spec: JobSpec, own: OwnState, now: Millis): string | undefined {
  const wish = nodeWish(spec)
  const { member, node, free, isDraining: draining } = own
  const candidate = { member, state: 'alive', node, draining, free } as const
  const refusal = refusalOf(wish, candidate, new Occupancy(wish.spec, () => undefined), now)
  if (refusal !== undefined) return describeRefusal(refusal, candidate, wish.need)
  const fixed = fixedPorts(spec)
  const held: ReadonlySet<number> = fixed.length === 0 ? noPorts : own.hostPorts()
  const taken = fixed.find((port) => held.has(port))
  return taken === undefined ? undefined : `port ${taken}: is taken by another allocation`
}

/**
 * Why a system job that runs here may not go on. Room does not count, since it has its room; nor does an
 * engine that is away for a moment.
 */
export function ineligibility(spec: JobSpec, own: OwnState, now: Millis): string | undefined {
  if (own.isDraining) return 'the node is draining'
  const node: NodeBody = { ...own.node, runtimes: ['process', 'docker'] }
  const free = own.node.capacity
  return refusalOfSpec(spec, { ...own, node, free, hostPorts: () => noPorts }, now)
}

/** Whether a node is one that a system job is for: all that is asked of it but room, which it may have later. */
export function isMeantFor(spec: JobSpec, member: MemberId, node: NodeBody, now: Millis): boolean {
  const wish = nodeWish(spec)
  const empty = { member, state: 'alive', node, draining: false, free: node.capacity } as const
  return refusalOf(wish, empty, new Occupancy(wish.spec, () => undefined), now) === undefined
}

/** The allocation as it begins. Its resources are those of the version that was admitted, for good. */
export function newAllocation(
  wanted: Omit<NewSlot, 'over'>,
  spec: JobSpec,
  createdStamp: Stamp,
): AllocationBody {
  const { job, slot, version, essence, allocation: id, failures } = wanted
  return {
    id,
    job,
    slot,
    version,
    essence,
    state: 'pending',
    healthy: false,
    resources: slotResources(spec),
    ports: {},
    tasks: spec.tasks.map((task) => newStatus(task.name)),
    createdStamp,
    runningSince: null,
    reason: null,
    failures,
  }
}

/** `<job>.<slot>.<8 hex digits>`: anything else could be another's, or break the record's key. */
export function isAllocationId({ job, slot, allocation }: WantedSlot): boolean {
  const stem = `${job}.${slot}.`
  return allocation.startsWith(stem) && /^[0-9a-f]{8}$/.test(allocation.slice(stem.length))
}

export function fixedPorts(spec: JobSpec): number[] {
  return spec.tasks.flatMap((task) => task.ports.flatMap(({ host }) => host ?? []))
}

const noPorts: ReadonlySet<number> = new Set()
const ownOperators = ['=', '!=', 'like', 'unlike']
const nodeWish = remembered((spec: JobSpec): Wish => {
  const constraints = spec.constraints.filter(({ operator }) => ownOperators.includes(operator))
  return wishOf({ ...spec, constraints })
})
