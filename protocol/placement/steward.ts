/**
 * The side that decides: it looks after the jobs whose steward this member is. Whatever changes, a record, a
 * member, someone's availability, only puts the jobs concerned on the work queue; the work itself is to
 * reconcile a job, ask members for its slots and wait for what cannot be done now. A steward stores nothing
 * that its successor would miss: all that counts is in the allocations' records.
 *
 * Safety does not rest here. Two stewards of one job, or one with an old view, cost messages and at worst a
 * duplicate that everybody sees and resolves alike; a member never admits more than it has.
 */

import { Deadlines, earliest } from '../base/deadline.ts'
import { type AllocationId, type JobId, type MemberId, type Millis, millisOf } from '../base/id.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import type { PastUpdate } from '../membership/member.ts'
import type { WhyView } from '../view.ts'
import { type Ask, Asks, type Setback } from './asks.ts'
import { Absences, type Fate, fatesFor } from './fate.ts'
import type { Wish } from './feasibility.ts'
import { FollowedMembers } from './followed-members.ts'
import type { InventoryChange, Job } from './inventory.ts'
import type { PlaceResponse } from './message.ts'
import { type Reconciliation, reconcile } from './reconcile.ts'
import type { Resources } from './resources.ts'
import { Seater, type StewardInit, type Turn } from './seater.ts'
import { bornAt, Settling } from './settling.ts'
import { Stewardship } from './stewardship.ts'
import { StopRequests } from './stop-requests.ts'
import { byUrgency, WaitingRoom } from './waiting-room.ts'
import { explainJob, explainSystemJob } from './why.ts'
import { WorkQueue } from './work-queue.ts'

/** A job of 10,000 slots takes 2 ms to reconcile: at most once in 156 ms, then, however fast answers come. */
const slotsPerMs = 64

export class Steward {
  readonly #init: StewardInit
  readonly stewardship: Stewardship
  readonly #asks: Asks
  readonly #room = new WaitingRoom()
  readonly #seater: Seater
  readonly #settling: Settling
  readonly #absences = new Absences()
  readonly #queue = new WorkQueue()
  readonly #deadlines = new Deadlines()
  /** Members that may have more room than when slots were last refused. */
  readonly #risen = new SparseSet<MemberId>()
  readonly #stops: StopRequests
  readonly #reasonTold = new SparseMap<JobId, string>()
  readonly #pacedUntil = new SparseMap<JobId, Millis>()
  readonly #members: FollowedMembers

  constructor(init: StewardInit) {
    const { config, world, random } = init
    this.#init = init
    this.stewardship = new Stewardship(world.self, init.maps)
    this.#members = new FollowedMembers(world, init.inventory)
    this.#asks = new Asks(config, random)
    this.#seater = new Seater(init, this.#asks, this.#room)
    this.#stops = new StopRequests(init)
    this.#settling = new Settling(config)
  }

  /** What another steward knows of members and jobs; what it is doing about them is its own. */
  adopt(other: Steward): void {
    this.#members.adopt(other.#members)
    this.#settling.adopt(other.#settling)
    for (const job of this.stewardship.adopt(other.stewardship)) this.#queue.add(job)
  }

  onMembersChanged(changed: readonly MemberId[], now: Millis, _out: EffectSink): void {
    this.#begin(now)
    this.#seater.note(changed)
    for (const member of changed) {
      const state = this.#init.world.stateOf(member)
      this.#absences.note(member, state, now)
      this.#lookAtJobsOn(member)
      this.#risen.add(member)
      if (state === 'down' || state === 'left') this.#giveUpOn(member, now)
    }
    this.#work(now)
  }

  /** Members are gone that are nothing to this one (distant-deaths.ts), and none of our jobs was on them. */
  bury(deaths: readonly PastUpdate[]): void {
    for (const { update, at } of deaths) {
      this.#absences.note(update.member, update.state, at)
      this.#seater.noteDeparture(at)
    }
    const members = deaths.map(({ update }) => update.member)
    this.#seater.note(members)
    this.stewardship.bury(members)
    this.#members.skip()
  }

