/**
 * The place-requests of this steward that are under way, what they hold of their candidates until those
 * answer, and who has lately declined which slot. A candidate that declines or stays silent is passed over
 * for a while, longer each time and never by the same time twice, so that stewards that compete do not meet
 * again and again.
 *
 * An ask that was accepted stays until its allocation shows in the records: without it, a record that is
 * late would have the slot placed twice.
 *
 * How long an answer may take is learned from the answers, late ones too, and how many are awaited at once follows
 * from it (Jacobson and Karels, SIGCOMM 1988, section 3). With a fixed second and 256 at once, a hundred slots on
 * fifty overloaded agents were each asked for twice, which overloaded them for good.
 */

import { Deadlines } from '../base/deadline.ts'
import type { AllocationId, JobId, MemberId, Millis } from '../base/id.ts'
import { Patience } from '../base/patience.ts'
import type { Random } from '../base/random.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import { limits } from '../limits.ts'
import { add, noResources, type Resources, subtract } from './resources.ts'

export interface Ask {
  readonly id: AllocationId
  readonly job: JobId
  readonly slot: number
  readonly member: MemberId
  readonly need: Resources
}

export interface Avoided {
  readonly until: Millis
  readonly times: number
  readonly reason: string
  /** It did not say so itself: no answer came, or it is gone. */
  readonly isSilent: boolean
}

/** Why a member is passed over from now on. */
export type Setback = Pick<Avoided, 'reason' | 'isSilent'>

/** What is remembered of one job while something of it is under way. */
interface JobAsks {
  readonly slots: Map<number, Ask>
  readonly avoided: Map<number, Map<MemberId, Avoided>>
}

const doublingsMax = 5
/** Whoever declines is passed over so long at first: others are asked meanwhile. */
const declinePauseMs = 1000

export class Asks {
  readonly #config: Config
  readonly #random: Random
  readonly #asks = new SparseMap<AllocationId, Ask>()
  readonly #accepted = new SparseSet<AllocationId>()
  readonly #jobs = new SparseMap<JobId, JobAsks>()
  readonly #reserved = new SparseMap<MemberId, Resources>()
  readonly #deadlines = new Deadlines()
  readonly #patience = new Patience()
  /** When each ask was sent whose answer has not come, given up or not. */
  readonly #sentAt = new SparseMap<AllocationId, Millis>()
  #window: number = limits.pendingPlacementsAtFirst
  #nextCutAt: Millis = 0

  constructor(config: Config, random: Random) {
    this.#config = config
    this.#random = random
  }

  get isFull(): boolean {
    return this.#asks.size - this.#accepted.size >= this.#window
  }

  get(id: AllocationId): Ask | undefined {
    return this.#asks.get(id)
  }

  isAccepted(ask: Ask): boolean {
    return this.#accepted.has(ask.id)
  }

  add(ask: Ask, now: Millis): void {
    this.#asks.set(ask.id, ask)
    this.#jobAsks(ask.job).slots.set(ask.slot, ask)
    this.#reserve(ask.member, add(this.reserved(ask.member), ask.need))
    this.#noteSent(ask.id, now)
    this.#deadlines.set(ask.id, now + this.#timeoutMs())
  }

  /** An answer has come, for an ask that is awaited or for one that was given up. */
  noteAnswer(id: AllocationId, now: Millis): void {
    const sentAt = this.#sentAt.get(id)
    if (sentAt === undefined) return
    this.#sentAt.delete(id)
    this.#patience.observe(now - sentAt)
    this.#window = Math.min(limits.pendingPlacements, this.#window + 1)
  }

  /** Slots that are asked for, or accepted and not yet seen. */
  slotsOf(job: JobId): ReadonlyMap<number, Ask> {
    return this.#jobs.get(job)?.slots ?? noSlots
  }

  /** What requests under way will take of the member. */
  reserved(member: MemberId): Resources {
    return this.#reserved.get(member) ?? noResources
  }

  /** The member has it: nothing is held any more, since its availability and its record count it. */
  accept(ask: Ask, now: Millis): void {
    this.#release(ask)
    this.#accepted.add(ask.id)
    this.#jobs.get(ask.job)?.avoided.delete(ask.slot)
    this.#deadlines.set(ask.id, now + this.#config.waitingRetryMs)
  }

