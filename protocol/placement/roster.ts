/**
 * The allocations of this member that have not ended, by name, job and slot, with the sum of what they take.
 * The sum is this member's own, not the replicated records': an admission must count what was admitted a
 * moment ago.
 */

import { type AllocationId, compareText, type JobId } from '../base/id.ts'
import { invariant } from '../base/invariant.ts'
import { SparseMap } from '../base/sparse.ts'
import { fixedPorts } from './admission.ts'
import type { AllocationRun } from './allocation-run.ts'
import { add, noResources, type Resources, subtract } from './resources.ts'

export class Roster {
  readonly #runs = new SparseMap<AllocationId, AllocationRun>()
  readonly #byJob = new SparseMap<JobId, Map<AllocationId, AllocationRun>>()
  #committed: Resources = noResources

  get size(): number {
    return this.#runs.size
  }

  /** Of all that has not ended: the resources of a task are free only when surely nothing of it runs. */
  get committed(): Resources {
    return this.#committed
  }

  add(run: AllocationRun): void {
    const { id, job, resources } = run.body
    invariant(!this.#runs.has(id), 'an allocation is taken once')
    this.#runs.set(id, run)
    const ofJob = this.#byJob.get(job) ?? new Map<AllocationId, AllocationRun>()
    this.#byJob.set(job, ofJob.set(id, run))
    this.#committed = add(this.#committed, resources)
  }

  remove(run: AllocationRun): void {
    const { id, job, resources } = run.body
    if (!this.#runs.delete(id)) return
    const ofJob = this.#byJob.get(job)
    ofJob?.delete(id)
    if (ofJob?.size === 0) this.#byJob.delete(job)
    this.#committed = subtract(this.#committed, resources)
  }

  get(id: AllocationId): AllocationRun | undefined {
    return this.#runs.get(id)
  }

  ids(): AllocationId[] {
    return [...this.#runs.keys()].sort(compareText)
  }

  runs(): Iterable<AllocationRun> {
    return this.#runs.values()
  }

  hasJob(job: JobId): boolean {
    return this.#byJob.has(job)
  }

  /** In order of admission. */
  ofJob(job: JobId): Iterable<AllocationRun> {
    return this.#byJob.get(job)?.values() ?? []
  }

  *ofSlot(job: JobId, slot: number): Iterable<AllocationRun> {
    for (const run of this.ofJob(job)) if (run.body.slot === slot) yield run
  }

  /** Host ports that are spoken for, those that are still to be reserved too. */
  hostPorts(): ReadonlySet<number> {
    const ports = new Set<number>()
    for (const run of this.#runs.values()) {
      for (const port of Object.values(run.body.ports)) ports.add(port)
      for (const port of run.spec === undefined ? [] : fixedPorts(run.spec)) ports.add(port)
    }
    return ports
  }
}
