/**
 * Which of the feasible candidates is best: balanced best-fit, in integers so that every member that explains
 * a placement computes the same. With Δ the share of a node's capacity that stays free, the score is
 * |Δcpu − Δmem| + (Δcpu + Δmem) / 10: a full node before an empty one, and above all none with one kind of
 * resource left over that nothing can use. In a fill with mixed sizes it refused the first slot at 96 %
 * with 16 candidates; the sum of the leftovers alone refuses at 59 %, the least loaded node first at 84 %.
 *
 * Wishes about the job's other slots come first, as higher digits of the same number: spread over an
 * attribute, then (services) as few slots of a job on one node as possible. A batch is only packed. That the
 * slot has failed on a node counts as much as one more slot in its part of a spread.
 *
 * Once jobs with GPUs are known, least GPU capacity must become useless (fragmentation.ts), whether the slot
 * takes GPUs or only the CPU that free ones need; a tenth of a device is worth a capacity of fit. Filled with
 * the tasks of a real GPU cluster, 5 % of the GPUs stay unallocated with it, 12 % with the fit alone, and 5 %
 * with the central scheduler from which the measure is.
 */
import type { MemberId } from '../base/id.ts'
import { clamp, mulDiv } from '../base/integer.ts'
import { limits } from '../limits.ts'
import { attributeOf } from './attribute.ts'
import type { Candidate, Wish } from './feasibility.ts'
import { fragmentationGrowth } from './fragmentation.ts'
import type { Occupancy } from './occupancy.ts'
import type { Resources } from './resources.ts'

/** One whole capacity. */
const one = 2 ** 16
/** A node with free devices is kept for those who need one, unless it fits better by half a capacity. */
export const idleDevices = 2 ** 15
/** Of fragmentation: 20 a thousandth of a device, so that 102 are as much as a capacity of fit below. */
const growthUnit = 20
/** Six devices. With the offset and 1.7 × one / 2^5 of fit it stays below 2^18. */
const growthMax = 2 ** 17 - 2 ** 13
const fitInGrowth = 2 ** 5
/** One more slot of the job on the same node outweighs any fit: at most 1.2 × one + idleDevices < 2^18. */
const sameNode = 2 ** 18
/** An affinity of weight 100 is worth 1.5 slots on the same node. */
const affinityUnit = 2 ** 12
/** A spread outweighs 10,000 slots on one node and 16 affinities. Four spreads of 10,000 slots: below 2^49. */
const sameValue = 2 ** 33

/** The lower the better. The candidate is feasible; `setbacks`: so often the slot has failed there. */
export function scoreOf(
  wish: Wish,
  candidate: Candidate,
  occupancy: Occupancy,
  setbacks = 0,
): number {
  const { member } = candidate
  const preferred = preference(wish, candidate, occupancy)
  return fitOf(wish, candidate) + burdenOf(wish, member, occupancy, setbacks) + preferred
}

/** What the job's own slots on the member weigh, and those that have failed there. */
export function burdenOf(
  { spec }: Wish,
  member: MemberId,
  occupancy: Occupancy,
  setbacks: number,
): number {
  const crowd = spec.type === 'batch' ? 0 : sameNode * occupancy.on(member)
  return crowd + sameValue * setbacks
}

function fitOf(wish: Wish, candidate: Candidate): number {
  const { node, free } = candidate
  const { need, gpuKinds } = wish
  if (node === undefined) return one
  const { capacity } = node
  const cpu = free.cpu - need.cpu
  const memory = free.memory - need.memory
  const idle = need.gpu === 0 && free.gpu > 0 ? idleDevices : 0
  const balanced = fitOfLeft(cpu, capacity.cpu, memory, capacity.memory)
  if (gpuKinds.length === 0) return balanced + idle
  const fit = free.gpu === 0 ? balanced : meanLeft(free, need, capacity)
  return growthOf(wish, candidate) + Math.floor((fit + idle) / fitInGrowth)
}

function meanLeft(free: Resources, need: Resources, capacity: Resources): number {
  const left = (name: 'cpu' | 'memory' | 'gpu'): number =>
    leftover(free[name] - need[name], capacity[name])
  return Math.floor((left('cpu') + left('memory') + left('gpu')) / 3)
}

/** From 0 up, because fragmentation can shrink. */
function growthOf({ need, gpuKinds }: Wish, candidate: Candidate): number {
  const growth = growthUnit * fragmentationGrowth(need, candidate, gpuKinds)
  return clamp(growth, -growthMax, growthMax) + growthMax
}

/** Of two leftovers in 1/2^16 of a capacity. */
export function balancedFit(cpu: number, memory: number): number {
  return Math.abs(cpu - memory) + Math.floor((cpu + memory) / 10)
}

/** What stays free of two capacities, in numbers of their own units. */
export function fitOfLeft(
  cpu: number,
  cpuCapacity: number,
  memory: number,
  memoryCapacity: number,
): number {
  return balancedFit(leftover(cpu, cpuCapacity), leftover(memory, memoryCapacity))
}

function leftover(amount: number, capacity: number): number {
  return capacity === 0 ? 0 : mulDiv(Math.max(0, amount), one, capacity)
}

function preference(wish: Wish, { member, node }: Candidate, occupancy: Occupancy): number {
  const { spread, affinities } = wish.spec
  if (node === undefined || (spread.length === 0 && affinities.length === 0)) return 0
  let sum = 0
  for (const { attribute } of spread) {
    const value = attributeOf(attribute, member, node)
    // A node without the attribute belongs to no group: taken only where no group has room.
    sum += sameValue * (value === undefined ? limits.slotsPerJob : occupancy.at(attribute, value))
  }
  for (const { attribute, value, weight } of affinities)
    if (attributeOf(attribute, member, node) === value) sum -= affinityUnit * weight
  return sum
}
