/**
 * The allocations of this member that have not ended, each on its way through its life. Whatever happens only
 * marks some as touched; then a bounded number of them is looked at, each from its state alone, and written
 * once if it changed.
 */

import { Deadlines } from '../base/deadline.ts'
import type { AllocationId, EffectId, JobId, Millis } from '../base/id.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Event, ObservedTask, TasksObserved } from '../event.ts'
import type { AllocationBody } from './allocation.ts'
import { AllocationRun } from './allocation-run.ts'
import { isAlone, type Known, knowledgeOf, winnerOfSlot } from './claims.ts'
import { isCurrent } from './inventory.ts'
import type { JobSpec } from './job.ts'
import { specOf } from './job-versions.ts'
import { OwnRecords } from './own-records.ts'
import { Roster } from './roster.ts'
import { stopReason } from './self-stop.ts'

export interface OwnAllocationsInit extends Known {
  readonly config: Config
  readonly hooks: {
    /** Why a system job may not run on this node; undefined when it may. */
    ineligible(spec: JobSpec, now: Millis): string | undefined
    /** Its record is written; it is in nobody's way any more. */
    ended(body: AllocationBody, now: Millis): void
  }
}

export class OwnAllocations {
  readonly roster = new Roster()
  readonly records: OwnRecords
  readonly #init: OwnAllocationsInit
  /** Whose effect is under way. */
  readonly #awaited = new SparseMap<EffectId, AllocationId>()
  readonly #touched = new SparseSet<AllocationId>()
  readonly #deadlines = new Deadlines()
  /** By our allocation: those of its slot that are said to be over, and how long that is taken on trust. */
  readonly #over = new SparseMap<AllocationId, { ids: readonly AllocationId[]; until: Millis }>()
  /** Jobs of ours that nobody has told us about, and since when somebody could have. */
  readonly #unknownSince = new SparseMap<JobId, Millis>()
  #services: readonly string[] | undefined

  constructor(init: OwnAllocationsInit) {
    this.#init = init
    this.records = new OwnRecords(init.world)
  }

  /** Of the journal: what runs of it is not known yet. */
  recall(body: AllocationBody, now: Millis): void {
    const spec = specOf(body, this.#init)
    this.roster.add(new AllocationRun(body, spec, now))
    this.records.know(body)
    this.touch(body.id)
  }

  /**
   * A slot that was admitted just now: its record is written before this returns. Those that its steward says
   * are `over` do not oust it until their members, or word of their deaths, had the time to say so.
   */
  begin(
    body: AllocationBody,
    { spec, over }: { spec: JobSpec; over: readonly AllocationId[] },
    now: Millis,
    out: EffectSink,
  ): void {
    this.roster.add(new AllocationRun(body, spec, now))
    if (over.length > 0)
      this.#over.set(body.id, { ids: over, until: now + this.#init.config.placementSettleMs })
    this.#process(body.id, now, out)
  }

  /**
   * What runs goes on as it is, whatever else the records say is started or ended from there. Of a runtime that
   * answers only later, it is what has been waited for since the first time.
   */
  adopt(
    { tasks, unanswered = [] }: TasksObserved,
    isFirst: boolean,
    now: Millis,
    out: EffectSink,
  ): void {
    const found = byAllocation(tasks)
    for (const run of this.roster.runs()) {
      const { id } = run.body
      const acting = { now, out, issue: () => this.#issue(id) }
      if (isFirst || run.isAwaited) run.adopt(found.get(id) ?? nothingFound, unanswered, acting)
    }
    this.touchAll()
  }

  touch(id: AllocationId): void {
    this.#touched.add(id)
  }

  touchSlot(job: JobId, slot: number): void {
    for (const run of this.roster.ofSlot(job, slot)) this.touch(run.body.id)
  }

  touchJob(job: JobId): void {
    this.#services = undefined
    for (const run of this.roster.ofJob(job)) this.touch(run.body.id)
  }

  touchAll(): void {
    for (const id of this.roster.ids()) this.touch(id)
  }

  /** Stops all of them, each for the same reason. */
  stopAll(reason: string): void {
    for (const run of this.roster.runs()) run.stop({ final: 'complete', reason })
    this.touchAll()
  }

  /** The driver dropped effects while the disk refused writes: what has no answer is told again. */
  repeatWatches(): void {
    for (const run of this.roster.runs()) run.repeatWatches()
    this.touchAll()
  }

  /** True if the event was about one of them, or answers an effect of theirs. */
  onEvent(event: Event, now: Millis): boolean {
    switch (event.type) {
      case 'ports-reserved':
        return this.#answer(event.id, (run) => run.onPortsReserved(event.id, event.ports))
      case 'task-started':
        return this.#answer(event.id, (run) => run.onTaskStarted(event.id, event, now))
      case 'task-stopped':
        return this.#answer(event.id, (run) => run.onTaskStopped(event.id, event.exitCode, now))
      case 'effect-failed':
        return this.#answer(event.id, (run) => run.onEffectFailed(event, now))
      case 'task-exited': {
        const { allocation, task, exitCode, reason } = event
        return this.#tell(allocation, (run) => run.onTaskExited(task, exitCode, reason, now))
      }
      case 'check-reported': {
        const { allocation, task, check, passing } = event
        return this.#tell(allocation, (run) => run.onCheckReported(task, check, passing))
      }
      default:
        return false
    }
  }

  /** Looks at up to `budget` of those that were touched; returns what is left of the budget. */
  work(budget: number, now: Millis, out: EffectSink): number {
    let left = budget
    for (const id of this.#touched) {
      if (left === 0) break
      left -= 1
      this.#touched.delete(id)
      this.#process(id, now, out)
    }
    return left
  }

  get hasWork(): boolean {
    return this.#touched.size > 0
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(now: Millis): void {
    for (const id of this.#deadlines.due(now)) this.touch(id)
  }

  /** Names of services with a healthy instance here, sorted; the same array until they change. */
  services(): readonly string[] {
    this.#services ??= [...new Set([...this.roster.runs()].flatMap(this.#servicesOf))].sort()
    return this.#services
  }

  #servicesOf = ({ body, spec }: AllocationRun): string[] => {
    if (!body.healthy) return []
    const { services } = this.#init.inventory.job(body.job)?.spec ?? spec ?? { services: [] }
    return services.flatMap(({ name, port }) => (body.ports[port] === undefined ? [] : [name]))
  }

  #answer(id: EffectId, tell: (run: AllocationRun) => void): boolean {
    const owner = this.#awaited.get(id)
    if (owner === undefined) return false
    this.#awaited.delete(id)
    this.#tell(owner, tell)
    return true
  }

  #tell(id: AllocationId, tell: (run: AllocationRun) => void): boolean {
    const run = this.roster.get(id)
    if (run === undefined) return false
    tell(run)
    this.touch(id)
    return true
  }

  #issue(id: AllocationId): EffectId {
    const effect = this.#init.world.nextEffectId()
    this.#awaited.set(effect, id)
    return effect
  }

