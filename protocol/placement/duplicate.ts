/**
 * Which of several live allocations of one slot stays: after a healed partition, and while an update or a
 * drain moves a slot. Every member computes the same winner from the same records, whatever the order in
 * which it learned them: the job's current version first, then not on a draining node, then the job's
 * `onHeal`, then ring order.
 */
import { compareText, type MemberId } from '../base/id.ts'
import { mulDiv } from '../base/integer.ts'
import type { AllocationBody } from './allocation.ts'
import { isCurrent, type Job, type Placed } from './inventory.ts'
import type { NodeBody } from './node-body.ts'
import { clockwiseDistance, keyOfSlot, pointsOf } from './placement-ring.ts'
import type { Resources } from './resources.ts'
import { balancedFit } from './score.ts'

/** What the records say of members: an `Inventory` is one. */
export interface MemberRecords {
  node(member: MemberId): NodeBody | undefined
  isDraining(member: MemberId): boolean
  committed(member: MemberId): Resources
}

type Ranked = Pick<Job, 'id' | 'spec' | 'essence' | 'born'>

export function winnerOf(
  job: Ranked,
  live: readonly Placed[],
  records: MemberRecords,
): Placed | undefined {
  if (live.length < 2) return live[0]
  let best: { placed: Placed; rank: readonly number[] } | undefined
  for (const placed of live) {
    const rank = rankOf(job, placed, records)
    if (best === undefined || isBetter({ placed, rank }, best)) best = { placed, rank }
  }
  return best?.placed
}

/** Lower is better, in this order of importance. */
function rankOf(job: Ranked, { member, body }: Placed, records: MemberRecords): readonly number[] {
  const points = pointsOf(records.node(member)?.capacity)
  return [
    isCurrent(job, body) ? 0 : 1,
    records.isDraining(member) ? 1 : 0,
    policyRank(job.spec.onHeal, member, body, records),
    clockwiseDistance(keyOfSlot(job.id, body.slot), member, points),
    body.createdStamp,
  ]
}

function policyRank(
  policy: Job['spec']['onHeal'],
  member: MemberId,
  body: AllocationBody,
  records: MemberRecords,
): number {
  switch (policy) {
    case 'keep-original':
      return body.createdStamp
    case 'keep-replacement':
      return -body.createdStamp
    case 'longest-running':
      return body.runningSince ?? Number.MAX_SAFE_INTEGER
    case 'best-score':
      return fitByRecords(member, records)
  }
}

/** The score's fit of the node as the records have it, the allocation itself included. */
function fitByRecords(member: MemberId, records: MemberRecords): number {
  const node = records.node(member)
  if (node === undefined) return Number.MAX_SAFE_INTEGER
  const committed = records.committed(member)
  const left = (name: 'cpu' | 'memory'): number => {
    const capacity = node.capacity[name]
    return capacity === 0 ? 0 : mulDiv(Math.max(0, capacity - committed[name]), 2 ** 16, capacity)
  }
  return balancedFit(left('cpu'), left('memory'))
}

function isBetter(
  a: { placed: Placed; rank: readonly number[] },
  b: { placed: Placed; rank: readonly number[] },
): boolean {
  const differing = a.rank.findIndex((value, i) => value !== b.rank[i])
  if (differing >= 0) return a.rank[differing]! < b.rank[differing]!
  return compareText(a.placed.body.id, b.placed.body.id) < 0
}
