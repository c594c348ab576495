/**
 * Which jobs are not to be acted upon yet, because what is known of them may be half of the story. An old
 * record that arrives only now says that this member is catching up: after a start, or when a partition
 * heals. Its job waits until nothing old has come for `placementSettleMs`. News of this moment does not wait.
 */
import type { JobId, Millis } from '../base/id.ts'

/** Older than any record that gossip is still delivering. */
const freshMs = 2000

export class Settling {
  readonly #settleMs: Millis
  readonly #until = new Map<JobId, Millis>()
  #nextPrune: Millis = 0

  constructor(settleMs: Millis) {
    this.#settleMs = settleMs
  }

  /** `writtenAt` is when what has just arrived was written. */
  note(job: JobId, writtenAt: Millis, now: Millis): void {
    if (writtenAt >= now - freshMs) return
    this.#prune(now)
    this.#until.set(job, now + this.#settleMs)
  }

  /** Until when the job waits; undefined when it need not. */
  until(job: JobId, now: Millis): Millis | undefined {
    const until = this.#until.get(job)
    return until !== undefined && now < until ? until : undefined
  }

  #prune(now: Millis): void {
    if (now < this.#nextPrune) return
    this.#nextPrune = now + this.#settleMs
    for (const [job, until] of this.#until) if (until <= now) this.#until.delete(job)
  }
}
