/**
 * Finds members for the slots of one job and asks them, within what one step may cost. What fits nowhere is
 * told with the reason; what could not be asked just now, because everyone who might take it has lately
 * declined, is told with the time of the next try.
 */
import type { BigMaps } from '../base/big-map.ts'
import type { AllocationId, JobId, MemberId, Millis } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import { isLive } from './allocation.ts'
import type { Asks } from './asks.ts'
import type { Availability } from './availability.ts'
import { Departures } from './departures.ts'
import type { Fate } from './fate.ts'
import { type Candidate, type Refusal, refusalOf, type Wish } from './feasibility.ts'
import type { Inventory, Job } from './inventory.ts'
import type { PlaceRequest, StopRequest } from './message.ts'
import { Occupancy } from './occupancy.ts'
import { ofSlot } from './placed-list.ts'
import type { PlacementRing } from './placement-ring.ts'
import type { Placement, Reconciliation, Replacement, Stop } from './reconcile.ts'
import { noResources, type Resources, subtract } from './resources.ts'
import { reasonOf } from './rollout.ts'
import type { Search } from './search.ts'
import { Seating } from './seating.ts'
import { Vacancies } from './vacancies.ts'
import { shapeOf, type WaitingRoom } from './waiting-room.ts'
import type { World } from './world.ts'

export interface StewardHooks {
  /** The freshest that is known, else undefined. */
  availability(member: MemberId): Availability | undefined
  /** The job's spec and count records, to attach to a place-request. */
  records(job: JobId): readonly unknown[]
  /** A request to this member itself: effects never address self. */
  askSelf(request: PlaceRequest | StopRequest, now: Millis, out: EffectSink): void
}

export interface StewardInit {
  readonly config: Config
  readonly world: World
  readonly inventory: Inventory
  readonly random: Random
  readonly maps?: BigMaps | undefined
  readonly hooks: StewardHooks
}

export interface Seated {
  /** Why the first slot that found no seat found none. */
  readonly waitsBecause: string | undefined
  /** Everyone refused; else some were only passed over. */
  readonly isRefused: boolean
  /** When one that was passed over may be asked again. */
  readonly retryAt: Millis | undefined
  /** An old allocation that has to make room for its successor. */
  readonly stop: Stop | undefined
  /** The step's budget ended first. */
  readonly isUnfinished: boolean
  readonly seating: Seating
  /** Candidates looked at. */
  readonly seen: number
}

/** 4^5 is more than all candidates. */
const wideningsMax = 5

type Wanted = Placement & Partial<Pick<Replacement, 'old' | 'cause' | 'mayStopFirst'>>

interface Unseated {
  readonly because: string
  readonly isRefused: boolean
  /** Everyone has said no, or is known to have no room: who did not answer may have it after all. */
  readonly hasNoRoom: boolean
  readonly retryAt: Millis | undefined
}

/** One job's turn. */
export interface Turn {
  readonly job: Job
  readonly ring: PlacementRing
  readonly fateOf: (member: MemberId) => Fate
  /** Candidates that may be looked at. */
  readonly budget: number
  readonly now: Millis
  readonly out: EffectSink
}

export class Seater {
  readonly #init: StewardInit
  readonly #asks: Asks
  readonly #room: WaitingRoom
  readonly #vacancies = new Vacancies((member) => this.#known(member))
  readonly #departures: Departures

  constructor(init: StewardInit, asks: Asks, room: WaitingRoom) {
    this.#init = init
    this.#departures = new Departures(init.config, init.inventory)
    this.#asks = asks
    this.#room = room
  }

  /** Something that makes these members fit or not may have changed. */
  note(members: readonly MemberId[]): void {
    for (const member of members) this.#vacancies.note(member)
  }

  /** A member is gone, or is to be left. */
  noteDeparture(now: Millis): void {
    this.#departures.note(now)
  }