  #process(id: AllocationId, now: Millis, out: EffectSink): void {
    const run = this.roster.get(id)
    if (run === undefined) return
    this.#deadlines.clear(id)
    if (!run.isStopping) this.#judge(run, now)
    run.advance({ now, out, issue: () => this.#issue(id) })
    if (run.body.healthy !== this.records.isHealthy(id)) this.#onHealthChanged(run)
    this.records.write(run.body, out)
    const deadline = run.deadline()
    if (deadline !== undefined) this.#deadlines.setEarliest(id, deadline)
    if (!run.hasEnded) return
    this.#deadlines.clear(id)
    this.#over.delete(id)
    this.roster.remove(run)
    this.#init.hooks.ended(run.body, now)
  }

  /** What it replaces on this node may give way now. */
  #onHealthChanged({ body: { id, job, slot } }: AllocationRun): void {
    this.#services = undefined
    for (const other of this.roster.ofSlot(job, slot))
      if (other.body.id !== id) this.touch(other.body.id)
  }

  #judge(run: AllocationRun, now: Millis): void {
    const { body } = run
    const job = this.#init.inventory.job(body.job)
    if (job !== undefined && isCurrent(job, body)) run.useSpec(job.spec)
    const isSystem = job?.spec.type === 'system'
    const others = [...this.roster.ofSlot(body.job, body.slot)].map((other) => other.body)
    const reason = stopReason(body, {
      job,
      isJobGone: this.#isJobGone(body, now),
      ineligible: isSystem ? this.#init.hooks.ineligible(job.spec, now) : undefined,
      winner: job && winnerOfSlot(job, body, others, this.#isOver(body.id, now), this.#init),
    })
    if (reason !== undefined) run.stop({ final: 'complete', reason })
  }

  /** Whether another of its slot is over, on its steward's word. */
  #isOver(id: AllocationId, now: Millis): (other: AllocationId) => boolean {
    const over = this.#over.get(id)
    if (over === undefined) return () => false
    if (now < over.until) this.#deadlines.setEarliest(id, over.until)
    else this.#over.delete(id)
    return (other) => now < over.until && over.ids.includes(other)
  }

  /** Deleted; or never heard of for a while, though there was somebody to hear it from. */
  #isJobGone({ id, job }: AllocationBody, now: Millis): boolean {
    const { config, world } = this.#init
    const knowledge = knowledgeOf(job, this.#init)
    if (knowledge !== 'never heard of') {
      this.#unknownSince.delete(job)
      return knowledge === 'deleted'
    }
    const since = isAlone(world) ? now : (this.#unknownSince.get(job) ?? now)
    this.#unknownSince.set(job, since)
    if (now - since >= config.unknownJobGraceMs) return true
    this.#deadlines.setEarliest(id, since + config.unknownJobGraceMs)
    return false
  }
}

type Found = ReadonlyMap<string, ObservedTask>
const nothingFound: Found = new Map()

function byAllocation(tasks: readonly ObservedTask[]): ReadonlyMap<AllocationId, Found> {
  const found = new Map<AllocationId, Map<string, ObservedTask>>()
  for (const task of tasks) {
    const ofAllocation = found.get(task.allocation) ?? new Map<string, ObservedTask>()
    found.set(task.allocation, ofAllocation.set(task.task, task))
  }
  return found
}
