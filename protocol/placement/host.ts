/**
 * This member's side of placement as a whole: it takes slots or declines them, keeps its allocations going,
 * ends those that are not to be, places the system jobs for itself, and forgets what ended long ago. Nothing
 * here decides for other members, and no other member decides here.
 *
 * Invariant: no task is started before `tasks-observed` has told what runs already.
 */

import { Deadlines, earliest } from '../base/deadline.ts'
import { type AllocationId, type JobId, type MemberId, type Millis, millisOf } from '../base/id.ts'
import type { Random } from '../base/random.ts'
import { SparseSet } from '../base/sparse.ts'
import type { Value } from '../base/value.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Event, ObservedTask, TasksObserved } from '../event.ts'
import { limits } from '../limits.ts'
import {
  ineligibility,
  type NewSlot,
  newAllocation,
  type OwnState,
  refusalNow,
  refusalOfSpec,
  refusalToHost,
} from './admission.ts'
import { type AllocationBody, allocationKey, isEnded } from './allocation.ts'
import type { Acting } from './allocation-run.ts'
import type { Availability } from './availability.ts'
import { type Inventory, type InventoryChange, isCurrent, type Placed } from './inventory.ts'
import type { PlaceRequest, PlaceResponse, StopRequest } from './message.ts'
import type { NodeBody } from './node-body.ts'
import { Orphans } from './orphans.ts'
import { OwnAllocations, type OwnAllocationsInit } from './own-allocations.ts'
import { OwnAvailability } from './own-availability.ts'
import { type Resources, subtract } from './resources.ts'
import { EndedAllocations } from './retention.ts'
import { nextAttempt, SystemJobs } from './system-jobs.ts'
import type { World } from './world.ts'

export interface HostHooks {
  /** The replica's record of a key, to attach to a response. */
  record(key: string): unknown
}

export interface HostInit {
  readonly config: Config
  readonly world: World
  readonly inventory: Inventory
  readonly random: Random
  readonly node: NodeBody
  readonly hooks: HostHooks
}

/** `looking` for what runs already; `kept`: the tasks are left to the next agent. */
type Phase = 'new' | 'looking' | 'working' | 'kept'

/** Whether the disk takes writes is asked again this much later. */
const storageRetryMs = 1000
const noServices: readonly string[] = []

export class Host {
  readonly #config: Config
  readonly #world: World
  readonly #inventory: Inventory
  readonly #random: Random
  readonly #hooks: HostHooks
  readonly #own: OwnAllocations
  readonly #availability: OwnAvailability
  readonly #systemJobs: SystemJobs
  readonly #ended = new EndedAllocations()
  readonly #orphans = new Orphans((id) => this.#ended.has(id))
  /** `job/<job>`, `work`, `storage`. */
  readonly #deadlines = new Deadlines()
  readonly #touchedJobs = new SparseSet<JobId>()
  #node: NodeBody
  #phase: Phase = 'new'
  #isLeaving = false
  /** What of the step's work is left to do. */
  #budget: number = limits.allocationsPerStep

