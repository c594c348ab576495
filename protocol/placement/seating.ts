/**
 * The search for a seat: everything that is the same for all slots of one job in one step, prepared once
 * (what a slot needs, where the job's other slots are), and then the walk for each slot. The steward acts on
 * the result and `why` prints it, so both show the same thing.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { Config } from '../config.ts'
import { attributeOf } from './attribute.ts'
import { findCandidates, type Scored } from './candidates.ts'
import { type Candidate, type Refusal, refusalOf, type Wish, wishOf } from './feasibility.ts'
import type { Inventory, Job } from './inventory.ts'
import { Occupancy } from './occupancy.ts'
import { keyOfSlot, type PlacementRing } from './placement-ring.ts'
import type { Resources } from './resources.ts'
import { scoreOf } from './score.ts'
import { type Setbacks, setbacksOf } from './setbacks.ts'
import type { World } from './world.ts'

export interface SeatingInit {
  readonly job: Job
  readonly config: Pick<Config, 'candidates' | 'candidatesSpilled'>
  readonly world: World
  readonly inventory: Inventory
  readonly ring: PlacementRing
  readonly free: (member: MemberId) => Resources
  readonly now: Millis
}

export interface Search {
  /** Best first. */
  readonly found: readonly Scored[]
  /** How many members said what, where nobody was found. */
  readonly refusals: ReadonlyMap<Refusal, number>
  /** Members looked at. */
  readonly seen: number
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
    this.wish = wishOf(job.spec, groupsOf(init), inventory.gpuKinds())
    this.occupancy = new Occupancy(job.spec, (member) => inventory.node(member))
  }

  /** `skips` passes over members that are not to be asked now. */
  search(slot: number, skips: (member: MemberId) => boolean): Search {
    const { job, ring, config } = this.#init
    const refusals = new Map<Refusal, number>()
    let seen = 0
    const score = (member: MemberId): number | undefined => {
      seen += 1
      if (skips(member)) return undefined
      const candidate = this.candidate(member)
      const refusal = this.refusal(candidate)
      if (refusal === undefined) return this.score(candidate, slot)
      refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1)
      return undefined
    }
    const found = findCandidates(ring.walk(keyOfSlot(job.id, slot)), score, config)
    return { found, refusals, seen }
  }

  candidate(member: MemberId): Candidate {
    const { world, inventory, free } = this.#init
    return {
      member,
      state: world.stateOf(member),
      node: inventory.node(member),
      draining: inventory.isDraining(member),
      free: free(member),
    }
  }

  refusal(candidate: Candidate): Refusal | undefined {
    return refusalOf(this.wish, candidate, this.occupancy, this.#init.now)
  }

  score(candidate: Candidate, slot: number): number {
    const setbacks = this.#setbacks(slot, candidate.member)
    return scoreOf(this.wish, candidate, this.occupancy, setbacks)
  }
}

/** Only `group-by` has to know all values; for other jobs this looks at no node. */
function groupsOf({ job, world, inventory }: SeatingInit): Wish['groups'] {
  const groups = new Map<string, Set<string>>()
  for (const { operator, attribute } of job.spec.constraints) {
    if (operator !== 'group-by') continue
    const values = new Set<string>()
    for (const member of world.present()) {
      const node = inventory.node(member)
      const value = node && attributeOf(attribute, member, node)
      if (value !== undefined && !inventory.isDraining(member)) values.add(value)
    }
    groups.set(attribute, values)
  }
  return groups
}
