/**
 * Which jobs are not to be acted upon yet, because what is known of them may be half of the story.
 *
 * An old record that arrives only now says that this member is catching up: after a start, or when a partition
 * heals. Its job waits until nothing old has come for `placementSettleMs`. News of this moment does not wait.
 *
 * A member that has only just come, or has only just met others, leaves all jobs alone for as long. One that was
 * born since then has no story that could have been missed; there may only be another steward of it, that does
 * not know of us yet. It waits no longer than members need to learn of each other, `placementFormingMs`.
 */

import { type JobId, type Millis, millisOf } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { Job } from './inventory.ts'

/** Older than any record that gossip is still delivering. */
const freshMs = 2000

export class Settling {
  readonly #config: Pick<Config, 'placementSettleMs' | 'placementFormingMs'>
  readonly #until = new SparseMap<JobId, Millis>()
  /** When we came, or met others; before any time where there was nobody to meet. */
  #cameAt: Millis = -Infinity
  #nextPrune: Millis = 0

  constructor(config: Pick<Config, 'placementSettleMs' | 'placementFormingMs'>) {
    this.#config = config
  }

  /** It came when the other did. */
  adopt(other: Settling): void {
    this.#cameAt = other.#cameAt
  }

  come(now: Millis): void {
    this.#cameAt = now
  }

  /** `writtenAt` is when what has just arrived was written. */
  note(job: JobId, writtenAt: Millis, now: Millis): void {
    if (writtenAt >= now - freshMs) return
    this.#prune(now)
    this.#until.set(job, now + this.#config.placementSettleMs)
  }

  /** Until when the job waits; undefined when it need not. */
  until(job: Job, now: Millis): Millis | undefined {
    const { placementSettleMs, placementFormingMs } = this.#config
    const quietMs = bornAt(job) > this.#cameAt ? placementFormingMs : placementSettleMs
    const until = Math.max(this.#cameAt + quietMs, this.#until.get(job.id) ?? now)
    return now < until ? until : undefined
  }

  #prune(now: Millis): void {
    if (now < this.#nextPrune) return
    this.#nextPrune = now + this.#config.placementSettleMs
    for (const [job, until] of this.#until) if (until <= now) this.#until.delete(job)
  }
}

/** An edit of this moment does not make an old job new. */
export function bornAt(job: Pick<Job, 'born' | 'stamp'>): Millis {
  return millisOf(job.born > 0 ? job.born : job.stamp)
}
