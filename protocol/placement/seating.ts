/**
 * The search for a seat: everything that is the same for all slots of one job in one step, prepared once
 * (what a slot needs, where the job's other slots are), and then the walk for each slot. The steward acts on
 * the result and `why` prints it, so both show the same thing.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { Config } from '../config.ts'
import {
  type Candidate,
  type GroupedNode,
  groupsOf,
  type Refusal,
  refusalOf,
  type Wish,
  wishOf,
} from './feasibility.ts'
import type { Inventory, Job } from './inventory.ts'
import { Occupancy } from './occupancy.ts'
import { keyOfSlot, type PlacementRing } from './placement-ring.ts'
import type { Resources } from './resources.ts'
import { burdenOf, scoreOf } from './score.ts'
import { Search } from './search.ts'
import { type Setbacks, setbacksOf } from './setbacks.ts'
import type { Vacancies } from './vacancies.ts'
import type { World } from './world.ts'

export interface SeatingInit {
  readonly job: Job
  readonly config: Pick<Config, 'candidates' | 'candidatesSpilled'>
  readonly world: World
  readonly inventory: Inventory
  readonly ring: PlacementRing
  readonly vacancies: Vacancies
  readonly candidate: (member: MemberId) => Candidate
  /** What our requests under way hold of a member. */
  readonly reserved: (member: MemberId) => Resources
  readonly now: Millis
}

export class Seating {
  readonly wish: Wish
  readonly occupancy: Occupancy
  readonly #init: SeatingInit
  readonly #setbacks: Setbacks

  constructor(init: SeatingInit) {
    const { job, inventory } = init
    this.#init = init
    this.#setbacks = setbacksOf(job, inventory.allocationsOf(job.id))
    this.wish = wishOf(
      job.spec,
      groupsOf(job.spec, () => nodesOf(init)),
      inventory.gpuKinds(),
    )
    this.occupancy = new Occupancy(job.spec, (member) => inventory.node(member))
  }

  /** `skips` passes over members that are not to be asked now. */
  search(slot: number, skips?: (member: MemberId) => boolean): Search {
    const { job, config } = this.#init
    const { wish, occupancy } = this
    return new Search({
      ...this.#init,
      key: keyOfSlot(job.id, slot),
      wish,
      breadth: config,
      skips,
      burden: (member) => burdenOf(wish, member, occupancy, this.#setbacks(slot, member)),
      judge: (member) => this.#judge(member, slot),
    })
  }

  /** Why those on the ring who cannot take a slot cannot. */
  refusals(): ReadonlySet<Refusal> {
    const refusals = new Set<Refusal>()
    for (const member of this.#init.ring.members) {
      const refusal = this.refusal(this.candidate(member))
      if (refusal !== undefined) refusals.add(refusal)
    }
    return refusals
  }

  candidate(member: MemberId): Candidate {
    return this.#init.candidate(member)
  }

  refusal(candidate: Candidate): Refusal | undefined {
    return refusalOf(this.wish, candidate, this.occupancy, this.#init.now)
  }

  score(candidate: Candidate, slot: number): number {
    const setbacks = this.#setbacks(slot, candidate.member)
    return scoreOf(this.wish, candidate, this.occupancy, setbacks)
  }

  #judge(member: MemberId, slot: number): number | undefined {
    const candidate = this.candidate(member)
    return this.refusal(candidate) === undefined ? this.score(candidate, slot) : undefined
  }
}

function* nodesOf({ world, inventory }: SeatingInit): Generator<GroupedNode> {
  for (const member of world.present())
    yield { member, node: inventory.node(member), draining: inventory.isDraining(member) }
}