  constructor({ config, world, inventory, random, node, hooks }: HostInit) {
    this.#config = config
    this.#world = world
    this.#inventory = inventory
    this.#random = random
    this.#hooks = hooks
    this.#node = node
    this.#systemJobs = new SystemJobs(inventory)
    this.#availability = new OwnAvailability(world.self)
    const own: OwnAllocationsInit['hooks'] = {
      ineligible: (spec, now) => ineligibility(spec, this.#ownState(), now),
      ended: (body, now) => this.#retire(body, now),
    }
    this.#own = new OwnAllocations({ config, world, inventory, hooks: own })
  }

  start(now: Millis, _out: EffectSink): void {
    this.#phase = 'looking'
    for (const placed of this.#inventory.allocationsOn(this.#world.self)) this.#recall(placed, now)
    for (const id of this.#inventory.jobIds()) this.#noteJob(id)
  }

  onTasksObserved(observed: TasksObserved, now: Millis, out: EffectSink): void {
    if (this.#phase !== 'looking' && this.#phase !== 'working') return
    this.#own.adopt(observed, this.#phase === 'looking', now, out)
    this.#phase = 'working'
    for (const task of observed.tasks) this.#seeOrphan(task, now, out)
    this.#settle(now, out)
  }

  onPlaceRequest(
    _from: MemberId,
    request: PlaceRequest,
    now: Millis,
    out: EffectSink,
  ): PlaceResponse {
    const held = this.#heldFor(request)
    const refusal = held === undefined ? this.#refusalOf(request, now) : undefined
    if (held === undefined && refusal === undefined) this.#take(request, now, out)
    this.#settle(now, out)
    const { job, slot, allocation: requested } = request
    const allocation = refusal === undefined ? (held ?? requested) : null
    const record = allocation && this.#hooks.record(allocationKey(this.#world.self, allocation))
    return {
      type: 'place-response',
      job,
      slot,
      requested,
      allocation,
      reason: refusal ?? null,
      availability: this.availability(now),
      records: record ? [record] : [],
    }
  }

  onStopRequest(_from: MemberId, request: StopRequest, now: Millis, out: EffectSink): void {
    const { allocation, reason, unlessHealthy = false } = request
    const run = this.#own.roster.get(allocation)
    if (unlessHealthy && run?.body.healthy) return
    run?.stop({ final: 'complete', reason })
    this.#own.touch(allocation)
    this.#settle(now, out)
  }

  onInventoryChanged(change: InventoryChange, now: Millis, out: EffectSink): void {
    if (this.#phase === 'new') return
    for (const id of change.jobs) {
      this.#noteJob(id)
      this.#own.touchJob(id)
    }
    for (const id of change.allocations) this.#onAllocationChanged(id, now, out)
    if (change.members.includes(this.#world.self)) this.#touchSystemJobs()
    // Our own writes come back in the step that made them, which has had its share of work.
    if (this.#isEcho(change)) this.#work(now, out)
    else this.#settle(now, out)
  }

  onMembersChanged(changed: readonly MemberId[], now: Millis, out: EffectSink): void {
    for (const member of changed.filter((each) => each !== this.#world.self))
      for (const { body } of this.#inventory.allocationsOn(member))
        this.#own.touchSlot(body.job, body.slot)
    this.#settle(now, out)
  }

  /** True if the event was for this member's allocations. */
  onEvent(event: Event, now: Millis, out: EffectSink): boolean {
    if (!this.#own.onEvent(event, now) && !this.#isForOrphans(event, now, out)) return false
    if (event.type === 'effect-failed' && event.code === 'not-durable')
      this.#deadlines.setEarliest('storage', now + storageRetryMs)
    this.#settle(now, out)
    return true
  }

  onNodeChanged(node: NodeBody, now: Millis, out: EffectSink): void {
    this.#node = node
    this.#touchSystemJobs()
    this.#settle(now, out)
  }

  setUsed(used: Resources, _now: Millis): void {
    this.#availability.setUsed(used)
  }

  leave(keepTasks: boolean, now: Millis, out: EffectSink): void {
    this.#isLeaving = true
    if (keepTasks) {
      this.#phase = 'kept'
      const awayUntil = now + this.#config.awayMs
      const node = { ...this.#node, awayUntil } as unknown as Value
      this.#world.write(`node/${this.#world.self}`, node)
      return
    }
    this.#own.stopAll('the node is leaving')
    this.#settle(now, out)
  }

  /** Nothing of ours runs, or it is left to the next agent. */
  isQuiet(): boolean {
    if (this.#phase === 'kept') return true
    return this.#phase === 'working' && this.#own.roster.size === 0
  }

  availability(now: Millis): Availability {
    if (!this.#world.canPersist()) this.#deadlines.setEarliest('storage', now + storageRetryMs)
    return this.#availability.entry(this.#node.capacity, this.#own.roster.committed, now)
  }

  deadline(): Millis | undefined {
    if (this.#phase !== 'working') return undefined
    return earliest(this.#deadlines.next(), this.#own.deadline(), this.#orphans.deadline())
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    if (this.#phase !== 'working') return
    for (const key of this.#deadlines.due(now)) this.#onDue(key, now, out)
    this.#own.onDeadlines(now)
    this.#orphans.onDeadlines(this.#orphanActing(now, out))
    this.#settle(now, out)
  }

  /** Names of services with a healthy instance here, sorted. */
  runningServices(): readonly string[] {
    const isUnknown = this.#phase === 'new' || this.#phase === 'looking'
    return isUnknown ? noServices : this.#own.services()
  }

  #isForOrphans(event: Event, now: Millis, out: EffectSink): boolean {
    if (event.type === 'effect-failed') return this.#orphans.onStopFailed(event.id, now)
    if (event.type !== 'task-stopped') return false
    if (!this.#orphans.onStopped(event.id, out)) return false
    if (this.#orphans.isEmpty) this.#touchSystemJobs()
    return true
  }

  #onDue(key: string, now: Millis, out: EffectSink): void {
    if (key.startsWith('job/')) this.#touchedJobs.add(key.slice('job/'.length))
    if (key === 'storage') this.#onStorageDue(now, out)
  }

  /** What the driver dropped while the disk refused is said again; all of it is harmless when repeated. */
  #onStorageDue(now: Millis, out: EffectSink): void {
    if (!this.#world.canPersist()) {
      this.#deadlines.set('storage', now + storageRetryMs)
      return
    }
    this.#own.repeatWatches()
    for (const id of this.#ended.withPorts()) out.push({ type: 'release-ports', allocation: id })
  }

  /** Looks at what was touched, as far as one step may. */
  #settle(now: Millis, out: EffectSink): void {
    this.#budget = limits.allocationsPerStep
    this.#work(now, out)
  }

  #work(now: Millis, out: EffectSink): void {
    if (this.#phase !== 'working') return
    while (this.#budget > 0 && (this.#own.hasWork || this.#touchedJobs.size > 0)) {
      this.#budget = this.#own.work(this.#budget, now, out)
      const [job] = this.#touchedJobs
      if (job === undefined || this.#budget === 0) continue
      this.#touchedJobs.delete(job)
      this.#budget -= 1
      this.#reviewJob(job, now, out)
    }
    if (this.#own.hasWork || this.#touchedJobs.size > 0) this.#deadlines.set('work', now)
  }

  #reviewJob(id: JobId, now: Millis, out: EffectSink): void {
    this.#deadlines.clear(`job/${id}`)
    this.#forgetEnded(id, now, out)
    this.#placeSystemJob(id, now, out)
  }

  #forgetEnded(id: JobId, now: Millis, out: EffectSink): void {
    const { expired, nextAt } = this.#ended.expire(id, this.#inventory.job(id), this.#config, now)
    for (const allocation of expired) this.#own.records.forget(allocation, out)
    if (nextAt !== undefined) this.#deadlines.set(`job/${id}`, nextAt)
  }

  #placeSystemJob(id: JobId, now: Millis, out: EffectSink): void {
    const job = this.#systemJobs.job(id)
    if (job === undefined || this.#isLeaving || this.#own.roster.hasJob(id)) return
    const { failures, notBefore } = nextAttempt(job, this.#ended.latest(id, 0))
    const own = this.#ownState()
    const refusal = refusalNow(own) ?? refusalOfSpec(job.spec, own, now)
    if (now < notBefore) this.#deadlines.setEarliest(`job/${id}`, notBefore)
    else if (refusal !== undefined)
      this.#deadlines.setEarliest(`job/${id}`, now + this.#config.waitingRetryMs)
    else {
      const { version, essence } = job
      const wanted = { job: id, slot: 0, version, essence, failures, over: [] }
      this.#take({ ...wanted, allocation: `${id}.0.${this.#random.hex(8)}` }, now, out)
    }
  }

  #take(wanted: NewSlot, now: Millis, out: EffectSink): void {
    const { spec } = this.#inventory.job(wanted.job)!
    const body = newAllocation(wanted, spec, this.#world.stamp(now))
    this.#own.begin(body, { spec, over: wanted.over }, now, out)
  }

  /** The allocation that already answers the request; an ended one where its work is done for good. */
  #heldFor(request: PlaceRequest): AllocationId | undefined {
    const job = this.#inventory.job(request.job)
    const isSame = (body: AllocationBody): boolean =>
      body.version === request.version || (job !== undefined && isCurrent(job, body))
    for (const { body, isStopping } of this.#own.roster.ofSlot(request.job, request.slot)) {
      if (isStopping || body.id === request.replaces) continue
      if (body.id === request.allocation || isSame(body)) return body.id
    }
    if (job?.spec.type !== 'batch') return undefined
    const done = this.#ended.latest(request.job, request.slot, 'complete')
    return done !== undefined && isSame(done.body) ? done.body.id : undefined
  }

  #refusalOf(request: PlaceRequest, now: Millis): string | undefined {
    // The answer to a late copy of a request must not run the slot a second time.
    if (this.#own.records.has(request.allocation)) return 'that allocation has ended'
    return refusalToHost(request, this.#inventory.job(request.job), this.#ownState(), now)
  }

  #ownState(): OwnState {
    return {
      member: this.#world.self,
      node: this.#node,
      isLeaving: this.#isLeaving,
      isDraining: this.#inventory.isDraining(this.#world.self),
      isSettled: this.#phase === 'working' && this.#orphans.isEmpty,
      canPersist: this.#world.canPersist(),
      free: subtract(this.#node.capacity, this.#own.roster.committed),
      hostPorts: () => this.#own.roster.hostPorts(),
    }
  }

  #retire(body: AllocationBody, now: Millis): void {
    this.#ended.add(body, now)
    this.#touchedJobs.add(body.job)
    // Room was made: a system job that waits for it comes first.
    for (const id of this.#systemJobs.ids())
      if (!this.#own.roster.hasJob(id)) this.#touchedJobs.add(id)
  }

  #recall({ body, stamp }: Placed, now: Millis): void {
    if (!isEnded(body.state)) return this.#own.recall(body, now)
    this.#own.records.know(body)
    this.#ended.add(body, Math.min(millisOf(stamp), now))
    this.#touchedJobs.add(body.job)
  }

  #noteJob(id: JobId): void {
    this.#systemJobs.note(id)
    // Of the other jobs of the cluster there is nothing here to look at.
    if (this.#systemJobs.has(id) || this.#ended.hasJob(id)) this.#touchedJobs.add(id)
  }

  #touchSystemJobs(): void {
    for (const id of this.#systemJobs.ids()) {
      this.#own.touchJob(id)
      this.#touchedJobs.add(id)
    }
  }

  #isEcho({ jobs, members, allocations }: InventoryChange): boolean {
    const { self } = this.#world
    const isOwn = (id: AllocationId) => (this.#inventory.allocation(id)?.member ?? self) === self
    return jobs.length + members.length === 0 && allocations.every(isOwn)
  }

  #onAllocationChanged(id: AllocationId, now: Millis, out: EffectSink): void {
    const placed = this.#inventory.allocation(id)
    if (placed === undefined) return
    const { job, slot } = placed.body
    if (placed.member !== this.#world.self) return this.#own.touchSlot(job, slot)
    if (!this.#own.records.has(id)) this.#onForgottenRecord(placed, now, out)
  }

  /** Others remember an allocation of ours that our own disk does not: whatever ran of it was an orphan. */
  #onForgottenRecord(placed: Placed, now: Millis, out: EffectSink): void {
    if (this.#phase === 'looking' || isEnded(placed.body.state)) return this.#recall(placed, now)
    const reason = 'the node lost its record'
    const body: AllocationBody = { ...placed.body, state: 'failed', healthy: false, reason }
    this.#own.records.write(body, out)
    this.#retire(body, now)
  }

  #seeOrphan(task: ObservedTask, now: Millis, out: EffectSink): void {
    const { allocation, running } = task
    if (this.#own.roster.get(allocation) !== undefined) return
    if (running) this.#orphans.add(task, this.#orphanActing(now, out))
    else if (!this.#ended.has(allocation)) out.push({ type: 'remove-allocation', allocation })
  }

  #orphanActing(now: Millis, out: EffectSink): Acting {
    return { now, out, issue: () => this.#world.nextEffectId() }
  }
}
