/**
 * For how long each service ran in fewer slots than it had and was to have: told by the machines when a task begins
 * or ends, not by what agents believe.
 */
import type { JobSpec } from '../../protocol/placement/job.ts'
import type { Host } from '../host.ts'
import type { RunningTask } from '../runtime.ts'
import type { Simulator } from '../simulator.ts'

export interface Shortfall {
  readonly job: string
  /** Slots that it was to have all the time. */
  readonly wanted: number
  /** The fewest that ran at once. */
  readonly lowest: number
  /** Simulated milliseconds with fewer than wanted. */
  readonly belowMs: number
}

interface Watched {
  readonly wanted: number
  /** Of one slot. */
  readonly tasks: number
  /** Tasks that run, by allocation; and allocations all of whose tasks run, by slot. */
  readonly running: Map<string, number>
  readonly whole: Map<number, number>
  lowest: number
  belowSinceUs: number | undefined
  belowUs: number
}

export class Uptime {
  readonly #simulator: Simulator
  readonly #jobs = new Map<string, Watched>()
  readonly #hosts = new Set<Host>()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  /** Machines that have come since the last call. */
  follow(): void {
    for (const host of this.#simulator.hosts) {
      if (this.#hosts.has(host)) continue
      this.#hosts.add(host)
      const { onChange } = host.runtime
      host.runtime.onChange = (task, change) => {
        onChange?.(task, change)
        this.#onChange(task, change)
      }
    }
  }

  /** From now on, these services, which run in so many slots. */
  begin(jobs: readonly { readonly spec: JobSpec; readonly wanted: number }[]): void {
    this.#jobs.clear()
    for (const { spec, wanted } of jobs) {
      const { length: tasks } = spec.tasks
      const watched = { wanted, tasks, running: new Map(), whole: new Map() }
      this.#jobs.set(spec.id, { ...watched, lowest: wanted, belowSinceUs: undefined, belowUs: 0 })
    }
    for (const host of this.#simulator.hosts)
      for (const task of host.runtime.running()) this.#count(task, 1)
    for (const job of this.#jobs.values()) job.lowest = Math.min(job.wanted, job.whole.size)
    for (const job of this.#jobs.values()) this.#judge(job)
  }

  /** Those that were short, in the order of `begin`. */
  shortfalls(): Shortfall[] {
    return [...this.#jobs].flatMap(([job, { wanted, lowest, belowUs, belowSinceUs }]) => {
      const us = belowUs + (belowSinceUs === undefined ? 0 : this.#simulator.nowUs - belowSinceUs)
      return us === 0 ? [] : [{ job, wanted, lowest, belowMs: Math.round(us / 1000) }]
    })
  }

  #onChange(task: RunningTask, change: 1 | -1): void {
    const job = this.#count(task, change)
    if (job !== undefined) this.#judge(job)
  }

  #count({ job: id, slot, allocation }: RunningTask, change: 1 | -1): Watched | undefined {
    const job = this.#jobs.get(id)
    if (job === undefined) return undefined
    const before = job.running.get(allocation) ?? 0
    const after = before + change
    job.running.set(allocation, after)
    const wasWhole = before >= job.tasks
    const isWhole = after >= job.tasks
    if (wasWhole === isWhole) return job
    const whole = (job.whole.get(slot) ?? 0) + (isWhole ? 1 : -1)
    if (whole > 0) job.whole.set(slot, whole)
    else job.whole.delete(slot)
    return job
  }

  #judge(job: Watched): void {
    const { nowUs } = this.#simulator
    const slots = job.whole.size
    job.lowest = Math.min(job.lowest, slots)
    if (slots < job.wanted) job.belowSinceUs ??= nowUs
    else if (job.belowSinceUs !== undefined) {
      job.belowUs += nowUs - job.belowSinceUs
      job.belowSinceUs = undefined
    }
  }
}
