/**
 * What of a spec an allocation embodies: the type, the tasks and the constraints. An edit of anything else
 * (labels, services, the policies of restart and update) leaves the allocations where they are, because
 * their members read it from the job; so a roll-out compares essences, not versions.
 */

import { fingerprint } from '../base/hash.ts'
import { sortedEntries } from '../base/order.ts'
import { remembered } from '../base/remembered.ts'
import type { JobSpec } from './job.ts'

export const essenceOf = remembered(({ type, tasks, constraints }: JobSpec) =>
  fingerprint(canonicalText({ type, tasks, constraints })),
)

/** JSON with sorted keys: the order in which a client wrote `env` makes no difference. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    typeof field !== 'object' || field === null || Array.isArray(field)
      ? field
      : Object.fromEntries(sortedEntries(new Map(Object.entries(field)))),
  )
}