  /** Whether a member could take a slot, wherever the job's other slots are. */
  fits(wish: Wish, member: MemberId, now: Millis): boolean {
    const nowhere = new Occupancy(wish.spec, () => undefined)
    return refusalOf(wish, this.#candidate(member), nowhere, now) === undefined
  }

  seatingFor({ job, ring, fateOf, now }: Pick<Turn, 'job' | 'ring' | 'fateOf' | 'now'>): Seating {
    const { config, world, inventory } = this.#init
    const reserved = this.#reservedAt(now)
    const seating = new Seating({
      job,
      config,
      world,
      inventory,
      ring,
      vacancies: this.#vacancies,
      candidate: (member) => this.#candidate(member, reserved(member)),
      reserved,
      now,
    })
    for (const { member, body } of inventory.allocationsOf(job.id))
      if (isLive(body.state) && fateOf(member).type !== 'lost') seating.occupancy.add(member)
    for (const { id, member } of this.#asks.slotsOf(job.id).values())
      if (inventory.allocation(id) === undefined) seating.occupancy.add(member)
    return seating
  }

  /** What is known of a member, as if no request of ours were under way. */
  #known(member: MemberId): Candidate {
    const { world, inventory, hooks } = this.#init
    const node = inventory.node(member)
    const known = hooks.availability(member)
    const capacity = known?.capacity ?? node?.capacity ?? noResources
    const committed = atLeast(inventory.committed(member), known?.committed)
    return {
      member,
      state: world.stateOf(member),
      node,
      draining: inventory.isDraining(member),
      free: subtract(capacity, committed),
    }
  }

  #candidate(member: MemberId, reserved = this.#asks.reserved(member)): Candidate {
    const known = this.#known(member)
    return { ...known, free: subtract(known.free, reserved) }
  }

  /** What our requests under way hold of a member, less what is not to count. */
  #reservedAt(now: Millis): (member: MemberId) => Resources {
    const others = this.#departures.placedByOthers(now)
    if (others === undefined) return (member) => this.#asks.reserved(member)
    return (member) => {
      const placed = others(member)
      const reserved = this.#asks.reserved(member)
      return placed === noResources ? reserved : subtract(reserved, placed)
    }
  }

  seat({ place, replace }: Pick<Reconciliation, 'place' | 'replace'>, turn: Turn): Seated {
    const seating = this.seatingFor(turn)
    let first: Unseated | undefined
    let stop: Stop | undefined
    let isUnfinished = false
    let seen = 0
    for (const wanted of [...place, ...replace] as Wanted[]) {
      isUnfinished = this.#asks.isFull || seen >= turn.budget
      if (isUnfinished) break
      const result = this.#seatOne(wanted, seating, turn)
      seen += result.seen
      if (result.unseated === undefined) continue
      first ??= result.unseated
      // One at a time: the next turn sees that this slot is without its allocation.
      const mayStop = wanted.mayStopFirst && result.unseated.hasNoRoom
      if (mayStop && wanted.old && wanted.cause)
        stop ??= { placed: wanted.old, reason: reasonOf(wanted.cause) }
    }
    const { because: waitsBecause, isRefused = false, retryAt } = first ?? {}
    return { waitsBecause, isRefused, retryAt, stop, isUnfinished, seating, seen }
  }

  #seatOne(
    wanted: Wanted,
    seating: Seating,
    turn: Turn,
  ): { seen: number; unseated?: Unseated | undefined } {
    const { job, now } = turn
    const because = this.#room.refusalOf(shapeOf(job, seating.wish))
    if (because !== undefined) return { seen: 1, unseated: refused(because) }
    const declines = this.#asks.declines(job.id, wanted.slot)
    const passedOver = new PassedOver(this.#asks, { job: job.id, slot: wanted.slot, now })
    const skips = declines === 0 ? undefined : (member: MemberId) => passedOver.has(member)
    const { old } = wanted
    if (old) seating.occupancy.remove(old.member)
    const search = seating.search(wanted.slot, skips)
    const unseated = search.isEmpty ? passedOver.outcome(seating) : undefined
    if (old) seating.occupancy.add(old.member)
    const chosen = this.#choose(search, declines)
    if (chosen !== undefined) this.#ask(wanted, chosen, seating, turn)
    return { seen: search.seen, unseated }
  }

  /**
   * The best, unless it turned out that others want the same: then any of the best 4, 16, …. When 200 jobs
   * come to 20 nodes at once, it takes 3 asks a job; with the best each time it takes 8.
   */
  #choose(search: Search, declines: number): MemberId | undefined {
    if (declines === 0 || search.isEmpty) return search.best()
    const found = search.ranked()
    const among = Math.min(found.length, 4 ** Math.min(declines, wideningsMax))
    return found[this.#init.random.below(among)]?.member
  }

  #ask({ slot, failures, old }: Wanted, member: MemberId, seating: Seating, turn: Turn): void {
    const { job, now, out } = turn
    const { random, hooks, world } = this.#init
    const id: AllocationId = `${job.id}.${slot}.${random.hex(8)}`
    this.#departures.asked(id, now)
    this.#asks.add({ id, job: job.id, slot, member, need: seating.wish.need }, now)
    seating.occupancy.add(member)
    const request: PlaceRequest = {
      type: 'place-request',
      job: job.id,
      slot,
      version: job.version,
      essence: job.essence,
      allocation: id,
      failures,
      replaces: old?.body.id ?? null,
      over: this.#over(slot, turn),
      records: [...hooks.records(job.id)],
    }
    if (member === world.self) hooks.askSelf(request, now, out)
    else out.push({ type: 'send', to: member, message: request })
  }

  #over(slot: number, { job, fateOf }: Turn): AllocationId[] {
    const earlier = ofSlot(this.#init.inventory.allocationsOf(job.id), slot)
    return earlier
      .filter(({ member, body }) => !isLive(body.state) || fateOf(member).type === 'lost')
      .slice(-limits.endedPerJob)
      .map(({ body }) => body.id)
  }
}