  /** Over: its allocation shows in the records, or was given up. */
  close(ask: Ask): void {
    if (!this.#accepted.delete(ask.id)) this.#release(ask)
    this.#asks.delete(ask.id)
    this.#deadlines.clear(ask.id)
    const of = this.#jobs.get(ask.job)
    if (of?.slots.get(ask.slot) === ask) of.slots.delete(ask.slot)
    this.#prune(ask.job)
  }

  /** Passes over the member that was asked, for its slot. */
  avoid({ job, slot, member }: Ask, setback: Setback, now: Millis): void {
    const { avoided } = this.#jobAsks(job)
    const members = avoided.get(slot) ?? new Map<MemberId, Avoided>()
    avoided.set(slot, members)
    const times = Math.min((members.get(member)?.times ?? 0) + 1, doublingsMax)
    const pauseMs = Math.min(declinePauseMs * 2 ** (times - 1), this.#config.waitingRetryMs)
    const until = now + pauseMs + 1 + this.#random.below(pauseMs)
    members.set(member, { ...setback, until, times })
  }

  /** Until when and why the member is passed over for the slot; undefined when it is not. */
  avoided(job: JobId, slot: number, member: MemberId, now: Millis): Avoided | undefined {
    const avoided = this.#jobs.get(job)?.avoided.get(slot)?.get(member)
    return avoided !== undefined && now < avoided.until ? avoided : undefined
  }

  /** Members that have declined the slot since it was last placed. */
  declines(job: JobId, slot: number): number {
    return this.#jobs.get(job)?.avoided.get(slot)?.size ?? 0
  }

  /** Nothing of the job is being placed any more: those who declined are forgiven. */
  forgive(job: JobId): void {
    this.#jobs.get(job)?.avoided.clear()
    this.#prune(job)
  }

  /** The job is not ours any more, or no more at all. Returns what was under way. */
  forget(job: JobId): Ask[] {
    const asks = [...this.slotsOf(job).values()]
    for (const ask of asks) this.close(ask)
    this.#jobs.delete(job)
    return asks
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** An ask without an answer, or one whose allocation did not show. */
  takeDue(now: Millis): Ask | undefined {
    for (
      let id = this.#deadlines.takeDue(now);
      id !== undefined;
      id = this.#deadlines.takeDue(now)
    ) {
      const ask = this.#asks.get(id)
      if (ask === undefined) continue
      if (!this.#accepted.has(id)) this.#noteSilence(now)
      return ask
    }
    return undefined
  }

  /** No answer came: fewer are asked at once, half as many for one wave of silence. */
  #noteSilence(now: Millis): void {
    if (now < this.#nextCutAt) return
    this.#nextCutAt = now + this.#timeoutMs()
    this.#window = Math.max(limits.pendingPlacementsAtLeast, this.#window >> 1)
  }

  get isEmpty(): boolean {
    return this.#asks.size === 0
  }

  awaitedFrom(member: MemberId): Ask[] {
    return [...this.#asks.values()].filter(
      (ask) => ask.member === member && !this.#accepted.has(ask.id),
    )
  }

  #timeoutMs(): Millis {
    return this.#patience.atLeast(this.#config.placementTimeoutMs)
  }

  #noteSent(id: AllocationId, now: Millis): void {
    this.#sentAt.set(id, now)
    if (this.#sentAt.size <= limits.pendingPlacements + limits.lateAnswersRemembered) return
    for (const oldest of this.#sentAt.keys()) {
      this.#sentAt.delete(oldest)
      return
    }
  }

  #jobAsks(job: JobId): JobAsks {
    let of = this.#jobs.get(job)
    if (of === undefined) {
      of = { slots: new Map(), avoided: new Map() }
      this.#jobs.set(job, of)
    }
    return of
  }

  #release(ask: Ask): void {
    this.#reserve(ask.member, subtract(this.reserved(ask.member), ask.need))
  }

  #reserve(member: MemberId, held: Resources): void {
    if (held.cpu + held.memory + held.disk + held.gpu === 0) this.#reserved.delete(member)
    else this.#reserved.set(member, held)
  }

  #prune(job: JobId): void {
    const of = this.#jobs.get(job)
    if (of?.slots.size === 0 && of.avoided.size === 0) this.#jobs.delete(job)
  }
}

const noSlots: ReadonlyMap<number, Ask> = new Map()
