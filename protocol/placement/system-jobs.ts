/**
 * The jobs of type `system`: each eligible member places one allocation of them for itself, so a node that
 * joins is served without a steward, and one that is cut off keeps what it has.
 */

import type { JobId, Millis } from '../base/id.ts'
import { SparseSet } from '../base/sparse.ts'
import { backoffMs, failuresAfter } from './backoff.ts'
import { type Inventory, isCurrent, type Job } from './inventory.ts'
import { restartDelayMinMs } from './restart.ts'
import type { Ended } from './retention.ts'

export class SystemJobs {
  readonly #inventory: Inventory
  readonly #ids = new SparseSet<JobId>()

  constructor(inventory: Inventory) {
    this.#inventory = inventory
  }

  note(id: JobId): void {
    if (this.#inventory.job(id)?.spec.type === 'system') this.#ids.add(id)
    else this.#ids.delete(id)
  }

  has(id: JobId): boolean {
    return this.#ids.has(id)
  }

  ids(): Iterable<JobId> {
    return this.#ids
  }

  /** Undefined where the job is not one of the kind, or nobody wants it now. */
  job(id: JobId): Job | undefined {
    const job = this.#ids.has(id) ? this.#inventory.job(id) : undefined
    return job !== undefined && job.count > 0 ? job : undefined
  }
}

export interface Attempt {
  /** Of this job's allocations here, in a row. */
  readonly failures: number
  readonly notBefore: Millis
}

/** The next attempt on this node, after its last allocation of the job has ended. */
export function nextAttempt(job: Job, latest: Ended | undefined): Attempt {
  const isSame = latest !== undefined && isCurrent(job, latest.body)
  if (!isSame || latest.body.state !== 'failed') return { failures: 0, notBefore: 0 }
  const failures = failuresAfter(latest.body, latest.at, job.spec.restart)
  const delayMs = Math.max(backoffMs(job.spec.restart, failures), restartDelayMinMs)
  return { failures, notBefore: latest.at + delayMs }
}
