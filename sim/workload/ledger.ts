/**
 * What users were told, as ground truth for the checkers: recorded when it happens, not inferred later. And what
 * they want to run by now, as far as they were told that it was taken.
 */
import type { JobId } from '../../protocol/base/id.ts'
import type { Command } from '../../protocol/request.ts'

export interface Acknowledged {
  readonly job: JobId
  readonly type: Command['type']
  readonly atUs: number
  readonly copies: number
}

export class Ledger {
  readonly acknowledged: Acknowledged[] = []
  refused = 0
  /** Asked, and not answered: the agent died, or has not yet. */
  unanswered = 0
  /** A delete was asked for, answered or not. */
  readonly deletes = new Set<JobId>()
  /** Slots of each service that users were told is taken. */
  readonly wanted = new Map<JobId, number>()

  /** Jobs with an acknowledged submit on `copies` or more, and no delete ever asked for. */
  mustExist(copies: number): JobId[] {
    const sure = this.acknowledged.filter(
      (each) => each.type === 'submit-job' && each.copies >= copies,
    )
    return [...new Set(sure.map((each) => each.job))].filter((job) => !this.deletes.has(job)).sort()
  }
}
