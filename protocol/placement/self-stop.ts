/**
 * When an allocation ends by its own member's judgement, without anyone asking: its job is gone, its slot is
 * not wanted any more, another allocation has the better claim to the slot, or this node is no longer one for
 * it. Every member judges by the same records, so no message is needed, and none can be lost.
 */
import type { AllocationBody } from './allocation.ts'
import { isCurrent, type Job, type Placed } from './inventory.ts'

export interface SlotFacts {
  /** Undefined while it may still be on its way to us. */
  readonly job: Job | undefined
  /** It has a tombstone, or nobody has heard of it for too long. */
  readonly isJobGone: boolean
  /** Why a system job may not run on this node; undefined when it may. */
  readonly ineligible: string | undefined
  /** The best claim to the slot among its live allocations on present members, this one included. */
  readonly winner: Placed | undefined
}

export function stopReason(body: AllocationBody, facts: SlotFacts): string | undefined {
  const { job } = facts
  if (facts.isJobGone) return 'its job is gone'
  if (job === undefined) return undefined
  if (job.spec.type === 'system') return systemStopReason(body, job, facts)
  if (body.slot >= job.count) return `the job was scaled to ${job.count}`
  const { winner } = facts
  if (winner !== undefined && isOusted(body, winner))
    return `its slot is run by ${winner.body.id} on ${winner.member}`
  return undefined
}

/** A node has one allocation of a system job, its own, of the job's current version. */
function systemStopReason(body: AllocationBody, job: Job, facts: SlotFacts): string | undefined {
  if (job.count === 0) return 'the job was scaled to 0'
  if (body.slot > 0) return 'a system job has one slot on each node'
  if (!isCurrent(job, body)) return 'the job was changed'
  return facts.ineligible
}

/** The loser waits until the winner can take over, so that the slot is never without a working allocation. */
function isOusted(body: AllocationBody, winner: Placed): boolean {
  if (winner.body.id === body.id || winner.body.state !== 'running') return false
  return winner.body.healthy || !body.healthy
}
