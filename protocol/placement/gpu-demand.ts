/**
 * The kinds of GPU slots that the cluster's jobs have: what a free GPU may be wanted for. From the jobs that
 * everyone holds, so it needs no forecast and no messages, and a member that knows the same jobs knows the
 * same kinds. Kept job by job; jobs without GPUs cost nothing.
 */

import type { JobId } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import type { GpuKind } from './fragmentation.ts'
import { type JobSpec, slotResources } from './job.ts'

export class GpuDemand {
  readonly #byJob = new SparseMap<JobId, GpuKind>()
  readonly #slots = new SparseMap<string, GpuKind>()
  #kinds: readonly GpuKind[] | undefined

  /** The job as it is now; undefined when it is no more. */
  note(id: JobId, job: { readonly spec: JobSpec; readonly count: number } | undefined): void {
    const kind = job && kindOf(job.spec, job.count)
    const held = this.#byJob.get(id)
    if (held === undefined && kind === undefined) return
    if (held !== undefined) this.#count(held, -held.slots)
    if (kind === undefined) this.#byJob.delete(id)
    else {
      this.#byJob.set(id, kind)
      this.#count(kind, kind.slots)
    }
  }

  /** Begins with what another one knows. */
  adopt(other: GpuDemand): void {
    for (const [id, kind] of other.#byJob) {
      this.#byJob.set(id, kind)
      this.#count(kind, kind.slots)
    }
  }

  /** Those that ask for most, in all. The same array until something changes. */
  kinds(): readonly GpuKind[] {
    this.#kinds ??= [...this.#slots.values()].sort(byWeight).slice(0, limits.gpuKinds)
    return this.#kinds
  }

  #count(kind: GpuKind, change: number): void {
    const key = `${kind.cpu} ${kind.gpu}`
    const slots = (this.#slots.get(key)?.slots ?? 0) + change
    if (slots === 0) this.#slots.delete(key)
    else this.#slots.set(key, { ...kind, slots })
    this.#kinds = undefined
  }
}

function kindOf(spec: JobSpec, slots: number): GpuKind | undefined {
  const { cpu, gpu } = slotResources(spec)
  return gpu === 0 || slots === 0 ? undefined : { cpu, gpu, slots }
}

function byWeight(a: GpuKind, b: GpuKind): number {
  return b.gpu * b.slots - a.gpu * a.slots || b.gpu - a.gpu || b.cpu - a.cpu
}
