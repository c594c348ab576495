/**
 * Whether the others could take what a node runs if it were lost too: its slots one after the other, the largest
 * first, each to the node with the best score, by the rules of placement. Each job's slots are asked to go where they
 * may; that a smaller one might have to give way is not tried.
 */
import { compareText, type MemberId } from '../../protocol/base/id.ts'
import { isLive } from '../../protocol/placement/allocation.ts'
import {
  type Candidate,
  groupsOf,
  refusalOf,
  type Wish,
  wishOf,
} from '../../protocol/placement/feasibility.ts'
import type { JobSpec } from '../../protocol/placement/job.ts'
import { Occupancy } from '../../protocol/placement/occupancy.ts'
import { noResources, type Resources, subtract } from '../../protocol/placement/resources.ts'
import { scoreOf } from '../../protocol/placement/score.ts'
import type { AllocationView, NodeView } from '../../protocol/view.ts'
import { whatIfLimits as limits } from '../limits.ts'
import type { Simulator } from '../simulator.ts'

export interface Loss {
  readonly node: string
  /** That fit nowhere else. */
  readonly slots: number
}

interface Scene {
  readonly nodes: readonly NodeView[]
  readonly seats: readonly AllocationView[]
  readonly specs: ReadonlyMap<string, JobSpec>
  readonly now: number
}

/** Nodes whose loss could not be made good, by name; none where the look would take too long. */
export function unabsorbed(simulator: Simulator): Loss[] {
  const view = simulator.up()[0]!.core.view()
  const nodes = view.nodes().filter(({ state }) => state === 'alive')
  const specs = new Map(view.jobs().map(({ id, spec }) => [id, spec]))
  const seats = view
    .allocations()
    .filter(({ state, body }) => state !== 'lost' && isLive(state) && specs.has(body.job))
  if (seats.length * nodes.length > limits.absorptionLooks) return []
  const now = simulator.epochMs + Math.floor(simulator.nowUs / 1000)
  const scene = { nodes, seats, specs, now }
  return nodes.flatMap(({ id, body }) => {
    const slots = homeless(id, scene)
    return slots === 0 ? [] : [{ node: body?.name ?? id, slots }]
  })
}

function homeless(lost: MemberId, { nodes, seats, specs, now }: Scene): number {
  const left = nodes.filter(({ id }) => id !== lost)
  const free = new Map(left.map((node) => [node.id, freeOf(node)]))
  const bodies = new Map(left.map(({ id, body }) => [id, body]))
  const moving = seats
    .filter(({ member, body }) => member === lost && specs.get(body.job)!.type !== 'system')
    .sort(byUrgencyAndSize(specs))
  const occupancies = new Map<string, Occupancy>()
  for (const { body } of moving) {
    const spec = specs.get(body.job)!
    if (!occupancies.has(spec.id))
      occupancies.set(spec.id, new Occupancy(spec, (member) => bodies.get(member)))
  }
  for (const { member, body } of seats) if (member !== lost) occupancies.get(body.job)?.add(member)
  let count = 0
  for (const { body } of moving) {
    const spec = specs.get(body.job)!
    const candidates = left.map((node) => candidateOf(node, free))
    const wish = wishOf(
      spec,
      groupsOf(spec, () => candidates),
    )
    const occupancy = occupancies.get(spec.id)!
    const best = bestOf(candidates, { wish, occupancy, now })
    if (best === undefined) count++
    else {
      free.set(best, subtract(free.get(best)!, wish.need))
      occupancy.add(best)
    }
  }
  return count
}

interface Wanted {
  readonly wish: Wish
  readonly occupancy: Occupancy
  readonly now: number
}

function bestOf(
  candidates: readonly Candidate[],
  { wish, occupancy, now }: Wanted,
): MemberId | undefined {
  let best: { member: MemberId; score: number } | undefined
  for (const candidate of candidates) {
    if (refusalOf(wish, candidate, occupancy, now) !== undefined) continue
    const score = scoreOf(wish, candidate, occupancy)
    if (best === undefined || score < best.score) best = { member: candidate.member, score }
  }
  return best?.member
}

function candidateOf(
  { id, state, body, draining }: NodeView,
  free: ReadonlyMap<MemberId, Resources>,
): Candidate {
  return { member: id, state, node: body, draining, free: free.get(id)! }
}

function freeOf({ body, committed }: NodeView): Resources {
  return subtract(body?.capacity ?? noResources, committed)
}

function byUrgencyAndSize(specs: ReadonlyMap<string, JobSpec>) {
  const size = ({ body }: AllocationView) => body.resources.cpu + body.resources.memory
  const priority = ({ body }: AllocationView) => specs.get(body.job)!.priority
  return (a: AllocationView, b: AllocationView): number =>
    priority(b) - priority(a) || size(b) - size(a) || compareText(a.body.id, b.body.id)
}