  /** Nothing is to be placed, or waits for room. */
  get isIdle(): boolean {
    return this.#room.isEmpty && this.#queue.isEmpty && this.#asks.isEmpty
  }

  onInventoryChanged(change: InventoryChange, now: Millis, _out: EffectSink): void {
    this.#begin(now)
    this.#seater.note(change.members)
    this.#seater.note(change.recounted)
    this.#onNodesChanged(change.members, now)
    for (const id of change.jobs) this.#onJobChanged(id, now)
    for (const id of change.allocations) this.#onAllocationChanged(id, now)
    for (const id of change.placedJobs) this.#lookAt(id)
    for (const member of change.freed) this.#risen.add(member)
    this.#work(now)
  }

  /** True if anything waits for room. */
  onAvailabilityChanged(member: MemberId, now: Millis, _out: EffectSink): boolean {
    this.#begin(now)
    this.#seater.note([member])
    if (this.#room.isEmpty) return false
    this.#risen.add(member)
    this.#work(now)
    return true
  }

  onPlaceResponse(from: MemberId, response: PlaceResponse, now: Millis, _out: EffectSink): void {
    this.#begin(now)
    this.#asks.noteAnswer(response.requested, now)
    const ask = this.#asks.get(response.requested)
    if (ask === undefined || ask.member !== from) return
    const { allocation, reason } = response
    if (allocation === null)
      this.#onDeclined(ask, { reason: reason ?? 'no reason given', isSilent: false }, now)
    else if (this.#init.inventory.allocation(allocation) !== undefined) this.#asks.close(ask)
    else this.#asks.accept(ask, now)
    this.#lookAt(ask.job)
    this.#work(now)
  }

  deadline(): Millis | undefined {
    return earliest(this.#deadlines.next(), this.#asks.deadline(), this.#stops.deadline())
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.#begin(now)
    for (const key of this.#deadlines.due(now)) this.#onDue(key)
    for (const job of this.#stops.takeDue(now)) this.#lookAt(job)
    const overdue = (): Ask | undefined => this.#asks.takeDue(now)
    for (let ask = overdue(); ask !== undefined; ask = overdue()) {
      if (this.#asks.isAccepted(ask)) this.#asks.close(ask)
      else this.#onDeclined(ask, { reason: `no answer from ${ask.member}`, isSilent: true }, now)
      this.#lookAt(ask.job)
    }
    this.#workOff(now, out)
    this.#work(now)
  }

  why(id: JobId, now: Millis): WhyView | undefined {
    const { inventory, config } = this.#init
    const job = inventory.job(id)
    if (job === undefined) return undefined
    const ring = this.stewardship.ring
    const fateOf = this.#fates(job, now)
    const explain = job.spec.type === 'system' ? explainSystemJob : explainJob
    return explain({
      job,
      steward: this.stewardOf(id),
      allocations: inventory
        .allocationsOf(id)
        .filter((each) => fateOf(each.member).type !== 'lost'),
      plan: this.#reconcile(job, fateOf, now),
      ring,
      seating: this.#seater.seatingFor({ job, ring, fateOf, now }),
      config,
      asked: (slot) => this.#asks.slotsOf(id).get(slot)?.member,
      declined: (slot, member) => this.#asks.avoided(id, slot, member, now)?.reason,
    })
  }

  /** Undefined for a system job, which each member places for itself. */
  stewardOf(job: JobId): MemberId | undefined {
    if (this.#init.inventory.job(job)?.spec.type === 'system') return undefined
    return this.stewardship.stewardOf(job)
  }

  /** The first call starts the clock; each one follows the membership. */
  #begin(now: Millis): void {
    const followed = this.#members.look()
    if (followed === undefined) return
    if (followed.hasCome) this.#settling.come(now)
    const { inventory, world } = this.#init
    const changes = new Map<MemberId, Resources | 'unknown' | undefined>()
    for (const member of followed.came)
      if (!this.stewardship.has(member))
        changes.set(member, inventory.node(member)?.capacity ?? 'unknown')
    for (const member of followed.gone) {
      changes.set(member, undefined)
      this.#absences.note(member, world.stateOf(member), now)
    }
    this.#setMembers(changes)
  }

  #setMembers(changes: ReadonlyMap<MemberId, Resources | 'unknown' | undefined>): void {
    const { gained, lost } = this.stewardship.setMembers(changes)
    for (const job of gained) this.#queue.add(job)
    for (const job of lost) this.#forget(job)
  }

  #onNodesChanged(members: readonly MemberId[], now: Millis): void {
    if (members.length === 0) return
    const { inventory } = this.#init
    const changes = new Map<MemberId, Resources | 'unknown'>()
    for (const member of members) {
      if (this.stewardship.has(member))
        changes.set(member, inventory.node(member)?.capacity ?? 'unknown')
      if (inventory.isDraining(member)) this.#seater.noteDeparture(now)
      this.#lookAtJobsOn(member)
      this.#risen.add(member)
    }
    this.#setMembers(changes)
  }

  #onJobChanged(id: JobId, now: Millis): void {
    const job = this.#init.inventory.job(id)
    if (job === undefined || job.spec.type === 'system') {
      this.stewardship.removeJob(id)
      this.#forget(id)
      return
    }
    if (!this.stewardship.hasJob(id)) this.#noteNews(id, bornAt(job), now)
    if (this.stewardship.addJob(id)) this.#queue.add(id)
  }

  #onAllocationChanged(id: AllocationId, now: Millis): void {
    const placed = this.#init.inventory.allocation(id)
    if (placed === undefined) return this.#stops.close(id)
    this.#stops.onChanged(placed.body)
    const ask = this.#asks.get(id)
    if (ask !== undefined) this.#asks.close(ask)
    this.#noteNews(placed.body.job, millisOf(placed.stamp), now)
  }

  #noteNews(job: JobId, writtenAt: Millis, now: Millis): void {
    if (!this.#members.isAlone()) this.#settling.note(job, writtenAt, now)
  }

  #giveUpOn(member: MemberId, now: Millis): void {
    this.#seater.noteDeparture(now)
    for (const ask of this.#asks.awaitedFrom(member)) {
      this.#onDeclined(ask, { reason: `${member} is gone`, isSilent: true }, now)
      this.#lookAt(ask.job)
    }
  }

  /** A member that says that it has less, or nothing: what it was thought to have is not held for it. */
  #onDeclined(ask: Ask, setback: Setback, now: Millis): void {
    this.#asks.avoid(ask, setback, now)
    this.#asks.close(ask)
    this.#risen.add(ask.member)
  }

