/**
 * Tasks that run here and that no record of ours explains: their record was lost with a disk, or they ended on
 * paper while an engine did not answer. They are stopped, and what they leave behind is removed, since nobody
 * will ever ask for it.
 */

import { Deadlines } from '../base/deadline.ts'
import type { AllocationId, EffectId, Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { EffectSink } from '../effect.ts'
import type { ObservedTask } from '../event.ts'
import type { Acting } from './allocation-run.ts'

interface Orphan {
  readonly allocation: AllocationId
  readonly task: string
  stopping: EffectId | null
}

/** The grace of a task whose wishes are not known: the default of a job. */
const graceMs = 10_000
const retryMs = 5000

export class Orphans {
  readonly #isRecorded: (id: AllocationId) => boolean
  readonly #orphans = new SparseMap<string, Orphan>()
  readonly #deadlines = new Deadlines()

  /** The logs of one that ended on paper are kept as long as its record. */
  constructor(isRecorded: (id: AllocationId) => boolean) {
    this.#isRecorded = isRecorded
  }

  add({ allocation, task }: ObservedTask, acting: Acting): void {
    const orphan = { allocation, task, stopping: null }
    this.#orphans.set(keyOf(orphan), orphan)
    this.#stop(orphan, acting)
  }

  get isEmpty(): boolean {
    return this.#orphans.size === 0
  }

  onStopped(id: EffectId, out: EffectSink): boolean {
    const orphan = this.#stoppingBy(id)
    if (orphan === undefined) return false
    this.#orphans.delete(keyOf(orphan))
    const { allocation } = orphan
    const hasOthers = [...this.#orphans.values()].some((other) => other.allocation === allocation)
    if (!hasOthers && !this.#isRecorded(allocation))
      out.push({ type: 'remove-allocation', allocation })
    return true
  }

  onStopFailed(id: EffectId, now: Millis): boolean {
    const orphan = this.#stoppingBy(id)
    if (orphan === undefined) return false
    orphan.stopping = null
    this.#deadlines.set(keyOf(orphan), now + retryMs)
    return true
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  onDeadlines(acting: Acting): void {
    for (let key = this.#due(acting.now); key !== undefined; key = this.#due(acting.now)) {
      const orphan = this.#orphans.get(key)
      if (orphan !== undefined) this.#stop(orphan, acting)
    }
  }

  #due(now: Millis): string | undefined {
    return this.#deadlines.takeDue(now)
  }

  #stop(orphan: Orphan, { out, issue }: Acting): void {
    const id = issue()
    const { allocation, task } = orphan
    orphan.stopping = id
    out.push({ type: 'stop-task', id, allocation, task, graceMs })
  }

  #stoppingBy(id: EffectId): Orphan | undefined {
    for (const orphan of this.#orphans.values()) if (orphan.stopping === id) return orphan
    return undefined
  }
}

function keyOf({ allocation, task }: Pick<Orphan, 'allocation' | 'task'>): string {
  return `${allocation}/${task}`
}
