/**
 * How long the allocations that ended here are shown: `endedRetentionMs`, at most `endedPerJob` of a job.
 *
 * Two kinds stay longer, because they say what is not to be done again: the latest completed allocation of
 * each slot of a batch, as long as the job asks for that work; and the latest failed one of each slot until
 * the slot's back-off is surely over, or a job that crashes everywhere would be placed without a pause.
 */

import { type AllocationId, compareText, type JobId, type Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import type { AllocationBody } from './allocation.ts'
import { isCurrent, type Job } from './inventory.ts'
import { durationMs } from './job.ts'

export interface Ended {
  readonly body: AllocationBody
  readonly at: Millis
}

export interface RetentionLimits {
  readonly endedRetentionMs: Millis
  readonly endedPerJob: number
}

export interface Retained {
  /** To be forgotten now. */
  readonly expired: readonly Ended[]
  /** When to look again; undefined when nothing expires by itself. */
  readonly nextAt: Millis | undefined
}

/** `ended` are all of one job, which is undefined once it has been deleted. */
export function retain(
  ended: readonly Ended[],
  job: Job | undefined,
  bounds: RetentionLimits,
  now: Millis,
): Retained {
  const newestFirst = [...ended].sort(compareEnded)
  const latest = latestOfSlots(newestFirst)
  const expired: Ended[] = []
  let shown = 0
  let nextAt = Number.POSITIVE_INFINITY
  for (const each of newestFirst) {
    const keptUntil = latest.has(each) ? neededUntil(each, job) : 0
    shown += 1
    const shownUntil = shown > bounds.endedPerJob ? 0 : each.at + bounds.endedRetentionMs
    const until = Math.max(keptUntil, shownUntil)
    if (until <= now) expired.push(each)
    else nextAt = Math.min(nextAt, until)
  }
  return { expired, nextAt: Number.isFinite(nextAt) ? nextAt : undefined }
}

/** Until when the latest ended allocation of a slot still decides something. */
function neededUntil({ body, at }: Ended, job: Job | undefined): Millis {
  if (job === undefined || body.slot >= job.count) return 0
  if (body.state === 'failed') return at + durationMs(job.spec.restart.delayMax)
  const isWorkDone = job.spec.type === 'batch' && isCurrent(job, body)
  return isWorkDone ? Number.POSITIVE_INFINITY : 0
}

/** Of each slot the last that completed and the last that failed. */
function latestOfSlots(newestFirst: readonly Ended[]): ReadonlySet<Ended> {
  const seen = new Set<string>()
  const latest = new Set<Ended>()
  for (const each of newestFirst) {
    const kind = `${each.body.slot} ${each.body.state}`
    if (seen.has(kind)) continue
    seen.add(kind)
    latest.add(each)
  }
  return latest
}

function compareEnded(a: Ended, b: Ended): number {
  return b.at - a.at || compareText(b.body.id, a.body.id)
}

/** The ended allocations of this member, by job. */
export class EndedAllocations {
  readonly #byJob = new SparseMap<JobId, Map<AllocationId, Ended>>()
  readonly #jobOf = new SparseMap<AllocationId, JobId>()

  add(body: AllocationBody, at: Millis): void {
    const ofJob = this.#byJob.get(body.job) ?? new Map<AllocationId, Ended>()
    this.#byJob.set(body.job, ofJob.set(body.id, { body, at }))
    this.#jobOf.set(body.id, body.job)
  }

  remove(id: AllocationId): void {
    const job = this.#jobOf.get(id)
    if (job === undefined) return
    this.#jobOf.delete(id)
    const ofJob = this.#byJob.get(job)
    ofJob?.delete(id)
    if (ofJob?.size === 0) this.#byJob.delete(job)
  }

  has(id: AllocationId): boolean {
    return this.#jobOf.has(id)
  }

  hasJob(job: JobId): boolean {
    return this.#byJob.has(job)
  }

  ofJob(job: JobId): readonly Ended[] {
    return [...(this.#byJob.get(job)?.values() ?? [])]
  }

  /** Drops those of the job that need not be shown any longer, as many as one step may. */
  expire(
    id: JobId,
    job: Job | undefined,
    config: Pick<RetentionLimits, 'endedRetentionMs'>,
    now: Millis,
  ): { readonly expired: readonly AllocationId[]; readonly nextAt: Millis | undefined } {
    const bounds = { ...config, endedPerJob: limits.endedPerJob }
    const { expired, nextAt } = retain(this.ofJob(id), job, bounds, now)
    const ids = expired.slice(0, limits.allocationsPerStep).map((each) => each.body.id)
    for (const each of ids) this.remove(each)
    return { expired: ids, nextAt: ids.length < expired.length ? now : nextAt }
  }

  /** Those that held host ports. */
  withPorts(): readonly AllocationId[] {
    return [...this.#jobOf]
      .filter(
        ([id, job]) => Object.keys(this.#byJob.get(job)?.get(id)?.body.ports ?? {}).length > 0,
      )
      .map(([id]) => id)
      .sort(compareText)
  }

  /** The latest that ended of a slot, in that state if one is named, as far as it is kept. */
  latest(job: JobId, slot: number, state?: AllocationBody['state']): Ended | undefined {
    return this.ofJob(job)
      .filter(({ body }) => body.slot === slot && (state === undefined || body.state === state))
      .sort(compareEnded)[0]
  }
}
