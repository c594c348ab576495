/**
 * Where the slots of a job have failed: a node on which one has failed comes after the others when it is
 * placed again, since the fault may be the node's. It is a wish and no refusal, and the failed allocation's
 * record is all that is remembered, so that every member that explains a placement sees the same.
 */
import type { MemberId } from '../base/id.ts'
import { isCurrent, type Job, type Placed } from './inventory.ts'

/** How often the slot has failed there with what the job asks for now. */
export type Setbacks = (slot: number, member: MemberId) => number

const none: Setbacks = () => 0

export function setbacksOf(job: Job, allocations: readonly Placed[]): Setbacks {
  const failed = allocations.filter(({ body }) => body.state === 'failed' && isCurrent(job, body))
  if (failed.length === 0) return none
  return (slot, member) =>
    failed.filter((each) => each.body.slot === slot && each.member === member).length
}
