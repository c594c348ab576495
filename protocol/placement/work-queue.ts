/**
 * Jobs that a steward has to look at, each once however many reasons there are, by priority and age. They are
 * sorted a batch at a time: what comes while a batch is worked off waits for the next one, so no job starves.
 */

import type { JobId } from '../base/id.ts'
import { SparseSet } from '../base/sparse.ts'

export class WorkQueue {
  readonly #waiting = new SparseSet<JobId>()
  /** The batch, in reverse: the next one is the last. */
  #batch: JobId[] = []

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#batch.length === 0
  }

  add(job: JobId): void {
    this.#waiting.add(job)
  }

  /** `sort` puts the most urgent first. */
  take(sort: (jobs: JobId[]) => JobId[]): JobId | undefined {
    if (this.#batch.length === 0) {
      this.#batch = sort([...this.#waiting]).reverse()
      this.#waiting.clear()
    }
    const job = this.#batch.pop()
    if (job !== undefined) this.#waiting.delete(job)
    return job
  }
}