/** Members that declined the slot a moment ago. */
class PassedOver {
  readonly #asks: Asks
  readonly #slot: { readonly job: JobId; readonly slot: number; readonly now: Millis }
  #retryAt: Millis | undefined
  #reason: string | undefined
  #isAnySilent = false

  constructor(asks: Asks, slot: { job: JobId; slot: number; now: Millis }) {
    this.#asks = asks
    this.#slot = slot
  }

  has(member: MemberId): boolean {
    const { job, slot, now } = this.#slot
    const avoided = this.#asks.avoided(job, slot, member, now)
    if (avoided === undefined) return false
    if (this.#retryAt === undefined || avoided.until < this.#retryAt) this.#retryAt = avoided.until
    this.#reason ??= avoided.reason
    this.#isAnySilent ||= avoided.isSilent
    return true
  }

  outcome(seating: Seating): Unseated {
    if (this.#retryAt === undefined) return refused(summaryOf(seating.refusals()))
    const because = `declined: ${this.#reason}`
    const hasNoRoom = !this.#isAnySilent
    return { because, isRefused: false, hasNoRoom, retryAt: this.#retryAt }
  }
}

function refused(because: string): Unseated {
  return { because, isRefused: true, hasNoRoom: true, retryAt: undefined }
}

/** Without counts, so that the reason stays the same while nodes come and go. */
function summaryOf(refusals: ReadonlySet<Refusal>): string {
  if (refusals.size === 0) return 'no node is known'
  return `no node fits: ${[...refusals].map(nameOf).sort().join(', ')}`
}

function nameOf(refusal: Refusal): string {
  if (typeof refusal === 'string') return refusal
  const { attribute, operator, value } = refusal
  return value === undefined ? `${attribute} ${operator}` : `${attribute} ${operator} ${value}`
}

function atLeast(a: Resources, b: Resources | undefined): Resources {
  if (b === undefined) return a
  return {
    cpu: Math.max(a.cpu, b.cpu),
    memory: Math.max(a.memory, b.memory),
    disk: Math.max(a.disk, b.disk),
    gpu: Math.max(a.gpu, b.gpu),
  }
}