  #lookAt(job: JobId): void {
    if (this.stewardship.isMine(job)) this.#queue.add(job)
  }

  #lookAtJobsOn(member: MemberId): void {
    for (const { body } of this.#init.inventory.allocationsOn(member)) this.#lookAt(body.job)
  }

  #onDue(key: string): void {
    const [kind, id = ''] = key.split(' ')
    if (kind === 'job') this.#lookAt(id)
    if (kind === 'sweep') for (const job of this.#room.reopen()) this.#lookAt(job)
  }

  /** Sees to it that the queue is worked off, if anything can be done about it now. */
  #work(now: Millis): void {
    if (this.#room.isEmpty) this.#risen.clear()
    const canAct = !this.#queue.isEmpty && !this.#asks.isFull
    if (canAct || this.#risen.size > 0) this.#deadlines.set('work', now)
    if (this.#room.isEmpty) this.#deadlines.clear('sweep')
    else if (!this.#deadlines.has('sweep'))
      this.#deadlines.set('sweep', now + this.#init.config.waitingRetryMs)
  }

  #workOff(now: Millis, out: EffectSink): void {
    const { inventory } = this.#init
    const inOrder = (ids: JobId[]) => byUrgency(ids.flatMap((id) => inventory.job(id) ?? []))
    let budget = limits.candidatesPerStep - this.#tellRisen(now)
    for (let jobs = 0; jobs < limits.jobsPerStep && budget > 0 && !this.#asks.isFull; jobs++) {
      const id = this.#queue.take(inOrder)
      if (id === undefined) return
      budget -= this.#advance(id, budget, now, out)
    }
  }

  /** Holds members with new room against what waits. Returns how often. */
  #tellRisen(now: Millis): number {
    let checks = 0
    const fits = (wish: Wish, member: MemberId): boolean => {
      checks += 1
      return this.#seater.fits(wish, member, now)
    }
    for (const member of this.#risen) {
      if (checks >= limits.candidatesPerStep) break
      this.#risen.delete(member)
      for (const job of this.#room.onRisen(member, fits)) this.#lookAt(job)
    }
    return checks
  }

  /** Does for the job what can be done now. Returns how many candidates were looked at. */
  #advance(id: JobId, budget: number, now: Millis, out: EffectSink): number {
    const job = this.#init.inventory.job(id)
    if (job === undefined || !this.stewardship.isMine(id)) return 0
    const notBefore = this.#settling.until(job, now) ?? this.#pacedUntil.get(id) ?? now
    if (now < notBefore) {
      this.#deadlines.set(`job ${id}`, notBefore)
      return 0
    }
    const fate = this.#fates(job, now)
    const plan = this.#reconcile(job, fate, now)
    if (job.count >= slotsPerMs) this.#pacedUntil.set(id, now + Math.floor(job.count / slotsPerMs))
    for (const stop of plan.stop) this.#stops.send(stop, now, out)
    this.#wakeAt(id, plan.wakeAt)
    if (plan.place.length > 0 || plan.replace.length > 0)
      return this.#seat(plan, { job, fateOf: fate, budget, now, out })
    this.#leaveRoom(id)
    if (this.#asks.slotsOf(id).size === 0) this.#calm(id)
    return 0
  }

  #seat(plan: Reconciliation, turn: Omit<Turn, 'ring'>): number {
    const { job, now, out } = turn
    const seated = this.#seater.seat(plan, { ...turn, ring: this.stewardship.ring })
    if (seated.stop !== undefined) this.#stops.send(seated.stop, now, out)
    if (seated.isUnfinished) this.#queue.add(job.id)
    this.#wakeAt(job.id, earliest(plan.wakeAt, seated.retryAt))
    const reason = seated.waitsBecause
    if (reason === undefined) {
      if (!seated.isUnfinished) this.#leaveRoom(job.id)
      return seated.seen
    }
    this.#room.enter(job, seated.seating.wish, seated.isRefused ? reason : undefined)
    this.#tell(job, plan, reason, out)
    return seated.seen
  }

  #tell(job: Job, plan: Reconciliation, reason: string, out: EffectSink): void {
    if (this.#reasonTold.get(job.id) === reason) return
    this.#reasonTold.set(job.id, reason)
    const slot = plan.place[0]?.slot ?? plan.replace[0]?.slot ?? 0
    out.push({ type: 'notify', notification: { type: 'slot-waiting', job: job.id, slot, reason } })
  }

  /** Nothing of the job is being placed: the next that waits is news again. */
  #calm(id: JobId): void {
    this.#asks.forgive(id)
    this.#reasonTold.delete(id)
  }

  #leaveRoom(id: JobId): void {
    const next = this.#room.leave(id)
    if (next !== undefined) this.#lookAt(next)
  }

  #wakeAt(id: JobId, at: Millis | undefined): void {
    if (at === undefined) this.#deadlines.clear(`job ${id}`)
    else this.#deadlines.set(`job ${id}`, at)
  }

  #forget(id: JobId): void {
    for (const ask of this.#asks.forget(id)) this.#risen.add(ask.member)
    this.#leaveRoom(id)
    this.#reasonTold.delete(id)
    this.#pacedUntil.delete(id)
    this.#deadlines.clear(`job ${id}`)
  }

  #reconcile(job: Job, fate: (member: MemberId) => Fate, now: Millis): Reconciliation {
    const { inventory } = this.#init
    return reconcile({
      job,
      allocations: inventory.allocationsOf(job.id),
      fateOf: fate,
      records: inventory,
      asked: this.#asks.slotsOf(job.id),
      stopping: this.#stops,
      isWaiting: this.#room.has(job.id),
      now,
    })
  }

  #fates(job: Job, now: Millis): (member: MemberId) => Fate {
    const { world, inventory, config } = this.#init
    return fatesFor(job.spec.lostAfter, { world, inventory, config, absences: this.#absences, now })
  }
}
